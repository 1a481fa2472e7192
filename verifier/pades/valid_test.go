package pades_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/testca"
	"github.com/chancery-dev/chancery/internal/pdf"
	sign "github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/pades"
)

// tally counts legitimate files and false alarms.
type tally struct {
	t             *testing.T
	files, alarms int
}

func (c *tally) valid(name string, b []byte, conf pades.Config, level string) *pades.Result {
	c.t.Helper()
	c.files++
	r := validate(c.t, b, conf)
	last := ""
	for _, g := range r.Signatures {
		if !g.Timestamp {
			last = g.Level
		}
	}
	if r.Outcome != verifier.Valid || level != "" && last != level {
		c.alarms++
		c.t.Errorf("%s: expected valid at %q\n%s", name, level, explain(r))
	}
	return r
}

// newTSA gives the world's authority a new certificate, as authorities get every few years.
func (w *world) newTSA() {
	w.tb.Helper()
	leaf, err := w.TSARoot.Issue(testca.Request{Profile: testca.Timestamping, Subject: pkix.Name{CommonName: "Example Time"}, NotBefore: w.Now.Add(-time.Hour)})
	if err != nil {
		w.tb.Fatal(err)
	}
	w.TSALeaf = leaf
	if w.TSA, err = sign.NewLocalTSA(sign.LocalTSAConfig{Key: leaf.Key, Chain: append([]*x509.Certificate{leaf.Certificate}, leaf.Chain...), Clock: w.Clock}); err != nil {
		w.tb.Fatal(err)
	}
}

const year = 365 * 24 * time.Hour

// TestLegitimate: files that nothing is wrong with, and no alarm.
func TestLegitimate(t *testing.T) {
	c := &tally{t: t}
	c.levels()
	c.inputs()
	c.several()
	c.lasting()
	c.changed()
	t.Logf("%d legitimate files, %d false alarms", c.files, c.alarms)
	if c.files < 40 {
		t.Errorf("expected at least 40 files")
	}
}

// levels: each level with each kind of key; from B-LT on offline.
func (c *tally) levels() {
	in := padestest.Sample{Form: "indirect"}.Build(c.t)
	for _, kind := range []padestest.KeyKind{padestest.RSA2048, padestest.PSS2048, padestest.P256, padestest.P384, padestest.Ed25519} {
		w := &world{padestest.New(c.t, kind), c.t}
		for level, name := range map[sign.Level]string{sign.LevelB: "B", sign.LevelT: "T", sign.LevelLT: "LT", sign.LevelLTA: "LTA"} {
			var out bytes.Buffer
			if _, err := w.Pades(level, kind).Sign(context.Background(), bytes.NewReader(in), int64(len(in)), &out, sign.Request{}); err != nil {
				c.t.Fatal(err)
			}
			conf := w.config()
			if level >= sign.LevelLT {
				conf = w.offline()
			}
			c.valid(fmt.Sprintf("%s %v", kind, level), out.Bytes(), conf, "PAdES-BASELINE-"+name)
		}
	}
}

// inputs: each kind of input, plain and certified, visible.
func (c *tally) inputs() {
	w := newWorld(c.t)
	for _, in := range w.Inputs(c.t) {
		for _, p := range []sign.Permission{0, 2} {
			if p > 0 && in.Signatures > 0 {
				continue
			}
			b := w.sign(sign.LevelLTA, in.Bytes, sign.Request{Password: in.Password, Certify: p, Visible: &sign.Appearance{Rect: [4]float64{300, 100, 500, 160}}})
			conf := w.config()
			conf.Password = in.Password
			if r := c.valid(fmt.Sprintf("%s P%d", in.Name, p), b, conf, "PAdES-BASELINE-LTA"); r.Encrypted != (in.Password != "") {
				c.t.Errorf("%s: encrypted %t", in.Name, r.Encrypted)
			}
		}
	}
}

