package store

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Engine is what differs between the engines in the text of migrations. It replaces
// words in braces and the types.
type Engine struct {
	Text        string // type of text columns, compared by bytes
	Integer     string // type of columns of 64 bits
	Strict      string // table option
	StrictKeyed string // table option where rows are small and found by their key
}

// The engines.
var (
	SQLite     = Engine{Text: "TEXT", Integer: "INTEGER", Strict: "STRICT", StrictKeyed: "STRICT, WITHOUT ROWID"}
	PostgreSQL = Engine{Text: `TEXT COLLATE "C"`, Integer: "BIGINT"}
)

type migration struct {
	version    int64
	statements []string
}

func migrations(e Engine) ([]migration, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	replace := strings.NewReplacer(" TEXT", " "+e.Text, " BIGINT", " "+e.Integer, "{STRICT}", e.Strict, "{STRICT_KEYED}", e.StrictKeyed, "{TAB}", "\t", "{LF}", "\n")
	var out []migration
	for _, name := range names {
		text, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		number, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("store: migration %s has no number: %w", name, err)
		}
		m := migration{version: version}
		for stmt := range strings.SplitSeq(withoutComments(string(text)), ";") {
			if stmt = strings.TrimSpace(replace.Replace(stmt)); stmt != "" {
				m.statements = append(m.statements, stmt)
			}
		}
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b migration) int { return cmp.Compare(a.version, b.version) })
	return out, nil
}

func withoutComments(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "--") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// InUseError is that the tables have to be changed, and a process of another version works
// with them: under its hands they are not.
type InUseError struct {
	Processes int // 0: some
}

func (e *InUseError) Error() string {
	n := "a process"
	if e.Processes > 1 {
		n = strconv.Itoa(e.Processes) + " processes"
	}
	return "store: this version of the program has to change the tables, and expected to be alone with them, found " + n + " of another version at work"
}

// NewerError is that a newer version of this program has changed the tables.
type NewerError struct{ Has, Known int64 }

func (e *NewerError) Error() string {
	return fmt.Sprintf("store: the database has schema %d, this program knows %d: it is too old for it", e.Has, e.Known)
}

// Behind reports whether there are tables, and they are not of the newest form. A database
// that is newer than this program is refused.
func Behind(ctx context.Context, q Querier, e Engine) (bool, error) {
	all, err := migrations(e)
	if err != nil {
		return false, err
	}
	done, err := migrated(ctx, q, all)
	return len(done) != 0 && len(done) < len(all), err
}

// migrated are the versions that a database has.
func migrated(ctx context.Context, q Querier, all []migration) ([]int64, error) {
	if _, err := q.Exec(ctx, `CREATE TABLE IF NOT EXISTS schema_migration (version BIGINT NOT NULL PRIMARY KEY)`); err != nil {
		return nil, err
	}
	done, err := read(ctx, q, scanInt, `SELECT version FROM schema_migration ORDER BY version`, nil)
	if err != nil {
		return nil, err
	}
	if n := len(done); n > 0 && done[n-1] > all[len(all)-1].version {
		return nil, &NewerError{Has: done[n-1], Known: all[len(all)-1].version}
	}
	return done, nil
}

// Migrate brings the tables to the newest form. The caller holds a lock, so that one
// process at a time does it, and runs it in a transaction. A database that is newer than
// this program is refused.
func Migrate(ctx context.Context, q Querier, e Engine) error {
	all, err := migrations(e)
	if err != nil {
		return err
	}
	done, err := migrated(ctx, q, all)
	if err != nil {
		return err
	}
	for _, m := range all {
		if slices.Contains(done, m.version) {
			continue
		}
		for _, stmt := range m.statements {
			if _, err := q.Exec(ctx, stmt); err != nil {
				return fmt.Errorf("store: migration %d: %w", m.version, err)
			}
		}
		if _, err := q.Exec(ctx, `INSERT INTO schema_migration (version) VALUES ($1)`, m.version); err != nil {
			return err
		}
	}
	return nil
}
