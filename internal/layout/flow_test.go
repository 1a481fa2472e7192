package layout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/pdf"
)

// courses are n entries of a transcript.
func courses(n int) []Fact {
	subjects := []string{"Analysis", "Linear algebra", "Numerical methods for partial differential equations", "Theory of computation", "Laboratory", "Philosophy of the natural sciences"}
	var out []Fact
	for i := range n {
		out = append(out, Fact{Label: fmt.Sprintf("%s %d", subjects[i%len(subjects)], i/len(subjects)+1), Value: fmt.Sprintf("%d.%d · %d ECTS", 1+i%4, i%10, 3+i%6)})
	}
	return out
}

// arabicCourses are the same in Arabic.
func arabicCourses(n int) []Fact {
	subjects := []string{"التحليل الرياضي", "الجبر الخطي", "الطرق العددية للمعادلات التفاضلية الجزئية", "نظرية الحوسبة", "المختبر", "فلسفة العلوم الطبيعية"}
	var out []Fact
	for i := range n {
		out = append(out, Fact{Label: fmt.Sprintf("%s %d", subjects[i%len(subjects)], i/len(subjects)+1), Value: []string{"ممتاز", "جيد جدًا", "3.5 · 6 ECTS"}[i%3]})
	}
	return out
}

// TestFlowSamples writes documents for people to look at, where LAYOUT_SAMPLES names a folder.
func TestFlowSamples(t *testing.T) {
	dir := os.Getenv("LAYOUT_SAMPLES")
	if dir == "" {
		t.Skip("LAYOUT_SAMPLES does not name a folder")
	}
	r := withFonts(t)
	until := Fact{Label: "Valid until", Value: "30 June 2031", Lead: true}
	everyBuiltin(t, func(t *testing.T, tm *Template) {
		for _, n := range []int{1, 16, 60, 300} {
			f, o := testFields(), testOptions()
			o.SignatureField, o.TestWatermark = "Signature1", n == 16
			f.Facts = append(courses(n), until)
			save := func(name string) {
				b, err := r.Render(context.Background(), tm, f, o)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("flow-%s-%d%s.pdf", filepath.Base(t.Name()), n, name)), b, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			save("")
			if n == 16 {
				o.Lang = "de"
				save("-de")
			}
			if n == 60 {
				f.Text["recipient"], f.Text["institution"], f.Text["achievement"] = names["arabic"], "جامعة النيلين", "ماجستير العلوم في الفيزياء الحاسوبية"
				f.Text["date"], f.Text["description"] = "٣٠ يونيو ٢٠٢٦", ""
				f.Facts, o.Lang = append(arabicCourses(n), Fact{Label: "سارية حتى", Value: "٣٠ يونيو ٢٠٣١", Lead: true}), "ar"
				save("-ar")
				f.Facts, o.Lang = append(courses(20), Fact{Label: "线性代数与解析几何及其在物理学中的应用", Value: "优秀（九十五分），全班第一名，获得校长奖学金和优秀毕业生称号"},
					Fact{Label: "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft", Value: "https://very.long.example/abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"},
					Fact{Label: "Learning outcomes", Value: longText}), "en"
				save("-long")
			}
		}
	})
}

var longText = func() string {
	s := ""
	for i := range 45 {
		s += fmt.Sprintf("Sentence %d says what was learned, in words that take up some room on a page. ", i)
	}
	return s
}()

// told is a piece of text of a drawing: what a reader hears, or an artifact.
type told struct {
	page     int
	artifact bool
	node     *node
	text     string
	x, y     float64
}

// tell lists the texts of a drawing in paint order; those of one structure element on one
// page are one.
func tell(d *drawing) []told {
	var out []told
	for page, ops := range d.pages {
		open := false
		for _, o := range ops {
			switch o := o.(type) {
			case opBegin:
				out, open = append(out, told{page: page, artifact: o.node == nil, node: o.node}), false
			case opText:
				last := &out[len(out)-1]
				if !open {
					last.x, last.y, open = o.x, o.y, true
				}
				for _, g := range o.glyphs {
					last.text += g.text
				}
			}
		}
	}
	return slices.DeleteFunc(out, func(t told) bool { return t.text == "" })
}

