//go:build js && wasm

// Command wasm is the verifier in the browser: bytes, a trust file and an instant go in,
// the verifier's report comes out as JSON, the same as "chancery verify --json" prints.
// It decides nothing itself and reads nothing but what the page hands over.
//
// It puts one object, chancery, into the global scope, and calls chanceryReady:
//
//	chancery.judge({files, trust, at, profile, insecure, expect, password}) → {cases} or {error}; a ZIP is opened
//	chancery.trust(bytes)                                                   → {…} or {error}
//	chancery.qr(pixels, width, height)                                      → text or null
//
// files are {name, size, read(offset, length)}; read answers a Uint8Array, or null where
// the file cannot be read.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall/js"
	"time"

	"github.com/chancery-dev/chancery/internal/verifying"
	"github.com/chancery-dev/chancery/verifier"
)

func main() {
	js.Global().Set("chancery", js.ValueOf(map[string]any{
		"judge": js.FuncOf(func(_ js.Value, args []js.Value) any { return answer(judge(args[0])) }),
		"trust": js.FuncOf(func(_ js.Value, args []js.Value) any { return answer(trust(args[0])) }),
		"qr":    js.FuncOf(func(_ js.Value, args []js.Value) any { return qr(args[0], args[1].Int(), args[2].Int()) }),
	}))
	js.Global().Call("chanceryReady")
	select {} // the functions are called from now on
}

func answer(v map[string]any, err error) any {
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	return v
}

// file reads what the page holds, as it is needed.
type file struct{ read js.Value }

