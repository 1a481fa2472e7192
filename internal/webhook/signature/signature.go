// Package signature signs and verifies webhooks by the Standard Webhooks specification,
// version 1: v1 is HMAC-SHA256 with a shared secret, v1a is Ed25519.
//
// A sender keeps a Secret for each endpoint and puts what Sign returns into the header
// webhook-signature; while a secret is being replaced it signs with both. A receiver calls
// Verify with the keys it was given. What is signed is "id.timestamp.body".
//
// Caveats. A valid signature does not say that a message is new: messages come at least
// once, and receivers leave out those whose id they know. Ids hold no '.', since the
// signed text would have two readings.
package signature

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Names of the headers.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

// Algorithms.
const (
	V1  = "v1"  // HMAC-SHA256
	V1A = "v1a" // Ed25519
)

// Bounds.
const (
	minSecret = 24 // bytes of a shared secret (specification, "Signature scheme")
	maxSecret = 64
	maxID     = 256
	maxHeader = 8 << 10 // characters of webhook-signature
	maxSigns  = 32      // signatures in it
)

// Tolerance is how far the time of a message may lie from the receiver's.
const Tolerance = 5 * time.Minute

// Errors, for errors.Is. None holds a secret or a part of a message.
var (
	// ErrSecret: a secret or key is malformed.
	ErrSecret = errors.New("signature: malformed secret")
	// ErrMessage: a message cannot be signed as it is.
	ErrMessage = errors.New("signature: expected an id of 1 to 256 printable characters without '.' and a time after 1970")
	// ErrHeaders: a header is missing or malformed.
	ErrHeaders = errors.New("signature: malformed headers")
	// ErrTooOld and ErrTooNew: the time of a message is outside Tolerance.
	ErrTooOld = errors.New("signature: the message is too old")
	ErrTooNew = errors.New("signature: the message is of the future")
	// ErrSignature: no signature is that of the message by one of the keys.
	ErrSignature = errors.New("signature: no signature matches")
)

// Secret signs. It prints as "(secret)"; Reveal is its text. The zero value signs nothing.
type Secret struct {
	shared  []byte             // v1
	private ed25519.PrivateKey // v1a
}

// Generate draws a secret for V1 or V1A from random (such as crypto/rand.Reader).
func Generate(algorithm string, random io.Reader) (Secret, error) {
	raw := make([]byte, 32)
	if algorithm != V1 && algorithm != V1A {
		return Secret{}, fmt.Errorf("%w: expected the algorithm v1 or v1a", ErrSecret)
	}
	if _, err := io.ReadFull(random, raw); err != nil {
		return Secret{}, fmt.Errorf("signature: drawing a secret: %w", err)
	}
	if algorithm == V1A {
		return Secret{private: ed25519.NewKeyFromSeed(raw)}, nil
	}
	return Secret{shared: raw}, nil
}

// ParseSecret reads "whsec_" + base64 of 24 to 64 bytes, or "whsk_" + base64 of an
// Ed25519 private key (64 bytes, or its seed of 32).
func ParseSecret(s string) (Secret, error) {
	if text, ok := strings.CutPrefix(s, "whsec_"); ok {
		raw, err := shared(text)
		return Secret{shared: raw}, err
	}
	text, ok := strings.CutPrefix(s, "whsk_")
	if !ok {
		return Secret{}, fmt.Errorf("%w: expected whsec_ or whsk_", ErrSecret)
	}
	raw, err := decode(text)
	if err != nil || len(raw) != ed25519.SeedSize && len(raw) != ed25519.PrivateKeySize {
		return Secret{}, fmt.Errorf("%w: expected the base64 of 64 or 32 bytes after whsk_", ErrSecret)
	}
	key := ed25519.NewKeyFromSeed(raw[:ed25519.SeedSize])
	if len(raw) == ed25519.PrivateKeySize && !key.Equal(ed25519.PrivateKey(raw)) {
		return Secret{}, fmt.Errorf("%w: the public half after whsk_ is another key's", ErrSecret)
	}
	return Secret{private: key}, nil
}

// Reveal is the text that ParseSecret reads.
func (s Secret) Reveal() string {
	switch {
	case s.private != nil:
		return "whsk_" + base64.StdEncoding.EncodeToString(s.private)
	case s.shared != nil:
		return "whsec_" + base64.StdEncoding.EncodeToString(s.shared)
	}
	return ""
}

// Public is what receivers of v1a verify with, "whpk_" + base64. "" for v1.
func (s Secret) Public() string {
	if s.private == nil {
		return ""
	}
	return "whpk_" + base64.StdEncoding.EncodeToString(s.private.Public().(ed25519.PublicKey))
}

// Algorithm is V1 or V1A, "" for the zero value.
func (s Secret) Algorithm() string {
	switch {
	case s.private != nil:
		return V1A
	case s.shared != nil:
		return V1
	}
	return ""
}

// String keeps secrets out of logs.
func (s Secret) String() string { return "(secret)" }

// GoString keeps secrets out of logs.
func (s Secret) GoString() string { return "(secret)" }

// Format keeps secrets out of logs, with every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "(secret)") }

// MarshalText keeps secrets out of JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte("(secret)"), nil }

