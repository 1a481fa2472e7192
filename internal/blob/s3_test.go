package blob

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

const (
	testKey    = "AKIDEXAMPLE"
	testSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	testRegion = "eu-central-1"
)

// server speaks as much S3 as is asked of it, and checks Signature Version 4 and the
// digest of what is put.
type server struct {
	*httptest.Server
	mu      sync.Mutex
	objects map[string][]byte
	stored  map[string]time.Time // where not testStored
	now     time.Time            // zero: testStored
	// before judges a request; true: it has answered.
	before func(w http.ResponseWriter, r *http.Request) bool
}

func s3Server(t testing.TB) *server {
	s := &server{objects: map[string][]byte{}, stored: map[string]time.Time{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	fail := func(status int, code string) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>text of the server</Message></Error>", code)
	}
	if s.before != nil && s.before(w, r) {
		return
	}
	if err := sigV4(r, body); err != nil {
		fail(http.StatusForbidden, "SignatureDoesNotMatch")
		return
	}
	if r.Method == http.MethodGet && r.URL.Path == "/bucket/" && r.URL.Query().Get("list-type") == "2" {
		s.list(w, r)
		return
	}
	key, ok := strings.CutPrefix(r.URL.Path, "/bucket/")
	if !ok {
		fail(http.StatusNotFound, "NoSuchBucket")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	data, there := s.objects[key]
	switch r.Method {
	case http.MethodPut:
		s.stored[key] = s.now
		if from, copied := strings.CutPrefix(r.Header.Get("X-Amz-Copy-Source"), "bucket/"); copied {
			if data, there = s.objects[from]; !there {
				fail(http.StatusNotFound, "NoSuchKey")
				return
			}
			s.objects[key] = data
			fmt.Fprint(w, `<CopyObjectResult><ETag>"x"</ETag></CopyObjectResult>`)
			return
		}
		s.objects[key] = body
		w.Header().Set("ETag", `"x"`)
	case http.MethodGet, http.MethodHead:
		if !there {
			fail(http.StatusNotFound, "NoSuchKey")
			return
		}
		w.Header().Set("ETag", `"x"`)
		w.Header().Set("Last-Modified", s.date(key).Format(http.TimeFormat))
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(data)
		}
	case http.MethodDelete:
		delete(s.objects, key)
		w.WriteHeader(http.StatusNoContent)
	default:
		fail(http.StatusMethodNotAllowed, "MethodNotAllowed")
	}
}

var testStored = time.Date(2026, 5, 10, 8, 0, 0, 0, time.UTC)

func (s *server) date(key string) time.Time {
	if at := s.stored[key]; !at.IsZero() {
		return at
	}
	return testStored
}

// list answers ListObjectsV2, in pages of seven.
func (s *server) list(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.URL.Query()
	most := 7
	if n, err := strconv.Atoi(q.Get("max-keys")); err == nil {
		most = min(most, n)
	}
	after := max(q.Get("start-after"), q.Get("continuation-token"))
	w.Header().Set("Content-Type", "application/xml")
	fmt.Fprint(w, `<?xml version="1.0"?><ListBucketResult>`)
	last, more := "", false
	for _, key := range slices.Sorted(maps.Keys(s.objects)) {
		if !strings.HasPrefix(key, q.Get("prefix")) || key <= after {
			continue
		}
		if most == 0 {
			more = true
			break
		}
		most--
		last = key
		fmt.Fprintf(w, "<Contents><Key>%s</Key><LastModified>%s</LastModified><Size>%d</Size></Contents>", key, s.date(key).Format("2006-01-02T15:04:05.000Z"), len(s.objects[key]))
	}
	fmt.Fprintf(w, "<IsTruncated>%v</IsTruncated>", more)
	if more {
		fmt.Fprintf(w, "<NextContinuationToken>%s</NextContinuationToken>", last)
	}
	fmt.Fprint(w, "</ListBucketResult>")
}

// sigV4 checks a request as the server of AWS does ("Signature Version 4 signing process").
func sigV4(r *http.Request, body []byte) error {
	fields := map[string]string{}
	auth, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	if !ok {
		return errors.New("no signature")
	}
	for _, f := range strings.Split(auth, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(f), "=")
		fields[k] = v
	}
	cred := strings.Split(fields["Credential"], "/")
	if len(cred) != 5 || cred[0] != testKey || cred[2] != testRegion || cred[3] != "s3" || cred[4] != "aws4_request" {
		return errors.New("another scope")
	}
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil || time.Since(at).Abs() > 15*time.Minute || !strings.HasPrefix(r.Header.Get("X-Amz-Date"), cred[1]) {
		return errors.New("another time")
	}
	sha := r.Header.Get("X-Amz-Content-Sha256")
	if sum(body) != sha && (sha != "UNSIGNED-PAYLOAD" || len(body) != 0) { // a copy has none
		return errors.New("another body")
	}
	signed := strings.Split(fields["SignedHeaders"], ";")
	if !slices.Contains(signed, "host") || !slices.Contains(signed, "x-amz-content-sha256") || !slices.Contains(signed, "x-amz-date") {
		return errors.New("too little is signed")
	}
	var headers strings.Builder
	for _, name := range signed {
		v := r.Header.Get(name)
		if name == "host" {
			v = r.Host
		} else if name == "content-length" {
			v = fmt.Sprint(r.ContentLength)
		}
		fmt.Fprintf(&headers, "%s:%s\n", name, strings.TrimSpace(v))
	}
	canonical := strings.Join([]string{r.Method, r.URL.EscapedPath(), strings.ReplaceAll(r.URL.Query().Encode(), "+", "%20"), headers.String(), fields["SignedHeaders"], sha}, "\n")
	text := strings.Join([]string{"AWS4-HMAC-SHA256", r.Header.Get("X-Amz-Date"), strings.Join(cred[1:], "/"), sum([]byte(canonical))}, "\n")
	key := []byte("AWS4" + testSecret)
	for _, part := range append(cred[1:], text) {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(part))
		key = m.Sum(nil)
	}
	if hex.EncodeToString(key) != fields["Signature"] {
		return errors.New("another signature")
	}
	return nil
}

