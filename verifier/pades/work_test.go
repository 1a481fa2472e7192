package pades_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/pdf"
	sign "github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
	"github.com/chancery-dev/chancery/verifier"
)

func zipped(n int, c byte) []byte {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	z.Write(bytes.Repeat([]byte{c}, n))
	z.Close()
	return b.Bytes()
}

// packed is a stream that unpacks to n bytes.
func packed(n int, c byte) string {
	b := zipped(n, c)
	return fmt.Sprintf("<</Filter/FlateDecode/Length %d>>\nstream\n%s\nendstream", len(b), b)
}

// TestWorkOfPDF: files of some kilobytes that name what unpacks to megabytes a
// thousand times. validate gives each its time.
func TestWorkOfPDF(t *testing.T) {
	w := newWorld(t)
	t.Run("validation data", func(t *testing.T) {
		in := odd{catalog: "/DSS<</Certs[" + strings.Repeat("7 0 R ", 4000) + "]>>", more: []string{packed(15<<20, 'a')}}.build()
		signed := w.sign(sign.LevelB, in, sign.Request{})
		if r := validate(t, signed, w.config()); r.Outcome != verifier.Valid {
			t.Error(explain(r))
		}
		if r := validate(t, w.sign(sign.LevelLTA, signed, sign.Request{}), w.config()); r.Outcome != verifier.Valid {
			t.Error(explain(r))
		}
	})
	t.Run("validation data to keep", func(t *testing.T) {
		o := odd{catalog: "/DSS<</Certs["}
		for i := range 12 {
			o.catalog += fmt.Sprintf("%d 0 R ", 7+i)
			o.more = append(o.more, packed(15<<20, byte(i)))
		}
		o.catalog += "]>>"
		in := o.build()
		var out bytes.Buffer
		_, err := w.Pades(sign.LevelLT, padestest.P256).Sign(context.Background(), bytes.NewReader(in), int64(len(in)), &out, sign.Request{})
		if !errors.Is(err, sign.BadForm) || !errors.Is(err, pdf.CodeLimit) {
			t.Errorf("expected %s for a limit, found %v", string(sign.BadForm), err)
		}
		if r := validate(t, w.sign(sign.LevelB, in, sign.Request{}), w.config()); r.Outcome != verifier.Valid || !hasFinding(r, "dss_malformed") {
			t.Error(explain(r))
		}
	})
	t.Run("forms", func(t *testing.T) {
		s := buildSample(t, false, func(b *pdf.Builder, s *sample, _, page, _ *pdf.Dict) {
			form := b.Add(pdf.NewStream(dict("Type", "/XObject", "Subtype", "/Form", "BBox", arr(0, 0, 9, 9), "Filter", "/FlateDecode"), zipped(8<<20-1, ' ')))
			page.Get("Resources").(*pdf.Dict).Get("XObject").(*pdf.Dict).Set("Large", form)
			b.Set(s.content, stream(dict(), strings.Repeat("/Large Do ", 4000)))
		})
		b := update(t, w.sign(sign.LevelB, s.bytes, sign.Request{}), func(u *pdf.Update) { fill("Grace", "Grace")(t, s, u) })
		if r := validate(t, b, w.config()); r.Outcome != verifier.Indeterminate || r.Reason != verifier.PDFLimit {
			t.Error(explain(r))
		}
	})
	t.Run("attachments", func(t *testing.T) {
		var o odd
		for i := range 12 {
			o.more = append(o.more, fmt.Sprintf("<</Type/Filespec/F(a%d.json)/EF<</F %d 0 R>>>>", i, 2*i+8), packed(9<<20, '1'))
			o.catalog += fmt.Sprintf("(a%d) %d 0 R ", i, 2*i+7)
		}
		o.catalog = "/Names<</EmbeddedFiles<</Names[" + o.catalog + "]>>>>"
		b := w.sign(sign.LevelB, o.build(), sign.Request{})
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		r := validate(t, b, w.config())
		runtime.GC()
		runtime.ReadMemStats(&after)
		if r.Outcome != verifier.Indeterminate || r.Reason != verifier.PDFLimit || len(r.Attachments) > 3 {
			t.Errorf("%d attachments: %s", len(r.Attachments), explain(r))
		}
		if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 60<<20 {
			t.Errorf("%d MB are kept", kept>>20)
		}
	})
}

// TestAttachmentsLeftOut: a credential that is not looked at leaves the document undecided;
// what is none does no harm.
func TestAttachmentsLeftOut(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		name, file, stream string
		count              int
		want               verifier.Reason
	}{
		{"few", "a%d.json", "<</Length 2>>\nstream\n{}\nendstream", 60, ""},
		{"many", "a%d.json", "<</Length 2>>\nstream\n{}\nendstream", 65, verifier.PDFLimit},
		{"many that are none", "a%d.txt", "<</Length 2>>\nstream\n{}\nendstream", 200, ""},
		{"one of an unknown filter", "a%d.json", "<</Filter/Odd/Length 2>>\nstream\n{}\nendstream", 1, verifier.InnerIndeterminate},
		{"one that does not unpack", "a%d.jwt", "<</Filter/FlateDecode/Length 2>>\nstream\n{}\nendstream", 1, verifier.InnerIndeterminate},
		{"a large one that is not packed", "a%d.vc", fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", 11<<20, strings.Repeat(" ", 11<<20)), 1, verifier.PDFLimit},
	} {
		var o odd
		for i := range c.count {
			o.more = append(o.more, fmt.Sprintf("<</Type/Filespec/F("+c.file+")/EF<</F 7 0 R>>>>", i))
			o.catalog += fmt.Sprintf("(a%d) %d 0 R ", i, i+8)
		}
		o.more = append([]string{c.stream}, o.more...)
		o.catalog = "/Names<</EmbeddedFiles<</Names[" + o.catalog + "]>>>>"
		r := validate(t, w.sign(sign.LevelB, o.build(), sign.Request{}), w.config())
		if r.Reason != c.want || (c.want == "") != (r.Outcome == verifier.Valid) {
			t.Errorf("%s: expected %q\n%s", c.name, string(c.want), explain(r))
		}
	}
}
