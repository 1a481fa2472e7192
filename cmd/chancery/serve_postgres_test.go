package main

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

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
	return []string{"CHANCERY_DATABASE_POSTGRES=" + u.String(), "CHANCERY_MASTER_KEY=" + base64.StdEncoding.EncodeToString(key), "CHANCERY_PUBLIC_URL=http://" + freePort(t)}
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

// TestServeTwo: two processes on one database share the jobs; what one revokes, the other
// does not vouch for.
func TestServeTwo(t *testing.T) {
	a, b := twoServed(t)
	env := a.env
	kind := a.trainingType("vc")

	const rows = 6000
	var body bytes.Buffer
	for i := range rows {
		fmt.Fprintf(&body, `{"recipient":{"name":"Person %d","email":"p%d@example.com"},"claims":{"trainerName":"T"}}`+"\n", i, i)
	}
	status, answer, header := a.call("POST", "/v1/batches?type="+kind, "application/x-ndjson", body.Bytes())
	if status != 202 {
		t.Fatalf("batch: %d %s", status, answer)
	}
	path := header.Get("Location")
	path = path[strings.Index(path, "/v1/"):]
	for began := time.Now(); !b.data("GET", path, nil, 200)["done"].(bool); time.Sleep(50 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatal("the batch does not end")
		}
	}
	if c := b.data("GET", path, nil, 200)["counts"].(map[string]any); c["issued"].(float64) != rows || c["failed"].(float64) != 0 {
		t.Errorf("expected %d issued, found %v", rows, c)
	}
	if n := workersOf(t, env); n != 2 {
		t.Errorf("expected chunks to be done by 2 processes, found %d", n)
	}

	// Each revocation is in the list that the other process serves when it is answered.
	// Its verdicts go by a copy that is a second old at most.
	var slowest time.Duration
	for i := range 20 {
		made := a.data("POST", "/v1/credentials", map[string]any{"type": kind, "recipient": map[string]any{"name": "P", "email": fmt.Sprintf("r%d@example.com", i)}, "claims": map[string]any{"trainerName": "T"}}, 201)
		public := "/v1/verify/" + made["publicId"].(string)
		if v := b.data("GET", public, nil, 200); v["outcome"] != "valid" {
			t.Fatalf("expected valid, found %v", v)
		}
		_, vc, _ := b.call("GET", "/v1/credentials/"+made["id"].(string)+"/artifacts/vc", "", nil, "Accept", "*/*")
		a.data("POST", "/v1/credentials/"+made["id"].(string)+"/revoke", map[string]any{"reason": "test"}, 200)
		revoked := time.Now()
		if !b.bit(vc) {
			t.Error("the other process serves a list without the revocation")
		}
		for i < 4 && b.data("GET", public, nil, 200)["reason"] != "revoked" {
			if time.Since(revoked) > 2*time.Second {
				t.Fatal("the other process vouches for a revoked credential after 2 s")
			}
			time.Sleep(10 * time.Millisecond)
		}
		if i < 4 {
			slowest = max(slowest, time.Since(revoked))
		}
	}
	t.Logf("revocations are seen in verdicts of the other process after %v at most", slowest.Round(time.Millisecond))

	made := a.data("POST", "/v1/api-keys", map[string]any{"name": "second", "scopes": []string{"read"}}, 201)
	second := *b
	second.key = made["secret"].(string)
	if status, answer, _ := second.call("GET", "/v1/credentials?limit=1", "", nil); status != 200 {
		t.Fatalf("a new key at the other process: %d %s", status, answer)
	}
	if status, answer, _ := a.call("DELETE", "/v1/api-keys/"+made["id"].(string), "", nil); status != 204 && status != 200 {
		t.Fatalf("revoke key: %d %s", status, answer)
	}
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		status, _, _ := second.call("GET", "/v1/credentials?limit=1", "", nil)
		if status == 401 {
			t.Logf("a revoked key is refused by the other process after %v", time.Since(began).Round(time.Millisecond))
			break
		}
		if time.Since(began) > 2*time.Second {
			t.Fatal("a revoked key is accepted after 2 s")
		}
	}
	b.stop()
	a.stop()
}

// workersOf counts the processes that did chunks of batches.
func workersOf(t *testing.T, env []string) (n int) {
	t.Helper()
	const name = "CHANCERY_DATABASE_POSTGRES="
	dsn := strings.TrimPrefix(env[slices.IndexFunc(env, func(s string) bool { return strings.HasPrefix(s, name) })], name)
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), "SELECT count(DISTINCT attempted_by[1]) FROM river_job WHERE kind = 'batch.chunk' OR args::text LIKE '%batch.chunk%'").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// bit reads a credential's bit in the list that a process serves.
func (s *served) bit(vc []byte) bool {
	s.t.Helper()
	var c struct {
		CredentialStatus struct{ StatusListIndex, StatusListCredential string }
	}
	if err := json.Unmarshal(vc, &c); err != nil {
		s.t.Fatalf("%v: %s", err, vc)
	}
	index, err := strconv.Atoi(c.CredentialStatus.StatusListIndex)
	if err != nil {
		s.t.Fatal(err)
	}
	url := c.CredentialStatus.StatusListCredential
	status, answer, _ := s.call("GET", url[strings.Index(url, "/status/"):], "", nil, "Accept", "*/*")
	var list struct{ CredentialSubject struct{ EncodedList string } }
	if err := json.Unmarshal(answer, &list); err != nil || status != 200 {
		s.t.Fatalf("list: %d %v", status, err)
	}
	packed, err := base64.RawURLEncoding.DecodeString(list.CredentialSubject.EncodedList[1:])
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		s.t.Fatal(err)
	}
	bits, err := io.ReadAll(r)
	if err != nil || index/8 >= len(bits) {
		s.t.Fatal(err, index)
	}
	return bits[index/8]&(0x80>>(index%8)) != 0
}
