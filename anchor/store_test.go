package anchor_test

import (
	"testing"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/anchor/storetest"
)

func TestMemStore(t *testing.T) {
	storetest.Run(t, storetest.Suite{New: func(*testing.T) anchor.Store { return anchor.NewMemStore() }})
}

func TestFileStore(t *testing.T) {
	dirs := map[anchor.Store]string{}
	open := func(t *testing.T, dir string) anchor.Store {
		t.Helper()
		s, err := anchor.OpenFileStore(dir)
		if err != nil {
			t.Fatal(err)
		}
		dirs[s] = dir
		t.Cleanup(func() { s.Close() })
		return s
	}
	storetest.Run(t, storetest.Suite{
		New: func(t *testing.T) anchor.Store { return open(t, t.TempDir()) },
		Reopen: func(t *testing.T, s anchor.Store) anchor.Store {
			// Everything that returned is on disk: closing adds nothing but frees the lock.
			if err := s.(*anchor.FileStore).Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, dirs[s])
		},
	})
}
