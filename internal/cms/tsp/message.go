// Package tsp is RFC 3161: requests, responses, timestamp tokens, and an authority that issues them.
//
// A client makes a Request, sends Request.Marshal to an authority by whatever means it has, and gives
// the answer to ParseResponse and Response.Token. A verifier calls ParseToken and Token.Verify with
// its own anchors. Nothing here opens a connection or looks at a clock.
package tsp

import (
	"bytes"
	"crypto"
	"math/big"
	"strings"

	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/der"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// OID is an object identifier.
type OID = algo.OID

// Limits. Tokens are 2 to 10 KB, more where an authority puts revocation data inside.
const (
	MaxSize        = 4 << 20 // bytes of a response or token
	MaxRequestSize = 16 << 10
	MaxNonceBits   = 512
	maxStatusText  = 512 // bytes of an authority's status text that are kept
)

// Request is a TimeStampReq (RFC 3161, section 2.4.1).
type Request struct {
	Hash         crypto.Hash // of the data; SHA-256, SHA-384, SHA-512, or SHA-3 of these sizes
	Digest       []byte      // of the data, under Hash
	Policy       OID         // the policy asked for; empty leaves it to the authority
	Nonce        *big.Int    // random, at least 64 bits; nil sends none, and then a replayed answer cannot be told from a fresh one
	Certificates bool        // ask for the authority's certificates in the token
}

func implicit(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }

func addImprint(b *cryptobyte.Builder, h crypto.Hash, digest []byte) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { algo.ImprintOID(h).Add(b) })
		b.AddASN1OctetString(digest)
	})
}

// readImprint reads a MessageImprint. The digest's length must be the hash's.
func readImprint(s *cryptobyte.String) (crypto.Hash, []byte, *Error) {
	var seq, digest cryptobyte.String
	if !s.ReadASN1(&seq, asn1.SEQUENCE) {
		return 0, nil, fail(Malformed, "messageImprint")
	}
	id, ok := algo.ReadIdentifier(&seq)
	if !ok || !seq.ReadASN1(&digest, asn1.OCTET_STRING) || !seq.Empty() {
		return 0, nil, fail(Malformed, "messageImprint")
	}
	h, err := algo.ParseImprint(id)
	if err != nil {
		return 0, nil, &Error{Reason: Unsupported, Err: err}
	}
	if len(digest) != h.Size() {
		return 0, nil, fail(Malformed, "messageImprint of %d bytes, %v has %d", len(digest), h, h.Size())
	}
	return h, digest, nil
}

// Marshal encodes the request in DER.
func (r *Request) Marshal() ([]byte, error) {
	if algo.ImprintOID(r.Hash) == "" {
		return nil, fail(Unsupported, "hash %v in a request", r.Hash)
	}
	if len(r.Digest) != r.Hash.Size() {
		return nil, fail(BadConfig, "digest of %d bytes, %v has %d", len(r.Digest), r.Hash, r.Hash.Size())
	}
	if r.Nonce != nil && (r.Nonce.Sign() <= 0 || r.Nonce.BitLen() > MaxNonceBits) {
		return nil, fail(BadConfig, "nonce is not positive or above %d bits", MaxNonceBits)
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		addImprint(b, r.Hash, r.Digest)
		if r.Policy != "" {
			r.Policy.Add(b)
		}
		if r.Nonce != nil {
			b.AddASN1BigInt(r.Nonce)
		}
		if r.Certificates {
			b.AddASN1Boolean(true)
		}
	})
	return b.Bytes()
}

// ParseRequest reads a DER request. Extensions are refused: none is in use. Errors are *Error.
func ParseRequest(b []byte) (*Request, error) {
	if len(b) > MaxRequestSize {
		return nil, fail(TooLarge, "request of %d bytes, at most %d", len(b), MaxRequestSize)
	}
	in := cryptobyte.String(b)
	var s cryptobyte.String
	var version int
	if !in.ReadASN1(&s, asn1.SEQUENCE) || !in.Empty() || !s.ReadASN1Integer(&version) || version != 1 {
		return nil, fail(Malformed, "TimeStampReq of version 1 expected")
	}
	r := &Request{}
	var e *Error
	if r.Hash, r.Digest, e = readImprint(&s); e != nil {
		return nil, e
	}
	if s.PeekASN1Tag(asn1.OBJECT_IDENTIFIER) {
		var ok bool
		if r.Policy, ok = algo.ReadOID(&s); !ok {
			return nil, fail(Malformed, "reqPolicy")
		}
	}
	if s.PeekASN1Tag(asn1.INTEGER) {
		if r.Nonce = readNonce(&s); r.Nonce == nil {
			return nil, fail(Malformed, "nonce")
		}
	}
	if s.PeekASN1Tag(asn1.BOOLEAN) && !s.ReadASN1Boolean(&r.Certificates) {
		return nil, fail(Malformed, "certReq")
	}
	if s.PeekASN1Tag(implicit(0)) {
		return nil, fail(Unsupported, "extensions in a request")
	}
	if !s.Empty() {
		return nil, fail(Malformed, "end of TimeStampReq")
	}
	return r, nil
}

func readNonce(s *cryptobyte.String) *big.Int {
	n := new(big.Int)
	if !s.ReadASN1Integer(n) || n.BitLen() > MaxNonceBits {
		return nil
	}
	return n
}

