// Package s3 runs a peer that speaks S3: versitygw, which checks Signature Version 4 and
// keeps objects as files. Start(tb, Config{}) gives one on loopback; it ends with the test. Its
// version and those of all that it is made of stand in peer/go.mod and peer/go.sum.
package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/chancery-dev/chancery/testvectors/interop"
)

// What requests are signed with.
const (
	AccessKey = "chancery-interop"
	SecretKey = "a-secret-of-the-interoperability-tests"
	Region    = "eu-central-1"
)

// Server is a running peer.
type Server struct {
	// Endpoint is its URL. It stays the same over Kill and Run.
	Endpoint string
	// Dir holds the buckets as directories and the objects as files, named as they are.
	Dir string
	// Client is another client than that of the program under test.
	Client *minio.Client

	tb      testing.TB
	program string
	address string
	users   string // directory
	c       Config
	cmd     *exec.Cmd
	done    chan struct{}
	said    *bytes.Buffer
}

// Config says what kind of server it is.
type Config struct {
	// Cert and Key are a certificate, in files (PEM). "": plain http.
	Cert, Key string
	// Users lets User make some beside the owner of everything. Without, a key that is not
	// known is answered in another way: 404.
	Users bool
}

// build makes the peer in a folder of the user's cache, once for each state of peer/go.sum.
func build(tb testing.TB) string {
	tb.Helper()
	interop.Require(tb, "go")
	_, here, _, _ := runtime.Caller(0)
	dir := filepath.Join(filepath.Dir(here), "peer")
	sums, err := os.ReadFile(filepath.Join(dir, "go.sum"))
	if err != nil {
		tb.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		tb.Fatal(err)
	}
	sum := sha256.Sum256(sums)
	program := filepath.Join(cache, "chancery-interop", "go-"+hex.EncodeToString(sum[:8]), "versitygw")
	if _, err := os.Stat(program); err == nil {
		return program
	}
	// Built beside its place and moved there: tests of other packages build it as well.
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		tb.Fatal(err)
	}
	beside, err := os.MkdirTemp(filepath.Dir(program), "build-")
	if err != nil {
		tb.Fatal(err)
	}
	defer os.RemoveAll(beside)
	made := filepath.Join(beside, "versitygw")
	cmd := exec.Command("go", "build", "-o", made, "github.com/versity/versitygw/cmd/versitygw")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly -buildvcs=false")
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("go build: %v\n%s", err, out)
	}
	if err := os.Rename(made, program); err != nil {
		tb.Fatal(err)
	}
	return program
}

// Start builds and runs the peer. It has no bucket yet.
func Start(tb testing.TB, c Config) *Server {
	tb.Helper()
	s := &Server{tb: tb, program: build(tb), Dir: tb.TempDir(), c: c}
	if c.Users {
		s.users = tb.TempDir()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s.address = l.Addr().String()
	l.Close()
	s.Endpoint = "http://" + s.address
	o := &minio.Options{Creds: credentials.NewStaticV4(AccessKey, SecretKey, ""), Region: Region}
	if c.Cert != "" {
		s.Endpoint, o.Secure = "https://"+s.address, true
		pem, err := os.ReadFile(c.Cert)
		if err != nil {
			tb.Fatal(err)
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		transport, err := minio.DefaultTransport(true)
		if err != nil {
			tb.Fatal(err)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
		o.Transport = transport
	}
	if s.Client, err = minio.New(s.address, o); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Kill)
	s.Run()
	return s
}

// Run starts the process, and waits until it answers.
func (s *Server) Run() {
	s.tb.Helper()
	args := []string{"--access", AccessKey, "--secret", SecretKey, "--region", Region, "--port", s.address, "--quiet"}
	if s.c.Cert != "" {
		args = append(args, "--cert", s.c.Cert, "--key", s.c.Key)
	}
	if s.c.Users {
		args = append(args, "--iam-dir", s.users)
	}
	s.said = &bytes.Buffer{}
	s.cmd = exec.Command(s.program, append(args, "posix", s.Dir)...)
	s.cmd.Stdout, s.cmd.Stderr = s.said, s.said
	if err := s.cmd.Start(); err != nil {
		s.tb.Fatal(err)
	}
	s.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		_ = cmd.Wait()
		close(done)
	}(s.cmd, s.done)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		c, err := net.Dial("tcp", s.address)
		if err == nil {
			c.Close()
			return
		}
		select {
		case <-s.done:
			s.tb.Fatalf("versitygw ended:\n%s", s.said)
		default:
		}
		if time.Now().After(deadline) {
			s.tb.Fatalf("versitygw does not answer: %v", err)
		}
	}
}

// Kill ends the process at once, as a fault of its machine would. Objects stay.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.done
	s.cmd = nil
}

// Bucket makes a bucket.
func (s *Server) Bucket(name string) {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := s.Client.MakeBucket(ctx, name, minio.MakeBucketOptions{Region: Region}); err != nil {
		s.tb.Fatal(err)
	}
}

// User makes a user who may do nothing but what the policy of a bucket allows.
func (s *Server) User(access, secret string) {
	s.tb.Helper()
	out, err := exec.Command(s.program, "admin", "--access", AccessKey, "--secret", SecretKey, "--region", Region, "--endpoint-url", s.Endpoint,
		"create-user", "--access", access, "--secret", secret, "--role", "user").CombinedOutput()
	if err != nil {
		s.tb.Fatalf("versitygw admin create-user: %v\n%s", err, out)
	}
}

// Allow replaces the policy of a bucket by one that lets a user do some actions, such as
// s3:GetObject, with all of its objects, and others, such as s3:ListBucket, with itself.
func (s *Server) Allow(bucket, user string, objects, itself []string) {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	statement := func(actions []string, resource string) string {
		return fmt.Sprintf(`{"Effect":"Allow","Principal":{"AWS":[%q]},"Action":["%s"],"Resource":["arn:aws:s3:::%s"]}`, user, strings.Join(actions, `","`), resource)
	}
	var all []string
	if len(objects) != 0 {
		all = append(all, statement(objects, bucket+"/*"))
	}
	if len(itself) != 0 {
		all = append(all, statement(itself, bucket))
	}
	if err := s.Client.SetBucketPolicy(ctx, bucket, `{"Version":"2012-10-17","Statement":[`+strings.Join(all, ",")+`]}`); err != nil {
		s.tb.Fatal(err)
	}
}

// Objects lists a bucket.
func (s *Server) Objects(bucket string) []string {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var out []string
	for o := range s.Client.ListObjects(ctx, bucket, minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			s.tb.Fatal(o.Err)
		}
		out = append(out, o.Key)
	}
	slices.Sort(out)
	return out
}

// Store puts an object, past the program under test.
func (s *Server) Store(bucket, key string, content []byte) {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if _, err := s.Client.PutObject(ctx, bucket, key, bytes.NewReader(content), int64(len(content)), minio.PutObjectOptions{DisableMultipart: true}); err != nil {
		s.tb.Fatal(err)
	}
}
