package s3_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/blob"
	"github.com/chancery-dev/chancery/internal/blob/blobtest"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/testvectors/interop/s3"
)

const most = 3 << 20

// open is the program's client.
func open(t *testing.T, endpoint string, change func(*blob.S3Config)) *blob.S3 {
	t.Helper()
	c := blob.S3Config{Endpoint: endpoint, Region: s3.Region, Bucket: "files", Prefix: "chancery/", AccessKey: s3.AccessKey, SecretKey: s3.SecretKey, Timeout: 5 * time.Second, MaxBytes: most, Spool: t.TempDir()}
	if change != nil {
		change(&c)
	}
	b, err := blob.NewS3(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func isDigest(name string) bool {
	return len(name) == 64 && strings.Trim(name, "0123456789abcdef") == ""
}

// TestBlobs: files are kept as every driver keeps them, under prefixes of all kinds.
func TestBlobs(t *testing.T) {
	server := s3.Start(t, s3.Config{})
	server.Bucket("files")
	for _, prefix := range []string{"", "chancery/", "a/b/c/d-", "Zeugnisse 2026+27/ä&=~'()!*@:,$/", "証明書/%2F%20/"} {
		t.Run(prefix, func(t *testing.T) {
			spool := t.TempDir()
			b := open(t, server.Endpoint, func(c *blob.S3Config) { c.Prefix, c.Spool = prefix, spool })
			before := server.Objects("files")
			blobtest.Run(t, b, blobtest.Driver{
				Most: most, Corrupt: blob.ErrCorrupt, Digest: blob.ErrDigest, TooLarge: blob.ErrTooLarge,
				Spoil: func(_ *testing.T, digest string, to []byte) { server.Store("files", prefix+digest, to) },
			})
			for _, key := range server.Objects("files") {
				name, ours := strings.CutPrefix(key, prefix)
				if !slices.Contains(before, key) && (!ours || name != "ready" && !isDigest(name)) {
					t.Errorf("an object %q", key)
				}
			}
			if left, err := os.ReadDir(spool); err != nil || len(left) != 0 {
				t.Errorf("%d spooled files are left, %v", len(left), err)
			}
		})
	}
}

func all(ctx context.Context, b *blob.S3) map[string]error {
	digest, size, put := b.Put(ctx, strings.NewReader("content"))
	if put == nil && (digest != blobtest.Sum([]byte("content")) || size != 7) {
		put = errors.New("another digest")
	}
	_, has := b.Has(ctx, blobtest.Sum([]byte("there")))
	r, _, get := b.Get(ctx, blobtest.Sum([]byte("there")))
	if get == nil {
		_, get = io.ReadAll(r)
		r.Close()
	}
	return map[string]error{"Put": put, "Has": has, "Get": get, "Ready": b.Ready(ctx), "Check": b.Check(ctx), "Delete": b.Delete(ctx, blobtest.Sum([]byte("gone")))}
}

// TestRefused: what the server refuses is that the storage is away, never that a file is
// not there, and tells no secret.
func TestRefused(t *testing.T) {
	server := s3.Start(t, s3.Config{})
	server.Bucket("files")
	server.Store("files", "chancery/"+blobtest.Sum([]byte("there")), []byte("there"))
	for method, err := range all(t.Context(), open(t, server.Endpoint, nil)) {
		if err != nil {
			t.Errorf("%s: %v", method, err)
		}
	}
	before := server.Objects("files")
	for name, c := range map[string]struct {
		change func(*blob.S3Config)
		code   string // that Check tells
	}{
		"another secret": {func(c *blob.S3Config) { c.SecretKey = "another-secret" }, "SignatureDoesNotMatch"},
		"another key":    {func(c *blob.S3Config) { c.AccessKey = "nobody" }, "the server answers 404"},
		"another region": {func(c *blob.S3Config) { c.Region = "us-east-1" }, "AuthorizationHeaderMalformed"},
		"no bucket":      {func(c *blob.S3Config) { c.Bucket = "elsewhere" }, "NoSuchBucket"},
	} {
		began := time.Now()
		for method, err := range all(t.Context(), open(t, server.Endpoint, c.change)) {
			if !errors.Is(err, service.ErrUnavailable) || errors.Is(err, service.ErrNotFound) {
				t.Errorf("%s: %s: %v", name, method, err)
			} else if strings.Contains(err.Error(), "secret") || len(err.Error()) > 200 {
				t.Errorf("%s: %s: %v", name, method, err)
			} else if method == "Check" && !strings.HasSuffix(err.Error(), c.code) {
				t.Errorf("%s: expected %s, found %v", name, c.code, err)
			}
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
	if after := server.Objects("files"); !slices.Equal(before, after) {
		t.Errorf("expected that nothing changes, found %q", after)
	}
}

// TestRights: a key with the rights that docs/deployment.md names will do, and Check tells
// which one is missing.
func TestRights(t *testing.T) {
	server := s3.Start(t, s3.Config{Users: true})
	server.Bucket("files")
	server.User("registry", "secret-of-the-registry")
	b := open(t, server.Endpoint, func(c *blob.S3Config) { c.AccessKey, c.SecretKey = "registry", "secret-of-the-registry" })
	get, put, remove, list := "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"
	for name, c := range map[string]struct {
		objects, itself []string
		want            string
	}{
		"all":       {[]string{get, put, remove}, []string{list}, ""},
		"no Get":    {[]string{put, remove}, []string{list}, "opening a file: the server answers 403, AccessDenied to a file that is not there: the key must be allowed to read files and to list the bucket"},
		"no Put":    {[]string{get, remove}, []string{list}, "storing a file: the server answers 403, AccessDenied"},
		"no Delete": {[]string{get, put}, []string{list}, "removing a file: the server answers 403, AccessDenied"},
	} {
		server.Allow("files", "registry", c.objects, c.itself)
		if err := b.Check(t.Context()); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasSuffix(err.Error(), c.want)) {
			t.Errorf("%s: expected %q, found %v", name, c.want, err)
		}
	}
	server.Allow("files", "registry", []string{get, put, remove}, []string{list})
	for method, err := range all(t.Context(), b) {
		if err != nil && method != "Get" { // of a file that is not there
			t.Errorf("%s: %v", method, err)
		}
	}
	if err := open(t, server.Endpoint, func(c *blob.S3Config) { c.AccessKey = "nobody" }).Check(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "the server answers 403, InvalidAccessKeyId") {
		t.Errorf("another key: %v", err)
	}
}

// TestBig: a file far above the bound from which clients of S3 send parts.
func TestBig(t *testing.T) {
	server := s3.Start(t, s3.Config{})
	server.Bucket("files")
	b := open(t, server.Endpoint, func(c *blob.S3Config) { c.MaxBytes = 200 << 20 })
	data := bytes.Repeat(blobtest.Content(1<<20), 100)
	digest, size, err := b.Put(t.Context(), bytes.NewReader(data))
	if err != nil || size != int64(len(data)) {
		t.Fatal(size, err)
	}
	r, size, err := b.Get(t.Context(), digest)
	if err != nil || size != int64(len(data)) {
		t.Fatal(size, err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, data) {
		t.Fatal(len(got), err)
	}
	// Who stops in the middle leaves a client that works.
	for range 40 {
		r, _, err := b.Get(t.Context(), digest)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, r, 1000); err != nil {
			t.Fatal(err)
		}
		r.Close()
	}
}

// TestKilled: a server that is killed while files are on their way is away, and the same
// client works when it is back.
func TestKilled(t *testing.T) {
	server := s3.Start(t, s3.Config{})
	server.Bucket("files")
	b := open(t, server.Endpoint, func(c *blob.S3Config) { c.MaxBytes, c.Timeout = 200<<20, 3*time.Second })
	server.Store("files", "chancery/"+blobtest.Sum([]byte("there")), []byte("there"))
	data := bytes.Repeat(blobtest.Content(1<<20), 64)
	digest, _, err := b.Put(t.Context(), bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := b.Get(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.CopyN(io.Discard, r, 1000); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	if _, err := io.Copy(io.Discard, r); !errors.Is(err, service.ErrUnavailable) {
		t.Errorf("reading on: %v", err)
	}
	began := time.Now()
	for method, err := range all(t.Context(), b) {
		if !errors.Is(err, service.ErrUnavailable) || errors.Is(err, service.ErrNotFound) {
			t.Errorf("%s: %v", method, err)
		}
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
	server.Run()
	for method, err := range all(t.Context(), b) {
		if err != nil {
			t.Errorf("afterwards: %s: %v", method, err)
		}
	}
	if r, _, err = b.Get(t.Context(), digest); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	// Half a file is none: writing is broken off while the server dies.
	half := bytes.Repeat(blobtest.Content(1<<20+1), 100)
	failed := make(chan error)
	go func() {
		_, _, err := b.Put(context.Background(), bytes.NewReader(half))
		failed <- err
	}()
	time.Sleep(50 * time.Millisecond)
	server.Kill()
	stored := <-failed
	server.Run()
	ok, err := b.Has(t.Context(), blobtest.Sum(half))
	if err != nil || ok != (stored == nil) {
		t.Errorf("there: %v, %v, after %v", ok, err, stored)
	}
}

// TestTLS: only a server whose certificate is believed is told anything.
func TestTLS(t *testing.T) {
	cert, key, pool := certificate(t)
	server := s3.Start(t, s3.Config{Cert: cert, Key: key})
	server.Bucket("files")
	b := open(t, server.Endpoint, func(c *blob.S3Config) { c.RootCAs = pool })
	blobtest.Run(t, b, blobtest.Driver{
		Most: most, Corrupt: blob.ErrCorrupt, Digest: blob.ErrDigest, TooLarge: blob.ErrTooLarge,
		Spoil: func(_ *testing.T, digest string, to []byte) { server.Store("files", "chancery/"+digest, to) },
	})
	before := server.Objects("files")
	for method, err := range all(t.Context(), open(t, server.Endpoint, nil)) {
		var authority x509.UnknownAuthorityError
		if !errors.Is(err, service.ErrUnavailable) || !errors.As(err, &authority) {
			t.Errorf("%s: %v", method, err)
		}
	}
	plain := "http" + strings.TrimPrefix(server.Endpoint, "https")
	for method, err := range all(t.Context(), open(t, plain, func(c *blob.S3Config) { c.Timeout = time.Second })) {
		if !errors.Is(err, service.ErrUnavailable) {
			t.Errorf("%s, in the clear: %v", method, err)
		}
	}
	if after := server.Objects("files"); !slices.Equal(before, after) {
		t.Errorf("expected that nothing changes, found %q", after)
	}
}

// certificate makes one for 127.0.0.1, in files.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	if err := errors.Join(os.WriteFile(cert, text, 0o600), os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600)); err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return cert, key, pool
}