func composed(t *testing.T, r *Renderer, tm *Template, f Fields, o Options) *drawing {
	t.Helper()
	d, _, err := r.compose(context.Background(), newShaper(nil), tm, f, o)
	if err != nil {
		t.Fatal(err)
	}
	for page, ops := range d.pages {
		for _, o := range ops {
			if tx, ok := o.(opText); ok && len(tx.glyphs) > 0 {
				last := tx.glyphs[len(tx.glyphs)-1]
				if right := tx.x + (last.x+last.width-400)*tx.size/1000; tx.x < 10 || right > d.width-8 || tx.y < 8 || tx.y > d.height-8 {
					t.Errorf("page %d: text leaves the page: %g to %g at %g", page+1, tx.x, right, tx.y)
				}
			}
		}
	}
	return d
}

// TestFlow: every fact is there, once, in order, whole; each further page begins with the
// heading and has its number.
func TestFlow(t *testing.T) {
	r := latin(t)
	everyBuiltin(t, func(t *testing.T, tm *Template) {
		for _, n := range []int{1, 5, 16, 60, 300} {
			f, o := testFields(), testOptions()
			f.Facts = append(courses(n), Fact{Label: "Valid until", Value: "30 June 2031", Lead: true})
			if n == 60 { // of several lines
				for i := range f.Facts {
					if !f.Facts[i].Lead {
						f.Facts[i].Value += strings.Repeat(" and more", i%5*5)
					}
				}
			}
			d := composed(t, r, tm, f, o)
			var want, got []string
			onFirst := len(d.pages) == 1
			for _, fact := range f.Facts {
				if fact.Lead && tm.HasFacts() && !onFirst {
					want = append([]string{fact.Label, fact.Value}, want...)
					continue
				}
				want = append(want, fact.Label, fact.Value)
			}
			heads, rows := make([]int, len(d.pages)), make([]int, len(d.pages))
			numbers := make([]string, len(d.pages))
			at := map[*node]int{}
			for _, s := range tell(d) {
				if page, again := at[s.node]; s.node != nil && again && page != s.page {
					t.Errorf("%d facts: %q is cut in two by the end of page %d", n, s.text, page+1)
				}
				at[s.node] = s.page
				switch {
				case s.node != nil && s.node.scope == "Column", s.artifact && (s.text == "Entry" || s.text == "Details"):
					heads[s.page]++
				case s.node != nil && slices.Contains([]string{"Lbl", "LBody", "TH", "TD"}, s.node.role):
					if s.text != "The list begins on page 2." {
						got = append(got, s.text)
						rows[s.page]++
					}
				case strings.HasSuffix(s.text, fmt.Sprintf("%d / %d", s.page+1, len(d.pages))):
					numbers[s.page] = s.text
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d facts: expected %d texts, found %d: %q", n, len(want), len(got), got)
			}
			for page := range d.pages {
				if page > 0 && (rows[page] < 2 || heads[page] == 0 || heads[page] > 2*rows[page]) {
					t.Errorf("%d facts, page %d: expected a heading and rows, found %d and %d", n, page+1, heads[page], rows[page])
				}
				if len(d.pages) > 1 && numbers[page] == "" {
					t.Errorf("%d facts: page %d of %d has no number", n, page+1, len(d.pages))
				}
			}
			if one := len(d.pages) == 1; one && (n > 16 || !tm.HasFacts()) || !one && n == 1 && tm.HasFacts() || n == 300 && len(d.pages) > 13 {
				t.Errorf("%d facts: found %d pages", n, len(d.pages))
			}
			if !d.plain {
				t.Errorf("%d facts: expected a document that is PDF/UA", n)
			}
		}
	})
}

// TestFlowBytes: documents of many pages are sound, the same each time, and say what they
// hold to programs that extract text.
func TestFlowBytes(t *testing.T) {
	f, o := testFields(), testOptions()
	f.Facts, o.SignatureField, o.TestWatermark = courses(120), "Signature1", true
	for _, name := range []string{Certificate, Diploma} {
		tm := builtin(t, name, "A4")
		a, err := latin(t).Render(context.Background(), tm, f, o)
		if err != nil {
			t.Fatal(err)
		}
		b, err := latin(t).Render(context.Background(), tm, f, o)
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("expected equal bytes for equal inputs, found others: %v", err)
		}
		if len(a) > 150<<10 {
			t.Errorf("expected less than 150 KB, found %d bytes", len(a))
		}
		if pages := checkTree(t, open(t, a)); pages != 5 {
			t.Errorf("%s: expected 5 pages, found %d", name, pages)
		}
		if !bytes.Contains(a, []byte("<pdfuaid:part>1</pdfuaid:part>")) {
			t.Error("expected the identification of PDF/UA-1")
		}
		path := filepath.Join(t.TempDir(), "a.pdf")
		if err := os.WriteFile(path, a, 0o600); err != nil {
			t.Fatal(err)
		}
		if tool, err := exec.LookPath("qpdf"); err == nil {
			if out, err := exec.Command(tool, "--check", path).CombinedOutput(); err != nil {
				t.Errorf("qpdf: %v: %s", err, out)
			}
		}
		if tool, err := exec.LookPath("pdftotext"); err == nil {
			out, err := exec.Command(tool, path, "-").Output()
			if err != nil || !strings.Contains(string(out), f.Facts[119].Label) || !strings.Contains(strings.ReplaceAll(string(out), " ", ""), "5/5") {
				t.Errorf("pdftotext: expected the last fact, found %d bytes, %v", len(out), err)
			}
		}
	}
}

