package service_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"image/png"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/verifier"
)

// TestPageIsChecked: what a page cannot hold is said by validate, of a draft, and by issuing
// alike, and names the member.
func TestPageIsChecked(t *testing.T) {
	w := newWorld(t)
	c := w.school("north", func(in *service.NewType) {
		in.Outputs = []string{"vc", "pdf"}
		in.Fields = append(in.Fields, service.Field{Key: "topic", Type: "text"})
	})
	for name, test := range map[string]struct {
		change func(*service.NewCredential)
		field  string // "": it can be made
	}{
		"as it should be":     {func(*service.NewCredential) {}, ""},
		"a name without font": {func(in *service.NewCredential) { in.Recipient.Name = "王小明" }, "recipient.name"},
		"a claim without one": {func(in *service.NewCredential) { in.Claims["topic"] = "السلامة" }, "claims.topic"},
		"one that is hidden":  {func(in *service.NewCredential) { in.Claims["room"] = "王" }, ""},
		"a long claim":        {func(in *service.NewCredential) { in.Claims["topic"] = strings.Repeat("word ", 199) + "end" }, ""},
		"a long name":         {func(in *service.NewCredential) { in.Recipient.Name = strings.Repeat("Nina ", 24) + "N" }, ""},
		"too long a name":     {func(in *service.NewCredential) { in.Recipient.Name = strings.Repeat("W", 200) }, "recipient.name"},
		"a tab":               {func(in *service.NewCredential) { in.Claims["topic"] = "a\tb" }, ""},
		"private use":         {func(in *service.NewCredential) { in.Claims["topic"] = "a\ue000" }, "claims.topic"},
		"private use, name":   {func(in *service.NewCredential) { in.Recipient.Name = "a\ue000" }, "recipient.name"},
		"no page":             {func(in *service.NewCredential) { in.Recipient.Name, in.Outputs = "王小明", []string{"vc"} }, ""},
	} {
		in := aina()
		test.change(&in)
		_, issued := w.s.Issue(w.ctx, c, in, service.Idempotency{})
		draft(&in)
		_, drafted := w.s.Issue(w.ctx, c, in, service.Idempotency{})
		if test.field == "" {
			if issued != nil || drafted != nil {
				t.Errorf("%s: %v, draft %v", name, issued, drafted)
			}
			continue
		}
		refused(t, name, issued, service.CodeValidation, test.field)
		refused(t, name+", draft", drafted, service.CodeValidation, test.field)
		v := must(w.s.Validate(w.ctx, c, in.Type, in.ItemInput))(t)
		if !reflect.DeepEqual(v.Errors, faults(issued)) || !reflect.DeepEqual(v.Errors, faults(drafted)) {
			t.Errorf("%s: validate says %v, issue %v, a draft %v", name, v.Errors, issued, drafted)
		}
	}
	// What a draft is changed to is looked at, too.
	got := w.issue(c, draft)
	_, err := w.s.ChangeDraft(w.ctx, c, got.ID, service.DraftChange{Claims: map[string]any{"trainerName": "王"}})
	refused(t, "change", err, service.CodeValidation, "claims.trainerName")
}

func faults(err error) map[string][]string {
	var e *service.Error
	errors.As(err, &e)
	return e.Fields
}

