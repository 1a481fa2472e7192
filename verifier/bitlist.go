package verifier

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// minEntries is the least length of a status list (Bitstring Status List 1.0, 2.2 and
// 3.2): shorter ones tell the issuer whose credential is being checked.
const minEntries = 131_072

// maxListBytes bounds an expanded list: 64 million entries of one bit. The largest
// lists seen have one million.
const maxListBytes = 8 << 20

// bitList is an expanded status list.
type bitList struct {
	bits     []byte
	purposes []string
	size     int // statusSize of the list, 0 where it does not say
	digest   string
	fetched  time.Time
}

func (l *bitList) hasPurpose(p string) bool { return slices.Contains(l.purposes, p) }

// value returns entry i of the given size in bits, the first bit the most
// significant (section 3.2, step 9). The caller has checked the range.
func (l *bitList) value(i uint64, size int) uint64 {
	var v uint64
	for b := i * uint64(size); b < (i+1)*uint64(size); b++ {
		v = v<<1 | uint64(l.bits[b/8]>>(7-b%8)&1)
	}
	return v
}

// errBomb is what an encodedList that expands without end becomes.
var errBomb = errors.New("expected a list that expands to at most 8 MB")

// readBitList decodes the subject of a status list credential (section 3.3).
func readBitList(doc *strictjson.Doc, subject strictjson.Node, kind listKind) (*bitList, error) {
	encoded, ok := doc.Str(doc.Get(subject, "encodedList"))
	if !ok {
		return nil, errors.New("expected an encodedList")
	}
	l := &bitList{purposes: stringList(doc, doc.Get(subject, "statusPurpose"))}
	if n := doc.Get(subject, "statusSize"); n != strictjson.None {
		size, ok := doc.Int(n)
		if !ok || size < 1 || size > 64 {
			return nil, errors.New("expected a statusSize between 1 and 64")
		}
		l.size = int(size)
	}
	if kind.multibase {
		// Multibase base64url; lists of earlier drafts lack the prefix, and cannot be
		// confused, since gzip data begins with "H4" in base64.
		encoded = strings.TrimPrefix(encoded, "u")
	}
	encoded = strings.TrimRight(encoded, "=")
	packed, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		if packed, err = base64.RawStdEncoding.DecodeString(encoded); err != nil {
			return nil, errors.New("expected encodedList in base64url")
		}
	}
	if l.bits, err = expand(packed); err != nil {
		return nil, err
	}
	return l, nil
}

// expand inflates gzip data up to the limit, never allocating much more.
func expand(packed []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, errors.New("expected encodedList to hold gzip data")
	}
	var out bytes.Buffer
	out.Grow(min(max(len(packed)*4, 16<<10), 1<<20))
	n, err := io.Copy(&out, io.LimitReader(z, maxListBytes+1))
	switch {
	case n > maxListBytes:
		return nil, errBomb
	case err != nil:
		return nil, errors.New("expected encodedList to hold whole gzip data")
	}
	return out.Bytes(), nil
}