// checkTree checks that structure and pages refer to each other: every piece of marked
// content belongs to one element, which knows it (ISO 32000-1, 14.7.4.4).
func checkTree(t *testing.T, rev *pdf.Revision) int {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	cat, err := rev.Catalog()
	must(err)
	tree, err := rev.DictAt(cat, "StructTreeRoot")
	must(err)
	parents, err := rev.DictAt(tree, "ParentTree")
	must(err)
	nums, err := rev.ArrayAt(parents, "Nums")
	must(err)
	owners := map[pdf.Ref]map[pdf.Integer]pdf.Object{} // page, MCID
	var refs []pdf.Ref
	must(rev.Pages(func(p *pdf.Page) bool {
		refs = append(refs, p.Ref)
		if n, _ := rev.IntAt(p.Dict, "StructParents"); int(n) != len(refs)-1 {
			t.Errorf("page %d: StructParents is %d", len(refs), n)
		}
		if tabs, _ := rev.NameAt(p.Dict, "Tabs"); tabs != "S" {
			t.Errorf("page %d: expected tabs in the order of structure", len(refs))
		}
		return true
	}))
	for i, ref := range refs {
		if nums.At(2*i) != pdf.Object(pdf.Integer(i)) {
			t.Fatalf("expected key %d in the parent tree, found %v", i, nums.At(2*i))
		}
		o, err := rev.Resolve(nums.At(2*i + 1))
		must(err)
		owners[ref] = map[pdf.Integer]pdf.Object{}
		for k, r := range o.(*pdf.Array).All() {
			owners[ref][pdf.Integer(k)] = r
		}
	}
	var walk func(ref pdf.Object, parent string)
	walk = func(ref pdf.Object, parent string) {
		o, err := rev.Resolve(ref)
		must(err)
		e := o.(*pdf.Dict)
		role, _ := rev.NameAt(e, "S")
		if within := map[pdf.Name]string{"TR": "THead TBody", "TH": "TR", "TD": "TR", "THead": "Table", "TBody": "Table", "LI": "L", "Lbl": "LI", "LBody": "LI"}[role]; within != "" && !strings.Contains(within, parent) {
			t.Errorf("%s within %s", role, parent)
		}
		if role == "TH" {
			a, _ := rev.DictAt(e, "A")
			if scope, _ := rev.NameAt(a, "Scope"); scope != "Row" && scope != "Column" {
				t.Errorf("a TH of scope %q", scope)
			}
		}
		kids, err := rev.ArrayAt(e, "K")
		must(err)
		page, _ := e.Get("Pg").(pdf.Ref)
		for _, k := range kids.All() {
			on, id := page, pdf.Integer(-1)
			switch k := k.(type) {
			case pdf.Integer:
				id = k
			case *pdf.Dict:
				if kind, _ := rev.NameAt(k, "Type"); kind != "MCR" {
					continue
				}
				on, id = k.Get("Pg").(pdf.Ref), k.Get("MCID").(pdf.Integer)
			default:
				walk(k, string(role))
				continue
			}
			if owners[on][id] != ref {
				t.Errorf("%s has content %d of page %v, which is of %v", role, id, on, owners[on][id])
			}
			delete(owners[on], id)
		}
	}
	root, err := rev.ArrayAt(tree, "K")
	must(err)
	walk(root.At(0), "")
	for ref, left := range owners {
		if len(left) > 0 {
			t.Errorf("page %v: %d pieces of content that no element knows", ref, len(left))
		}
	}
	return len(refs)
}

