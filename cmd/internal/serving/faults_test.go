package serving_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/internal/blob"
	"github.com/chancery-dev/chancery/internal/mail"
	"github.com/chancery-dev/chancery/internal/mail/smtpsink"
	"github.com/chancery-dev/chancery/internal/store/postgres"
	"github.com/chancery-dev/chancery/internal/store/postgres/pgtest"
	"github.com/chancery-dev/chancery/internal/store/sqlite"
	"github.com/chancery-dev/chancery/signer/pades"
)

var pgServer = pgtest.New(os.Getenv("CHANCERY_POSTGRES"))

func TestMain(m *testing.M) {
	code := m.Run()
	if err := pgServer.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// wire carries connections to a server, and can be cut.
type wire struct {
	listener net.Listener
	network  string
	target   string

	mu     sync.Mutex
	away   bool
	thawed chan struct{} // closed; while frozen, open
	conns  map[net.Conn]bool
	lost   map[net.Conn]bool // carry nothing
}

func newWire(t testing.TB, network, target string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: l, network: network, target: target, conns: map[net.Conn]bool{}, lost: map[net.Conn]bool{}, thawed: make(chan struct{})}
	close(w.thawed)
	t.Cleanup(func() { l.Close(); w.freeze(false); w.cut(true) })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go w.carry(c)
		}
	}()
	return w
}

func (w *wire) port() int { return w.listener.Addr().(*net.TCPAddr).Port }

func (w *wire) carry(c net.Conn) {
	defer c.Close()
	w.mu.Lock()
	away := w.away
	w.mu.Unlock()
	if away {
		return
	}
	to, err := net.Dial(w.network, w.target)
	if err != nil {
		return
	}
	defer to.Close()
	w.mu.Lock()
	w.conns[c], w.conns[to] = true, true
	w.mu.Unlock()
	var wg sync.WaitGroup
	wg.Go(func() { w.copy(to, c); to.Close() })
	wg.Go(func() { w.copy(c, to); c.Close() })
	wg.Wait()
	w.mu.Lock()
	delete(w.conns, c)
	delete(w.conns, to)
	w.mu.Unlock()
}

func (w *wire) copy(to, from net.Conn) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		w.mu.Lock()
		thawed, lost := w.thawed, w.lost[from]
		w.mu.Unlock()
		<-thawed
		if lost && err == nil {
			continue
		}
		if _, werr := to.Write(b[:n]); err != nil || werr != nil {
			return
		}
	}
}

// freeze holds back whatever is sent, in both directions, on connections old and new; or
// lets it through.
func (w *wire) freeze(frozen bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.thawed:
		if frozen {
			w.thawed = make(chan struct{})
		}
	default:
		if !frozen {
			close(w.thawed)
		}
	}
}

// forsake holds back for ever what is sent on the connections of now.
func (w *wire) forsake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		w.lost[c] = true
	}
}

// cut ends every connection; while away, there are no new ones.
func (w *wire) cut(away bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.away = away
	for c := range w.conns {
		c.Close()
	}
}