// TestTypeWithoutPage: a type whose page can never be made is refused, not each of its
// credentials.
func TestTypeWithoutPage(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	many := func(n int, required bool) (out []service.Field) {
		for i := range n {
			out = append(out, service.Field{Key: fmt.Sprintf("f%d", i), Type: "text", Required: required})
		}
		return out
	}
	template := func(text string) *service.Layout {
		return &service.Layout{Template: map[string]any{
			"format": "chancery-template/1", "name": "own", "page": map[string]any{"size": "A4", "orientation": "landscape"}, "colors": map[string]any{"ink": "#000000"},
			"elements": []any{map[string]any{"kind": "text", "box": []any{20, 20, 200, 20}, "text": text, "font": "sans", "size": 12, "color": "ink"}},
		}}
	}
	for name, test := range map[string]struct {
		change func(*service.NewType)
		field  string // "": it is taken
	}{
		"a template":              {func(in *service.NewType) { in.Layout = template("{recipient}: {claims.trainerName}") }, ""},
		"a text that is not":      {func(in *service.NewType) { in.Layout = template("{recipient} {motto}") }, "layout.text.motto"},
		"a claim that is not":     {func(in *service.NewType) { in.Layout = template("{claims.nothing}") }, "layout"},
		"a private claim":         {func(in *service.NewType) { in.Layout = template("{claims.identificationNo}") }, "layout"},
		"name without font":       {func(in *service.NewType) { in.DisplayName = "安全培训" }, "layout"},
		"a language":              {func(in *service.NewType) { in.Layout = &service.Layout{Lang: "english, please"} }, "layout.lang"},
		"many, required":          {func(in *service.NewType) { in.Fields = many(100, true) }, ""},
		"many, if need be":        {func(in *service.NewType) { in.Fields = many(100, false) }, ""},
		"too many for a template": {func(in *service.NewType) { in.Fields, in.Layout = many(60, true), listing(template) }, "layout"},
		"many for it, if need be": {func(in *service.NewType) { in.Fields, in.Layout = many(60, false), listing(template) }, ""},
		"too long a description": {func(in *service.NewType) {
			in.Achievement = &service.Achievement{Description: strings.Repeat("A line of it.\n", 40)}
		}, "achievement.description"},
		"not on a page": {func(in *service.NewType) { in.DisplayName, in.Outputs = "安全培训", []string{"vc"} }, ""},
	} {
		in := safety()
		in.Key, in.Outputs = "x", []string{"vc", "pdf"}
		in.Key += strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' {
				return r
			}
			return -1
		}, name)
		test.change(&in)
		_, err := w.s.CreateType(w.ctx, c, in, service.Idempotency{})
		if test.field == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		refused(t, name, err, service.CodeValidation, test.field)
	}
	// Nor does a type become one by a change; and one that is can be switched off.
	other := must(w.s.ChangeType(w.ctx, c, "safety-training", service.NewType{DisplayName: "安全培训"}))(t)
	if other.Version != 2 {
		t.Errorf("unexpected version %d", other.Version)
	}
	_, err := w.s.ChangeType(w.ctx, c, "safety-training", service.NewType{Outputs: []string{"pdf"}})
	refused(t, "change", err, service.CodeValidation, "layout")
	off := false
	if got := must(w.s.ChangeType(w.ctx, c, "safety-training", service.NewType{Active: &off}))(t); got.Active || got.Version != 2 {
		t.Errorf("unexpected %+v", got)
	}
}

// TestDiplomaTells: what is public is on the page of a diploma, too, which has no list of
// facts; and what is not, is not.
func TestDiplomaTells(t *testing.T) {
	w := newWorld(t)
	c := w.school("north", func(in *service.NewType) { in.Kind, in.Outputs = "diploma", []string{"vc", "pdf"} })
	in := aina()
	with := must(w.s.Preview(w.ctx, c, in.Type, in.ItemInput))(t).Bytes
	in.Claims["room"] = "elsewhere"
	if hidden := must(w.s.Preview(w.ctx, c, in.Type, in.ItemInput))(t).Bytes; !bytes.Equal(with, hidden) {
		t.Error("a field that is not public changes the page")
	}
	in.Claims["trainerName"] = "Another"
	if other := must(w.s.Preview(w.ctx, c, in.Type, in.ItemInput))(t).Bytes; bytes.Equal(with, other) {
		t.Error("a public field is not on the page")
	}
	if n := pages(t, w, c, must(w.s.Issue(w.ctx, c, in, once))(t).Value); n != 1 {
		t.Errorf("a diploma with a few facts: expected one page, found %d", n)
	}
	// What is too long to be read in the description has a page of its own.
	long := aina()
	long.Claims["trainerName"] = strings.Repeat("word ", 150)
	if n := pages(t, w, c, must(w.s.Issue(w.ctx, c, long, once))(t).Value); n != 2 {
		t.Errorf("a diploma with a long fact: expected two pages, found %d", n)
	}
}

