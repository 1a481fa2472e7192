package pades_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/pdf"
	sign "github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/pades"
)

// TestClaimedLater: what says that it was signed later than now was not, but for what
// clocks and zones may differ; where a timestamp proves that it exists, the claim is wrong
// and nothing more.
func TestClaimedLater(t *testing.T) {
	w := newWorld(t)
	in := padestest.Sample{Form: "indirect"}.Build(t)
	at := func(level sign.Level, ahead time.Duration) []byte {
		s := w.Pades(level, padestest.P256)
		s.Clock = func() time.Time { return w.Now.Add(ahead) }
		var out bytes.Buffer
		if _, err := s.Sign(context.Background(), bytes.NewReader(in), int64(len(in)), &out, sign.Request{}); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	right := forgery{cert: w.Signer.Certificate, key: w.Signer.Key, bag: w.Chain()[:2], ess: w.Signer.Certificate}
	s := buildSample(t, false, nil)
	dated := func(m string) []byte {
		return handmade{message: right.message(t), extra: dict("M", pdf.EncodeText(m))}.sign(t, s.bytes, s.page)
	}
	wide := w.config()
	wide.ClockSkew = time.Hour
	for _, c := range []struct {
		name string
		file []byte
		conf pades.Config
		want verifier.Reason
		find bool
	}{
		{"now", at(sign.LevelB, 0), w.config(), "", false},
		{"a clock that is a little ahead", at(sign.LevelB, 4*time.Minute), w.config(), "", false},
		{"a clock that is ahead", at(sign.LevelB, 6*time.Minute), w.config(), verifier.ProofCreatedInFuture, false},
		{"forgiven", at(sign.LevelB, 40*time.Minute), wide, "", false},
		{"tomorrow", at(sign.LevelB, 23*time.Hour), w.config(), verifier.ProofCreatedInFuture, false},
		{"tomorrow, and it exists today", at(sign.LevelT, 20*time.Hour), w.config(), "", true},
		{"local time without a zone", dated("D:20260630220000"), w.config(), "", false},
		{"later in every zone", dated("D:20260630223000"), w.config(), verifier.ProofCreatedInFuture, false},
		{"with its zone", dated("D:20260630221500+14'00'"), w.config(), "", false},
		{"without a time", dated("yesterday"), w.config(), "", false},
	} {
		r := validate(t, c.file, c.conf)
		if r.Reason != c.want || (c.want == "") != (r.Outcome == verifier.Valid) || hasFinding(r, "pdf_claimed_time") != c.find {
			t.Errorf("%s: expected %q\n%s", c.name, string(c.want), explain(r))
		}
		if c.want != "" && r.Signatures[0].SubIndication != pades.NotYetValid {
			t.Errorf("%s: %s", c.name, explain(r))
		}
	}
}

// TestOlderData: an answer on status that is older than the signature counts as long as it
// says itself, and the report says how old it is.
func TestOlderData(t *testing.T) {
	w := newWorld(t)
	b := w.sign(sign.LevelLT, padestest.Sample{}.Build(t), sign.Request{})
	detail := func(r *pades.Result) string {
		t.Helper()
		for _, c := range r.Signatures[0].Checks {
			if c.ID == verifier.CheckStatus {
				return c.Detail
			}
		}
		t.Fatal("no check of the status")
		return ""
	}
	if r := validate(t, b, w.offline()); r.Outcome != verifier.Valid || strings.Contains(detail(r), "still in force") {
		t.Error(explain(r), detail(r))
	}
	b = w.sign(sign.LevelB, padestest.Sample{}.Build(t), sign.Request{})
	conf, asked := w.config(), w.Now
	w.Now = w.Now.Add(2 * time.Hour)
	old := *w.World
	old.Now = asked
	conf.Revocation = online{&old}
	if r := validate(t, b, conf); r.Outcome != verifier.Valid || !strings.Contains(detail(r), "by data of "+asked.UTC().Format(time.RFC3339)) {
		t.Error(explain(r), detail(r))
	}
	conf.Fresh = time.Hour
	if r := validate(t, b, conf); r.Outcome != verifier.Indeterminate || r.Reason != verifier.RevocationUnknown {
		t.Error(explain(r))
	}
}

// TestFaces: a text field has one normal appearance. Where there is something else, readers
// may show anything.
func TestFaces(t *testing.T) {
	w := newWorld(t)
	states := func(b *pdf.Builder, s *sample) pdf.Object {
		return dict("Yes", b.Add(textAP(s.font, "Ada")), "Off", b.Add(textAP(s.font, "Eve")))
	}
	for _, c := range []struct {
		name string
		was  func(b *pdf.Builder, s *sample) pdf.Object // nil: the field has no appearance
		is   func(u *pdf.Update, s *sample) pdf.Object
		want verifier.Reason
		warn bool
	}{
		{"several when signed", states, func(u *pdf.Update, s *sample) pdf.Object { return u.Add(textAP(s.font, "Grace")) }, verifier.PDFShadow, false},
		{"a number when signed", func(*pdf.Builder, *sample) pdf.Object { return pdf.Integer(1) },
			func(u *pdf.Update, s *sample) pdf.Object { return u.Add(textAP(s.font, "Grace")) }, verifier.PDFShadow, false},
		{"several now", func(b *pdf.Builder, s *sample) pdf.Object { return b.Add(textAP(s.font, "Ada")) },
			func(u *pdf.Update, s *sample) pdf.Object {
				return dict("Yes", u.Add(textAP(s.font, "Grace")), "Off", u.Add(textAP(s.font, "Eve")))
			}, verifier.PDFAppearance, false},
		{"none when signed", nil, func(u *pdf.Update, s *sample) pdf.Object { return u.Add(textAP(s.font, "Grace")) }, "", true},
		{"none now", func(b *pdf.Builder, s *sample) pdf.Object { return b.Add(textAP(s.font, "Ada")) }, func(*pdf.Update, *sample) pdf.Object { return pdf.Null{} }, "", true},
		{"one", func(b *pdf.Builder, s *sample) pdf.Object { return b.Add(textAP(s.font, "Ada")) },
			func(u *pdf.Update, s *sample) pdf.Object { return u.Add(textAP(s.font, "Grace")) }, "", false},
	} {
		s := buildSample(t, false, func(b *pdf.Builder, s *sample, _, _, _ *pdf.Dict) {
			d := dict("Type", "/Annot", "Subtype", "/Widget", "P", s.page, "F", 4, "FT", "/Tx", "T", "name", "V", "Ada", "DA", pdf.EncodeText("/Helv 12 Tf 0 g"), "Rect", arr(72, 600, 272, 620))
			if c.was != nil {
				d.Set("AP", dict("N", c.was(b, s)))
			}
			b.Set(s.name, d)
		})
		b := update(t, w.sign(sign.LevelB, s.bytes, sign.Request{}), func(u *pdf.Update) {
			d := edit(t, u, s.name)
			d.Set("V", pdf.EncodeText("Grace"))
			d.Set("AP", dict("N", c.is(u, s)))
		})
		r := validate(t, b, w.config())
		if r.Reason != c.want || (c.want == "") != (r.Outcome == verifier.Valid) || c.want == "" && hasFinding(r, "pdf_appearance_unchecked") != c.warn {
			t.Errorf("%s: expected %q\n%s", c.name, string(c.want), explain(r))
		}
	}
}

// TestRoomInLine: where a line of text leaves room for a field, filling it in covers no text.
func TestRoomInLine(t *testing.T) {
	w := newWorld(t)
	for shown, want := range map[string]verifier.Reason{
		"[(to)-30000(honours)]":              "",
		"[(to)-5000(honours)-20000(x)]":      overlay,
		"[(to honours and more)]":            overlay,
		"[(to)-900( honours)-900( and)]":     overlay,
		"[(to)-6000(a)-2000(b)-2000(c)]":     overlay,
		"[(to)-6000(.)-2000(.)-2000(.)]":     overlay, // other signs are in the line
		"[(..)-6000(.)-2000(.)-2000(.)]":     "",
		"[-30000(honours)]":                  "",
		"[(to)-30000]TJ (honours) Tj [(a)]":  "",
		"[(honours)40000(honours)-40000(x)]": "",
	} {
		s := buildSample(t, false, func(b *pdf.Builder, s *sample, _, page, _ *pdf.Dict) {
			page.Set("Contents", b.Add(stream(dict(), "BT /Helv 14 Tf 20 500 Td "+shown+"TJ ET")))
		})
		b := update(t, w.sign(sign.LevelB, s.bytes, sign.Request{}), func(u *pdf.Update) { fillField(t, u, s.over, s.font, "Eve", "Eve") })
		if r := validate(t, b, w.config()); r.Reason != want || (want == "") != (r.Outcome == verifier.Valid) {
			t.Errorf("%s: expected %q\n%s", shown, string(want), explain(r))
		}
	}
}
