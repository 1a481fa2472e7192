package anchor

import (
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"time"

	"golang.org/x/crypto/blake2b"

	"github.com/chancery-dev/chancery/proof/evidence"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrItem: an item is not one that can be anchored.
	ErrItem = errors.New("anchor: unfit item")
	// ErrConflict: another writer was first, or an item's ID stands for something else.
	ErrConflict = errors.New("anchor: conflict")
	// ErrNotFound: the store has no such item or batch.
	ErrNotFound = errors.New("anchor: not found")
	// ErrEmpty: no item waits for a batch.
	ErrEmpty = errors.New("anchor: no item waits for a batch")
	// ErrPending: what is asked for is not there yet.
	ErrPending = errors.New("anchor: not anchored yet")
	// ErrErased: the item's digest and salt were erased.
	ErrErased = errors.New("anchor: the item was erased")
	// ErrConfig: a required member of a configuration is missing or wrong.
	ErrConfig = errors.New("anchor: configuration")
)

// MaxID is the length of the longest item ID in bytes.
const MaxID = 128

// Item is a digest that is anchored.
type Item struct {
	// ID names the item, up to MaxID bytes of printable ASCII. Adding one again under the
	// same ID changes nothing, so that a caller who does not know whether a call
	// succeeded may repeat it. "": a random one is drawn.
	ID string
	// Subject is the kind of document and its digest. See Digest.
	Subject evidence.Subject
	// Salt is drawn by the Batcher: a caller leaves it nil.
	Salt []byte
	// Added is set by the Batcher.
	Added time.Time
}

// Erased tells whether the subject and salt were erased.
func (it *Item) Erased() bool { return it.Salt == nil && it.Subject.Digest == nil }

// Kinds are the types of subjects that can be anchored.
func Kinds() []string {
	return []string{
		evidence.SubjectBadge, evidence.SubjectCredential, evidence.SubjectPDF,
		evidence.SubjectPresentation, evidence.SubjectStamp, evidence.SubjectStatusList,
	}
}

// NewHash returns the hash of a name in evidence.DigestAlgs.
func NewHash(alg string) (hash.Hash, error) {
	switch alg {
	case "sha-256":
		return sha256.New(), nil
	case "sha-384":
		return sha512.New384(), nil
	case "sha-512":
		return sha512.New(), nil
	case "sha3-256":
		return sha3.New256(), nil
	case "blake2b-256":
		return blake2b.New256(nil)
	case "blake2b-512":
		return blake2b.New512(nil)
	}
	return nil, fmt.Errorf("%w: expected a hash among %v", ErrItem, evidence.DigestAlgs())
}

// Digest reads a document to its end and returns it as a subject of the given kind (one
// of Kinds; "": a stamp) under a hash (one of evidence.DigestAlgs; "": sha-256).
func Digest(document io.Reader, kind, alg string) (evidence.Subject, error) {
	if alg == "" {
		alg = "sha-256"
	}
	h, err := NewHash(alg)
	if err != nil {
		return evidence.Subject{}, err
	}
	if _, err := io.Copy(h, document); err != nil {
		return evidence.Subject{}, fmt.Errorf("anchor: reading the document: %w", err)
	}
	return Stamp(kind, alg, h.Sum(nil))
}

// Stamp returns a subject from a digest made elsewhere: the document stays with its
// owner. Arguments are as those of Digest.
func Stamp(kind, alg string, digest []byte) (evidence.Subject, error) {
	if kind == "" {
		kind = evidence.SubjectStamp
	}
	s := evidence.Subject{Type: kind, DigestAlg: alg, Digest: digest}
	return s, checkSubject(&s)
}

func checkSubject(s *evidence.Subject) error {
	if !slices.Contains(Kinds(), s.Type) {
		return fmt.Errorf("%w: expected a kind among %v", ErrItem, Kinds())
	}
	h, err := NewHash(s.DigestAlg)
	if err != nil {
		return err
	}
	if len(s.Digest) != h.Size() {
		return fmt.Errorf("%w: expected a digest of %d bytes for %s, found %d", ErrItem, h.Size(), s.DigestAlg, len(s.Digest))
	}
	return nil
}

func checkID(id string) error {
	if len(id) > MaxID {
		return fmt.Errorf("%w: expected an ID of at most %d bytes, found %d", ErrItem, MaxID, len(id))
	}
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return fmt.Errorf("%w: expected an ID of printable ASCII without blanks", ErrItem)
		}
	}
	return nil
}

func sameSubject(a, b *evidence.Subject) bool {
	return a.Type == b.Type && a.DigestAlg == b.DigestAlg && slices.Equal(a.Digest, b.Digest)
}
