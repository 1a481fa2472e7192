//go:build unix

package layout

import (
	"context"
	"slices"
	"syscall"
	"testing"
	"time"
)

// cpu is the processor time the process has used: what a page costs, however busy the
// machine is.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// target renders after a warm-up and reports the median processor time of a page, garbage
// collection included, against its limit.
func target(b *testing.B, limit float64, r *Renderer, tm *Template, f Fields) {
	o := testOptions()
	page := func() {
		if _, err := r.Render(context.Background(), tm, f, o); err != nil {
			b.Fatal(err)
		}
	}
	for range 5 {
		page()
	}
	var rounds []float64
	for b.Loop() {
		start := cpu(b)
		for range 4 {
			page()
		}
		rounds = append(rounds, float64((cpu(b)-start).Microseconds())/4000)
	}
	slices.Sort(rounds)
	b.ReportMetric(rounds[len(rounds)/2], "ms_op")
	b.ReportMetric(limit, "ms_limit")
}

// onePage is a diploma without a list on a second page.
func onePage() Fields {
	f := testFields()
	f.Facts = nil
	return f
}

func BenchmarkTargetRenderLatin(b *testing.B) {
	r := latin(b)
	target(b, 10, r, builtin(b, Diploma, "A4-landscape"), onePage())
}

func BenchmarkTargetRenderAllScripts(b *testing.B) {
	f := onePage()
	f.Text["description"] = "Ἀριστοτέλης · Олександра · محمد بن سلام · क्षितिज श्रीवास्तव\n王小明 · 臺灣大學 · 山田 花子さん · 김민수 교수"
	f.Text["recipient"] = "Ada محمد क्षितिज 王小明 김민수"
	target(b, 60, withFonts(b), builtin(b, Diploma, "A4-landscape"), f)
}

func BenchmarkPreview(b *testing.B) {
	r := latin(b)
	tm := builtin(b, Diploma, "A4-landscape")
	for b.Loop() {
		if _, err := r.Preview(context.Background(), tm, testFields(), testOptions(), PreviewOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := New(Config{}); err != nil {
			b.Fatal(err)
		}
	}
}
