package main

import (
	"crypto/rand"
	"encoding/base64"
	"net/url"
	"os"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-dev/chancery/internal/store/postgres/pgtest"
)

// pgServer starts when a test needs it.
var pgServer = pgtest.New(os.Getenv("CHANCERY_POSTGRES"))

// postgresEnv makes a database and returns the variables of processes that share it.
func postgresEnv(t testing.TB) []string {
	t.Helper()
	c, err := pgx.ParseConfig(pgServer.Database(t, "", nil))
	if err != nil {
		t.Fatal(err)
	}
	// The host is the directory of a socket, which the host of a URL cannot be.
	u := url.URL{Scheme: "postgres", User: url.UserPassword(c.User, c.Password), Path: "/" + c.Database,
		RawQuery: url.Values{"host": {c.Host}, "port": {strconv.Itoa(int(c.Port))}}.Encode()}
	key := make([]byte, 32)
	rand.Read(key)
	return []string{"CHANCERY_DATABASE_POSTGRES=" + u.String(), "CHANCERY_MASTER_KEY=" + base64.StdEncoding.EncodeToString(key)}
}

// TestServeKilledWorker: the same on PostgreSQL, with one process for requests and one for
// jobs, which is killed.
func TestServeKilledWorker(t *testing.T) {
	rows := 10_000
	if testing.Short() {
		rows = 1_000
	}
	dir, env := t.TempDir(), postgresEnv(t)
	s := startServiceWith(t, env, "--data", dir, "--role", "api")
	killed(t, rows, s, startWorker(t, env, "--data", dir))
}