func bucket(t testing.TB, endpoint string, change func(*S3Config)) *S3 {
	t.Helper()
	c := S3Config{Endpoint: endpoint, Region: testRegion, Bucket: "bucket", Prefix: "chancery/", AccessKey: testKey, SecretKey: testSecret, Timeout: 5 * time.Second, MaxBytes: testMost, Spool: t.TempDir()}
	if change != nil {
		change(&c)
	}
	s, err := NewS3(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestS3(t *testing.T) {
	s := s3Server(t)
	b := bucket(t, s.URL, nil)
	conformance(t, b, func(_ *testing.T, digest string, to []byte) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.objects["chancery/"+digest] = to
	})
	for key := range s.objects {
		digest, ok := strings.CutPrefix(key, "chancery/")
		if !ok || digest != readyName && checkDigest(digest) != nil {
			t.Errorf("an object %s", key)
		}
	}
	if left := files(t, b.c.Spool); len(left) != 0 {
		t.Errorf("%d spooled files are left", len(left))
	}
}

// all calls every method and returns what each answers.
func all(b service.Blobs) map[string]error {
	ctx := context.Background()
	_, _, put := b.Put(ctx, strings.NewReader("content"))
	_, has := b.Has(ctx, sum([]byte("content")))
	del := b.Delete(ctx, sum([]byte("content")))
	r, _, get := b.Get(ctx, sum([]byte("there")))
	if get == nil {
		_, get = io.ReadAll(r)
		r.Close()
	}
	out := map[string]error{"Put": put, "Has": has, "Delete": del, "Get": get, "Ready": b.Ready(ctx)}
	if c, ok := b.(interface{ Check(context.Context) error }); ok {
		out["Check"] = c.Check(ctx)
	}
	return out
}

// TestS3Faults: whatever is wrong with the server is ErrUnavailable, in bounded time,
// without texts of the server and without secrets.
func TestS3Faults(t *testing.T) {
	answer := func(status int, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
			return true
		}
	}
	for name, c := range map[string]struct {
		before func(http.ResponseWriter, *http.Request) bool
		change func(*S3Config)
		only   string
	}{
		"500":          {before: answer(500, "<Error><Code>InternalError</Code><Message>secret text</Message></Error>")},
		"503":          {before: answer(503, "<Error><Code>SlowDown</Code></Error>")},
		"403":          {before: answer(403, "<Error><Code>AccessDenied</Code><Message>secret text</Message></Error>")},
		"no XML":       {before: answer(500, strings.Repeat("secret text ", 100_000))},
		"redirect":     {before: answer(301, "")},
		"wrong secret": {change: func(c *S3Config) { c.SecretKey = "other" }},
		"wrong region": {change: func(c *S3Config) { c.Region = "us-east-1" }},
		"silent":       {before: func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true }},
		"drops": {before: func(w http.ResponseWriter, _ *http.Request) bool {
			c, _, _ := w.(http.Hijacker).Hijack()
			c.Close()
			return true
		}},
		"no bucket":          {change: func(c *S3Config) { c.Bucket = "elsewhere" }},
		"404 of a proxy":     {before: answer(404, "<!doctype html><title>404 page not found</title>")},
		"200 of a proxy":     {before: answer(200, "<!doctype html><html><title>Sign in to the network</title></html>")},
		"200 without a text": {before: answer(200, "")},
		"204":                {before: answer(204, "")},
		"404 without a text": {before: answer(404, "")},
		"breaks off":         {before: half(false), only: "Get"},
		"pauses in between":  {before: half(true), only: "Get"},
		"length is not said": {before: chunked, only: "Get"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := s3Server(t)
			s.objects["chancery/"+sum([]byte("there"))] = []byte("there")
			s.before = c.before
			b := bucket(t, s.URL, func(cfg *S3Config) {
				cfg.Timeout = 400 * time.Millisecond
				if c.change != nil {
					c.change(cfg)
				}
			})
			start := time.Now()
			for method, err := range all(b) {
				if c.only != "" && !strings.Contains(c.only, method) {
					continue
				}
				if !errors.Is(err, service.ErrUnavailable) || errors.Is(err, service.ErrNotFound) || errors.Is(err, context.Canceled) {
					t.Errorf("%s: %v", method, err)
				} else if strings.Contains(err.Error(), "secret text") || strings.Contains(err.Error(), testSecret) || len(err.Error()) > 300 {
					t.Errorf("%s: %.300s", method, err)
				}
			}
			if d := time.Since(start); d > 8*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		l.Close()
		for method, err := range all(bucket(t, "http://"+address, func(c *S3Config) { c.Timeout = 400 * time.Millisecond })) {
			if !errors.Is(err, service.ErrUnavailable) {
				t.Errorf("%s: %v", method, err)
			}
		}
	})
}

