package blob

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/chancery-dev/chancery/internal/service"
)

// S3Config says which bucket to use.
type S3Config struct {
	// Endpoint is the server's URL, such as https://s3.eu-central-1.amazonaws.com. Required.
	Endpoint string
	// Region is what requests are signed for. "": us-east-1.
	Region string
	// Bucket must be there. Required.
	Bucket string
	// Prefix stands before the names of all files, such as "chancery/". "": none.
	Prefix string
	// AccessKey and SecretKey sign. Required.
	AccessKey, SecretKey string
	// Timeout bounds a request, and every pause while a file is on its way. 0: 30 seconds.
	Timeout time.Duration
	// MaxBytes bounds one file. 0: DefaultMaxBytes.
	MaxBytes int64
	// Spool is a directory for files larger than a megabyte while their digest is
	// computed. "": that of the system.
	Spool string
	// RootCAs verify the server. Nil: those of the system.
	RootCAs *x509.CertPool
	// InsecurePlain allows http to servers elsewhere than on this machine.
	InsecurePlain bool
}

// S3 keeps files in a bucket, under Prefix and their digest. It is safe for concurrent use.
type S3 struct {
	c      S3Config
	core   *minio.Core
	moving func() // for tests: before a file is set aside or put back
}

var _ service.Blobs = (*S3)(nil)

const (
	spoolMemory = 1 << 20   // larger ones are spooled on disk
	slowest     = 128 << 10 // bytes a second that an upload must reach at least, beside Timeout
	readyName   = "ready"   // beside the files; no digest
)

// NewS3 checks the configuration. It dials nothing.
func NewS3(c S3Config) (*S3, error) {
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("blob: expected the endpoint of an S3 server, such as https://host:port")
	}
	if ip, err := netip.ParseAddr(u.Hostname()); u.Scheme == "http" && !c.InsecurePlain && u.Hostname() != "localhost" && (err != nil || !ip.Unmap().IsLoopback()) {
		return nil, errors.New("blob: expected https to an S3 server elsewhere than on this machine (InsecurePlain allows http)")
	}
	if c.Bucket == "" || c.AccessKey == "" || c.SecretKey == "" {
		return nil, errors.New("blob: expected a bucket, an access key and a secret key")
	}
	if c.Timeout < 0 || c.MaxBytes < 0 {
		return nil, errors.New("blob: expected bounds of 0 or more")
	}
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	core, err := minio.NewCore(u.Host, &minio.Options{
		Creds: credentials.NewStaticV4(c.AccessKey, c.SecretKey, ""), Secure: u.Scheme == "https", Region: c.Region, MaxRetries: 3,
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            (&net.Dialer{Timeout: c.Timeout}).DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: c.RootCAs, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    c.Timeout,
			ResponseHeaderTimeout:  c.Timeout,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true, // the bytes are those of the digest
			MaxIdleConns:           64,
			MaxIdleConnsPerHost:    32,
			IdleConnTimeout:        time.Minute,
		},
	})
	if err != nil {
		return nil, errors.New("blob: the endpoint of the S3 server is not accepted")
	}
	return &S3{c: c, core: core}, nil
}

// told are the codes of S3 that an operator can do something about.
var told = []string{"AccessDenied", "AuthorizationHeaderMalformed", "EntityTooLarge", "InvalidAccessKeyId", "InvalidRegion", "NoSuchBucket", "PermanentRedirect", "QuotaExceeded", "RequestTimeTooSkewed", "SignatureDoesNotMatch", "SlowDown"}

// fault turns what the server or the network says into our words. Texts of the server are
// left out: they are of any length.
func fault(what string, err error) error {
	var answer minio.ErrorResponse
	if errors.As(err, &answer) && answer.Code != "" {
		// A 404 without the server's XML is that of a proxy whose server is away, or of
		// another program: the client calls it NoSuchKey all the same.
		if answer.XMLName.Local == "Error" && (answer.Code == "NoSuchKey" || answer.Code == "NotFound" && answer.StatusCode == http.StatusNotFound) {
			return fmt.Errorf("blob: %w", service.ErrNotFound)
		}
		if answer.XMLName.Local == "Error" && slices.Contains(told, answer.Code) {
			return unavailable(what, fmt.Errorf("the server answers %d, %s", answer.StatusCode, answer.Code))
		}
		return unavailable(what, fmt.Errorf("the server answers %d", answer.StatusCode))
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err // without the address
	}
	return unavailable(what, err)
}

