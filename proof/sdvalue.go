package proof

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/proof/internal/cbor"
)

// ErrBaseProof: a base proof of a selective disclosure suite, which is between issuer
// and holder, stands where a derived proof is expected. It is an ErrProofValue too.
var ErrBaseProof = fmt.Errorf("%w: a base proof, which only its holder can use: a proof derived from it is expected", ErrProofValue)

// Sizes of what a proofValue of ecdsa-sd-2023 holds, in bytes.
const (
	sdSignature = 64 // r and s of P-256
	sdPublicKey = 35 // two of the multicodec prefix, then the compressed point
	sdHMAC      = 32 // keys and labels
	sdMaxText   = 4 << 20
)

var (
	sdBaseHeader    = []byte{0xd9, 0x5d, 0x00}
	sdDerivedHeader = []byte{0xd9, 0x5d, 0x01}
)

// sdBaseValue is what the proofValue of a base proof holds (ECDSA Cryptosuites 3.5.2).
type sdBaseValue struct {
	baseSignature, publicKey, hmacKey []byte
	signatures                        [][]byte
	pointers                          []string
}

// sdDerivedValue is what that of a derived proof holds (ECDSA Cryptosuites 3.5.7).
type sdDerivedValue struct {
	baseSignature, publicKey []byte
	signatures               [][]byte
	labels                   [][]byte // by n of c14nN
	mandatory                []int    // ascending
}

// sdError is an error about a proofValue of this suite.
func sdError(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrProofValue}, args...)...)
}

// decodeSD reads multibase, header and CBOR of a proofValue: an array of five items.
func decodeSD(text string, header []byte) ([]cbor.Value, error) {
	if len(text) == 0 || text[0] != 'u' || len(text) > sdMaxText {
		return nil, sdError("expected multibase base64url without padding, beginning with u, of at most %d characters", sdMaxText)
	}
	b, err := multikey.DecodeBase64URL(text[1:])
	if err != nil {
		return nil, sdError("expected base64url without padding")
	}
	if !bytes.HasPrefix(b, header) {
		if bytes.HasPrefix(b, sdBaseHeader) {
			return nil, ErrBaseProof
		}
		return nil, sdError("expected the header % x", header)
	}
	v, err := cbor.Parse(b[len(header):])
	if err != nil {
		return nil, sdError("expected one CBOR item of definite lengths, with numbers in their shortest form and no tags")
	}
	if v.Kind != cbor.Array || len(v.List) != 5 {
		return nil, sdError("expected an array of five")
	}
	return v.List, nil
}

// sdBytes checks a byte string of one size.
func sdBytes(v cbor.Value, size int, name string) ([]byte, error) {
	if v.Kind != cbor.Bytes || len(v.Bytes) != size {
		return nil, sdError("expected the %s to be %d bytes", name, size)
	}
	return v.Bytes, nil
}

