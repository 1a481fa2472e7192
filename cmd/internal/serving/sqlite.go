package serving

import (
	"context"
	"log/slog"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// SQLite is the store in one file.
type SQLite interface {
	service.Store
	// Backup writes a copy of the database to a new file.
	Backup(ctx context.Context, path string) error
}

// SQLiteConfig says which file, and how; its fields are those of the store's configuration.
type SQLiteConfig struct {
	Path   string
	Now    func() time.Time
	Alone  func() error // nil: nobody is asked
	Logger *slog.Logger // nil: nobody is told
}