func (f file) ReadAt(p []byte, off int64) (int, error) {
	b := f.read.Invoke(float64(off), len(p))
	if b.IsNull() {
		return 0, errors.New("the browser could not read the file")
	}
	n := js.CopyBytesToGo(p, b)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func bytesOf(v js.Value) []byte {
	if v.IsUndefined() || v.IsNull() {
		return nil
	}
	b := make([]byte, v.Get("length").Int())
	js.CopyBytesToGo(b, v)
	return b
}

func textOf(v js.Value, name string) string {
	if v.IsUndefined() || v.IsNull() || v.Get(name).Type() != js.TypeString {
		return ""
	}
	return v.Get(name).String()
}

// nobody is the trust of a page that was given none: every check is made, and the
// issuer is believed by no one, so that nothing comes out valid.
const nobody = "urn:chancery:nobody"

func trustOf(b []byte) (*verifier.Trust, error) {
	if b == nil {
		return &verifier.Trust{Issuers: []verifier.TrustedIssuer{{ID: nobody}}}, nil
	}
	return verifier.ParseTrust(b)
}

func configOf(request js.Value) (verifier.Config, error) {
	trust, err := trustOf(bytesOf(request.Get("trust")))
	if err != nil {
		return verifier.Config{}, err
	}
	at, err := time.Parse(time.RFC3339, textOf(request, "at"))
	if err != nil {
		return verifier.Config{}, errors.New("expected the instant to judge at")
	}
	config := verifier.Config{Trust: trust, Clock: func() time.Time { return at }}
	if name := textOf(request, "profile"); name != "" {
		if config.Policy.Profile, err = verifier.ParseProfile(name); err != nil {
			return config, err
		}
	}
	expect := request.Get("expect")
	config.Policy.Expect = verifier.Expect{
		Domain: textOf(expect, "domain"), Challenge: textOf(expect, "challenge"),
		Recipient: verifier.Recipient{Identity: textOf(expect, "recipient"), Type: textOf(expect, "recipientType")},
	}
	switches := map[string]*bool{
		"InsecureAnyProof":          &config.Policy.InsecureAnyProof,
		"InsecureNoIssuerBinding":   &config.Policy.InsecureNoIssuerBinding,
		"InsecureAcceptStaleStatus": &config.Policy.InsecureAcceptStaleStatus,
		"InsecureNoStatus":          &config.Policy.InsecureNoStatus,
	}
	if names := request.Get("insecure"); !names.IsUndefined() && !names.IsNull() {
		for i := range names.Length() {
			s, ok := switches[names.Index(i).String()]
			if !ok {
				return config, fmt.Errorf("unknown switch %q", names.Index(i).String())
			}
			*s = true
		}
	}
	return config, nil
}

// zipBounds are those of a ZIP here: its files are held in the memory of a browser.
var zipBounds = verifying.Bounds{Files: 1000, Total: 128 << 20}

// judge returns {cases: [{file, document, parts, report}]}, with report as JSON text; of a
// file that is too large to be opened, error in its place.
func judge(request js.Value) (map[string]any, error) {
	config, err := configOf(request)
	if err != nil {
		return nil, err
	}
	list := request.Get("files")
	files := make([]verifying.File, list.Length())
	for i := range files {
		f := list.Index(i)
		files[i] = verifying.File{Name: textOf(f, "name"), Size: int64(f.Get("size").Float()), At: file{f.Get("read")}}
	}
	cases := []any{}
	for _, c := range verifying.Arrange(files) {
		in := verifying.Input{File: files[c.File], Parts: c.PartsOf(files), Password: textOf(request, "password")}
		if c.Document >= 0 {
			in.Document = &files[c.Document]
		}
		report, inside, err := judgeOne(config, in)
		var beyond *verifying.BoundsError
		if errors.As(err, &beyond) {
			cases = append(cases, map[string]any{"file": c.File, "document": c.Document, "error": "the ZIP holds " + beyond.What})
			continue
		}
		if err != nil {
			return nil, err
		}
		text, err := report.MarshalJSON()
		if err != nil {
			return nil, err
		}
		parts := make([]any, len(c.Parts))
		for i, p := range c.Parts {
			parts[i] = p
		}
		cases = append(cases, map[string]any{"file": c.File, "document": c.Document, "parts": parts, "inside": inside, "report": string(text)})
	}
	return map[string]any{"cases": cases}, nil
}

// judgeOne judges a file, and of a ZIP what is in it. inside is the name of that, where it is
// one thing.
func judgeOne(config verifier.Config, in verifying.Input) (report *verifier.Report, inside string, err error) {
	ctx := context.Background()
	if in.Document == nil && verifying.IsZIP(in.File) {
		archive, err := verifying.OpenZIP(in.File, zipBounds)
		if err != nil {
			return nil, "", err
		}
		if archive != nil {
			set := verifying.NewArchiveSet(archive)
			set.Names = true
			report, err = verifying.JudgeAll(ctx, config, set, in)
			if err == nil && report.MediaType != verifying.MediaZIP {
				inside = set.Files[set.Cases[0].File].Name
			}
			return report, inside, err
		}
	}
	report, err = verifying.Judge(ctx, config, in)
	return report, "", err
}

// trust describes a trust file, for people.
func trust(v js.Value) (map[string]any, error) {
	t, err := verifier.ParseTrust(bytesOf(v))
	if err != nil {
		return nil, err
	}
	if _, err := verifier.New(verifier.Config{Trust: t, Clock: func() time.Time { return time.Time{} }}); err != nil {
		return nil, err
	}
	issuers := []any{}
	for _, i := range t.Issuers {
		issuers = append(issuers, map[string]any{"id": i.ID, "name": i.Name, "keys": len(i.Keys)})
	}
	roots := []any{}
	for _, c := range t.Roots {
		roots = append(roots, c.Subject.String())
	}
	tsaRoots := []any{}
	for _, c := range t.TSARoots {
		tsaRoots = append(tsaRoots, c.Subject.String())
	}
	chains := []any{}
	for _, c := range t.Anchoring.Chains {
		chains = append(chains, map[string]any{"id": fmt.Sprint(c.ChainID), "name": c.Name})
	}
	lists := 0
	for _, d := range t.Documents {
		if d.Kind == verifier.KindStatusList {
			lists++
		}
	}
	return map[string]any{"digest": t.Digest(), "any": t.Any, "issuers": issuers, "roots": roots, "tsaRoots": tsaRoots,
		"chains": chains, "documents": len(t.Documents), "statusLists": lists}, nil
}