// half sends half of a file, and then nothing, or no more.
func half(pause bool) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet {
			return false
		}
		w.Header().Set("Content-Length", "1000")
		w.Header().Set("Last-Modified", "Sun, 10 May 2026 08:00:00 GMT")
		_, _ = w.Write(make([]byte, 500))
		w.(http.Flusher).Flush()
		if pause {
			<-r.Context().Done()
		}
		return true
	}
}

func chunked(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodGet {
		return false
	}
	w.Header().Set("Last-Modified", "Sun, 10 May 2026 08:00:00 GMT")
	w.(http.Flusher).Flush()
	_, _ = w.Write([]byte("there"))
	return true
}

// TestS3Retry: a server that fails once is asked again, and nothing is stored twice or
// half.
func TestS3Retry(t *testing.T) {
	s := s3Server(t)
	var mu sync.Mutex
	seen := map[string]int{}
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		seen[r.Method]++
		if seen[r.Method] == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	}
	data := content(2 << 20)
	digest, _, err := bucket(t, s.URL, nil).Put(context.Background(), bytes.NewReader(data))
	if err != nil || digest != sum(data) || !bytes.Equal(s.objects["chancery/"+digest], data) {
		t.Errorf("%s, %v, %v", digest, err, seen)
	}
}

// TestS3Check: rights that are missing are found before a file needs them, and nothing is
// left behind.
func TestS3Check(t *testing.T) {
	denied := func(w http.ResponseWriter) bool {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "<Error><Code>AccessDenied</Code><Message>text of the server</Message></Error>")
		return true
	}
	for name, c := range map[string]struct {
		before func(s *server, w http.ResponseWriter, r *http.Request) bool
		want   string
		left   int
	}{
		"all is well": {nil, "", 0},
		"may not list": {func(s *server, w http.ResponseWriter, r *http.Request) bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			_, there := s.objects[strings.TrimPrefix(r.URL.Path, "/bucket/")]
			return r.Method != http.MethodPut && !there && denied(w)
		}, "opening a file: the server answers 403, AccessDenied to a file that is not there: the key must be allowed to read files and to list the bucket", 0},
		"may not write": {func(_ *server, w http.ResponseWriter, r *http.Request) bool {
			return r.Method == http.MethodPut && denied(w)
		}, "storing a file: the server answers 403, AccessDenied", 0},
		"may not read": {func(s *server, w http.ResponseWriter, r *http.Request) bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			_, there := s.objects[strings.TrimPrefix(r.URL.Path, "/bucket/")]
			return r.Method == http.MethodGet && there && denied(w)
		}, "opening a file: the server answers 403, AccessDenied", 0},
		"may not remove": {func(_ *server, w http.ResponseWriter, r *http.Request) bool {
			return r.Method == http.MethodDelete && denied(w)
		}, "removing a file: the server answers 403, AccessDenied", 1},
		"removes nothing": {func(_ *server, w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodDelete {
				w.WriteHeader(http.StatusNoContent)
			}
			return r.Method == http.MethodDelete
		}, "removing a file: it is there still", 1},
		"stores nothing": {func(_ *server, w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPut {
				w.Header().Set("ETag", `"x"`)
			}
			return r.Method == http.MethodPut
		}, "storing a file: it is not there afterwards", 0},
		"throttles and says what it likes": {func(_ *server, w http.ResponseWriter, r *http.Request) bool {
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, "<Error><Code>text-of-the-server</Code></Error>")
			return true
		}, "the server answers 418", 0},
	} {
		s := s3Server(t)
		if c.before != nil {
			s.before = func(w http.ResponseWriter, r *http.Request) bool { return c.before(s, w, r) }
		}
		err := bucket(t, s.URL, nil).Check(t.Context())
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasSuffix(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
		if len(s.objects) != c.left {
			t.Errorf("%s: %d objects are left", name, len(s.objects))
		}
	}
}