// is404 is what can be told of an answer to HEAD, which has no text: the file is not there,
// or neither is the bucket, or the key, or the server.
func is404(err error) bool {
	var answer minio.ErrorResponse
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}

// Put implements service.Blobs. The digest names the file, so all of it is read before
// anything is sent; the server checks the same digest, which is signed. What is there already
// is stored again: one request instead of two for nearly all files, and what has been spoilt
// is whole again.
func (s *S3) Put(ctx context.Context, r io.Reader) (string, int64, error) {
	src := newSource(ctx, r, s.c.MaxBytes)
	body, closeSpool, err := s.spool(src)
	defer closeSpool()
	if src.err != nil {
		return "", 0, src.err
	}
	if err != nil {
		return "", 0, unavailable("spooling a file", reason(err))
	}
	digest := src.digest()
	ctx, cancel := context.WithTimeout(ctx, s.c.Timeout+time.Duration(src.size/slowest)*time.Second)
	defer cancel()
	if err := s.put(ctx, digest, body, src.size, digest); err != nil {
		return "", 0, err
	}
	return digest, src.size, nil
}

// put stores an object. An answer of success that has no entity tag is not one of S3: a
// proxy gives it, or a page to sign in to a network.
func (s *S3) put(ctx context.Context, name string, body io.Reader, size int64, digest string) error {
	info, err := s.core.PutObject(ctx, s.c.Bucket, s.c.Prefix+name, body, size, "", digest, putOptions())
	if err != nil {
		return wrote(fault("storing a file", err))
	}
	if info.ETag == "" {
		return unavailable("storing a file", errors.New("expected an answer with an entity tag"))
	}
	return nil
}

func putOptions() minio.PutObjectOptions {
	return minio.PutObjectOptions{ContentType: "application/octet-stream", DisableMultipart: true, DisableContentSha256: true} // the digest is signed instead of chunks
}

// wrote: that nothing is there is no answer to storing; the bucket is not there.
func wrote(err error) error {
	if errors.Is(err, service.ErrNotFound) {
		return unavailable("storing a file", errors.New("the server answers 404"))
	}
	return err
}

// spool reads src to its end.
func (s *S3) spool(src io.Reader) (io.ReadSeeker, func(), error) {
	nothing := func() {}
	var small bytes.Buffer
	if _, err := io.CopyN(&small, src, spoolMemory); err == io.EOF {
		return bytes.NewReader(small.Bytes()), nothing, nil
	} else if err != nil {
		return nil, nothing, err
	}
	f, err := os.CreateTemp(s.c.Spool, "chancery-put-")
	if err != nil {
		return nil, nothing, err
	}
	remove := func() { f.Close(); os.Remove(f.Name()) }
	if _, err := f.Write(small.Bytes()); err != nil {
		return nil, remove, err
	}
	if _, err := io.Copy(struct{ io.Writer }{f}, src); err != nil {
		return nil, remove, err
	}
	_, err = f.Seek(0, io.SeekStart)
	return f, remove, err
}

// Get implements service.Blobs. It ends where the server pauses for longer than Timeout.
func (s *S3) Get(ctx context.Context, digest string) (io.ReadCloser, int64, error) {
	if err := first(checkDigest(digest), ctx.Err()); err != nil {
		return nil, 0, err
	}
	r, size, err := s.get(ctx, digest, digest)
	if !errors.Is(err, service.ErrNotFound) {
		return r, size, err
	}
	aside, err := s.find(ctx, digest)
	if err != nil {
		return nil, 0, err
	}
	if aside != "" {
		if r, size, err = s.get(ctx, aside, digest); !errors.Is(err, service.ErrNotFound) {
			return r, size, err
		}
	}
	return s.get(ctx, digest, digest) // it may have been put back between the two looks
}

// get opens an object that holds a file.
func (s *S3) get(ctx context.Context, name, digest string) (io.ReadCloser, int64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	idle := time.AfterFunc(s.c.Timeout, func() { cancel(context.DeadlineExceeded) })
	body, info, _, err := s.core.GetObject(ctx, s.c.Bucket, s.c.Prefix+name, minio.GetObjectOptions{})
	if err == nil && info.Size < 0 {
		body.Close()
		err = errors.New("expected an answer that says its length")
	}
	if err != nil {
		idle.Stop()
		err = late(ctx, err)
		cancel(nil)
		return nil, 0, fault("opening a file", err)
	}
	idle.Stop()
	paused := &pausing{ReadCloser: body, ctx: ctx, idle: idle, timeout: s.c.Timeout, cancel: cancel}
	return newChecked(paused, digest, info.Size, func(err error) error { return fault("reading a file", err) }), info.Size, nil
}

