package page

import (
	"fmt"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/web/words"
	"github.com/chancery-dev/chancery/verifier"
)

// TestPortfolioCodes: no codes are drawn for a page that shows none.
func TestPortfolioCodes(t *testing.T) {
	r, err := New("https://chancery.example")
	if err != nil {
		t.Fatal(err)
	}
	en, _ := words.For("en")
	q := Request{Lang: en}
	view := service.PublicView{PublicID: "coTgGX8NljpO0eXjTK0tCb", Type: "Training", Digest: "aa", Verdict: service.Verdict{Report: &verifier.Report{Outcome: verifier.Valid}}}
	if r.sheet(q, view).Code == "" || r.summary(q, view).Code != "" {
		t.Error("expected a code on a certificate, and none in a summary")
	}
	p := service.PublicPortfolioView{Slug: "aina", Title: "Aina"}
	for i := range 100 {
		v := view
		v.PublicID = fmt.Sprintf("%s%d", v.PublicID, i)
		p.Items = append(p.Items, v)
	}
	least := func(f func()) time.Duration { // of some rounds, as others use the machine too
		out := time.Hour
		for range 15 {
			began := time.Now()
			f()
			out = min(out, time.Since(began))
		}
		return out
	}
	page := least(func() {
		if _, err := r.Portfolio(q, p); err != nil {
			t.Fatal(err)
		}
	})
	codes := least(func() {
		for _, v := range p.Items {
			qrCode("https://chancery.example/c/"+v.PublicID+"#"+v.Digest, "code")
		}
	})
	if page >= codes {
		t.Errorf("a page of 100 takes %v, their codes, which nobody sees, %v", page, codes)
	}
}