// TestFlowLongRow: a fact that is longer than a page goes on, with its label said again for
// the eye only.
func TestFlowLongRow(t *testing.T) {
	f := testFields()
	f.Facts = []Fact{{Label: "Before", Value: "1"}, {Label: "Learning outcomes", Value: longText}, {Label: strings.Repeat("Donaudampfschiff", 20), Value: strings.Repeat("x", 3000)}, {Label: "After", Value: "2"}}
	for _, size := range []string{"A4", "Letter-landscape"} {
		d := composed(t, latin(t), builtin(t, Certificate, size), f, testOptions())
		b, err := latin(t).Render(context.Background(), builtin(t, Certificate, size), f, testOptions())
		if err != nil || checkTree(t, open(t, b)) != len(d.pages) {
			t.Errorf("%s: expected %d pages, found others: %v", size, len(d.pages), err)
		}
		var cells []*node
		said, again := map[*node]string{}, 0
		for _, s := range tell(d) {
			switch {
			case s.artifact && strings.TrimSpace(s.text) == "Learning outcomes":
				again++
			case s.node == nil || s.node.role != "TH" && s.node.role != "TD" || s.node.scope == "Column":
			default:
				if !slices.Contains(cells, s.node) {
					cells = append(cells, s.node)
				}
				said[s.node] += s.text
			}
		}
		var got []string
		for _, n := range cells {
			got = append(got, strings.TrimSpace(said[n]))
		}
		var want []string
		for _, fact := range f.Facts {
			want = append(want, fact.Label, strings.TrimSpace(fact.Value))
		}
		if !slices.Equal(got, want) || again == 0 {
			t.Errorf("%s: expected long texts whole, found %q; a label %d times more", size, got, again)
		}
	}
}

// TestFlowRefuses: what is too much is refused at once, with a typed error that says so.
func TestFlowRefuses(t *testing.T) {
	r := latin(t)
	for name, c := range map[string]struct {
		facts []Fact
		fit   bool // a FitError, else a FieldError
	}{
		"100000":         {slices.Repeat([]Fact{{Label: "a", Value: "b"}}, 100_000), false},
		"bytes":          {slices.Repeat([]Fact{{Label: "a", Value: strings.Repeat("b", 4000)}}, 70), false},
		"a long value":   {[]Fact{{Label: "a", Value: strings.Repeat("b", 5000)}}, false},
		"an empty label": {append(courses(60), Fact{Value: "b"}), false},
		"a control":      {append(courses(60), Fact{Label: "a", Value: "\x07"}), false},
		"pages":          {courses(2000), true},
		"lines":          {slices.Repeat([]Fact{{Label: "a", Value: strings.Repeat("\n", 4000) + "b"}}, 3), true},
	} {
		f := testFields()
		f.Facts = c.facts
		for _, tm := range []string{Certificate, Diploma} {
			_, err := r.Render(context.Background(), builtin(t, tm, "A4"), f, testOptions())
			var fit *FitError
			var field *FieldError
			if errors.As(err, &fit) != c.fit || errors.As(err, &field) == c.fit || fit != nil && (fit.Pages != 50 || !slices.Equal(fit.Fields, []string{"facts"})) {
				t.Errorf("%s: unexpected %v", name, err)
			}
			if again := r.Check(context.Background(), builtin(t, tm, "A4"), f, testOptions()); again == nil || again.Error() != err.Error() {
				t.Errorf("%s: Check says %v, Render %v", name, again, err)
			}
		}
	}
	f := testFields()
	f.Facts = courses(60)
	for page, ok := range map[int]bool{-1: false, 0: true, 1: true, 3: true, 4: false} {
		if _, err := r.Preview(context.Background(), builtin(t, Certificate, "A4"), f, testOptions(), PreviewOptions{Page: page, DPI: 20}); (err == nil) != ok {
			t.Errorf("preview of page %d of 3: %v", page, err)
		}
	}
}