// late makes the error of a context that its own timer has ended one of time: nobody has
// stopped asking.
func late(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(err, context.Canceled) && errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return err
}

// pausing bounds the pauses of a stream.
type pausing struct {
	io.ReadCloser
	ctx     context.Context
	idle    *time.Timer
	timeout time.Duration
	cancel  context.CancelCauseFunc
}

func (p *pausing) Read(b []byte) (int, error) {
	p.idle.Reset(p.timeout)
	n, err := p.ReadCloser.Read(b)
	p.idle.Stop() // what the caller does in between is his time
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the connection broke off")
	}
	return n, late(p.ctx, err)
}

func (p *pausing) Close() error {
	p.idle.Stop()
	err := p.ReadCloser.Close()
	p.cancel(nil)
	return err
}

// Has implements service.Blobs.
func (s *S3) Has(ctx context.Context, digest string) (bool, error) {
	if err := first(checkDigest(digest), ctx.Err()); err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.c.Timeout)
	defer cancel()
	_, err := s.core.StatObject(ctx, s.c.Bucket, s.c.Prefix+digest, minio.StatObjectOptions{})
	if err != nil && is404(err) {
		var body io.ReadCloser
		if body, _, _, err = s.core.GetObject(ctx, s.c.Bucket, s.c.Prefix+digest, minio.GetObjectOptions{}); err == nil {
			body.Close()
		}
	}
	if err == nil {
		return true, nil
	}
	if err = fault("looking for a file", err); errors.Is(err, service.ErrNotFound) {
		aside, err := s.find(ctx, digest)
		return aside != "", err
	}
	return false, err
}

// Delete implements service.Blobs. That the file is gone is asked for: people are erased so,
// and a client of S3 takes any answer of success for that.
func (s *S3) Delete(ctx context.Context, digest string) error {
	if err := first(checkDigest(digest), ctx.Err()); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.c.Timeout)
	defer cancel()
	// What is put back meanwhile is seen below; what is set aside meanwhile, is dropped.
	if err := first(s.remove(ctx, digest), s.dropAll(ctx, digest)); err != nil {
		return err
	}
	body, _, _, err := s.core.GetObject(ctx, s.c.Bucket, s.c.Prefix+digest, minio.GetObjectOptions{})
	if err == nil {
		body.Close()
		return unavailable("removing a file", errors.New("it is there still"))
	}
	if err = fault("removing a file", err); errors.Is(err, service.ErrNotFound) {
		return nil
	}
	return err
}

// Ready implements service.Blobs: it stores a small object, which is no file, and looks
// for it.
func (s *S3) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.c.Timeout)
	defer cancel()
	src := newSource(ctx, strings.NewReader("ready"), 5)
	body, err := io.ReadAll(src)
	if err != nil {
		return err
	}
	if err := s.put(ctx, readyName, bytes.NewReader(body), src.size, src.digest()); err != nil {
		return err
	}
	if _, err := s.core.StatObject(ctx, s.c.Bucket, s.c.Prefix+readyName, minio.StatObjectOptions{}); err != nil {
		return wrote(fault("looking for a file", err))
	}
	return nil
}

// Check finds out whether the key may do all that it must: Ready is too often asked for
// that. It stores a file that nobody else has, reads it and removes it.
func (s *S3) Check(ctx context.Context) error {
	content := "chancery config check " + rand.Text()
	h := sha256.Sum256([]byte(content))
	digest := hex.EncodeToString(h[:])
	if r, _, err := s.Get(ctx, digest); err == nil {
		r.Close() // of 128 random bits
		return unavailable("looking for a file", errors.New("one is there that nobody has stored"))
	} else if !errors.Is(err, service.ErrNotFound) {
		if strings.HasSuffix(err.Error(), ", AccessDenied") {
			err = fmt.Errorf("%w to a file that is not there: the key must be allowed to read files and to list the bucket", err)
		}
		return err
	}
	if _, _, err := s.Put(ctx, strings.NewReader(content)); err != nil {
		return err
	}
	r, _, err := s.Get(ctx, digest)
	if err == nil {
		_, err = io.ReadAll(r)
		r.Close()
	} else if errors.Is(err, service.ErrNotFound) {
		err = unavailable("storing a file", errors.New("it is not there afterwards"))
	}
	// Also where it may not be read: nothing is left behind that could be removed.
	return errors.Join(err, s.Delete(ctx, digest))
}