func TestS3Config(t *testing.T) {
	good := S3Config{Endpoint: "https://s3.example.com", Bucket: "b", AccessKey: "a", SecretKey: "s"}
	if _, err := NewS3(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*S3Config){
		"no endpoint": func(c *S3Config) { c.Endpoint = "" }, "a host alone": func(c *S3Config) { c.Endpoint = "s3.example.com" }, "a path": func(c *S3Config) { c.Endpoint += "/bucket" },
		"a user": func(c *S3Config) { c.Endpoint = "https://a:b@s3.example.com" }, "a scheme": func(c *S3Config) { c.Endpoint = "ftp://s3.example.com" },
		"http elsewhere": func(c *S3Config) { c.Endpoint = "http://s3.example.com" }, "no bucket": func(c *S3Config) { c.Bucket = "" }, "no key": func(c *S3Config) { c.AccessKey = "" },
		"no secret": func(c *S3Config) { c.SecretKey = "" }, "timeout": func(c *S3Config) { c.Timeout = -1 }, "bound": func(c *S3Config) { c.MaxBytes = -1 },
	} {
		c := good
		change(&c)
		if _, err := NewS3(c); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	good.Endpoint, good.InsecurePlain = "http://s3.example.com", true
	if _, err := NewS3(good); err != nil {
		t.Error(err)
	}
}

// TestMoto runs the conformance test against another implementation of S3, where it is
// installed (PyPI: moto[server]).
func TestMoto(t *testing.T) {
	if testing.Short() {
		t.Skip("not in a short run")
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3")
	}
	if err := exec.Command(python, "-c", "import moto.server, flask, boto3").Run(); err != nil {
		t.Skip("moto[server] of PyPI is not installed")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, python, "-m", "moto.server", "-H", "127.0.0.1", "-p", port)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	base := (&url.URL{Scheme: "http", Host: address}).String()
	b := bucket(t, base, nil)
	deadline := time.Now().Add(30 * time.Second)
	for {
		if err := b.core.MakeBucket(ctx, "bucket", struct {
			Region        string
			ObjectLocking bool
			ForceCreate   bool
		}{Region: testRegion}); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	conformance(t, b, func(t *testing.T, digest string, to []byte) {
		if _, err := b.core.PutObject(ctx, "bucket", "chancery/"+digest, bytes.NewReader(to), int64(len(to)), "", sum(to), putOptions()); err != nil {
			t.Fatal(err)
		}
	})
	empty := bucket(t, base, func(c *S3Config) { c.Prefix = "swept/" })
	t.Run("listings", func(t *testing.T) { listings(t, empty) })
	t.Run("set aside", func(t *testing.T) { asides(t, empty) })
}
