package serving_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/internal/httpapi"
	"github.com/chancery-dev/chancery/internal/store/postgres"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
)

// TestAskedAtOnce: on a database that runs transactions beside one another, of many who are
// asked to sign at the same moment one has a link, and no document has more signatures than
// it may.
func TestAskedAtOnce(t *testing.T) {
	dsn := pgServer.Database(t, "", nil)
	store, err := postgres.Open(t.Context(), postgres.Config{DSN: dsn, Now: time.Now, Connections: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	f := newFort(t, func(p *serving.Parts) {
		p.Store, p.Mailer = store, &letters{}
		p.KeyRate, p.AddressRate = httpapi.Rate{PerSecond: 1e6, Burst: 1e6}, httpapi.Rate{PerSecond: 1e6, Burst: 1e6}
	})
	ask := func(document string, n int) {
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				in := map[string]any{"kind": "thirdParty", "signer": map[string]any{"name": "P", "email": fmt.Sprintf("p%d@example.com", i)}}
				if a := f.call("north/live", "POST", document+"/signatures", in); a.status != 201 && a.status != 409 {
					t.Errorf("asking: %d %s", a.status, a.body)
				}
			})
		}
		wg.Wait()
	}
	for round := range 4 {
		document := f.upload("north/live", "/v1/documents", padestest.Sample{Pages: 1 + round}.Build(t)).header.Get("Location")[len(f.url):]
		many := 12
		if round == 0 {
			many = 60
		}
		ask(document, many)
		var doc struct {
			Data struct {
				Signatures []struct{ State, ExpiresAt string }
			}
		}
		json.Unmarshal(f.ok("north/live", "GET", document, nil).body, &doc)
		links := 0
		for _, s := range doc.Data.Signatures {
			if s.ExpiresAt != "" {
				links++
			}
		}
		if n := len(doc.Data.Signatures); links != 1 || n != min(many, 50) {
			t.Errorf("of %d who were asked at once, %d are kept and %d have a link", many, n, links)
		}
	}
}