// several: more than one signature, with and without certification.
func (c *tally) several() {
	w := newWorld(c.t)
	for _, streams := range []bool{false, true} {
		s := buildSample(c.t, streams, nil)
		for _, p := range []sign.Permission{0, 2, 3} {
			b := w.sign(sign.LevelLT, s.bytes, sign.Request{Certify: p})
			b = w.sign(sign.LevelT, b, sign.Request{Field: "Registrar", Visible: &sign.Appearance{}})
			c.valid(fmt.Sprintf("two signatures P%d", p), b, w.config(), "")
			b = w.sign(sign.LevelLTA, b, sign.Request{})
			if r := c.valid(fmt.Sprintf("three signatures P%d", p), b, w.config(), "PAdES-BASELINE-LTA"); len(r.Signatures) != 4 || r.Changes != pades.ChangesForm || r.Certified != int(p) {
				c.t.Error(explain(r))
			}
		}
		b := w.sign(sign.LevelT, s.bytes, sign.Request{Certify: sign.NoChanges})
		if r := c.valid("certified, no changes, renewed", w.renew(b), w.offline(), "PAdES-BASELINE-LTA"); r.Changes != pades.ChangesLTA {
			c.t.Error(explain(r))
		}
	}
}

// lasting: what became of certificates later does not matter where a timestamp is older.
func (c *tally) lasting() {
	in := padestest.Sample{Form: "direct", Streams: true}.Build(c.t)
	w := newWorld(c.t)
	b := w.sign(sign.LevelLT, in, sign.Request{})
	w.Issuing.Revoke(w.Signer.Certificate.SerialNumber, w.Now.Add(time.Hour), 1)
	w.Now = w.Now.Add(24 * time.Hour)
	c.valid("revoked after the timestamp", b, w.config(), "PAdES-BASELINE-LT")
	c.valid("revoked after the timestamp, offline", b, w.offline(), "PAdES-BASELINE-LT")

	w = newWorld(c.t)
	b = w.sign(sign.LevelLTA, in, sign.Request{})
	for range 5 { // each time shortly before the authority's certificate ends
		w.Now = w.Now.Add(year + year/2)
		w.newTSA()
		b = w.renew(b)
		c.valid(fmt.Sprintf("renewed until %d", w.Now.Year()), b, w.offline(), "PAdES-BASELINE-LTA")
		w.Now = w.Now.Add(year / 4)
		c.valid(fmt.Sprintf("renewed, seen in %d", w.Now.Year()), b, w.offline(), "PAdES-BASELINE-LTA")
	}
	w.Now = w.Now.Add(20 * year)
	if r := validate(c.t, b, w.offline()); r.Outcome != verifier.Indeterminate {
		c.t.Errorf("twenty years after the last renewal: %s", explain(r))
	}
}

// changed: what is allowed after a signature.
func (c *tally) changed() {
	w := newWorld(c.t)
	for _, b := range bases(c.t, w) {
		for name, e := range map[string]editor{
			"filled": fill("Grace", "Grace"), "checked": checkBox("Yes"), "cleared": fill("", ""),
			"box and field": both(fill("Grace", "Grace"), checkBox("Yes")),
		} {
			if b.permission == 1 {
				continue
			}
			after := update(c.t, b.signed, func(u *pdf.Update) { e(c.t, b.sample, u) })
			c.valid(fmt.Sprintf("%s, %s", b, name), after, w.config(), "")
			c.valid(fmt.Sprintf("%s, %s, signed again", b, name), w.sign(sign.LevelB, after, sign.Request{}), w.config(), "")
		}
		for name, e := range map[string]editor{
			"modification date": key(func(s *sample) pdf.Ref { return s.info }, "ModDate", val("D:20260701000000Z")),
			"object rewritten":  func(tb testing.TB, s *sample, u *pdf.Update) { edit(tb, u, s.page) },
			"unused object":     func(tb testing.TB, s *sample, u *pdf.Update) { u.Add(stream(dict(), forged)) },
			"extensions":        key(catalogOf, "Extensions", val(dict("ESIC", dict("BaseVersion", "/1.7", "ExtensionLevel", 5)))),
		} {
			after := update(c.t, b.signed, func(u *pdf.Update) { e(c.t, b.sample, u) })
			c.valid(fmt.Sprintf("%s, %s", b, name), after, w.config(), "")
		}
		for name, tail := range map[string]string{"end of line": "\n", "spaces": " \r\n\r\n", "padding": strings.Repeat("\x00", 4500)} {
			r := c.valid(fmt.Sprintf("%s, trailing %s", b, name), append(bytes.Clone(b.signed), tail...), w.config(), "")
			if r.Coverage != pades.CoverageRevision || !hasFinding(r, "trailing_bytes") {
				c.t.Errorf("trailing %s: %s", name, explain(r))
			}
		}
	}
}