// own is a template of somebody's own with a list of facts; more are members of that, and
// top those of the template.
func own(top, more string) string {
	return `{"format":"chancery-template/1","name":"x","page":{"size":"A4"},"colors":{"ink":"#000000"},` + top + `"elements":[
	{"kind":"text","box":[20,20,150,10],"text":"{title}","color":"ink","role":"H1"},{"kind":"facts","color":"ink","labelColor":"ink"` + more + `}]}`
}

// TestFlowOwn: in a template of somebody's own, facts go on where it says so, and are
// refused where they do not fit and it does not.
func TestFlowOwn(t *testing.T) {
	const boxed, flowing = `,"box":[20,40,100,100]`, `,"flow":{"box":[20,20,170,250],"size":11,"headings":["Fach","Note"]}`
	r := latin(t)
	f := Fields{Text: map[string]string{"title": "Zeugnis"}, Facts: courses(80)}
	for name, c := range map[string]struct {
		members string
		pages   int // 0: refused
	}{
		"a box": {boxed, 0}, "a box, and further pages": {boxed + flowing, 4}, "further pages": {flowing, 4},
		"no heading": {`,"flow":{"box":[20,20,170,250],"columns":3,"size":6}`, 2},
	} {
		tm, err := Parse([]byte(own("", c.members)))
		if err != nil {
			t.Fatal(name, err)
		}
		b, err := r.Render(context.Background(), tm, f, Options{Created: created})
		var fit *FitError
		if c.pages == 0 {
			if !errors.As(err, &fit) || fit.Pages != 0 {
				t.Errorf("%s: expected a FitError, found %v", name, err)
			}
			continue
		}
		if err != nil || checkTree(t, open(t, b)) != c.pages {
			t.Errorf("%s: expected %d pages, found others: %v", name, c.pages, err)
		}
	}
	for name, bad := range map[string]string{
		"neither box nor flow": own("", ``), "no box in flow": own("", `,"flow":{}`), "off the page": own("", `,"flow":{"box":[20,20,170,290]}`),
		"too narrow": own("", `,"flow":{"box":[20,20,30,250],"columns":2}`), "too low": own("", `,"flow":{"box":[20,20,170,20]}`), "no columns": own("", `,"flow":{"box":[20,20,170,250],"columns":0}`),
		"one heading": own("", `,"flow":{"box":[20,20,170,250],"headings":["a"]}`), "another member": own("", `,"flow":{"box":[20,20,170,250],"rows":3}`),
		"twice":                  strings.Replace(own("", flowing), `"elements":[`, `"elements":[{"kind":"facts","color":"ink","labelColor":"ink"`+flowing+`},`, 1),
		"facts on further pages": own("", flowing+`,"pages":"further"`), "pages": own("", flowing+`,"pages":"all"`), "a heading that is none": own("", `,"flow":{"box":[20,20,170,250],"headings":["{","b"]}`),
		"no language": own(`"translations":{"1":{}},`, flowing), "a language twice": own(`"translations":{"de":{},"DE":{}},`, flowing), "no text": own(`"translations":{"de":{"a":1}},`, flowing),
		"a given field": own(`"translations":{"de":{"page.count":"9"}},`, flowing), "default of a given field": own(`"defaults":{"page.number":"9"},`, flowing),
	} {
		var te *TemplateError
		if _, err := Parse([]byte(bad)); !errors.As(err, &te) {
			t.Errorf("%s: expected a TemplateError, found %v", name, err)
		}
	}
}

