package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"

	"github.com/chancery-dev/chancery/internal/web/words"
	"github.com/chancery-dev/chancery/verifier"
)

// FileConfig says what is saved into the page.
type FileConfig struct {
	// Trust is the trust file that the page judges by. Nil: none, and no issuer counts as
	// known until the reader chooses one.
	Trust []byte

	// Lang is the language that the page opens in. "": that of the reader's browser.
	Lang string
}

// saved is what the template needs for one file.
type saved struct {
	Policy  string
	Style   template.CSS
	Engine  template.JS
	App     template.JS
	Program template.HTML
	Trust   template.JS
	Fixed   bool
}

// File returns the page as one HTML file that holds everything, the verifier too. It
// works from a disk, without a network, and its Content-Security-Policy lets it send
// nothing anywhere. The same configuration gives the same bytes.
func File(c FileConfig) ([]byte, error) {
	lang := words.Codes()[0]
	if c.Lang != "" {
		l, ok := words.For(c.Lang)
		if !ok {
			return nil, fmt.Errorf("verify: expected a language among %v, found %q", words.Codes(), c.Lang)
		}
		lang = l.Code()
	}
	trust := "null"
	if c.Trust != nil {
		if _, err := verifier.ParseTrust(c.Trust); err != nil {
			return nil, fmt.Errorf("verify: %w", err)
		}
		trust = quoted(string(c.Trust))
	}
	v, err := newView(lang)
	if err != nil {
		return nil, err
	}
	var all bytes.Buffer
	for i, code := range words.Codes() {
		b, err := dictionary(code)
		if err != nil {
			return nil, err
		}
		all.WriteString([]string{"{", ","}[min(i, 1)] + quoted(code) + ":")
		all.Write(b)
	}
	all.WriteString("}")
	engine := string(workerScript())
	v.Data = dataBlock(all.String())
	v.Saved = &saved{
		Policy: "default-src 'none'; script-src " + hashOf(engine) + " " + hashOf(string(appJS)) + " 'wasm-unsafe-eval'; worker-src blob:; style-src " + hashOf(string(styleCSS)) +
			"; img-src data: blob:; media-src blob:; base-uri 'none'; form-action 'none'",
		Style:   template.CSS(styleCSS), //nolint:gosec // embedded
		Engine:  template.JS(engine),    //nolint:gosec // embedded
		App:     template.JS(appJS),     //nolint:gosec // embedded
		Program: template.HTML(base64.StdEncoding.EncodeToString(programGzip())),
		Trust:   dataBlock(trust),
		Fixed:   c.Lang != "",
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, v); err != nil {
		return nil, fmt.Errorf("verify: making the page: %w", err)
	}
	return b.Bytes(), nil
}

// hashOf is how a Content-Security-Policy names an inline script or style.
func hashOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
