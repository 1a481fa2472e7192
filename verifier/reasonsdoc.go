package verifier

import (
	"bytes"
	"fmt"
	"strings"
)

// areaTitles names the areas of the table of Reasons, in the order of the decision.
var areaTitles = [][2]string{
	{"input", "What was handed over"},
	{"together", "Files handed over together"},
	{"model", "Data model and contexts"},
	{"proof", "Proofs"},
	{"key", "Keys"},
	{"issuer", "Issuer, holder, recipient"},
	{"validity", "Validity period"},
	{"status", "Revocation and suspension"},
	{"schema", "Schemas and badge rules"},
	{"inner", "Credentials inside"},
	{"openBadges2", "Open Badges 2.0"},
}

// ReasonsMarkdown returns docs/reasons.md, made from the table of Reasons.
func ReasonsMarkdown() []byte {
	var b bytes.Buffer
	b.WriteString(`# Reasons

Generated from the table in ` + "`verifier/reason.go`" + ` by ` + "`go run ./verifier/gen`" + `; do not edit.

A Reason says in one code why a document is not valid. The same codes are in the
reports of the library, the command line, the HTTP interface and the page, and in the
test vectors. **Invalid** means that the document itself is at fault, whoever looks at
it. **Indeterminate** means that something required could not be checked: a verifier
with more at hand might decide otherwise. It is never a pass.
`)
	titled := map[string]bool{}
	section := func(area, title string) {
		titled[area] = true
		fmt.Fprintf(&b, "\n## %s\n\n| code | outcome | meaning | what to do | specification |\n|---|---|---|---|---|\n", title)
		for _, r := range reasonTable {
			if r.Area == area {
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", string(r.Code), r.Outcome, cell(r.Text), cell(r.Hint), cell(r.Section))
			}
		}
	}
	for _, t := range areaTitles {
		section(t[0], t[1])
	}
	for _, r := range reasonTable {
		if !titled[r.Area] {
			section(r.Area, r.Area)
		}
	}
	return b.Bytes()
}

func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }
