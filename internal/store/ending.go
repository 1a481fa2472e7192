package store

import (
	"context"
	"log/slog"
	"strings"
)

// ending is River's log without what it takes for faults while it is being stopped: that a
// context has ended is how it is told to.
type ending struct{ slog.Handler }

// Handle implements slog.Handler.
func (h ending) Handle(ctx context.Context, r slog.Record) error {
	canceled := false
	r.Attrs(func(a slog.Attr) bool {
		canceled = a.Key == "error" && strings.HasSuffix(a.Value.String(), context.Canceled.Error())
		return !canceled
	})
	if canceled {
		if r.Level = slog.LevelDebug; !h.Enabled(ctx, r.Level) {
			return nil
		}
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h ending) WithAttrs(attrs []slog.Attr) slog.Handler { return ending{h.Handler.WithAttrs(attrs)} }

// WithGroup implements slog.Handler.
func (h ending) WithGroup(name string) slog.Handler { return ending{h.Handler.WithGroup(name)} }
