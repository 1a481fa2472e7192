package main

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/chancery-dev/chancery/verifier"
)

// The colours of the terminal, by what they stand for; each always comes with its own
// symbol and word.
const (
	green = "32"
	red   = "31"
	amber = "33"
	grey  = "2"
	bold  = "1"
)

func (c *cli) paint(code, s string) string {
	if !c.colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

var resultLook = map[verifier.Result]struct{ symbol, colour string }{
	verifier.Pass:      {"✓", green},
	verifier.Fail:      {"✗", red},
	verifier.Undecided: {"?", amber},
	verifier.Skipped:   {"-", grey},
}

// didKeyURL is a did:key with its fragment, which says the same again.
var didKeyURL = regexp.MustCompile(`\b(did:key:z[1-9A-Za-z]+)#z[1-9A-Za-z]+`)

// plain makes text from documents safe to print: control characters and bidirectional
// overrides could rewrite the verdict on the reader's screen.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return '\ufffd'
		}
		return r
	}, s)
}

// render prints a report: what the document says of itself, one line for each check,
// the verdict last.
func (c *cli) render(w io.Writer, name string, r *verifier.Report, verbose bool) {
	fmt.Fprintln(w, c.paint(bold, plain(name)))
	c.describe(w, r)
	width := 0
	for _, check := range r.Checks {
		width = max(width, len(check.ID))
	}
	for _, check := range r.Checks {
		if !verbose && check.Result == verifier.Skipped && !check.Required {
			continue
		}
		c.renderCheck(w, check, width)
	}
	for _, f := range r.Findings {
		if f.Grade == verifier.GradeNote && !verbose {
			continue
		}
		place := ""
		if f.Pointer != "" {
			place = " at " + f.Pointer
		}
		fmt.Fprintf(w, "  %s %s: %s%s\n", c.paint(amber, "!"), f.Grade, plain(f.Message), plain(place))
	}
	for _, s := range r.Insecure {
		fmt.Fprintf(w, "  %s weakened by %s\n", c.paint(amber, "!"), s)
	}
	for _, s := range r.Sub {
		fmt.Fprintf(w, "  %s %s: %s\n", c.outcomeSymbol(s.Report.Outcome), plain(strings.TrimSpace(s.Relation+" "+s.Pointer)), c.sentence(s.Report))
	}
	c.renderVerdict(w, r)
}

func (c *cli) renderVerdict(w io.Writer, r *verifier.Report) {
	fmt.Fprintf(w, "  %s %s\n", c.outcomeSymbol(r.Outcome), c.paint(bold, c.sentence(r)))
	if hint := r.Reason.Info().Hint; hint != "" && r.Outcome != verifier.Valid {
		fmt.Fprintf(w, "    hint: %s\n", hint)
	}
}

func (c *cli) describe(w io.Writer, r *verifier.Report) {
	line := func(label, value string) {
		if value != "" {
			fmt.Fprintf(w, "  %-9s %s\n", label, plain(value))
		}
	}
	line("what", both(r.Subject.Type, strings.Join(r.Types, ", ")))
	line("for", both(r.Subject.Name, r.Subject.ID))
	line("by", both(r.Issuer.Name, r.Issuer.ID))
	if !r.ValidFrom.IsZero() {
		until := ""
		if !r.ValidUntil.IsZero() {
			until = " until " + r.ValidUntil.UTC().Format(time.RFC3339)
		}
		line("from", r.ValidFrom.UTC().Format(time.RFC3339)+until)
	}
}

func both(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "" || a == b:
		return a
	}
	return a + " (" + b + ")"
}

func (c *cli) renderCheck(w io.Writer, check verifier.Check, width int) {
	look := resultLook[check.Result]
	word := check.Result.String()
	detail := didKeyURL.ReplaceAllString(plain(check.Detail), "$1")
	if check.Reason != "" {
		if detail != "" {
			detail = ": " + detail
		}
		detail = string(check.Reason) + detail
	}
	optional := ""
	if !check.Required && check.Result != verifier.Pass {
		optional = " (not required)"
	}
	fmt.Fprintf(w, "  %s %-*s  %-13s  %s%s\n", c.paint(look.colour, look.symbol), width, check.ID, word, detail, optional)
}

func (c *cli) outcomeSymbol(o verifier.Outcome) string {
	switch o {
	case verifier.Valid:
		return c.paint(green, "✓")
	case verifier.Invalid:
		return c.paint(red, "✗")
	}
	return c.paint(amber, "?")
}

// sentence is the verdict in words.
func (c *cli) sentence(r *verifier.Report) string {
	switch r.Outcome {
	case verifier.Valid:
		return "valid" + c.trustNote(r)
	case verifier.Invalid:
		return "invalid: " + r.Reason.Text()
	}
	if r.Reason == "" {
		return "indeterminate"
	}
	return "indeterminate: " + r.Reason.Text()
}

// trustNote says so where any issuer was accepted.
func (c *cli) trustNote(r *verifier.Report) string {
	if check, ok := r.Check(verifier.CheckIssuerTrust); ok && check.Result == verifier.Pass && strings.Contains(check.Detail, "any issuer") {
		return " (any issuer is accepted: this says who signed, not whether to believe them)"
	}
	return ""
}

func exitOf(o verifier.Outcome) int {
	switch o {
	case verifier.Valid:
		return exitValid
	case verifier.Invalid:
		return exitInvalid
	}
	return exitIndeterminate
}

// worse returns the exit status of several: invalid before indeterminate before valid.
func worse(a, b int) int {
	rank := map[int]int{exitValid: 0, exitIndeterminate: 1, exitInvalid: 2, exitFault: 3}
	if rank[b] > rank[a] {
		return b
	}
	return a
}
