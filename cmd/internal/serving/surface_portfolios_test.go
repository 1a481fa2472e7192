package serving_test

import (
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/internal/httpapi"
)

// TestPortfolioCounts: a portfolio, for which each of its credentials is verified, counts as
// several requests of an address; a small one as one.
func TestPortfolioCounts(t *testing.T) {
	f := newFort(t, func(p *serving.Parts) { p.AddressRate = httpapi.Rate{PerSecond: 0.001, Burst: 10} })
	person := f.ok("north/test", "POST", "/v1/credentials", aina(map[string]any{"visibility": "public"})).text("recipient", "id")
	var items []any
	for range 40 {
		c := f.ok("north/test", "POST", "/v1/credentials", aina(map[string]any{"visibility": "public", "recipient": map[string]any{"id": person, "name": "Aina Rahman"}}))
		items = append(items, map[string]any{"credential": c.text("id"), "visible": true})
	}
	page := func(slug string, n int) (answered int) {
		f.ok("north/test", "PUT", "/v1/portfolios/"+slug, map[string]any{"title": "P", "subjectId": person, "public": true, "items": items[:n]})
		for range 20 {
			switch a := f.call("", "GET", "/p/"+slug, nil, "Accept", "text/html"); {
			case a.status == 200 && strings.Count(string(a.body), "/c/") >= n:
				answered++
			case a.status != 429 || a.header.Get("Retry-After") == "":
				t.Fatalf("%d %s", a.status, a.body)
			}
		}
		return answered
	}
	if n := page("large", 40); n != 2 { // 1 and 4 more, twice
		t.Errorf("a page of 40 was given %d times", n)
	}
	f = newFort(t, func(p *serving.Parts) { p.AddressRate = httpapi.Rate{PerSecond: 0.001, Burst: 10} })
	person = f.ok("north/test", "POST", "/v1/credentials", aina(nil)).text("recipient", "id")
	items = nil
	for range 5 {
		c := f.ok("north/test", "POST", "/v1/credentials", aina(map[string]any{"visibility": "public", "recipient": map[string]any{"id": person, "name": "Aina Rahman"}}))
		items = append(items, map[string]any{"credential": c.text("id"), "visible": true})
	}
	if n := page("small", 5); n != 10 {
		t.Errorf("a page of 5 was given %d times", n)
	}
}
