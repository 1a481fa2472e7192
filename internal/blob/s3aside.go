package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/chancery-dev/chancery/internal/service"
)

var _ service.SweptBlobs = (*S3)(nil)

// Now implements service.SweptBlobs: when the server says that a new object was stored.
func (s *S3) Now(ctx context.Context) (time.Time, error) {
	if err := s.Ready(ctx); err != nil {
		return time.Time{}, err
	}
	info, ok, err := s.stat(ctx, readyName)
	if err == nil && (!ok || info.LastModified.IsZero()) {
		err = unavailable("looking for a file", errors.New("expected when it was stored"))
	}
	return info.LastModified.UTC(), err
}

// stat looks at an object.
func (s *S3) stat(ctx context.Context, name string) (info minio.ObjectInfo, ok bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.c.Timeout)
	defer cancel()
	info, err = s.core.StatObject(ctx, s.c.Bucket, s.c.Prefix+name, minio.StatObjectOptions{})
	if err == nil {
		return info, true, nil
	}
	if is404(err) {
		return info, false, nil
	}
	return info, false, fault("looking for a file", err)
}

// list calls f with at most n objects of a prefix, in the order of their names, and returns
// the last name where there are more. Names are without the prefixes.
func (s *S3) list(ctx context.Context, prefix, after string, n int, f func(name string, info minio.ObjectInfo)) (next string, err error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, s.c.Timeout)
	defer cancel()
	prefix = s.c.Prefix + prefix
	options := minio.ListObjectsOptions{Prefix: prefix, Recursive: true, MaxKeys: n + 1, FetchOwner: new(bool)}
	if after != "" {
		options.StartAfter = prefix + after
	}
	last := after
	for info := range s.core.ListObjectsIter(ctx, s.c.Bucket, options) {
		name, ok := strings.CutPrefix(info.Key, prefix)
		switch {
		case info.Err != nil:
			return "", wrote(fault("listing files", late(ctx, info.Err)))
		case !ok || name <= last && last != "":
			return "", unavailable("listing files", errors.New("expected names in their order"))
		case n == 0:
			return last, nil
		}
		n--
		last = name
		f(name, info)
	}
	if err := ctx.Err(); err != nil { // the client ends without a word then
		return "", unavailable("listing files", err)
	}
	return "", nil
}

// List implements service.SweptBlobs. Other objects of a bucket without Prefix are passed
// over, those before "g" at the price of a look.
func (s *S3) List(ctx context.Context, after string, n int) (out []service.BlobFile, next string, err error) {
	beyond := false
	next, err = s.list(ctx, "", after, min(listed(n), maxListed-1), func(name string, info minio.ObjectInfo) {
		beyond = name >= "g"
		if checkDigest(name) == nil {
			out = append(out, service.BlobFile{Name: name, Digest: name, At: info.LastModified.UTC()})
		}
	})
	if beyond {
		next = ""
	}
	return out, next, err
}

// Aside implements service.SweptBlobs.
func (s *S3) Aside(ctx context.Context, after string, n int) (out []service.BlobFile, next string, err error) {
	next, err = s.list(ctx, asideDir+"/", after, min(listed(n), maxListed-1), func(name string, _ minio.ObjectInfo) {
		if f, ok := parseAside(name); ok {
			out = append(out, f)
		}
	})
	return out, next, err
}

// SetAside implements service.SweptBlobs. What is stored between the look at its date and
// the removal is set aside too: its content is the same.
func (s *S3) SetAside(ctx context.Context, digest string, before, now time.Time) (bool, error) {
	if err := first(checkDigest(digest), ctx.Err()); err != nil {
		return false, err
	}
	info, ok, err := s.stat(ctx, digest)
	if err != nil || !ok {
		return false, err
	}
	// The header is to the second.
	if info.LastModified.IsZero() || !info.LastModified.Add(time.Second).Before(before) {
		return false, nil
	}
	return s.move(ctx, digest, asideDir+"/"+asideName(digest, now), info.Size)
}