// behindWire opens a store on PostgreSQL that is reached through a wire.
func behindWire(t testing.TB) (*postgres.Store, *wire) {
	t.Helper()
	c, err := pgx.ParseConfig(pgServer.Database(t, "", nil))
	if err != nil {
		t.Fatal(err)
	}
	network, target := "tcp", fmt.Sprintf("%s:%d", c.Host, c.Port)
	if strings.HasPrefix(c.Host, "/") {
		network, target = "unix", filepath.Join(c.Host, fmt.Sprintf(".s.PGSQL.%d", c.Port))
	}
	w := newWire(t, network, target)
	dsn := fmt.Sprintf("host=127.0.0.1 port=%d user=%s password='%s' dbname=%s sslmode=disable", w.listener.Addr().(*net.TCPAddr).Port, c.User, c.Password, c.Database)
	st, err := postgres.Open(t.Context(), postgres.Config{DSN: dsn, Now: time.Now, Connections: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st, w
}

// unavailable checks that an answer is 503 with the problem that says so.
func (a answer) unavailable(t *testing.T, what string) {
	t.Helper()
	if a.status != 503 || !strings.Contains(string(a.body), `"UNAVAILABLE"`) || a.header.Get("Retry-After") == "" {
		t.Errorf("%s: expected 503 with UNAVAILABLE and Retry-After, found %d %s", what, a.status, a.body)
	}
}

func (f *fort) ready(want int) {
	f.t.Helper()
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		got := f.call("", "GET", "/readyz", nil)
		if got.status == want {
			return
		}
		if time.Since(began) > 15*time.Second {
			f.t.Fatalf("/readyz: expected %d, found %d %s", want, got.status, got.body)
		}
	}
}

// total counts the credentials of north.
func (f *fort) total() int {
	f.t.Helper()
	got := f.ok("north/test", "GET", "/v1/credentials?limit=1&withTotal=true", nil)
	var n int
	_, rest, _ := strings.Cut(string(got.body), `"total":`)
	if _, err := fmt.Sscan(rest, &n); err != nil {
		f.t.Fatalf("no total in %s", got.body)
	}
	return n
}

// TestDatabaseAway: while the database cannot be reached, calls are refused and /readyz says
// so; afterwards the same process works, and what was refused has had no effect.
func TestDatabaseAway(t *testing.T) {
	st, w := behindWire(t)
	f := newFort(t, func(p *serving.Parts) { p.Store = st })
	first := f.ok("north/test", "POST", "/v1/credentials", aina(nil), "Idempotency-Key", "k1")
	for name, outage := range map[string][2]func(){
		"wire":   {func() { w.cut(true) }, func() { w.cut(false) }},
		"server": {func() { pgServer.Crash(t) }, func() { pgServer.Resume(t) }},
	} {
		before := f.total()
		outage[0]()
		f.call("north/test", "POST", "/v1/credentials", aina(nil), "Idempotency-Key", "k2-"+name).unavailable(t, name+": issue")
		f.call("", "GET", "/v1/verify/"+first.text("publicId"), nil).unavailable(t, name+": verify")
		f.ready(503)
		if got := f.call("", "GET", "/livez", nil); got.status != 200 {
			t.Errorf("%s: /livez: %d", name, got.status)
		}
		outage[1]()
		f.ready(200)
		made := f.ok("north/test", "POST", "/v1/credentials", aina(nil), "Idempotency-Key", "k2-"+name)
		again := f.ok("north/test", "POST", "/v1/credentials", aina(nil), "Idempotency-Key", "k2-"+name)
		if made.text("id") != again.text("id") || f.total() != before+1 {
			t.Errorf("%s: expected one credential more than %d, found %d", name, before, f.total())
		}
		if got := f.ok("", "GET", "/v1/verify/"+made.text("publicId"), nil); got.text("outcome") != "valid" {
			t.Errorf("%s: found %s", name, got.body)
		}
	}
}

// TestConnectionsCut: callers repeat what was refused, under the same key, while connections
// are cut at any moment, also between a commit and its answer: each key makes one credential.
func TestConnectionsCut(t *testing.T) {
	st, w := behindWire(t)
	f := newFort(t, func(p *serving.Parts) { p.Store = st })
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
				w.cut(false)
			}
		}
	}()
	const callers, each = 6, 50
	var refused atomic.Int64
	var ids sync.Map
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for n := range each {
				key := fmt.Sprintf("key-%d-%d", c, n)
				for attempt := 0; ; attempt++ {
					got := f.call("north/test", "POST", "/v1/credentials", aina(nil), "Idempotency-Key", key)
					if got.status == 201 {
						ids.Store(got.text("id"), key)
						break
					}
					refused.Add(1)
					if got.status != 503 || attempt > 200 {
						t.Errorf("%s: %d %s", key, got.status, got.body)
						return
					}
					time.Sleep(5 * time.Millisecond)
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	<-stopped
	f.ready(200)
	n := 0
	ids.Range(func(any, any) bool { n++; return true })
	if total := f.total(); n != callers*each || total != n {
		t.Errorf("expected %d credentials, found %d ids and %d stored", callers*each, n, total)
	}
	t.Logf("%d calls were refused and repeated", refused.Load())
}

// TestDiskFull: a full disk refuses what would have to be written, verifies what is there,
// and goes on when there is room again.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("no file system of our own: %v %s", err, out)
	}
	t.Cleanup(func() { exec.Command("umount", "-l", dir).Run() })
	st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(dir, "a.db"), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	if err := os.Mkdir(filepath.Join(dir, "blobs"), 0o700); err != nil {
		t.Fatal(err)
	}
	files, err := blob.OpenDir(blob.DirConfig{Path: filepath.Join(dir, "blobs"), Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	f := newFort(t, func(p *serving.Parts) { p.Store, p.Blobs = st, files })
	first := f.ok("north/test", "POST", "/v1/credentials", aina(nil))
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for size := 1 << 20; size >= 512; {
		if _, err := filler.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	filler.Close()
	issued := 1
	for n := 0; ; n++ { // what SQLite has allocated already is filled first
		got := f.call("north/test", "POST", "/v1/credentials", aina(nil), "Idempotency-Key", fmt.Sprint("k", n))
		if got.status == 201 {
			issued++
			continue
		}
		got.unavailable(t, "issue")
		break
	}
	f.ready(503)
	if got := f.ok("", "GET", "/v1/verify/"+first.text("publicId"), nil); got.text("outcome") != "valid" {
		t.Errorf("found %s", got.body)
	}
	if err := os.Remove(filler.Name()); err != nil {
		t.Fatal(err)
	}
	f.ready(200)
	if total := f.total(); total != issued {
		t.Errorf("expected %d, found %d", issued, total)
	}
	f.ok("north/test", "POST", "/v1/credentials", aina(map[string]any{"outputs": []string{"vc", "pdf"}}))
}

// TestFilesAway: where S3 answers with faults, or not at all, nothing is issued that has
// files, and none is half stored; credentials without go on.
func TestFilesAway(t *testing.T) {
	for _, what := range []trouble{refuse, hang, trickle, garbage, broken, busy} {
		t.Run(string(what), func(t *testing.T) {
			t.Parallel()
			server := newBalky(t, nil)
			server.set(always(what))
			const patience = 300 * time.Millisecond
			files, err := blob.NewS3(blob.S3Config{Endpoint: server.URL, Bucket: "files", AccessKey: "a", SecretKey: "s", Timeout: patience})
			if err != nil {
				t.Fatal(err)
			}
			f := newFort(t, func(p *serving.Parts) { p.Blobs = files })
			began := time.Now()
			f.call("north/test", "POST", "/v1/credentials", aina(map[string]any{"outputs": []string{"vc", "pdf"}})).unavailable(t, "issue with a PDF")
			if took := time.Since(began); took > 10*time.Second || what == hang && took < patience {
				t.Errorf("refused after %v", took)
			}
			if total := f.total(); total != 0 {
				t.Errorf("%d credentials were stored", total)
			}
			f.ready(503)
			f.ok("north/test", "POST", "/v1/credentials", aina(nil))
		})
	}
}

// TestTimestampsAway: where the timestamp authority fails or is slow, no PDF is issued that
// lacks its timestamp.
func TestTimestampsAway(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"faults": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) },
		"nonsense": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/timestamp-reply")
			io.WriteString(w, "0")
		},
		"slow": func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-time.After(1500 * time.Millisecond):
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewTLSServer(handler)
			t.Cleanup(server.Close)
			t.Cleanup(server.CloseClientConnections)
			f := newFort(t, func(p *serving.Parts) {
				p.TSA = &pades.TSAClient{URL: server.URL, HTTP: server.Client(), Clock: time.Now, Anchors: []*x509.Certificate{server.Certificate()}, Timeout: 300 * time.Millisecond}
			})
			began := time.Now()
			f.call("north/test", "POST", "/v1/credentials", aina(map[string]any{"outputs": []string{"vc", "pdf"}})).unavailable(t, "issue with a PDF")
			if took := time.Since(began); took > 15*time.Second || name == "slow" && took < 300*time.Millisecond {
				t.Errorf("refused after %v", took)
			}
			if total := f.total(); total != 0 {
				t.Errorf("%d credentials were stored", total)
			}
			f.ok("north/test", "POST", "/v1/credentials", aina(nil))
		})
	}
}

