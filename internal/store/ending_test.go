package store

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"testing"
)

func TestEnding(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(ending{slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})}).With("part", "x")
	log.Error("stopped", "error", context.Canceled)
	log.Error("stopped", "n", 1, "error", fmt.Errorf("begin: %w", context.Canceled).Error())
	log.Error("late", "error", context.DeadlineExceeded)
	log.Warn("context canceled")
	want := "level=ERROR msg=late part=x error=\"context deadline exceeded\"\nlevel=WARN msg=\"context canceled\" part=x\n"
	if b.String() != want {
		t.Errorf("found\n%s\nexpected\n%s", &b, want)
	}
}
