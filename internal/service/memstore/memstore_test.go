package memstore_test

import (
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/memstore"
	"github.com/chancery-dev/chancery/internal/service/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, storetest.Suite{New: func(t *testing.T) service.Store { return memstore.New(time.Now) }})
}
