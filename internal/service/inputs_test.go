package service_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// TestNothingToSee: a name, or a text, that shows nothing is as good as none.
func TestNothingToSee(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	for _, s := range []string{"\u200b", "\u2060", "\ufeff", "\u200f", "\u200b \u200d", "\u0301", "\u00ad"} {
		in := aina()
		in.Recipient.Name = s
		_, err := w.s.Issue(w.ctx, c, in, once)
		refused(t, "a name that shows nothing", err, service.CodeValidation, "recipient.name")
		in = aina()
		in.Claims["trainerName"] = s
		_, err = w.s.Issue(w.ctx, c, in, once)
		refused(t, "a text that shows nothing", err, service.CodeValidation, "claims.trainerName")
	}
	// Marks and joiners within a name belong to it.
	for _, s := range []string{"-", "نام\u200cخانوادگی", "e\u0301", "李", "👩\u200d🏫"} {
		if got := w.issue(c, func(in *service.NewCredential) { in.Recipient.Name = s }); got.Recipient.Name != s {
			t.Errorf("%+q became %+q", s, got.Recipient.Name)
		}
	}
}

// TestNumbers: a number is written in digits, in the credential as in the answer.
func TestNumbers(t *testing.T) {
	w := newWorld(t)
	c := w.school("north", func(in *service.NewType) { in.Fields = []service.Field{{Key: "n", Type: "number"}} })
	minus := 0.0
	for _, test := range []struct {
		in   any
		want string // "": refused
	}{
		{-minus, "0"}, {"-0", "0"}, {"-0.0", "0"}, {1e15, "1000000000000000"}, {-2.5, "-2.5"}, {1e-15, "0.000000000000001"},
		{1e-300, ""}, {"1e-300", ""}, {-1e-16, ""}, {1e16, ""}, {"Inf", ""}, {"nan", ""}, {"0x1", ""}, {"1_0", ""},
	} {
		in := aina()
		in.Claims, in.Private = map[string]any{"n": test.in}, nil
		got, err := w.s.Issue(w.ctx, c, in, once)
		if test.want == "" {
			refused(t, "n", err, service.CodeValidation, "claims.n")
			continue
		}
		if err != nil {
			t.Errorf("%v: %v", test.in, err)
			continue
		}
		if vc := string(w.file(c, got.Value.ID, "vc")); !strings.Contains(vc, `"value":"`+test.want+`"`) {
			t.Errorf("%v: expected %s in %s", test.in, test.want, vc)
		}
	}
}

// TestMailPlaceholders: a placeholder that nothing is put in place of would be read by
// recipients, and one of a private field is none.
func TestMailPlaceholders(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	for _, m := range []service.MailText{
		{Subject: "{{recipent.name}}"}, {Text: "{{claims.nothing}}"}, {Text: "{{claims.identificationNo}}"}, {Text: "{{ url }}"}, {Text: "{{}}"},
	} {
		in := safety()
		in.Key, in.Mail = "x", &m
		_, err := w.s.CreateType(w.ctx, c, in, once)
		field := "mail.text"
		if m.Subject != "" {
			field = "mail.subject"
		}
		refused(t, m.Subject+m.Text, err, service.CodeValidation, field)
	}
	w.newType(c, func(in *service.NewType) {
		in.Key, in.Mail = "y", &service.MailText{Subject: "{{type}} for {{recipient.name}}", Text: "{{issuer}} {{url}} {{claims.room}} {{claims.trainerName}} {x} }}"}
	})
	// Nor is a field taken away that the text names.
	_, err := w.s.ChangeType(w.ctx, c, "y", service.NewType{Fields: []service.Field{{Key: "room", Type: "text"}}})
	refused(t, "a field that the text names", err, service.CodeValidation, "mail.text")
}

// TestDraftKeepsPerson: a draft that is changed stays that of the person it was made for.
func TestDraftKeepsPerson(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	known := w.issue(c).Recipient.ID
	got := w.issue(c, draft, func(in *service.NewCredential) { in.Recipient = service.Recipient{ID: known, Name: "A. Rahman"} })
	if got.Recipient.ID != known {
		t.Fatalf("expected %s, found %s", known, got.Recipient.ID)
	}
	changed := must(w.s.ChangeDraft(w.ctx, c, got.ID, service.DraftChange{Claims: map[string]any{"trainerName": "Dr. Who"}}))(t)
	if changed.Recipient.ID != known || changed.Recipient.Name != "A. Rahman" {
		t.Errorf("expected %s, found %+v", known, changed.Recipient)
	}
	changed = must(w.s.ChangeDraft(w.ctx, c, got.ID, service.DraftChange{Recipient: &service.Recipient{Name: "Bo", Email: "bo@example.com"}}))(t)
	if changed.Recipient.ID == known {
		t.Error("another person has the same id")
	}
}

// TestExampleFits: V5: the example of a type can be sent as it is, whatever its fields ask for.
func TestExampleFits(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	low, high := -3.5, 0.25
	fields := []service.Field{
		{Key: "short", Type: "text", MaxLength: 2}, {Key: "below", Type: "number", Maximum: &low}, {Key: "between", Type: "number", Minimum: &high, Maximum: &high},
		{Key: "private", Type: "date", Visibility: "private"}, {Key: "choice", Type: "enum", Values: []string{"Ü x"}},
	}
	for i, p := range []string{
		"[A-Z]{2}[0-9]{3}", `\d{6}-\d{2}-\d{4}`, "(ab|cd)+", "[^a-z]+", "x?", "x*", "a{2,5}", `\p{Greek}+`, "(?i)abc", ".", ".*", "[ -~]{10}", `\w+@\w+\.de`, `[0-9]{6}(-[0-9]{2})?`, "(a+)+$", "^abc$", "[éü]", `\bword\b`, "(?:a|b)(?P<n>c)", `\.\*`, "[-_]x",
	} {
		fields = append(fields, service.Field{Key: "p" + string(rune('a'+i)), Type: "text", Pattern: p, Required: true})
	}
	made := w.newType(c, func(in *service.NewType) { in.Key, in.Fields = "x", fields })
	example := must(w.s.InputFields(w.ctx, c, made.ID))(t).Example
	if v := must(w.s.Validate(w.ctx, c, made.ID, example))(t); !v.Valid {
		t.Errorf("found %v in %v", v.Errors, example)
	}
}

// TestTypeKey: a type without a key is called after its name, or what it is.
func TestTypeKey(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	for name, want := range map[string]string{"Welding I (2026)": "welding-i-2026", "安全培训": "type-"} {
		in := safety()
		in.Key, in.DisplayName = "", name
		if got := must(w.s.CreateType(w.ctx, c, in, service.Idempotency{}))(t).Value.Key; !strings.HasPrefix(got, want) {
			t.Errorf("%s: expected %s, found %s", name, want, got)
		}
	}
}

// TestSwitchedOff: of a type that is switched off nothing is issued, drafts of before included.
func TestSwitchedOff(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	got := w.issue(c, draft)
	for _, active := range []bool{false, true} {
		must(w.s.ChangeType(w.ctx, c, "safety-training", service.NewType{Active: &active}))(t)
		w.pass(2 * time.Second)
		_, published := w.s.Publish(w.ctx, c, got.ID, once)
		_, issued := w.s.Issue(w.ctx, c, aina(), once)
		if active {
			if published != nil || issued != nil {
				t.Errorf("switched on: %v, %v", published, issued)
			}
			continue
		}
		refused(t, "publish", published, service.CodeState)
		refused(t, "issue", issued, service.CodeState)
	}
}
