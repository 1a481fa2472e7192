package portfolio_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/memstore"
	"github.com/chancery-dev/chancery/internal/service/portfolio"
)

var (
	scope = service.Scope{Tenant: "academy", Environment: service.Live}
	test  = service.Scope{Tenant: "academy", Environment: service.Test}
	start = time.Date(2026, 5, 10, 8, 0, 0, 0, time.UTC)
)

func setUp(t *testing.T) *portfolio.Portfolios {
	t.Helper()
	clock := func() time.Time { return start }
	store := memstore.New(clock)
	err := store.Update(t.Context(), func(tx service.Tx) error {
		for _, s := range []service.Scope{scope, test} {
			for _, person := range []string{"aina", "bo"} {
				if err := service.Put(t.Context(), tx, s, service.Record{Kind: service.KindSubject, ID: person, Created: start}, map[string]string{"name": person}); err != nil {
					return err
				}
				for n := range 3 {
					state := []service.State{service.StateIssued, service.StateRevoked, service.StateDraft}[n]
					c := service.StoredCredential{ID: fmt.Sprintf("%s-%d", person, n), PublicID: fmt.Sprintf("%s%s%d", s.Environment, person, n), SubjectID: person, State: state, Created: start, Body: []byte("{}")}
					if err := tx.AddCredential(t.Context(), s, c); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := portfolio.New(portfolio.Config{Store: store, BaseURL: "https://chancery.example/", Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func items(ids ...string) []service.PortfolioItem {
	var out []service.PortfolioItem
	for n, id := range ids {
		out = append(out, service.PortfolioItem{Credential: id, Visible: n%2 == 0})
	}
	return out
}

func TestRefuse(t *testing.T) {
	p := setUp(t)
	c := service.System(scope)
	good := func() service.PortfolioInput {
		return service.PortfolioInput{Title: "Aina", SubjectID: "aina", Public: true, Items: items("aina-0")}
	}
	for _, slug := range []string{"", "ab", "Aina", "aina_r", "-aina", "aina-", "ai--na", "aina.r", "aina/r", "ainä", "../x", "aina\n", strings.Repeat("a", 65), "%2e%2e"} {
		var e *service.Error
		if _, err := p.PutPortfolio(t.Context(), c, slug, good()); !errors.As(err, &e) || e.Code != service.CodeValidation || e.Fields["slug"] == nil {
			t.Errorf("%q: %v", slug, err)
		}
	}
	for field, edit := range map[string]func(*service.PortfolioInput){
		"title": func(in *service.PortfolioInput) { in.Title = " " }, "subjectId": func(in *service.PortfolioInput) { in.SubjectID = "nobody" },
		"items[0].credential": func(in *service.PortfolioInput) { in.Items = items("bo-0") },
		"items[1].credential": func(in *service.PortfolioInput) { in.Items = items("aina-0", "aina-0") },
		"items":               func(in *service.PortfolioInput) { in.Items = make([]service.PortfolioItem, 201) },
	} {
		in := good()
		edit(&in)
		var e *service.Error
		if _, err := p.PutPortfolio(t.Context(), c, "aina", in); !errors.As(err, &e) || e.Fields[field] == nil {
			t.Errorf("%s: %v", field, err)
		}
	}
	for name, list := range map[string][]service.PortfolioItem{"a draft": items("aina-2"), "nothing": items("CX-9"), "no id": items("")} {
		in := good()
		in.Items = list
		var e *service.Error
		if _, err := p.PutPortfolio(t.Context(), c, "aina", in); !errors.As(err, &e) || e.Fields["items[0].credential"] == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	in := good()
	for _, title := range []string{"", "\u200d", "\u0301", "a\u2028b", "a\u202eb"} {
		in.Title = title
		if _, err := p.PutPortfolio(t.Context(), c, "aina", in); err == nil {
			t.Errorf("the title %q is taken", title)
		}
	}
	in.Title = "a\nb"
	if _, err := p.PutPortfolio(t.Context(), c, "aina", in); err == nil {
		t.Error("a title of two lines is taken")
	}
	if _, err := p.GetPortfolio(t.Context(), c, "aina"); !service.IsNotFound(err) {
		t.Errorf("a refused portfolio is there: %v", err)
	}
	c.Permissions = []service.Permission{service.MayRead}
	if _, err := p.PutPortfolio(t.Context(), c, "aina", good()); err == nil {
		t.Error("without the scope")
	}
}

func TestPut(t *testing.T) {
	p := setUp(t)
	c := service.System(scope)
	in := service.PortfolioInput{Title: "Aina", SubjectID: "aina", Public: true, Items: items("aina-1", "aina-0")}
	got, err := p.PutPortfolio(t.Context(), c, "aina", in)
	if err != nil || got.URL != "https://chancery.example/p/aina" || len(got.Items) != 2 || got.Items[0].Credential != "aina-1" || !got.Items[0].Visible || got.Items[1].Visible {
		t.Fatalf("found %+v, %v", got, err)
	}
	in.Items, in.Public = items("aina-0"), false
	if got, err = p.PutPortfolio(t.Context(), c, "aina", in); err != nil || len(got.Items) != 1 || got.Public {
		t.Fatalf("found %+v, %v", got, err)
	}
	read, err := p.GetPortfolio(t.Context(), c, "aina")
	if err != nil || len(read.Items) != 1 || read.Title != "Aina" {
		t.Fatalf("found %+v, %v", read, err)
	}
	if _, err := p.GetPortfolio(t.Context(), service.System(test), "aina"); !service.IsNotFound(err) {
		t.Errorf("from the other environment: %v", err)
	}
	var e *service.Error
	if _, err := p.PutPortfolio(t.Context(), service.System(test), "aina", in); !errors.As(err, &e) || e.Code != service.CodeDuplicate {
		t.Errorf("a slug of another scope: %v", err)
	}
	in.SubjectID, in.Items = "bo", nil
	if _, err := p.PutPortfolio(t.Context(), c, "aina", in); !errors.As(err, &e) || e.Code != service.CodeDuplicate {
		t.Errorf("a slug of another person: %v", err)
	}
}

// TestRace: of several who want a slug at once, one gets it.
func TestRace(t *testing.T) {
	p := setUp(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	owners := map[string]int{}
	for n := range 16 {
		who := []string{"aina", "bo"}[n%2]
		wg.Go(func() {
			_, err := p.PutPortfolio(t.Context(), service.System(scope), "wanted", service.PortfolioInput{Title: "x", SubjectID: who})
			var e *service.Error
			if err != nil && (!errors.As(err, &e) || e.Code != service.CodeDuplicate) {
				t.Error(err)
			}
			if err == nil {
				mu.Lock()
				owners[who]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(owners) != 1 {
		t.Errorf("found %v", owners)
	}
}
