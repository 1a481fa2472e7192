package layout

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestCheck: Check refuses what Render refuses, and a text that does not fit is named by
// its fields.
func TestCheck(t *testing.T) {
	r := latin(t)
	tm := builtin(t, Certificate, "A4-landscape")
	for name, c := range map[string]struct {
		change func(*Fields)
		fields []string // of a FitError
		ok     bool
	}{
		"as it should be": {func(*Fields) {}, nil, true},
		"a long name":     {func(f *Fields) { f.Text["recipient"] = strings.Repeat("x", 599) }, []string{"recipient"}, false},
		"too long a name": {func(f *Fields) { f.Text["recipient"] = strings.Repeat("x", 601) }, []string{"recipient"}, false},
		"a long fact":     {func(f *Fields) { f.Facts = append(f.Facts, Fact{Label: "Label", Value: strings.Repeat("word ", 500)}) }, nil, true},
		"too many pages": {func(f *Fields) {
			f.Facts = slices.Repeat([]Fact{{Label: "Label", Value: strings.Repeat("line\n", 800)}}, 4)
		}, []string{"facts"}, false},
		"another script": {func(f *Fields) { f.Text["recipient"] = "王小明" }, nil, false},
		"a control":      {func(f *Fields) { f.Text["recipient"] = "a\tb" }, nil, false},
		"nothing":        {func(f *Fields) { delete(f.Text, "recipient") }, nil, false},
	} {
		f := testFields()
		c.change(&f)
		err := r.Check(context.Background(), tm, f, testOptions())
		_, rendered := r.Render(context.Background(), tm, f, testOptions())
		if (err == nil) != c.ok || (err == nil) != (rendered == nil) || err != nil && err.Error() != rendered.Error() {
			t.Errorf("%s: expected ok %t, found %v, and of Render %v", name, c.ok, err, rendered)
		}
		var fit *FitError
		if errors.As(err, &fit) != (c.fields != nil) || fit != nil && !slices.Equal(fit.Fields, c.fields) {
			t.Errorf("%s: expected %v, found %+v", name, c.fields, err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	r, tm := latin(b), builtin(b, Diploma, "A4-landscape")
	for b.Loop() {
		if err := r.Check(context.Background(), tm, testFields(), testOptions()); err != nil {
			b.Fatal(err)
		}
	}
}
