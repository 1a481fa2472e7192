// Package pgtest starts a PostgreSQL server for tests: one for each test program, on a
// Unix socket in a directory of its own, as an unprivileged user. Call Main from TestMain
// and Database in tests.
//
// The programs initdb and pg_ctl are found through PATH or in /usr/lib/postgresql. Where
// there are none, tests are skipped. With a data source name given to Main no server is
// started, and databases are made and dropped in that one.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a running server.
type Server struct {
	dsn       string // of the maintenance database
	dir       string // "" where the server is not ours
	bin       string
	missing   string // why there is none
	startOnce sync.Once
	err       error

	mu        sync.Mutex
	templates map[string]string
}

// New returns a server that starts when it is first needed. A data source name that is not
// empty is used instead of starting one.
func New(dsn string) *Server { return &Server{dsn: dsn, templates: map[string]string{}} }

// Stop ends the server and removes its files.
func (s *Server) Stop() error {
	if s.dir == "" {
		return nil
	}
	_, err := s.run(context.Background(), "pg_ctl", "-D", filepath.Join(s.dir, "data"), "-m", "immediate", "-w", "stop")
	return errors.Join(err, os.RemoveAll(s.dir))
}

// Crash ends the server as a loss of power would, and Resume starts it again.
func (s *Server) Crash(tb testing.TB) {
	tb.Helper()
	if s.dir == "" {
		tb.Skip("the PostgreSQL server is not ours to stop")
	}
	if _, err := s.run(context.Background(), "pg_ctl", "-D", filepath.Join(s.dir, "data"), "-m", "immediate", "-w", "stop"); err != nil {
		tb.Fatal(err)
	}
}

// Resume starts the server that Crash has ended.
func (s *Server) Resume(tb testing.TB) {
	tb.Helper()
	if err := s.launch(context.Background()); err != nil {
		tb.Fatal(err)
	}
}

// Database makes a database and returns its data source name. prepare, which may be nil,
// fills the template of that name once; the database is a copy of it.
func (s *Server) Database(tb testing.TB, template string, prepare func(ctx context.Context, dsn string) error) string {
	tb.Helper()
	s.startOnce.Do(func() { s.err = s.start(context.Background()) })
	if s.err != nil {
		tb.Fatal(s.err)
	}
	if s.missing != "" {
		tb.Skip(s.missing)
	}
	ctx := context.Background()
	from, err := s.template(ctx, template, prepare)
	if err != nil {
		tb.Fatal(err)
	}
	name := "t" + strings.ToLower(rand.Text())
	if err := s.admin(ctx, "CREATE DATABASE "+name+" TEMPLATE "+from); err != nil {
		tb.Fatal(err)
	}
	if s.dir != "" {
		return s.with(name) // it goes with the server, which is faster
	}
	tb.Cleanup(func() {
		if err := s.admin(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			tb.Error(err)
		}
	})
	return s.with(name)
}

func (s *Server) template(ctx context.Context, name string, prepare func(context.Context, string) error) (string, error) {
	if prepare == nil {
		return "template0", nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.templates[name] == "" {
		db := "t" + strings.ToLower(rand.Text())
		if err := s.admin(ctx, "CREATE DATABASE "+db+" TEMPLATE template0"); err != nil {
			return "", err
		}
		if err := prepare(ctx, s.with(db)); err != nil {
			return "", err
		}
		s.templates[name] = db
	}
	return s.templates[name], nil
}

// with is the data source name of another database of the server.
func (s *Server) with(database string) string {
	c, err := pgx.ParseConfig(s.dsn)
	if err != nil {
		return s.dsn
	}
	return fmt.Sprintf("host=%s port=%d user=%s password='%s' dbname=%s", c.Host, c.Port, c.User, c.Password, database)
}

func (s *Server) admin(ctx context.Context, sql string) error {
	c, err := pgx.Connect(ctx, s.dsn)
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	_, err = c.Exec(ctx, sql)
	return errors.Join(err, c.Close(ctx))
}

func (s *Server) start(ctx context.Context) error {
	if s.dsn != "" {
		return nil
	}
	bin, err := programs()
	if err != nil {
		s.missing = "no PostgreSQL: " + err.Error()
		return nil
	}
	s.bin = bin
	uid, gid, err := unprivileged()
	if err != nil {
		s.missing = "no PostgreSQL: " + err.Error()
		return nil
	}
	// Names of sockets are short, unlike those of t.TempDir.
	if s.dir, err = os.MkdirTemp("", "pg"); err != nil {
		return err
	}
	if uid >= 0 {
		if err := os.Chown(s.dir, uid, gid); err != nil {
			return err
		}
	}
	data := filepath.Join(s.dir, "data")
	if out, err := s.run(ctx, "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"); err != nil {
		return fmt.Errorf("pgtest: %w: %s", err, out)
	}
	s.dsn = fmt.Sprintf("host=%s port=5432 user=postgres dbname=postgres", s.dir)
	return s.launch(ctx)
}

// launch starts the server with fsync on: writes are as durable as in production; and with
// as many buffers as a server has in production. They take memory as they are used.
func (s *Server) launch(ctx context.Context) error {
	data := filepath.Join(s.dir, "data")
	options := "-c listen_addresses='' -c unix_socket_directories=" + s.dir + " -c fsync=on -c max_connections=200 -c shared_buffers=1GB -c log_min_messages=fatal"
	if out, err := s.run(ctx, "pg_ctl", "-D", data, "-l", filepath.Join(s.dir, "log"), "-o", options, "-w", "-t", "60", "start"); err != nil {
		return fmt.Errorf("pgtest: %w: %s", err, out)
	}
	return nil
}

// run runs a program of PostgreSQL, as another user where this one is root.
func (s *Server) run(ctx context.Context, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	args = append([]string{filepath.Join(s.bin, program)}, args...)
	if uid, gid, err := unprivileged(); err == nil && uid >= 0 {
		args = append([]string{"setpriv", "--reuid=" + strconv.Itoa(uid), "--regid=" + strconv.Itoa(gid), "--clear-groups"}, args...)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = s.dir
	// The server outlives pg_ctl and would hold a pipe open: output goes to a file.
	f, err := os.CreateTemp("", "pgtest")
	if err != nil {
		return "", err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // a temporary file
	defer f.Close()           //nolint:errcheck // read below
	cmd.Stdout, cmd.Stderr = f, f
	err = cmd.Run()
	out, _ := os.ReadFile(f.Name())
	if err != nil {
		err = fmt.Errorf("pgtest: %s: %w: %s", program, err, out)
	}
	return string(out), err
}

func programs() (string, error) {
	if p, err := exec.LookPath("initdb"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			return filepath.Dir(p), nil
		}
	}
	all, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(all) == 0 {
		return "", errors.New("initdb is neither in PATH nor in /usr/lib/postgresql")
	}
	version := func(p string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(p))))
		return n
	}
	return filepath.Dir(slices.MaxFunc(all, func(a, b string) int { return version(a) - version(b) })), nil
}

// unprivileged is who runs the server: this user, -1, or another where this is root.
func unprivileged() (uid, gid int, err error) {
	if os.Geteuid() != 0 {
		return -1, -1, nil
	}
	if _, err := exec.LookPath("setpriv"); err != nil {
		return 0, 0, errors.New("setpriv is needed to run it as another user than root")
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 == nil && err2 == nil {
			return uid, gid, nil
		}
	}
	return 0, 0, errors.New("there is no user postgres or nobody to run it")
}
