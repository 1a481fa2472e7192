package verify

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"strings"

	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/internal/web/words"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/go-json-experiment/json"
)

//go:embed assets/verifier.wasm.br
var programBrotli []byte

//go:embed assets/verifier.json
var programFacts []byte

//go:embed assets/wasm_exec.js
var startJS []byte

//go:embed assets/engine.js
var engineJS []byte

//go:embed assets/app.js
var appJS []byte

//go:embed assets/style.css
var styleCSS []byte

//go:embed assets/page.html
var pageHTML string

//go:embed messages/*.json
var messageFiles embed.FS

// Facts are those of the embedded program.
type Facts struct {
	Go          string `json:"go"`     // version that compiled it
	SHA256      string `json:"sha256"` // of the program, hex
	Bytes       int    `json:"bytes"`
	BrotliBytes int    `json:"brotliBytes"`
}

// Build returns what is known of the embedded program.
func Build() Facts {
	var f Facts
	if err := json.Unmarshal(programFacts, &f); err != nil {
		panic(fmt.Sprintf("verify: embedded file: %v", err))
	}
	return f
}

// workerScript is what the worker runs: Go's start script, then ours.
func workerScript() []byte {
	return append(append(bytes.Clone(startJS), '\n'), engineJS...)
}

// texts returns all that the page says in a language.
func texts(code string) (map[string]string, error) {
	b, err := messageFiles.ReadFile("messages/" + code + ".json")
	if err != nil {
		return nil, err
	}
	m := map[string]string{}
	return m, json.Unmarshal(b, &m)
}

// shared are texts of the public pages that this page uses too, beside those of checks.
var shared = []string{
	"lang.name", "lang.choose", "digits", "decimal", "size.B", "size.kB", "size.MB", "date", "datetime", "noreason", "someone", "someone.start", "check.skipped", "check.skipped.required", "check.nopass",
	"result.pass", "result.fail", "result.indeterminate", "result.skipped", "check.unknown.title", "check.unknown.pass", "check.anchor.listed",
	"state.valid", "state.invalid", "state.revoked", "state.suspended", "state.expired", "state.notyet", "state.undecided",
	"sentence.valid", "sentence.valid.nostatus", "sentence.invalid", "sentence.revoked", "sentence.suspended", "sentence.expired", "sentence.notyet",
	"sentence.undecided", "sentence.on", "sentence.until", "sentence.justnow", "test.word", "test.note",
	"valid.pdf", "valid.pdf.inside", "valid.zip", "valid.proof", "valid.proof.time", "valid.plain",
	"claims", "claims.unproven", "inside", "inside.zip", "findings", "fact.what", "fact.subject", "fact.from", "fact.until",
}

var checkIDs = []string{
	verifier.CheckDocument, verifier.CheckModel, verifier.CheckContext, verifier.CheckRelatedResource, verifier.CheckSignature, verifier.CheckIssuerBinding,
	verifier.CheckIssuerTrust, verifier.CheckHolder, verifier.CheckValidity, verifier.CheckStatus, verifier.CheckSchema, verifier.CheckBadge, verifier.CheckRecipient,
	verifier.CheckInner, verifier.CheckEndorsement, verifier.CheckHosted, verifier.CheckAnchor, verifier.CheckTimestamp, verifier.CheckPDFIntegrity, verifier.CheckBadgeBinding,
}

// adviceHere are pieces of advice that say something else on this page, where there is
// no address to look up and no network; adviceFor are those of single Reasons.
var (
	adviceHere = []string{"ask_issuer", "wait", "address", "online"}
	adviceFor  = map[verifier.Reason]string{verifier.EvidenceDocumentMissing: "document", verifier.EvidencePartMissing: "parts", verifier.PDFLocked: "password", verifier.StatusUnreachable: "online"}
)

// dictionary is what the script needs to put a report into words, as JSON.
func dictionary(code string) ([]byte, error) {
	m, err := texts(code)
	if err != nil {
		return nil, err
	}
	l, _ := words.For(code)
	take := func(key string) {
		if m[key] == "" && l.Has(key) {
			m[key] = l.Text(key)
		}
	}
	for _, key := range shared {
		take(key)
	}
	for month := range 12 {
		take(fmt.Sprintf("month.%d", month+1))
	}
	for _, id := range checkIDs {
		take("check." + id + ".title")
		take("check." + id + ".pass")
	}
	for _, r := range verifier.Reasons() {
		m["reason."+string(r.Code)] = l.Reason(r.Code)
		if advice := l.Advice(r.Code); advice != "" {
			m["advice."+string(r.Code)] = advice
			for _, other := range adviceHere {
				if advice == l.Text("advice."+other) {
					m["advice."+string(r.Code)] = m["page.advice."+other]
				}
			}
		}
	}
	for reason, other := range adviceFor {
		m["advice."+string(reason)] = m["page.advice."+other]
	}
	for key := range m {
		if strings.HasPrefix(key, "page.advice.") {
			delete(m, key) // each stands at its Reasons now
		}
	}
	m["dir"] = l.Direction()
	return json.Marshal(m, json.Deterministic(true))
}

// links are the addresses of the page's files, "" of those it does not have.
type links struct{ Style, Script, Worker, WASM, Trust string }

// language is one choice of the language menu.
type language struct {
	Code, Name, Link string
	Current          bool
}

// view is what the template shows.
type view struct {
	Lang, Dir string
	M         func(key string) string
	Languages []language
	Links     links
	Upload    string
	Form      string // where the form of those without script goes, "": there is none
	Home      string
	Data      template.JS // the dictionary, as a block of data
	Facts     Facts
	Saved     *saved // of the page as one file
}

var pageTemplate = template.Must(template.New("verify").Parse(pageHTML))

// pageFor makes the page in a language.
func pageFor(code string, c Config, links links) ([]byte, error) {
	v, err := newView(code)
	if err != nil {
		return nil, err
	}
	for i := range v.Languages {
		v.Languages[i].Link = "?lang=" + v.Languages[i].Code
	}
	words, err := dictionary(code)
	if err != nil {
		return nil, err
	}
	v.Links, v.Upload, v.Home, v.Data = links, c.Upload, c.Home, dataBlock(`{"`+code+`":`+string(words)+`}`)
	if c.Upload != "" {
		v.Form = c.Base + "/verify?lang=" + code
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, v); err != nil {
		return nil, fmt.Errorf("verify: making the page: %w", err)
	}
	return b.Bytes(), nil
}

func newView(code string) (*view, error) {
	m, err := texts(code)
	if err != nil {
		return nil, err
	}
	l, _ := words.For(code)
	v := &view{Lang: l.Code(), Dir: l.Direction(), Facts: Build()}
	v.M = func(key string) string {
		if text, ok := m[key]; ok {
			return text
		}
		return l.Text(key)
	}
	for _, c := range words.Codes() {
		other, _ := words.For(c)
		v.Languages = append(v.Languages, language{Code: c, Name: other.Text("lang.name"), Current: c == code})
	}
	return v, nil
}

// dataBlock makes JSON safe to stand in a script element that holds data.
func dataBlock(s string) template.JS {
	b := bytes.ReplaceAll([]byte(s), []byte("<"), []byte(`\u003c`))
	return template.JS(b) //nolint:gosec // JSON made here, without "<"
}

// quoted is a JSON string.
func quoted(s string) string { return strictjson.Quote(s) }
