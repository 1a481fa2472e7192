package service_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// TestTypeRefused: each fault of a definition is named, and nothing is stored.
func TestTypeRefused(t *testing.T) {
	w := newWorld(t)
	c := w.tenant("north", service.Test)
	_, err := w.s.CreateType(w.ctx, c, safety(), once)
	refused(t, "without issuer", err, service.CodeValidation, "issuer")
	w.issuer(c)
	low, high := 1.0, 2.0
	field := func(f service.Field) func(*service.NewType) {
		return func(in *service.NewType) { in.Fields = []service.Field{f} }
	}
	slow := func(in *service.NewType) { // each is taken alone
		in.Fields = nil
		for _, key := range []string{"a", "b", "c", "d"} {
			in.Fields = append(in.Fields, service.Field{Key: key, Type: "text", Pattern: "[A-Z]{1,600}"})
		}
	}
	yes := true
	for name, test := range map[string]struct {
		change func(*service.NewType)
		fields []string
	}{
		"no name":         {func(in *service.NewType) { in.DisplayName = "" }, []string{"displayName"}},
		"key":             {func(in *service.NewType) { in.Key = "a/b" }, []string{"key"}},
		"kind":            {func(in *service.NewType) { in.Kind = "ticket" }, []string{"kind"}},
		"issuer":          {func(in *service.NewType) { in.Issuer = "nobody" }, []string{"issuer"}},
		"from":            {func(in *service.NewType) { in.From = "starter/none" }, []string{"from"}},
		"output":          {func(in *service.NewType) { in.Outputs = []string{"vc", "doc"} }, []string{"outputs[1]"}},
		"anchor":          {func(in *service.NewType) { in.Anchor = &yes }, []string{"anchor"}},
		"validity":        {func(in *service.NewType) { in.Validity = &service.Validity{Years: -1} }, []string{"validity"}},
		"layout":          {func(in *service.NewType) { in.Layout = &service.Layout{Name: "poster"} }, []string{"layout.name", "layout.template"}},
		"size":            {func(in *service.NewType) { in.Layout = &service.Layout{Size: "A0"} }, []string{"layout.size", "layout.template"}},
		"template":        {func(in *service.NewType) { in.Layout = &service.Layout{Template: map[string]any{"x": 1}} }, []string{"layout.template"}},
		"mail":            {func(in *service.NewType) { in.Mail = &service.MailText{Subject: "a\nb"} }, []string{"mail.subject"}},
		"picture":         {func(in *service.NewType) { in.Achievement = &service.Achievement{Image: "https://example.com/a.png"} }, []string{"achievement.image"}},
		"achievement":     {func(in *service.NewType) { in.Achievement = &service.Achievement{Type: "Nonsense"} }, []string{"achievement"}},
		"field key":       {field(service.Field{Key: "a.b", Type: "text"}), []string{"fields[0].key"}},
		"field type":      {field(service.Field{Key: "a", Type: "blob"}), []string{"fields[0].type"}},
		"visibility":      {field(service.Field{Key: "a", Type: "text", Visibility: "some"}), []string{"fields[0].visibility"}},
		"enum":            {field(service.Field{Key: "a", Type: "enum"}), []string{"fields[0].values"}},
		"enum twice":      {field(service.Field{Key: "a", Type: "enum", Values: []string{"x", "x"}}), []string{"fields[0].values[1]"}},
		"values of text":  {field(service.Field{Key: "a", Type: "text", Values: []string{"x"}}), []string{"fields[0].values"}},
		"pattern":         {field(service.Field{Key: "a", Type: "text", Pattern: "("}), []string{"fields[0].pattern"}},
		"long pattern":    {field(service.Field{Key: "a", Type: "text", Pattern: strings.Repeat("a", 501)}), []string{"fields[0].pattern"}},
		"open pattern":    {field(service.Field{Key: "a", Type: "text", Pattern: "a)|(?:b"}), []string{"fields[0].pattern"}},
		"slow pattern":    {field(service.Field{Key: "a", Type: "text", MaxLength: 4096, Pattern: strings.Repeat("(?:.?){1000}", 15) + "x"}), []string{"fields[0].pattern"}},
		"slow patterns":   {slow, []string{"fields[3].pattern"}},
		"length":          {field(service.Field{Key: "a", Type: "text", MaxLength: 5000}), []string{"fields[0].maxLength"}},
		"minimum of text": {field(service.Field{Key: "a", Type: "text", Minimum: &low}), []string{"fields[0].minimum"}},
		"bounds":          {field(service.Field{Key: "a", Type: "number", Minimum: &high, Maximum: &low}), []string{"fields[0].maximum"}},
		"twice":           {func(in *service.NewType) { in.Fields = append(in.Fields, in.Fields[0]) }, []string{"fields[3].key"}},
		"many":            {func(in *service.NewType) { in.Fields = make([]service.Field, 101) }, []string{"fields"}},
	} {
		in := safety()
		test.change(&in)
		_, err := w.s.CreateType(w.ctx, c, in, once)
		refused(t, name, err, service.CodeValidation, test.fields...)
	}
	if n := len(must(w.s.ListTypes(w.ctx, c, service.Page{}))(t).Items); n != 4 {
		t.Errorf("expected the starters alone, found %d types", n)
	}
	w.newType(c)
	_, err = w.s.CreateType(w.ctx, c, safety(), once)
	refused(t, "key twice", err, service.CodeDuplicate)
}

