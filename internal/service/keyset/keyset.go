// Package keyset encodes the places where pages of lists begin. Every store uses it, so
// that cursors mean the same everywhere.
//
// A cursor is opaque to callers, and bound to its list: that of another list, or of the
// same one with another filter, is refused. It is not secret and not authenticated: it
// names a place among what its caller may read anyway.
package keyset

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"github.com/chancery-dev/chancery/internal/service"
)

// Place is the last element of a page: lists are ordered by At and ID together.
type Place struct {
	At int64
	ID string
}

const (
	tagSize   = 8
	maxCursor = 4096 // bytes
)

func tag(list []string) []byte {
	h := sha256.New()
	var n [8]byte
	for _, s := range list {
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	return h.Sum(nil)[:tagSize]
}

// Encode returns the cursor of what follows p in a list. The list is named by all that
// decides what is in it and in which order.
func Encode(p Place, list ...string) string {
	b := binary.BigEndian.AppendUint64(tag(list), uint64(p.At))
	return base64.RawURLEncoding.EncodeToString(append(b, p.ID...))
}

// Decode reads a cursor of that very list. ok is false for "", the beginning. A malformed
// one, or one of another list, is a service.CodeParameter error.
func Decode(cursor string, list ...string) (p Place, ok bool, err error) {
	if cursor == "" {
		return Place{}, false, nil
	}
	if len(cursor) <= maxCursor {
		b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
		if err == nil && len(b) >= tagSize+8 && string(b[:tagSize]) == string(tag(list)) {
			return Place{At: int64(binary.BigEndian.Uint64(b[tagSize:])), ID: string(b[tagSize+8:])}, true, nil
		}
	}
	return Place{}, false, &service.Error{Code: service.CodeParameter, Detail: "cursor: expected one of a page of this list"}
}