// Status of a response (RFC 3161, section 2.4.2).
type Status int

// Granted are the two statuses that come with a token.
const (
	Granted         Status = 0
	GrantedWithMods Status = 1
	Rejection       Status = 2
)

// Failure bits of PKIFailureInfo (RFC 3161, section 2.4.2), by bit number.
const (
	FailBadAlgorithm     = 0
	FailBadRequest       = 2
	FailBadDataFormat    = 5
	FailTimeNotAvailable = 14
	FailPolicy           = 15
	FailExtension        = 16
	FailAddInfo          = 17
	FailSystem           = 25
)

// Response is a parsed TimeStampResp. Its token, if any, is not verified.
type Response struct {
	Status  Status
	Text    string // the authority's words, cut to 512 bytes of printable characters; not trusted
	Failure []int  // bits set in failInfo
	token   []byte
}

// ParseResponse reads a response. BER is converted as in package der. Errors are *Error.
func ParseResponse(b []byte) (*Response, error) {
	if len(b) > MaxSize {
		return nil, fail(TooLarge, "response of %d bytes, at most %d", len(b), MaxSize)
	}
	canon, err := der.Canonical(b)
	if err != nil || canon.Padding > 0 {
		return nil, &Error{Reason: Malformed, Detail: "TimeStampResp", Err: err}
	}
	in := cryptobyte.String(canon.DER)
	var s, info, text cryptobyte.String
	var status int
	var present bool
	if !in.ReadASN1(&s, asn1.SEQUENCE) || !s.ReadASN1(&info, asn1.SEQUENCE) || !info.ReadASN1Integer(&status) ||
		!info.ReadOptionalASN1(&text, &present, asn1.SEQUENCE) {
		return nil, fail(Malformed, "PKIStatusInfo")
	}
	r := &Response{Status: Status(status)}
	var words []string
	for !text.Empty() {
		var w cryptobyte.String
		if !text.ReadASN1(&w, asn1.UTF8String) {
			return nil, fail(Malformed, "statusString")
		}
		if len(words) < 8 {
			words = append(words, string(w[:min(len(w), maxStatusText)]))
		}
	}
	r.Text = printable(strings.Join(words, "; "))
	if !info.Empty() {
		var bits []byte
		if !readBits(&info, &bits) || !info.Empty() {
			return nil, fail(Malformed, "failInfo")
		}
		for i := range 8 * min(len(bits), 8) {
			if bits[i/8]>>(7-i%8)&1 == 1 {
				r.Failure = append(r.Failure, i)
			}
		}
	}
	if !s.Empty() {
		var tok cryptobyte.String
		if !s.ReadASN1Element(&tok, asn1.SEQUENCE) || !s.Empty() {
			return nil, fail(Malformed, "timeStampToken")
		}
		r.token = tok
	}
	return r, nil
}

// readBits reads a BIT STRING with any number of unused bits, which are cleared.
func readBits(s *cryptobyte.String, out *[]byte) bool {
	var v cryptobyte.String
	if !s.ReadASN1(&v, asn1.BIT_STRING) || len(v) == 0 || v[0] > 7 || len(v) == 1 && v[0] != 0 {
		return false
	}
	b := bytes.Clone(v[1:])
	if len(b) > 0 {
		b[len(b)-1] &= 0xff << v[0]
	}
	*out = b
	return true
}

func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\ufffd' {
			return ' '
		}
		return r
	}, s)
	if len(s) > maxStatusText {
		s = strings.ToValidUTF8(s[:maxStatusText], "")
	}
	return s
}

// Token returns the response's token after checking that it answers the request: granted, over the
// same imprint, with the same nonce, under the policy asked for, with certificates if asked for. The
// token's signature is not checked: see Token.Verify. Errors are *Error.
func (r *Response) Token(req *Request) (*Token, error) {
	if r.Status != Granted && r.Status != GrantedWithMods {
		if r.token != nil {
			return nil, fail(UnexpectedToken, "status %d", r.Status)
		}
		return nil, fail(Rejected, "status %d, failure bits %v, %q", r.Status, r.Failure, r.Text)
	}
	if r.token == nil {
		return nil, fail(Malformed, "granted without a token")
	}
	t, err := ParseToken(r.token)
	if err != nil {
		return nil, err
	}
	if e := t.answers(req); e != nil {
		return nil, e
	}
	return t, nil
}

func (t *Token) answers(req *Request) *Error {
	switch {
	case t.Info.Hash != req.Hash || !bytes.Equal(t.Info.Imprint, req.Digest):
		return fail(ImprintMismatch, "the token is not over the data of the request")
	case req.Nonce != nil && (t.Info.Nonce == nil || t.Info.Nonce.Cmp(req.Nonce) != 0):
		return fail(NonceMismatch, "the token does not carry the request's nonce")
	case req.Nonce == nil && t.Info.Nonce != nil:
		return fail(NonceMismatch, "a nonce that was not sent")
	case req.Policy != "" && t.Info.Policy != req.Policy:
		return fail(PolicyMismatch, "policy %s, asked for %s", t.Info.Policy, req.Policy)
	case req.Certificates && len(t.Signed.Certificates) == 0:
		return fail(NoCertificate, "asked for and missing")
	}
	return nil
}
