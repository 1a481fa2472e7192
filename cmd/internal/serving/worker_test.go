package serving

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/blob"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/store/sqlite"
)

// TestWorkerDoesAllJobs: a process that only works does every job that one which also
// answers requests would do.
func TestWorkerDoesAllJobs(t *testing.T) {
	store, err := sqlite.Open(t.Context(), sqlite.Config{Path: t.TempDir() + "/chancery.db", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	ring, err := service.NewKeyRing(service.GenerateMasterKey())
	if err != nil {
		t.Fatal(err)
	}
	jobs := func(worker bool) (kinds, every []string) {
		s, err := New(Parts{Store: store, Blobs: blob.NewMemory(0), Sealer: ring, BaseURL: "https://chancery.example", Clock: time.Now, NoAPI: worker})
		if err != nil {
			t.Fatal(err)
		}
		return slices.Sorted(maps.Keys(s.handlers)), slices.Sorted(maps.Keys(s.every))
	}
	kinds, every := jobs(false)
	if k, e := jobs(true); !slices.Equal(k, kinds) || !slices.Equal(e, every) || len(every) == 0 {
		t.Errorf("a worker does %v, of itself %v; expected %v and %v", k, e, kinds, every)
	}
}
