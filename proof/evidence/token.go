package evidence

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"errors"
	"fmt"
	"time"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/chain"
	"github.com/chancery-dev/chancery/internal/cms/tsp"
	"github.com/chancery-dev/chancery/proof/merkle"
)

// stamped is a token that counts.
type stamped struct {
	at     time.Time // the last moment at which it can have been made
	status string    // what is known of whether its authority's certificates were revoked
}

// checkToken verifies a timestamp token over a message, at a time at which the token
// provably existed.
func (v *run) checkToken(p *Part, message []byte, at time.Time, want crypto.Hash) (stamped, Code, string) {
	if p.Bytes == nil {
		return stamped{}, PartMissing, fmt.Sprintf("expected the part with SHA-256 %x", p.SHA256)
	}
	token, err := tsp.ParseToken(p.Bytes)
	switch {
	case errors.Is(err, tsp.Unsupported):
		return stamped{}, TimestampOpen, err.Error()
	case err != nil:
		return stamped{}, TimestampWrong, err.Error()
	case !bytes.Equal(token.DER(), p.Bytes):
		return stamped{}, TimestampWrong, "expected a token in DER and nothing after it"
	case want != 0 && token.Info.Hash != want:
		return stamped{}, TimestampWrong, "the token is made with another hash than the renewal names"
	}
	imprint := imprintOf(token.Info.Hash, message)
	switch {
	case imprint == nil:
		return stamped{}, TimestampOpen, "the token is made with a hash that is not known"
	case !bytes.Equal(imprint, token.Info.Imprint):
		return stamped{}, TimestampWrong, "the token is over something else"
	case len(v.t.Timestamping) == 0:
		return stamped{}, TimestampOpen, "the trust names no timestamping authority"
	}
	anchors := make([]chain.Anchor, len(v.t.Timestamping))
	for i, c := range v.t.Timestamping {
		anchors[i] = chain.Anchor{Certificate: c}
	}
	ok, err := token.Verify(tsp.VerifyConfig{Imprint: imprint, Anchors: anchors, At: at})
	if err != nil {
		if undecided(err) || errors.Is(err, tsp.FromFuture) && at.Equal(v.t.Now) {
			return stamped{}, TimestampOpen, err.Error()
		}
		return stamped{}, TimestampWrong, err.Error()
	}
	status, refused := v.authorityStatus(ok, at)
	if refused != "" {
		return stamped{}, TimestampOpen, refused
	}
	return stamped{token.Info.Latest().UTC(), status}, "", ""
}

// undecided tells what leaves a token open: nobody trusts its authority, its certificate is
// not at hand, or its algorithms are not known, or no longer strong with nothing to prove
// that it was made while they were. None of this says that the token is wrong.
func undecided(err error) bool {
	for _, r := range []error{tsp.Untrusted, tsp.ExpiredNoPOE, tsp.Unsupported, cms.WeakAlgorithm, cms.UnsupportedAlgorithm, cms.NoSigningCertificate, cms.AmbiguousCertificate} {
		if errors.Is(err, r) {
			return true
		}
	}
	return false
}

// imprintOf hashes with one of the hashes that may be trusted in timestamps.
func imprintOf(h crypto.Hash, message []byte) []byte {
	switch h {
	case crypto.SHA256:
		d := sha256.Sum256(message)
		return d[:]
	case crypto.SHA384:
		d := sha512.Sum384(message)
		return d[:]
	case crypto.SHA512:
		d := sha512.Sum512(message)
		return d[:]
	case crypto.SHA3_256:
		d := sha3.Sum256(message)
		return d[:]
	case crypto.SHA3_384:
		d := sha3.Sum384(message)
		return d[:]
	case crypto.SHA3_512:
		d := sha3.Sum512(message)
		return d[:]
	}
	return nil
}

const byAuthority = "a timestamping authority of the trust"

// checkTimestamp is step 7.
func (v *run) checkTimestamp(i int, t *Timestamp) bool {
	made, code, detail := v.checkToken(&t.Token, v.state, v.tokenTime(i), 0)
	if code != "" {
		v.refuse("7", "timestamp", i, code, detail)
		return false
	}
	v.pass("7", "timestamp", i, "made by "+stamp(made.at)+"; "+made.status)
	v.existed(Existence{Time: made.at, Source: "rfc3161", RestsOn: byAuthority, Anchor: i, Authority: made.status})
	return true
}

// checkCheckpoint is step 8.
func (v *run) checkCheckpoint(i int, c *Checkpoint) {
	later, mine := &c.Header.Header, &v.b.Header
	switch {
	case later.Issuer != mine.Issuer || !bytes.Equal(later.Tenant, mine.Tenant) || later.Seq <= mine.Seq || later.Log == nil:
		v.fail("8", "checkpoint", i, CheckpointWrong, "expected a later batch of the same issuer and tenant, with a log")
		return
	}
	in := merkle.Inclusion{Hash: merkle.SHA256, Size: later.Seq, Index: mine.Seq, Path: c.Path}
	if err := in.Verify(merkle.SHA256.LeafHash(v.r.Digest[:]), later.Log); err != nil {
		v.fail("8", "checkpoint", i, CheckpointWrong, err.Error())
		return
	}
	head, err := later.Encode()
	if err != nil {
		v.fail("8", "checkpoint", i, CheckpointWrong, err.Error())
		return
	}
	// Nothing proves when the later header was signed: the key must be good now.
	q := KeyQuery{Issuer: later.Issuer, Method: c.Header.Signature.Method, Claimed: later.Time, Now: v.t.Now}
	if key, detail := v.judgeSignature(&c.Header, head, q); key.Code != "" {
		v.judged("8", "checkpoint", i, key, detail)
		return
	}
	v.r.Facts.Listed = append(v.r.Facts.Listed, Listed{Seq: later.Seq, Time: later.Time})
	v.pass("8", "checkpoint", i, fmt.Sprintf("batch %d lists batch %d", later.Seq, mine.Seq))
}

// otsFile begins every OpenTimestamps file, otsMagic those over a SHA-256 digest: version 1,
// hash operation 08.
const (
	otsFile  = "\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94"
	otsMagic = otsFile + "\x01\x08"
)

// checkOTS is step 9.
func (v *run) checkOTS(i int, o *OTS) {
	b := o.Proof.Bytes
	switch {
	case b == nil:
		v.add(Step{Number: "9", Name: "ots", Anchor: i, Result: Skipped, Detail: "detached"})
	case bytes.HasPrefix(b, []byte(otsFile)) && !bytes.HasPrefix(b, []byte(otsMagic)):
		v.add(Step{Number: "9", Name: "ots", Anchor: i, Result: Skipped, Detail: "an OpenTimestamps file of another version or hash, not looked into"})
	case !bytes.HasPrefix(b, []byte(otsMagic)) || !bytes.HasPrefix(b[len(otsMagic):], v.r.Digest[:]):
		v.fail("9", "ots", i, OTSWrong, "expected an OpenTimestamps file over the batch digest")
	default:
		v.add(Step{Number: "9", Name: "ots", Anchor: i, Result: Skipped, Detail: "an OpenTimestamps file over the batch digest, not looked into"})
	}
}