// listing is a layout with a list of facts in a box, and no room for more.
func listing(of func(string) *service.Layout) *service.Layout {
	l := of("{recipient}")
	t := l.Template.(map[string]any)
	t["elements"] = append(t["elements"].([]any), map[string]any{"kind": "facts", "box": []any{20, 60, 100, 120}, "color": "ink", "labelColor": "ink"})
	return l
}

// pages is how many pages the PDF of a credential has, which is found valid.
func pages(t *testing.T, w *world, c service.Caller, of service.Credential) int {
	t.Helper()
	b := w.file(c, of.ID, "pdf")
	if v := w.verify(b).Report; v.Outcome != verifier.Valid {
		t.Errorf("expected a valid document, found %v: %v", v.Outcome, v.Reason)
	}
	doc := must(pdf.Open(bytes.NewReader(b), int64(len(b)), pdf.Options{}))(t)
	n := 0
	if err := doc.Latest().Pages(func(*pdf.Page) bool { n++; return true }); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestPageReadsWell: a page says what it is, and its dates and answers are those of people.
func TestPageReadsWell(t *testing.T) {
	w := newWorld(t)
	c := w.tenant("north", service.Test)
	w.issuer(c)
	page := func(in service.NewType, claims map[string]any) []byte {
		t.Helper()
		in.Key, in.DisplayName, in.Outputs = "k"+strings.ToLower(rand.Text()), "Records", []string{"vc", "pdf"}
		must(w.s.CreateType(w.ctx, c, in, once))(t)
		return must(w.s.Preview(w.ctx, c, in.Key, service.ItemInput{Recipient: service.Recipient{Name: "Aina"}, Claims: claims}))(t).Bytes
	}
	text := func(lang string, kv ...string) *service.Layout {
		l := &service.Layout{Lang: lang, Text: map[string]string{}}
		for i := 0; i < len(kv); i += 2 {
			l.Text[kv[i]] = kv[i+1]
		}
		return l
	}
	of := func(kind string) []service.Field { return []service.Field{{Key: "x", Label: "X", Type: kind}} }
	// ends is a page that ends by its type, and one that says the same in a field.
	ends := func(lang, label string) [2][]byte {
		day := w.clock().AddDate(1, 0, 0).Format(time.DateOnly)
		said := page(service.NewType{Kind: "certificate", Layout: text(lang), Validity: &service.Validity{Years: 1}}, nil)
		return [2][]byte{said, page(service.NewType{Kind: "certificate", Layout: text(lang), Fields: []service.Field{{Key: "x", Label: label, Type: "date"}}}, map[string]any{"x": day})}
	}
	for name, same := range map[string][2][]byte{
		"a transcript": {page(service.NewType{Kind: "transcript"}, nil),
			page(service.NewType{Kind: "certificate", Layout: text("", "heading", "Transcript", "label.awarded", "issued to")}, nil)},
		"what the type says": {page(service.NewType{Kind: "transcript", Layout: text("", "heading", "Marks", "label.awarded", "of")}, nil),
			page(service.NewType{Kind: "certificate", Layout: text("", "heading", "Marks", "label.awarded", "of")}, nil)},
		"another language": {page(service.NewType{Kind: "transcript", Layout: text("fi")}, nil), page(service.NewType{Kind: "certificate", Layout: text("fi")}, nil)},
		"a date": {page(service.NewType{Kind: "certificate", Fields: of("date")}, map[string]any{"x": "2026-06-30"}),
			page(service.NewType{Kind: "certificate", Fields: of("text")}, map[string]any{"x": "30 June 2026"})},
		"an answer": {page(service.NewType{Kind: "certificate", Fields: of("boolean")}, map[string]any{"x": false}),
			page(service.NewType{Kind: "certificate", Fields: of("text")}, map[string]any{"x": "No"})},
		"a transcript in German": {page(service.NewType{Kind: "transcript", Layout: text("de")}, nil),
			page(service.NewType{Kind: "certificate", Layout: text("de", "heading", "Leistungsnachweis", "label.awarded", "ausgestellt für")}, nil)},
		"an answer in German": {page(service.NewType{Kind: "certificate", Layout: text("de-CH"), Fields: of("boolean")}, map[string]any{"x": true}),
			page(service.NewType{Kind: "certificate", Layout: text("de-CH"), Fields: of("text")}, map[string]any{"x": "Ja"})},
		"a date in German": {page(service.NewType{Kind: "certificate", Layout: text("de"), Fields: of("date")}, map[string]any{"x": "2026-06-30"}),
			page(service.NewType{Kind: "certificate", Layout: text("de"), Fields: of("text")}, map[string]any{"x": "30. Juni 2026"})},
		"the end in English": ends("", "Valid until"), "the end in German": ends("de", "Gültig bis"), "the end in another language": ends("fi", "Valid until"),
		"a date in another language": {page(service.NewType{Kind: "certificate", Layout: text("fi"), Fields: of("date")}, map[string]any{"x": "2026-06-30"}),
			page(service.NewType{Kind: "certificate", Layout: text("fi"), Fields: of("text")}, map[string]any{"x": "2026-06-30"})},
	} {
		if !bytes.Equal(same[0], same[1]) {
			t.Errorf("%s: the pages are not the same", name)
		}
	}
}

// TestTranscript: a transcript of as many courses as a type can have goes over several pages,
// in the language of its type, and is found valid.
func TestTranscript(t *testing.T) {
	w := newWorld(t)
	for _, layout := range []service.Layout{{Lang: "de"}, {Name: "certificate", Size: "A4-portrait"}, {Name: "diploma", Size: "Letter-portrait", Lang: "de-AT"}} {
		c := w.school("s"+strings.ToLower(layout.Size+layout.Lang), func(in *service.NewType) {
			in.Kind, in.Outputs, in.Layout, in.Fields, in.Validity = "transcript", []string{"vc", "pdf"}, &layout, nil, &service.Validity{Years: 5}
			for i := range 100 {
				in.Fields = append(in.Fields, service.Field{Key: fmt.Sprintf("course%d", i), Label: fmt.Sprintf("Numerik partieller Differentialgleichungen %d", i), Type: "text", Required: true})
			}
		})
		in := aina()
		in.Claims, in.Private = map[string]any{}, nil
		for i := range 100 {
			in.Claims[fmt.Sprintf("course%d", i)] = "1,3 (sehr gut), 6 ECTS"
		}
		if n := pages(t, w, c, must(w.s.Issue(w.ctx, c, in, once))(t).Value); n < 4 || n > 6 {
			t.Errorf("%+v: expected four to six pages, found %d", layout, n)
		}
	}
}

// TestPreviewIsBounded: of a large page fewer dots are drawn, and few previews at once.
func TestPreviewIsBounded(t *testing.T) {
	w := newWorld(t)
	c := w.tenant("north", service.Test)
	w.issuer(c)
	for key, size := range map[string][2]int{"page": {210, 297}, "wall": {1200, 1200}} {
		must(w.s.CreateType(w.ctx, c, service.NewType{Key: key, DisplayName: "Large", Outputs: []string{"vc", "pdf"}, Layout: &service.Layout{Template: map[string]any{
			"format": "chancery-template/1", "name": "x", "page": map[string]any{"width": size[0], "height": size[1]}, "colors": map[string]any{"ink": "#14213D"},
			"elements": []any{map[string]any{"kind": "rect", "box": []any{10, 10, 20, 20}, "stroke": "ink"}},
		}}}, once))(t)
		picture := must(w.s.Preview(w.ctx, c, key, service.ItemInput{}))(t)
		found := must(png.DecodeConfig(bytes.NewReader(picture.Bytes)))(t)
		if found.Width*found.Height > 4<<20 || key == "page" && found.Width != 827 {
			t.Errorf("%s: found a preview of %d by %d", key, found.Width, found.Height)
		}
	}
	free := service.HoldPreviews()
	defer free()
	ctx, cancel := context.WithTimeout(w.ctx, 20*time.Millisecond)
	defer cancel()
	if _, err := w.s.Preview(ctx, c, "page", service.ItemInput{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("expected a preview to wait for its turn, found %v", err)
	}
}