// TestMailAway: mail that cannot be delivered holds up nothing, is tried again and leaves
// once, under one Message-ID.
func TestMailAway(t *testing.T) {
	var tries atomic.Int64
	sink, err := smtpsink.Start(smtpsink.Config{Data: func(smtpsink.Message) error {
		if tries.Add(1) == 1 {
			return smtpsink.Reject(451, "not now")
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sink.Close() })
	mailer, err := mail.NewSMTP(mail.Config{Host: sink.Host(), Port: sink.Port(), Security: "none", From: mail.From{Address: "school@example.com"}, Hello: "localhost", Timeout: time.Second, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	f := newFort(t, func(p *serving.Parts) { p.Mailer = mailer })
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.s.Run(ctx) }()
	f.ok("north/test", "POST", "/v1/credentials", aina(map[string]any{"notify": true}), "Idempotency-Key", "mailed")
	f.ok("north/test", "POST", "/v1/credentials", aina(map[string]any{"notify": true}), "Idempotency-Key", "mailed")
	for began := time.Now(); len(sink.Messages()) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("no mail after %d tries\n%s", tries.Load(), f.log.bytes())
		}
	}
	time.Sleep(200 * time.Millisecond)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := len(sink.Messages()); n != 1 {
		t.Errorf("expected one mail, found %d", n)
	}
}

// TestGraceful: a process that is asked to end says so at /readyz and finishes what it has
// begun.
func TestGraceful(t *testing.T) {
	f := newFort(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.s.Serve(ctx, l, nil, 300*time.Millisecond) }()
	body, feed := io.Pipe()
	r, err := http.NewRequest("POST", "http://"+l.Addr().String()+"/v1/credentials", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+f.keys["north/test"])
	r.Header.Set("Content-Type", "application/json")
	answered := make(chan error, 1)
	go func() {
		a, err := http.DefaultClient.Do(r)
		if err == nil {
			a.Body.Close()
			if a.StatusCode != 201 {
				err = errors.New(a.Status)
			}
		}
		answered <- err
	}()
	io.WriteString(feed, `{"type":"training",`)
	stop()
	f.ready(503)
	time.Sleep(600 * time.Millisecond) // the listener is closed by now
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("the listener takes new connections")
	}
	io.WriteString(feed, `"recipient":{"name":"P","email":"p@example.com"},"claims":{"trainer":"T"}}`)
	feed.Close()
	if err := <-answered; err != nil {
		t.Error("the request in flight:", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if total := f.total(); total != 1 {
		t.Errorf("expected one credential, found %d", total)
	}
}