// sdSignatures checks a list of signatures.
func sdSignatures(v cbor.Value) ([][]byte, error) {
	if v.Kind != cbor.Array || len(v.List) > limits.SDStatements {
		return nil, sdError("expected a list of at most %d signatures", limits.SDStatements)
	}
	out := make([][]byte, len(v.List))
	for i := range v.List {
		var err error
		if out[i], err = sdBytes(v.List[i], sdSignature, "signature of a statement"); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// parseSDBase is parseBaseProofValue (ECDSA Cryptosuites 3.5.3).
func parseSDBase(text string) (v sdBaseValue, err error) {
	list, err := decodeSD(text, sdBaseHeader)
	if err != nil {
		return v, err
	}
	if v.baseSignature, err = sdBytes(list[0], sdSignature, "base signature"); err != nil {
		return v, err
	}
	if v.publicKey, err = sdBytes(list[1], sdPublicKey, "public key"); err != nil {
		return v, err
	}
	if v.hmacKey, err = sdBytes(list[2], sdHMAC, "HMAC key"); err != nil {
		return v, err
	}
	if v.signatures, err = sdSignatures(list[3]); err != nil {
		return v, err
	}
	if list[4].Kind != cbor.Array || len(list[4].List) > limits.SDPointers {
		return v, sdError("expected a list of at most %d pointers", limits.SDPointers)
	}
	for _, p := range list[4].List {
		if p.Kind != cbor.Text {
			return v, sdError("expected pointers that are texts")
		}
		v.pointers = append(v.pointers, string(p.Bytes))
	}
	return v, nil
}

// parseSDDerived is parseDerivedProofValue (ECDSA Cryptosuites 3.5.8). Labels are those
// of c14n0, c14n1 and so on, each once and no two alike: with one label for two nodes,
// what was signed of one could be said of the other.
func parseSDDerived(text string) (v sdDerivedValue, err error) {
	list, err := decodeSD(text, sdDerivedHeader)
	if err != nil {
		return v, err
	}
	if v.baseSignature, err = sdBytes(list[0], sdSignature, "base signature"); err != nil {
		return v, err
	}
	if v.publicKey, err = sdBytes(list[1], sdPublicKey, "public key"); err != nil {
		return v, err
	}
	if v.signatures, err = sdSignatures(list[2]); err != nil {
		return v, err
	}
	if list[3].Kind != cbor.Map {
		return v, sdError("expected a map of labels")
	}
	v.labels = make([][]byte, len(list[3].List))
	seen := make(map[string]bool, len(v.labels))
	for i, key := range list[3].Keys {
		label, err := sdBytes(list[3].List[i], sdHMAC, "label of a blank node")
		if err != nil {
			return v, err
		}
		if key.Kind != cbor.Int || key.Int < 0 || key.Int >= int64(len(v.labels)) || seen[string(label)] {
			return v, sdError("expected the labels of 0 to %d, all different", len(v.labels)-1)
		}
		seen[string(label)] = true
		v.labels[key.Int] = label
	}
	if list[4].Kind != cbor.Array {
		return v, sdError("expected a list of indexes")
	}
	for i, n := range list[4].List {
		if n.Kind != cbor.Int || n.Int < 0 || n.Int > 1<<30 || i > 0 && int(n.Int) <= v.mandatory[i-1] {
			return v, sdError("expected ascending indexes")
		}
		v.mandatory = append(v.mandatory, int(n.Int))
	}
	return v, nil
}

// encode is serializeBaseProofValue (ECDSA Cryptosuites 3.5.2).
func (v *sdBaseValue) encode() string {
	b := append([]byte(nil), sdBaseHeader...)
	b = appendHead(b, 4, 5)
	for _, x := range [][]byte{v.baseSignature, v.publicKey, v.hmacKey} {
		b = append(appendHead(b, 2, len(x)), x...)
	}
	b = appendSignatures(b, v.signatures)
	b = appendHead(b, 4, len(v.pointers))
	for _, p := range v.pointers {
		b = append(appendHead(b, 3, len(p)), p...)
	}
	return multikey.EncodeMultibase64(b)
}

// encode is serializeDerivedProofValue (ECDSA Cryptosuites 3.5.7).
func (v *sdDerivedValue) encode() string {
	b := append([]byte(nil), sdDerivedHeader...)
	b = appendHead(b, 4, 5)
	for _, x := range [][]byte{v.baseSignature, v.publicKey} {
		b = append(appendHead(b, 2, len(x)), x...)
	}
	b = appendSignatures(b, v.signatures)
	b = appendHead(b, 5, len(v.labels))
	for n, label := range v.labels {
		b = appendHead(b, 0, n)
		b = append(appendHead(b, 2, len(label)), label...)
	}
	b = appendHead(b, 4, len(v.mandatory))
	for _, n := range v.mandatory {
		b = appendHead(b, 0, n)
	}
	return multikey.EncodeMultibase64(b)
}

func appendSignatures(b []byte, signatures [][]byte) []byte {
	b = appendHead(b, 4, len(signatures))
	for _, s := range signatures {
		b = append(appendHead(b, 2, len(s)), s...)
	}
	return b
}

// appendHead appends major type and argument in the shortest form (RFC 8949, 4.2.1).
func appendHead(b []byte, major byte, n int) []byte {
	major <<= 5
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n < 1<<8:
		return append(b, major|24, byte(n))
	case n < 1<<16:
		return append(b, major|25, byte(n>>8), byte(n))
	}
	return append(b, major|26, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// sdKey reads the key that is scoped to one proof: a P-256 Multikey in bytes.
func sdKey(b []byte) (*ecdsa.PublicKey, error) {
	key, err := multikey.Parse(multikey.EncodeMultibase58(b))
	if err != nil {
		return nil, sdError("expected a compressed P-256 key of the proof")
	}
	k, ok := key.(*ecdsa.PublicKey)
	if !ok || k.Curve != elliptic.P256() {
		return nil, sdError("expected a P-256 key of the proof")
	}
	return k, nil
}

// sdKeyBytes writes such a key.
func sdKeyBytes(key *ecdsa.PublicKey) ([]byte, error) {
	text, err := multikey.Encode(key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeyType, err)
	}
	b, err := multikey.DecodeBase58(text[1:])
	if err != nil || len(b) != sdPublicKey {
		return nil, fmt.Errorf("%w: expected P-256", ErrKeyType)
	}
	return b, nil
}

// IsBaseProof tells whether a proof is a base proof of ecdsa-sd-2023, by its header: one
// that its holder should derive from, and show to nobody.
func IsBaseProof(p Proof) bool {
	return p.Type == TypeDataIntegrity && p.Cryptosuite == ECDSASD2023 && strings.HasPrefix(p.ProofValue, multikey.EncodeMultibase64(sdBaseHeader))
}

// checkPointers bounds pointers and refuses those that a base proof could not hold.
func checkPointers(pointers []string) error {
	if len(pointers) > limits.SDPointers {
		return fmt.Errorf("%w: expected at most %d, found %d", ErrPointer, limits.SDPointers, len(pointers))
	}
	for _, p := range pointers {
		if !utf8.ValidString(p) {
			return fmt.Errorf("%w: expected UTF-8", ErrPointer)
		}
	}
	return nil
}

// ErrPointer: a JSON pointer is malformed, names nothing in the document, or names what
// cannot be disclosed by itself.
var ErrPointer = errors.New("proof: JSON pointer selects nothing that can be disclosed")
