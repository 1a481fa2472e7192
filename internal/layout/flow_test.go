package layout

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
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
					Fact{Label: "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft", Value: "https://very.long.example/" + string(make([]byte, 0)) + "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"},
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