// TestAccessible: what a template does that PDF/UA does not allow is not said to be PDF/UA.
func TestAccessible(t *testing.T) {
	text := func(roles ...string) string {
		var all []string
		for i, role := range roles {
			all = append(all, fmt.Sprintf(`{"kind":"text","box":[20,%d,100,10],"text":"a","color":"ink","role":%q}`, 20+20*i, role))
		}
		return `{"format":"chancery-template/1","name":"x","page":{"size":"A4"},"colors":{"ink":"#000000"},"elements":[` + strings.Join(all, ",") + `]}`
	}
	page, err := latin(t).Render(context.Background(), builtin(t, Diploma, "A4"), onePage(), testOptions())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		template string
		want     bool
	}{
		"headings": {text("H1", "P", "H2", "H3", "H2"), true}, "none": {text("P"), true}, "a number": {text("P", "Artifact"), true},
		"no first": {text("H2"), false}, "one skipped": {text("H1", "H3"), false},
		"PDF of another": {string(backgroundTemplate("application/pdf", page)), false}, "a picture": {string(backgroundTemplate("image/png", photo(t, false))), true},
	} {
		tm, err := Parse([]byte(c.template))
		if err != nil {
			t.Fatal(name, err)
		}
		b, err := latin(t).Render(context.Background(), tm, Fields{Text: map[string]string{"a": "b"}}, Options{Created: created})
		if err != nil || bytes.Contains(b, []byte("pdfuaid:part>1<")) != c.want {
			t.Errorf("%s: expected PDF/UA %t, found the other: %v", name, c.want, err)
		}
	}
}

// TestLanguages: the shipped templates say in the language of the page what they say of
// themselves, and in English, marked as such, where they do not speak that.
func TestLanguages(t *testing.T) {
	for lang, want := range map[string][]string{
		"": {"Certificate", "awarded to"}, "en-GB": {"Certificate", "awarded to"}, "de": {"Zertifikat", "verliehen an"}, "de-AT": {"Zertifikat", "verliehen an"}, "DE": {"Zertifikat", "verliehen an"},
		"den": {"Certificate", "awarded to"}, "fi": {"Certificate", "awarded to"},
	} {
		o := testOptions()
		o.Lang = lang
		d := composed(t, latin(t), builtin(t, Certificate, "A4"), testFields(), o)
		var got, marked []string
		for _, s := range tell(d) {
			got = append(got, s.text)
			if s.node != nil && s.node.lang == "en" {
				marked = append(marked, s.text)
			}
		}
		for _, text := range want {
			if !slices.Contains(got, text) {
				t.Errorf("%q: expected %q, found %q", lang, text, got)
			}
			if slices.Contains(marked, text) != (lang == "fi" || lang == "den") {
				t.Errorf("%q: %q is marked as English: %t", lang, text, slices.Contains(marked, text))
			}
		}
	}
	for _, w := range wording {
		for i, text := range w.texts {
			if text == "" || strings.TrimSpace(text) != text {
				t.Errorf("%s: expected a text in %s, found %q", w.name, languages[i], text)
			}
		}
	}
	if Word("label.to", "de-CH") != "an" || Word("label.to", "fr") != "to" || Word("nothing", "de") != "" {
		t.Error("unexpected words")
	}
}

// TestFlowArabic: a table in a language that is written from the right begins there, with
// numbers of pages in its digits.
func TestFlowArabic(t *testing.T) {
	f, o := testFields(), testOptions()
	f.Facts, o.Lang = arabicCourses(60), "ar"
	r := withFonts(t)
	d, _, err := r.compose(context.Background(), r.pool.Get().(*shaper), builtin(t, Certificate, "A4"), f, o)
	if err != nil {
		t.Fatal(err)
	}
	var label, value float64
	number := false
	for _, s := range tell(d) {
		if s.node != nil && s.node.role == "TH" && s.node.scope == "Row" && label == 0 {
			label = s.x
		}
		if s.node != nil && s.node.role == "TD" && value == 0 {
			value = s.x
		}
		number = number || s.page == 2 && s.artifact && strings.ContainsRune(s.text, '٣') && !strings.ContainsAny(s.text, "0123456789")
	}
	if len(d.pages) != 3 || label <= value || !number {
		t.Errorf("expected labels to the right of values and Arabic digits on 3 pages, found %g and %g, %t, on %d", label, value, number, len(d.pages))
	}
	for lang, want := range map[string]bool{"ar": true, "fa-IR": true, "he": true, "uz-Arab": true, "ar-Latn": false, "en": false, "de": false, "arn": false} {
		if writtenLeft(lang) != want {
			t.Errorf("%s: written to the left is %t", lang, !want)
		}
	}
}