// TestFieldValues: each type of field takes what it says, and nothing else.
func TestFieldValues(t *testing.T) {
	w := newWorld(t)
	c := w.tenant("north", service.Test)
	w.issuer(c)
	low, high := 0.0, 10.0
	typ := must(w.s.CreateType(w.ctx, c, service.NewType{Key: "all", DisplayName: "All", Fields: []service.Field{
		{Key: "text", Type: "text", MaxLength: 3, Pattern: "[a-z]+"}, {Key: "number", Type: "number", Minimum: &low, Maximum: &high},
		{Key: "boolean", Type: "boolean"}, {Key: "date", Type: "date"}, {Key: "email", Type: "email"}, {Key: "url", Type: "url"},
		{Key: "enum", Type: "enum", Values: []string{"a", "b"}},
	}}, once))(t).Value
	for key, values := range map[string]struct{ good, bad []any }{
		"text":    {[]any{"abc", "", nil}, []any{"abcd", "ABC", " ", 1.0, true, []any{}, map[string]any{}, "a\x00"}},
		"number":  {[]any{0.0, 10.0, "7.5", nil}, []any{-1.0, 11.0, "x", "NaN", "0x1p4", "1_0", true, []any{}}},
		"boolean": {[]any{true, false, "true", "false"}, []any{"yes", 1.0, []any{}}},
		"date":    {[]any{"2026-02-28"}, []any{"2026-02-30", "28.2.2026", "2026-02-28T00:00:00Z", 20260228.0}},
		"email":   {[]any{"a@example.com"}, []any{"a", "a@b", "A <a@example.com>", "a@example.com, b@example.com"}},
		"url":     {[]any{"https://example.com/x"}, []any{"javascript:alert(1)", "example.com", "https://a@b.example", "https://exa mple.com"}},
		"enum":    {[]any{"a"}, []any{"c", 1.0}},
	} {
		check := func(v any) bool {
			in := service.ItemInput{Recipient: service.Recipient{Name: "A"}, Claims: map[string]any{key: v}}
			return must(w.s.Validate(w.ctx, c, typ.ID, in))(t).Valid
		}
		for _, v := range values.good {
			if !check(v) {
				t.Errorf("%s: %v is refused", key, v)
			}
		}
		for _, v := range values.bad {
			if check(v) {
				t.Errorf("%s: %#v is taken", key, v)
			}
		}
	}
}

// TestVersions: what was issued keeps its version of the type.
func TestVersions(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	other := w.again()
	first := w.issue(c)
	w.pass(time.Minute)
	changed := must(w.s.ChangeType(w.ctx, c, "safety-training", service.NewType{DisplayName: "Another Name", Fields: []service.Field{{Key: "grade", Type: "text", Required: true}}}))(t)
	if changed.Version != 2 || changed.Kind != "certificate" || changed.Validity == nil {
		t.Errorf("unexpected %+v", changed)
	}
	if shown := w.get(c, first.ID); shown.Type.Version != 1 || shown.Type.DisplayName != "Safety Training Certificate" {
		t.Errorf("the issued credential changed: %+v", shown.Type)
	}
	for _, s := range []*service.Service{w.s, other} {
		_, err := s.Issue(w.ctx, c, aina(), once)
		refused(t, "fields of the old version", err, service.CodeValidation, "claims.grade", "claims.trainerName", "claims.room", "private.identificationNo")
	}
	until := w.clock().AddDate(9, 0, 0)
	again := must(w.s.SetExpiry(w.ctx, c, first.ID, &until, once))(t).Value
	if again.Type.Version != 1 {
		t.Errorf("signed again with another version: %+v", again.Type)
	}
	off := false
	if same := must(w.s.ChangeType(w.ctx, c, "safety-training", service.NewType{Active: &off}))(t); same.Version != 2 || same.Active {
		t.Errorf("unexpected %+v", same)
	}
	in := aina()
	in.Claims, in.Private = map[string]any{"grade": "A"}, nil
	_, err := w.s.Issue(w.ctx, c, in, once)
	refused(t, "switched off", err, service.CodeState)
	for name, in := range map[string]service.NewType{"key": {Key: "x"}, "from": {From: "starter/classic"}} {
		_, err := w.s.ChangeType(w.ctx, c, "safety-training", in)
		refused(t, name, err, service.CodeValidation, name)
	}
	_, err = w.s.ChangeType(w.ctx, c, "starter/classic", service.NewType{})
	refused(t, "starter", err, service.CodeState)
}
