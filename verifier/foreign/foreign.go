// Package foreign judges proofs in the formats of others for package verifier:
// OpenTimestamps, Blockcerts 2 and 3, Chainpoint 3 and 4, Truestamp 1.
//
//	s, ok := foreign.Detect(file)
//	h := &foreign.Handler{Document: document} // what a detached proof is about
//	v, err := verifier.New(verifier.Config{Trust: trust, Clock: clock, Handlers: h.All()})
//	verified, err := v.Verify(ctx, s)
//
// None of these formats carries what makes its anchor final. What confirms one is in the
// trust file: headers of blocks (verifier.KindBitcoinHeader, KindEthereumHeader), keys
// and issuers' profiles. Without it the outcome is indeterminate, and the report says
// what to pin. Every check names what it rests on; what a format covers by nothing is
// listed in findings as "unbound", and appears nowhere else.
//
// Caveats. Nothing is dialled: calendars, explorers and key rings are not asked. A
// Blockcert's proofs of other kinds are not checked, and leave it indeterminate.
package foreign

import (
	"bytes"
	"context"
	"crypto"
	_ "crypto/sha1" // for digests that are reported as weak
	_ "crypto/sha256"
	"crypto/sha3"
	_ "crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/blake2s"
	_ "golang.org/x/crypto/ripemd160" //lint:ignore SA1019 part of OpenTimestamps

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof/blockcerts"
	"github.com/chancery-dev/chancery/proof/chainpoint"
	"github.com/chancery-dev/chancery/proof/ethereum"
	"github.com/chancery-dev/chancery/proof/opentimestamps"
	"github.com/chancery-dev/chancery/proof/truestamp"
	"github.com/chancery-dev/chancery/verifier"
)

// Media types of the formats. None is registered.
const (
	MediaOpenTimestamps = "application/vnd.opentimestamps.ots"
	MediaBlockcerts     = "application/vnd.blockcerts+json"
	MediaChainpoint     = "application/vnd.chainpoint"
	MediaTruestamp      = "application/vnd.truestamp"
)

// Identifiers of checks beside those of package verifier.
const (
	CheckSubject   = "subject"   // the proof is about the document that was given
	CheckInclusion = "inclusion" // hashes and paths within the proof fit each other
)

// Detect tells by content whether b is a proof of one of the formats. It is to be asked
// before chancery.Detect, which takes a Truestamp bundle for evidence, since both begin
// with the tag of self-described CBOR, and a Blockcert for a credential like any other.
func Detect(b []byte) (s chancery.Secured, ok bool) {
	if len(b) > limits.DocumentBytes {
		return chancery.Secured{}, false
	}
	text := bytes.TrimLeft(b, " \t\r\n")
	switch {
	case opentimestamps.Is(b):
		return chancery.Secured{MediaType: MediaOpenTimestamps, Bytes: b}, true
	case bytes.HasPrefix(b, []byte{0xd9, 0xd9, 0xf7}):
		return chancery.Secured{MediaType: MediaTruestamp, Bytes: b}, truestamp.Is(b)
	case len(text) > 0 && text[0] == '{':
		doc, err := strictjson.Parse(b, strictjson.Limits{})
		if err != nil {
			return chancery.Secured{}, false
		}
		switch {
		case chainpoint.IsDoc(doc):
			return chancery.Secured{MediaType: MediaChainpoint, Bytes: b}, true
		case blockcerts.Is(doc):
			return chancery.Secured{MediaType: MediaBlockcerts, Bytes: b}, true
		case doc.Get(0, "@context") != strictjson.None: // a credential may have members of any name
			return chancery.Secured{}, false
		}
		return chancery.Secured{MediaType: MediaTruestamp, Bytes: b}, truestamp.Is(b)
	}
	return chancery.Secured{MediaType: MediaChainpoint, Bytes: b}, chainpoint.Is(b)
}

// Handler is a verifier.Handler for all four formats. The zero value judges proofs that
// hold what they are about, and leaves the others indeterminate. It is safe for
// concurrent use.
type Handler struct {
	// Document is the file that a detached proof should be about. Nil: see Digests.
	Document []byte

	// Digests are digests of that file, for callers who do not have it, by algorithm:
	// sha-1, ripemd-160, sha-224, sha-256, sha-384, sha-512, sha3-224, sha3-256,
	// sha3-384, sha3-512, keccak-256, blake2b, blake2s. Not looked at where Document is
	// set. Nil: a detached proof is indeterminate.
	Digests map[string][]byte

	// EthereumChain is the chain that the Ethereum attestations of OpenTimestamps mean,
	// which the format does not say. Zero: 1, mainnet.
	EthereumChain uint64

	// BitcoinTransactions and EthereumTransactions are those that Blockcerts name. They
	// are evidence, and need not be trusted: what counts is the pinned header of the
	// block that they prove to be in. Nil: none.
	BitcoinTransactions  []blockcerts.BitcoinTransaction
	EthereumTransactions []blockcerts.EthereumTransaction

	// Contexts are the JSON-LD contexts known. Nil: those embedded. Those of the trust
	// file are added.
	Contexts *ldcontext.Set
}