// Sign returns the value of webhook-signature: one signature for each secret, in their
// order. at is written in whole seconds.
func Sign(id string, at time.Time, body []byte, secrets ...Secret) (string, error) {
	if !validID(id) || at.Unix() <= 0 {
		return "", ErrMessage
	}
	if len(secrets) == 0 || len(secrets) > maxSigns {
		return "", fmt.Errorf("%w: expected 1 to %d secrets, found %d", ErrSecret, maxSigns, len(secrets))
	}
	text := signed(id, strconv.FormatInt(at.Unix(), 10), body)
	var out strings.Builder
	for i, s := range secrets {
		if i > 0 {
			out.WriteByte(' ')
		}
		switch {
		case s.private != nil:
			out.WriteString("v1a,")
			out.WriteString(base64.StdEncoding.EncodeToString(ed25519.Sign(s.private, text)))
		case s.shared != nil:
			out.WriteString("v1,")
			out.WriteString(base64.StdEncoding.EncodeToString(mac(s.shared, text)))
		default:
			return "", fmt.Errorf("%w: secret %d is empty", ErrSecret, i)
		}
	}
	return out.String(), nil
}

// Key verifies. The zero value verifies nothing.
type Key struct {
	shared []byte
	public ed25519.PublicKey
}

// ParseKey reads "whsec_…" or "whpk_" + base64 of an Ed25519 public key.
func ParseKey(s string) (Key, error) {
	if text, ok := strings.CutPrefix(s, "whsec_"); ok {
		raw, err := shared(text)
		return Key{shared: raw}, err
	}
	text, ok := strings.CutPrefix(s, "whpk_")
	if !ok {
		return Key{}, fmt.Errorf("%w: expected whsec_ or whpk_", ErrSecret)
	}
	raw, err := decode(text)
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return Key{}, fmt.Errorf("%w: expected the base64 of 32 bytes after whpk_", ErrSecret)
	}
	return Key{public: raw}, nil
}

// Headers are the values of the three headers, each "" where it is missing.
type Headers struct{ ID, Timestamp, Signature string }

// Verify reports whether a message, as received, is signed by one of the keys, at a time
// that is within tolerance of now (0: Tolerance). Signatures of other versions, and
// malformed ones, are passed over: a sender may offer several.
func Verify(h Headers, body []byte, now time.Time, tolerance time.Duration, keys ...Key) error {
	if h.ID == "" || h.Timestamp == "" || h.Signature == "" {
		return fmt.Errorf("%w: expected %s, %s and %s", ErrHeaders, HeaderID, HeaderTimestamp, HeaderSignature)
	}
	seconds, err := strconv.ParseInt(h.Timestamp, 10, 64)
	if err != nil || seconds <= 0 || strconv.FormatInt(seconds, 10) != h.Timestamp {
		return fmt.Errorf("%w: expected unix seconds in %s", ErrHeaders, HeaderTimestamp)
	}
	if !validID(h.ID) {
		return fmt.Errorf("%w: expected printable characters without '.' in %s", ErrHeaders, HeaderID)
	}
	if len(h.Signature) > maxHeader {
		return fmt.Errorf("%w: expected at most %d characters in %s", ErrHeaders, maxHeader, HeaderSignature)
	}
	text := signed(h.ID, h.Timestamp, body)
	found := false
	for i, one := range strings.Split(h.Signature, " ") {
		if i == maxSigns {
			break
		}
		version, encoded, _ := strings.Cut(one, ",")
		raw, err := decode(encoded)
		if err != nil {
			continue
		}
		for _, k := range keys {
			switch {
			case version == V1 && k.shared != nil:
				found = hmac.Equal(raw, mac(k.shared, text)) || found
			case version == V1A && k.public != nil:
				found = len(raw) == ed25519.SignatureSize && ed25519.Verify(k.public, text, raw) || found
			}
		}
	}
	if !found {
		return ErrSignature
	}
	if tolerance == 0 {
		tolerance = Tolerance
	}
	// Compared in whole seconds: the distance of a hostile time overflows a Duration.
	bound := int64(tolerance / time.Second)
	switch at := now.Unix(); {
	case seconds < at-bound:
		return ErrTooOld
	case seconds > at+bound:
		return ErrTooNew
	}
	return nil
}

func signed(id, seconds string, body []byte) []byte {
	text := make([]byte, 0, len(id)+len(seconds)+2+len(body))
	text = append(text, id...)
	text = append(text, '.')
	text = append(text, seconds...)
	text = append(text, '.')
	return append(text, body...)
}

func mac(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return h.Sum(nil)
}

func validID(id string) bool {
	return id != "" && len(id) <= maxID && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' || r == '.' })
}

func shared(text string) ([]byte, error) {
	raw, err := decode(text)
	if err != nil || len(raw) < minSecret || len(raw) > maxSecret {
		return nil, fmt.Errorf("%w: expected the base64 of %d to %d bytes after whsec_", ErrSecret, minSecret, maxSecret)
	}
	return raw, nil
}

// decode reads canonical base64 with padding: the decoder of the standard library passes
// over line ends.
func decode(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, ErrHeaders
	}
	return base64.StdEncoding.Strict().DecodeString(s)
}
