package mail

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// Files is a service.Mailer that sends nothing: it writes mail into a directory, as .eml
// files, for development and demonstrations. The same Message-ID again replaces the file.
type Files struct {
	dir   string
	from  From
	clock func() time.Time
}

var _ service.Mailer = (*Files)(nil)

// NewFiles makes the directory where it is not there. Mail is for its owner's eyes: files
// are made with mode 0600.
func NewFiles(dir string, from From, clock func() time.Time) (*Files, error) {
	if dir == "" || clock == nil {
		return nil, errors.New("mail: expected a directory and a clock")
	}
	if err := from.check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("mail: making the directory: %w", err)
	}
	return &Files{dir: dir, from: from, clock: clock}, nil
}

// Send implements service.Mailer. The file is there wholly or not at all.
func (f *Files) Send(ctx context.Context, m service.Mail) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	msg, err := compose(f.from, m, f.clock())
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(f.dir, ".part-*")
	if err != nil {
		return fmt.Errorf("mail: writing a file: %w", err)
	}
	_, err = tmp.Write(msg.bytes)
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), filepath.Join(f.dir, EMLName(m.MessageID)))
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
		return fmt.Errorf("mail: writing a file: %w", err)
	}
	return nil
}

// EMLName is the name of the file of a mail.
func EMLName(messageID string) string {
	id := strings.Map(func(r rune) rune {
		if r < 0x80 && (r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("-_@.", r)) {
			return r
		}
		return '_'
	}, strings.Trim(messageID, "<>"))
	if len(id) > 200 {
		id = id[:200]
	}
	return strings.TrimLeft(id, ".") + ".eml"
}