// All returns the handler under the media types of all formats, for
// verifier.Config.Handlers.
func (h *Handler) All() map[string]verifier.Handler {
	return map[string]verifier.Handler{MediaOpenTimestamps: h, MediaBlockcerts: h, MediaChainpoint: h, MediaTruestamp: h}
}

// Examine implements verifier.Handler.
func (h *Handler) Examine(ctx context.Context, v *verifier.Verifier, s chancery.Secured, e verifier.Expect) (*verifier.Report, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	j := &judge{h: h, ctx: ctx, v: v, r: &verifier.Report{}}
	if err := j.pins(); err != nil {
		// A header that is pinned but cannot be is the auditor's mistake: nothing is
		// decided by the rest of such a file.
		j.r.Add(verifier.Check{ID: verifier.CheckAnchor, Required: true, Reason: verifier.ForeignAnchorUnconfirmed, Detail: "trust file: " + err.Error()})
		return j.r, nil
	}
	switch media, _, _ := strings.Cut(s.MediaType, ";"); strings.ToLower(strings.TrimSpace(media)) {
	case MediaOpenTimestamps:
		j.openTimestamps(s.Bytes)
	case MediaChainpoint:
		j.chainpoint(s.Bytes)
	case MediaTruestamp:
		j.truestamp(s.Bytes)
	case MediaBlockcerts:
		j.blockcerts(s.Bytes)
	default:
		j.fail(verifier.CheckDocument, verifier.UnsupportedMediaType, "expected a media type of this package")
	}
	j.expected(e)
	return j.r, nil
}

// judge judges one proof.
type judge struct {
	h   *Handler
	ctx context.Context
	v   *verifier.Verifier
	r   *verifier.Report
	pin pinned
}

// fail adds a required check that did not pass.
func (j *judge) fail(id string, reason verifier.Reason, detail string) {
	j.r.Add(verifier.Check{ID: id, Required: true, Reason: reason, Detail: detail})
}

func (j *judge) pass(id, detail string, facts ...verifier.Fact) {
	j.r.Add(verifier.Check{ID: id, Result: verifier.Pass, Required: true, Detail: detail, Evidence: facts})
}

func (j *judge) skip(id, detail string) {
	j.r.Add(verifier.Check{ID: id, Result: verifier.Skipped, Detail: detail})
}

func (j *judge) find(g verifier.Grade, code, message string) {
	if len(j.r.Findings) < 100 {
		j.r.Findings = append(j.r.Findings, verifier.Finding{Grade: g, Code: code, Message: message})
	}
}

// unbound notes what the proof says but nothing covers.
func (j *judge) unbound(what ...string) {
	for _, w := range what {
		j.find(verifier.GradeNote, "unbound", w)
	}
}

// expected lets fail what these formats hold nothing to compare with.
func (j *judge) expected(e verifier.Expect) {
	if e.Domain != "" {
		j.fail(verifier.CheckSignature, verifier.DomainMismatch, "proofs of this kind name no domain")
	}
	if e.Challenge != "" {
		j.fail(verifier.CheckSignature, verifier.ChallengeMismatch, "proofs of this kind hold no challenge")
	}
	if e.Recipient.Identity != "" {
		j.fail(verifier.CheckRecipient, verifier.RecipientMismatch, "the recipient cannot be compared in proofs of this kind")
	}
}

// refuse reports a proof that cannot be read.
func (j *judge) refuse(err error) {
	var je *strictjson.Error
	reason := verifier.ProofMalformed
	switch {
	case errors.As(err, &je) && je.Code == strictjson.TooLarge,
		errors.Is(err, opentimestamps.ErrTooLarge), errors.Is(err, chainpoint.ErrTooLarge):
		reason = verifier.TooLarge
	case errors.As(err, &je):
		reason = verifier.MalformedJSON
	case errors.Is(err, opentimestamps.ErrUnsupported), errors.Is(err, chainpoint.ErrUnsupported),
		errors.Is(err, truestamp.ErrUnsupported), errors.Is(err, blockcerts.ErrUnsupported):
		reason = verifier.ProofTypeUnknown
	case errors.Is(err, blockcerts.ErrNoProof):
		reason = verifier.NoProof
	}
	j.fail(verifier.CheckDocument, reason, err.Error())
}

// digest returns the digest of what the proof should be about; ok is false where it is
// not known.
func (h *Handler) digest(alg string) (sum []byte, ok bool) {
	if h.Document == nil {
		sum, ok = h.Digests[alg]
		return sum, ok
	}
	switch alg {
	case "keccak-256":
		d := ethereum.Keccak256(h.Document)
		return d[:], true
	case "sha3-224":
		d := sha3.Sum224(h.Document)
		return d[:], true
	case "sha3-256":
		d := sha3.Sum256(h.Document)
		return d[:], true
	case "sha3-384":
		d := sha3.Sum384(h.Document)
		return d[:], true
	case "sha3-512":
		d := sha3.Sum512(h.Document)
		return d[:], true
	case "blake2b":
		d := blake2b.Sum512(h.Document)
		return d[:], true
	case "blake2s":
		d := blake2s.Sum256(h.Document)
		return d[:], true
	}
	f, known := map[string]crypto.Hash{"sha-1": crypto.SHA1, "ripemd-160": crypto.RIPEMD160, "sha-224": crypto.SHA224,
		"sha-256": crypto.SHA256, "sha-384": crypto.SHA384, "sha-512": crypto.SHA512}[alg]
	if !known {
		return nil, false
	}
	d := f.New()
	d.Write(h.Document)
	return d.Sum(nil), true
}