func hasFinding(r *pades.Result, code string) bool {
	for _, f := range r.Findings {
		if f.Code == code {
			return true
		}
	}
	return false
}

// TestLocks: fields that a signature locks, and those it does not.
func TestLocks(t *testing.T) {
	w := newWorld(t)
	s := buildSample(t, false, nil)
	for _, c := range []struct {
		lock sign.Lock
		want verifier.Reason
	}{
		{sign.Lock{Action: sign.LockAll}, verifier.PDFFieldLocked},
		{sign.Lock{Action: sign.LockInclude, Fields: []string{"name"}}, verifier.PDFFieldLocked},
		{sign.Lock{Action: sign.LockExclude, Fields: []string{"agree"}}, verifier.PDFFieldLocked},
		{sign.Lock{Action: sign.LockInclude, Fields: []string{"agree"}}, ""},
		{sign.Lock{Action: sign.LockExclude, Fields: []string{"name"}}, ""},
	} {
		b := w.sign(sign.LevelB, s.bytes, sign.Request{Lock: &c.lock})
		b = update(t, b, func(u *pdf.Update) { fill("Grace", "Grace")(t, s, u) })
		if r := validate(t, b, w.config()); r.Reason != c.want || (c.want == "") != (r.Outcome == verifier.Valid) {
			t.Errorf("%v: expected %q\n%s", c.lock, string(c.want), explain(r))
		}
	}
}

// TestFlags: a widget's flags say whether it is shown and printed. They may lock it after a signature, and
// nothing else, save together with the signature that is put into it.
func TestFlags(t *testing.T) {
	w := newWorld(t)
	s := buildSample(t, false, nil)
	seal := func(s *sample) pdf.Ref { return s.seal }
	flags := func(of func(*sample) pdf.Ref, v int) editor { return key(of, "F", val(v)) }
	for _, c := range []struct {
		name  string
		field string // signed before
		edit  editor
		by    map[sign.Permission]verifier.Reason
	}{
		{"signature no longer printed", "Registrar", flags(seal, 128), map[sign.Permission]verifier.Reason{0: changed, 1: changed, 2: changed, 3: changed}},
		{"signature locked", "Registrar", flags(seal, 4|128|512), forms},
		{"signature hidden", "Registrar", flags(seal, 2|4), map[sign.Permission]verifier.Reason{0: changed, 2: changed}},
		{"empty signature field no longer printed", "", flags(seal, 0), map[sign.Permission]verifier.Reason{0: changed, 2: changed}},
		{"text locked", "", flags(nameOf, 4|128), forms},
		{"text no longer printed", "", flags(nameOf, 0), map[sign.Permission]verifier.Reason{0: changed, 1: changed}},
		{"text made read-only", "", key(nameOf, "Ff", val(1)), forms},
	} {
		for p, want := range c.by {
			b := w.sign(sign.LevelB, s.bytes, sign.Request{Field: c.field, Certify: p})
			if r := validate(t, b, w.config()); r.Outcome != verifier.Valid {
				t.Fatal(explain(r))
			}
			b = update(t, b, func(u *pdf.Update) { c.edit(t, s, u) })
			if r := validate(t, b, w.config()); r.Reason != want || (want == "") != (r.Outcome == verifier.Valid) {
				t.Errorf("%s, P%d: expected %q\n%s", c.name, p, string(want), explain(r))
			}
		}
	}
	// Whoever signs decides whether the signature is printed.
	right := forgery{cert: w.Signer.Certificate, key: w.Signer.Key, bag: w.Chain()[:2], ess: w.Signer.Certificate}
	for _, v := range []int{0, 128, 132} {
		b := handmade{field: "Later", message: right.message(t), edit: func(u *pdf.Update, field, sig pdf.Ref) {
			form := edit(t, u, s.form)
			form.Set("Fields", without(form.Get("Fields").(*pdf.Array), field))
			d := edit(t, u, s.seal)
			d.Set("V", sig)
			d.Set("F", pdf.Integer(v))
		}}.sign(t, w.sign(sign.LevelB, s.bytes, sign.Request{}), s.page)
		if r := validate(t, b, w.config()); r.Outcome != verifier.Valid || len(r.Signatures) != 2 {
			t.Errorf("signed with flags %d\n%s", v, explain(r))
		}
	}
}

