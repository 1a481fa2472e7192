package serving

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/chancery-dev/chancery/internal/service"
)

// HintError is an error with what to do about it.
type HintError struct {
	Err  error
	Hint string
}

func (e *HintError) Error() string { return e.Err.Error() }
func (e *HintError) Unwrap() error { return e.Err }

// sealer reads the master key. It makes one at the very first start alone: beside a
// database, a new key would open nothing that is in it.
func (op *opener) sealer() error {
	text := []byte(op.c.MasterKey.Reveal())
	op.in.masterKey = "the setting masterKey"
	if len(text) == 0 {
		name := op.path("", "master.key")
		op.in.masterKey = name
		var err error
		text, err = os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			if err := op.untouched(name); err != nil {
				return err
			}
			key := service.GenerateMasterKey()
			text = []byte(base64.StdEncoding.EncodeToString(key[:]) + "\n")
			err = writeNew(name, text)
		}
		if err != nil {
			return err
		}
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(b) != len(service.MasterKey{}) {
		return fmt.Errorf("%s: expected base64 of 32 bytes", op.in.masterKey)
	}
	op.ring, err = service.NewKeyRing(service.MasterKey(b))
	op.p.Sealer = op.ring
	return err
}

// untouched refuses to make a key beside a database.
func (op *opener) untouched(name string) error {
	if op.c.Database.Postgres.Set() {
		return errors.New("expected the key that all processes on one PostgreSQL share")
	}
	database := op.path("", "chancery.db")
	if _, err := os.Lstat(database); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	return &HintError{fmt.Errorf("expected %s, the key that secrets in %s are sealed with, found no such file", name, database),
		fmt.Sprintf("put %s back from its backup, or set masterKey to it. Nothing else opens the issuers' keys. To begin anew, without the institutions of before, move %s* away", name, database)}
}

// checkMasterKey refuses another key than the one that the database is sealed under.
func (op *opener) checkMasterKey(ctx context.Context, core *service.Service) error {
	err := core.CheckMasterKey(ctx)
	var wrong *service.WrongMasterKeyError
	if errors.As(err, &wrong) {
		return &HintError{fmt.Errorf("masterKey: expected key %s, which the database is sealed under, found key %s in %s", wrong.Sealed, op.ring.KeyID(), op.in.masterKey),
			"name the key that belongs to this database, from its backup: no other opens the issuers' keys"}
	}
	if err != nil {
		return fmt.Errorf("masterKey: %w", err)
	}
	return nil
}

// writeNew writes a file that only its owner reads, and that was not there. It is on the
// disk when this returns, name and all.
func writeNew(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	if runtime.GOOS == "windows" {
		return nil // it has no call for directories, and refuses the one for files
	}
	dir, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