// move copies an object, sees that the copy is there, and removes it. It has done so unless the
// object is gone: another process was first.
func (s *S3) move(ctx context.Context, from, to string, size int64) (done bool, err error) {
	if s.moving != nil {
		s.moving()
	}
	ctx, cancel := context.WithTimeout(ctx, s.c.Timeout+time.Duration(size/slowest)*time.Second)
	defer cancel()
	if _, err := s.core.CopyObject(ctx, s.c.Bucket, s.c.Prefix+from, s.c.Bucket, s.c.Prefix+to, nil, minio.CopySrcOptions{}, minio.PutObjectOptions{}); err != nil {
		if err = fault("moving a file", err); errors.Is(err, service.ErrNotFound) {
			err = nil
		}
		return false, err
	}
	switch copied, ok, err := s.stat(ctx, to); {
	case err != nil:
		return false, err
	case !ok:
		// Another process has found this copy already, and put it back; else the file is in its
		// place still.
		return false, nil
	case copied.Size != size:
		return false, unavailable("moving a file", errors.New("the copy has another size"))
	}
	return true, s.remove(ctx, from)
}

func (s *S3) remove(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, s.c.Timeout)
	defer cancel()
	err := s.core.RemoveObject(ctx, s.c.Bucket, s.c.Prefix+name, minio.RemoveObjectOptions{})
	if err == nil {
		return nil
	}
	if err = fault("removing a file", err); errors.Is(err, service.ErrNotFound) {
		return nil
	}
	return err
}

// asides are the names of a file that was set aside.
func (s *S3) asides(ctx context.Context, digest string) (out []string, err error) {
	_, err = s.list(ctx, asideDir+"/"+digest+"-", "", maxListed-1, func(rest string, _ minio.ObjectInfo) {
		if name := digest + "-" + rest; checkAside(name) == nil {
			out = append(out, name)
		}
	})
	return out, err
}

// find names the object of a file that is not in its place, "" where there is none.
func (s *S3) find(ctx context.Context, digest string) (string, error) {
	names, err := s.asides(ctx, digest)
	if err != nil || len(names) == 0 {
		return "", err
	}
	return asideDir + "/" + names[0], nil
}

// PutBack implements service.SweptBlobs.
func (s *S3) PutBack(ctx context.Context, name string) error {
	if err := first(checkAside(name), ctx.Err()); err != nil {
		return err
	}
	f, _ := parseAside(name)
	if _, again, err := s.stat(ctx, f.Digest); err != nil {
		return err
	} else if again {
		return s.remove(ctx, asideDir+"/"+name)
	}
	info, ok, err := s.stat(ctx, asideDir+"/"+name)
	if err != nil || !ok {
		return err
	}
	_, err = s.move(ctx, asideDir+"/"+name, f.Digest, info.Size)
	return err
}

// Drop implements service.SweptBlobs.
func (s *S3) Drop(ctx context.Context, name string) error {
	if err := first(checkAside(name), ctx.Err()); err != nil {
		return err
	}
	return s.remove(ctx, asideDir+"/"+name)
}

// dropAll removes a file from where it was set aside.
func (s *S3) dropAll(ctx context.Context, digest string) error {
	names, err := s.asides(ctx, digest)
	for _, name := range names {
		err = first(err, s.remove(ctx, asideDir+"/"+name))
	}
	return err
}

// Keeper implements service.SweptBlobs.
func (s *S3) Keeper(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, s.c.Timeout)
	defer cancel()
	body, _, _, err := s.core.GetObject(ctx, s.c.Bucket, s.c.Prefix+keeperName, minio.GetObjectOptions{})
	if err != nil {
		if err = fault("opening a file", err); errors.Is(err, service.ErrNotFound) {
			return "", nil
		}
		return "", err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxKeeper+1))
	if err != nil {
		return "", fault("reading a file", err)
	}
	if err := checkKeeper(string(text)); err != nil {
		return "", fmt.Errorf("%w: %s", ErrCorrupt, keeperName)
	}
	return string(text), nil
}

// SetKeeper implements service.SweptBlobs.
func (s *S3) SetKeeper(ctx context.Context, text string) error {
	if err := first(checkKeeper(text), ctx.Err()); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.c.Timeout)
	defer cancel()
	src := newSource(ctx, strings.NewReader(text), maxKeeper)
	body, err := io.ReadAll(src)
	if err != nil {
		return err
	}
	return s.put(ctx, keeperName, bytes.NewReader(body), src.size, src.digest())
}