// TestNewSignatureFields: what a later signature may lie over.
func TestNewSignatureFields(t *testing.T) {
	w := newWorld(t)
	s := buildSample(t, true, nil)
	clear, over := [4]float64{350, 50, 550, 110}, [4]float64{60, 480, 400, 530}
	for _, c := range []struct {
		first sign.Permission
		rect  [4]float64
		want  verifier.Reason
	}{
		{0, clear, ""}, {0, over, overlay}, {0, [4]float64{380, 280, 500, 400}, overlay}, {0, [4]float64{60, 590, 300, 630}, overlay},
	} {
		b := w.sign(sign.LevelB, s.bytes, sign.Request{Certify: c.first})
		b = w.sign(sign.LevelB, b, sign.Request{Visible: &sign.Appearance{Rect: c.rect}})
		if r := validate(t, b, w.config()); r.Reason != c.want {
			t.Errorf("P%d %v: expected %q\n%s", c.first, c.rect, string(c.want), explain(r))
		}
	}
	// The signer refuses what a certification forbids; a file made by hand is refused here.
	right := forgery{cert: w.Signer.Certificate, key: w.Signer.Key, bag: w.Chain()[:2], ess: w.Signer.Certificate}
	for p, want := range map[sign.Permission]verifier.Reason{1: notPermitted, 2: notPermitted, 3: notPermitted} {
		b := w.sign(sign.LevelB, s.bytes, sign.Request{Certify: p})
		visible := handmade{field: "Later", message: right.message(t), edit: func(u *pdf.Update, field, sig pdf.Ref) {
			d := edit(t, u, field)
			d.Set("Rect", arr(350, 50, 550, 110))
			d.Set("AP", dict("N", u.Add(formX(200, 60, s.font, "0 g 0 0 9 9 re f"))))
			addAnnot(t, s, u, field)
		}}.sign(t, b, s.page)
		if r := validate(t, visible, w.config()); r.Reason != want {
			t.Errorf("P%d: expected %q\n%s", p, string(want), explain(r))
		}
		second := handmade{field: "Later", message: right.message(t), extra: dict("Reference", arr(dict("Type", "/SigRef", "TransformMethod", "/DocMDP", "TransformParams", dict("P", 3))))}.sign(t, b, s.page)
		if r := validate(t, second, w.config()); r.Reason != verifier.PDFCertification {
			t.Errorf("certified twice: %s", explain(r))
		}
	}
	b := w.sign(sign.LevelB, s.bytes, sign.Request{Certify: sign.NoChanges})
	b = handmade{field: "Later", message: right.message(t)}.sign(t, b, s.page)
	if r := validate(t, b, w.config()); r.Reason != notPermitted {
		t.Errorf("approval after no changes: %s", explain(r))
	}
}
