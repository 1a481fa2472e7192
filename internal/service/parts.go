package service

import (
	"context"
	"crypto"
	"errors"
	"io"

	"github.com/chancery-dev/chancery/proof/evidence"
)

// Blobs keep files by the SHA-256 of their content, in lower-case hex. All methods are
// safe for concurrent use.
type Blobs interface {
	// Put stores what r yields and returns its digest and size. It is durable when Put
	// returns. Storing the same again changes nothing.
	Put(ctx context.Context, r io.Reader) (digest string, size int64, err error)
	// Get opens a file, ErrNotFound where there is none. Reading it to the end fails where
	// the content is not that of the digest.
	Get(ctx context.Context, digest string) (io.ReadCloser, int64, error)
	// Has reports whether it is there.
	Has(ctx context.Context, digest string) (bool, error)
	// Delete removes it; that it is not there is no error.
	Delete(ctx context.Context, digest string) error
	// Ready reports whether files can be read and written now.
	Ready(ctx context.Context) error
}

// Mail is a message to one person.
type Mail struct {
	// MessageID is fixed when the mail is queued, so that a second delivery is seen to be one.
	MessageID string
	To        string // address
	ToName    string
	Subject   string
	Text      string
	HTML      string // says the same as Text; "": text alone
	Files     []File
}

// ErrMailRefused: the mail will never be taken (5xx, or a malformed address). Every other
// error of a Mailer is worth another attempt.
var ErrMailRefused = errors.New("service: mail refused")

// Mailer sends mail.
type Mailer interface {
	Send(ctx context.Context, m Mail) error
}

// Sealer encrypts what is secret at rest: keys, webhook secrets, replayed answers that hold
// secrets. The context binds a sealed value to its place.
type Sealer interface {
	Seal(plain []byte, context string) ([]byte, error)
	Open(sealed []byte, context string) ([]byte, error)
}

// KeyProvider opens keys that are held elsewhere, such as in a PKCS#11 token. A reference
// begins with the id of the tenant whose key it is, and a slash: the service asks for no other.
type KeyProvider interface {
	Signer(ctx context.Context, ref string) (crypto.Signer, error)
}

// Stamper takes digests to be anchored, in the transaction of what they belong to.
type Stamper interface {
	// Stamp remembers a digest under a stamp id, of a credential where its id is not "".
	Stamp(ctx context.Context, tx Tx, s Scope, id, credential string, subject evidence.Subject) error
	// State tells how far a stamp has come; nil where there is no such stamp.
	State(ctx context.Context, s Scope, id string) (*AnchorState, error)
	// Evidence is the evidence of a stamp with the document inside: CodeState before it is
	// there.
	Evidence(ctx context.Context, s Scope, id string, content []byte) (*evidence.Bundle, error)
}

// Quota is asked before a live credential is issued.
type Quota interface {
	// Take counts n credentials of a tenant in the transaction that issues them. A refusal is CodeQuota.
	Take(ctx context.Context, tx Tx, s Scope, n int64) error
	// Left is how many may still be issued, nil where that is not limited.
	Left(ctx context.Context, s Scope) (*int64, error)
}