// weak are the algorithms with which different files have been given one digest.
var weak = map[string]bool{"sha-1": true, "md5": true}

// subject compares the digest in a proof with what was given. algs are the algorithms by
// which it may have been made.
func (j *judge) subject(digest []byte, algs ...string) {
	known := false
	for _, alg := range algs {
		sum, ok := j.h.digest(alg)
		known = known || ok
		if !ok || len(digest) == 0 || !bytes.Equal(sum, digest) {
			continue
		}
		if weak[alg] {
			j.fail(CheckSubject, verifier.ForeignWeakHash, "the document's digest is "+alg)
			return
		}
		j.pass(CheckSubject, "the proof is about the document that was given", verifier.Fact{Name: alg, Value: hex.EncodeToString(digest)})
		return
	}
	switch {
	case known || j.h.Document != nil:
		j.fail(CheckSubject, verifier.EvidenceDocumentMismatch, "expected the digest of the document by "+strings.Join(algs, " or "))
	default:
		j.fail(CheckSubject, verifier.EvidenceDocumentMissing, "give the document or its digest by "+strings.Join(algs, " or "))
	}
}

// refutedToo notes anchors that do not hold beside others that may.
func (j *judge) refutedToo(wrong []string) {
	for _, w := range wrong {
		j.find(verifier.GradeWarning, "anchor_refuted", "another anchor does not hold: "+w)
	}
}

// claim is an anchor after it was judged, whatever the format.
type claim struct {
	verdict verdict
	weak    bool
	what    string // such as "bitcoin block 358391": a claim until it is confirmed
	detail  string
	network string
	block   string
	height  uint64
	time    time.Time
}

type verdict uint8

const (
	undecided verdict = iota
	confirmed
	refuted
)

// maxAhead is how far the clock of whoever made a block may be ahead.
const maxAhead = 2 * time.Hour

// anchors sums up the anchors of a proof: one that is confirmed proves that the document
// existed, whatever becomes of the others, which are noted. It returns the earliest time
// proven, zero for none.
func (j *judge) anchors(claims []claim) time.Time {
	var best *claim
	var wrong, open, weakly []string
	hope := false // of an anchor that another pinned header could confirm
	for i := range claims {
		c := &claims[i]
		text := c.what + ": " + c.detail
		hope = hope || c.verdict == undecided && c.network != ""
		switch {
		case c.verdict == refuted:
			wrong = append(wrong, text)
		case c.verdict != confirmed:
			open = append(open, text)
		case c.time.After(j.v.Now().Add(maxAhead)):
			open = append(open, c.what+": the block was made after the time to judge at")
		case c.weak:
			weakly = append(weakly, c.what)
		case best == nil || c.time.Before(best.time):
			best = c
		}
	}
	if best == nil {
		switch {
		case len(wrong) > 0 && !hope: // one that holds would do
			j.fail(verifier.CheckAnchor, verifier.ForeignAnchorRefuted, strings.Join(wrong, "; "))
		case len(weakly) > 0:
			j.fail(verifier.CheckAnchor, verifier.ForeignWeakHash, "on the way to "+strings.Join(weakly, ", "))
		case len(open) == 0:
			j.fail(verifier.CheckAnchor, verifier.ForeignAnchorUnconfirmed, "the proof holds no anchor")
		default:
			j.fail(verifier.CheckAnchor, verifier.ForeignAnchorUnconfirmed, strings.Join(open, "; "))
		}
		if hope {
			j.refutedToo(wrong)
		}
		return time.Time{}
	}
	j.refutedToo(wrong)
	for _, w := range open {
		j.find(verifier.GradeNote, "anchor_open", "another anchor was not checked: "+w)
	}
	stamp := best.time.UTC().Format(time.RFC3339)
	j.pass(verifier.CheckAnchor, best.detail, verifier.Fact{Name: "network", Value: best.network}, verifier.Fact{Name: "height", Value: fmt.Sprint(best.height)},
		verifier.Fact{Name: "block", Value: best.block}, verifier.Fact{Name: "restsOn", Value: "the block's header in the trust file"})
	j.pass(verifier.CheckTimestamp, "existed before "+stamp+", by the clock of whoever made the block", verifier.Fact{Name: "existedBefore", Value: stamp},
		verifier.Fact{Name: "restsOn", Value: "the time in the block's header, which may be about two hours off"})
	if best.network == "bitcoin-regtest" {
		j.r.Insecure = append(j.r.Insecure, "a block of a private test network, which anyone can make, is pinned")
	}
	return best.time
}
