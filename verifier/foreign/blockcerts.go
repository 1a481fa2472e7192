package foreign

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/jsonld"
	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/internal/rdfc"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/proof/blockcerts"
	"github.com/chancery-dev/chancery/verifier"
)

// blockcerts judges a Blockcert: digest and path of each Merkle proof, its anchor, and
// who sent the transaction.
func (j *judge) blockcerts(b []byte) {
	j.r.Model = "Blockcerts"
	cert, err := blockcerts.Parse(b)
	if err != nil {
		j.refuse(err)
		return
	}
	doc := cert.Document()
	j.r.Model = fmt.Sprintf("Blockcerts %d", cert.Version)
	j.r.ID, j.r.Issuer.ID = doc.String(doc.Get(0, "id")), cert.Issuer
	doc.Each(doc.Get(0, "type"), func(n strictjson.Node) bool {
		j.r.Types = append(j.r.Types, doc.String(n))
		return len(j.r.Types) < 32
	})
	j.pass(verifier.CheckDocument, j.r.Model)
	if inlineContext(doc) {
		j.fail(verifier.CheckContext, verifier.UnsupportedJSONLD, "the certificate defines terms of its own, which may give its members another meaning")
	}
	set := j.h.Contexts
	if set == nil {
		set = ldcontext.Default()
	}
	if more := j.v.Trust().Contexts; len(more) > 0 {
		set = set.With(more...)
	}
	in := blockcerts.Input{Contexts: proof.Newest(set), Bitcoin: j.pin.bitcoin, Ethereum: j.pin.header,
		BitcoinTransactions: j.h.BitcoinTransactions, EthereumTransactions: j.h.EthereumTransactions}
	for i, p := range cert.Proofs {
		if p.Receipt == nil {
			j.fail(verifier.CheckSignature, verifier.ProofTypeUnknown, fmt.Sprintf("proof %d is no Merkle proof and was not checked", i))
			continue
		}
		j.merkleProof(cert, i, cert.Check(i, in))
	}
	j.blockcertsIssuer(cert)
	j.blockcertsValidity(cert)
	j.blockcertsStatus(cert)
	j.unbound("the proof's created, verificationMethod and purpose", "the number of certificates in the batch", "whether a hash in the path is a certificate's or an inner node's: both are hashed alike")
}

// inlineContext tells whether the document carries contexts of its own.
func inlineContext(doc *strictjson.Doc) bool {
	for n := range strictjson.Node(doc.Size()) {
		if doc.Name(n) != "@context" {
			continue
		}
		found := false
		doc.Each(n, func(e strictjson.Node) bool {
			found = doc.Kind(e) == strictjson.Object
			return !found
		})
		if found {
			return true
		}
	}
	return false
}

func (j *judge) merkleProof(cert *blockcerts.Certificate, i int, r *blockcerts.Result) {
	name := fmt.Sprintf("proof %d: ", i)
	switch {
	case r.DigestErr != nil:
		j.fail(verifier.CheckContext, contextReason(r.DigestErr), r.DigestErr.Error())
	case r.Covered == blockcerts.Refuted:
		j.fail(verifier.CheckSignature, verifier.SignatureInvalid, name+"the target hash is not the certificate's digest")
	case !r.Chained:
		j.fail(verifier.CheckSignature, verifier.PreviousProofMissing, name+"expected the previous proof that it names right before it")
	default:
		j.pass(verifier.CheckSignature, name+"the target hash is the digest of the certificate, every member of which is defined", verifier.Fact{Name: "digest", Value: fmt.Sprintf("%x", r.Digest)})
	}
	if r.Included {
		j.pass(CheckInclusion, fmt.Sprintf("%s%d steps lead to the Merkle root", name, len(cert.Proofs[i].Receipt.Path)))
	} else {
		j.fail(CheckInclusion, verifier.EvidenceNotIncluded, name+"the path does not lead to the Merkle root")
	}
	var claims []claim
	for _, a := range r.Anchors {
		claims = append(claims, claim{verdict: verdict(a.Verdict), detail: a.Detail, what: "transaction " + a.String(), network: a.Network, block: fmt.Sprint(a.Block), height: a.Block, time: a.Time})
	}
	at := j.anchors(claims)
	if at.IsZero() {
		j.fail(verifier.CheckIssuerBinding, verifier.EvidenceSenderUnknown, name+"without the transaction it is not known who sent it")
		return
	}
	for _, a := range r.Anchors {
		if a.Verdict == blockcerts.Confirmed && a.Time.Equal(at) {
			j.sender(cert, name, a)
			return
		}
	}
}

func contextReason(err error) verifier.Reason {
	var le *jsonld.Error
	switch {
	case errors.As(err, &le):
		switch le.Code {
		case jsonld.UnsupportedThing:
			return verifier.UnsupportedJSONLD
		case jsonld.UnknownContext:
			return verifier.UnknownContext
		case jsonld.LimitExceeded:
			return verifier.WorkLimit
		case jsonld.ProtectedTerm:
			return verifier.ContextRedefinition
		}
	case errors.Is(err, rdfc.ErrBudget), errors.Is(err, rdfc.ErrTooLarge):
		return verifier.WorkLimit
	}
	return verifier.UndefinedTerm
}

// profile returns the issuer's profile in the trust file, nil for none.
func (j *judge) profile(issuer string) *strictjson.Doc {
	return j.document(issuer, verifier.KindBadge, verifier.KindController)
}

func (j *judge) document(url string, kinds ...string) *strictjson.Doc {
	for _, d := range j.v.Trust().Documents {
		if d.URL == url && url != "" && slices.Contains(kinds, d.Kind) {
			if doc, err := strictjson.Parse(d.Document, strictjson.Limits{}); err == nil {
				return doc
			}
		}
	}
	return nil
}

// sender judges whether the address that sent the transaction was the issuer's then, by
// the profile in the trust file: publicKey with id, created, expires and revoked.
func (j *judge) sender(cert *blockcerts.Certificate, name string, a blockcerts.Judged) {
	doc := j.profile(cert.Issuer)
	switch {
	case a.Sender == "":
		j.fail(verifier.CheckIssuerBinding, verifier.EvidenceSenderUnknown, name+"the transaction alone does not show who sent it; give the one it spends from")
		return
	case doc == nil:
		j.fail(verifier.CheckIssuerBinding, verifier.EvidenceSenderUnknown, name+"the issuer's profile, which lists its addresses, is not pinned")
		return
	}
	reason, detail := verifier.MethodNotFound, name+"the pinned profile of the issuer does not list the sender"
	list := doc.Get(0, "publicKey")
	if list == strictjson.None {
		list = doc.Get(0, "publicKeys")
	}
	if list == strictjson.None {
		j.fail(verifier.CheckIssuerBinding, verifier.EvidenceSenderUnknown, name+"the pinned document of the issuer lists no addresses")
		return
	}
	doc.Each(list, func(n strictjson.Node) bool {
		id := doc.String(doc.Get(n, "id"))
		if id == "" {
			id = doc.String(doc.Get(n, "publicKey"))
		}
		if !blockcerts.MethodIs(id, a.Sender) {
			return true
		}
		reason, detail = profileTime(doc, n, a.Time)
		return reason != ""
	})
	if reason != "" {
		j.fail(verifier.CheckIssuerBinding, reason, detail)
		return
	}
	j.r.Binding = verifier.BindingProfile
	j.pass(verifier.CheckIssuerBinding, name+"the transaction was sent by an address of the issuer", verifier.Fact{Name: "sender", Value: a.Sender}, verifier.Fact{Name: "restsOn", Value: "the issuer's profile in the trust file"})
}

// profileTime judges whether a key of a profile was in use at the time of the block,
// which is proven.
func profileTime(doc *strictjson.Doc, n strictjson.Node, at time.Time) (verifier.Reason, string) {
	for _, name := range []string{"created", "expires", "revoked"} {
		m := doc.Get(n, name)
		if m == strictjson.None || doc.Kind(m) == strictjson.Null {
			continue
		}
		limit, _, ok := badge.ReadTime(doc.String(m))
		switch {
		case !ok:
			return verifier.KeyDocumentMalformed, "expected a time as " + name + " of the key in the issuer's profile"
		case name == "created" && at.Before(limit), name == "expires" && !at.Before(limit):
			return verifier.KeyOutsideValidity, "the block was made at " + at.Format(time.RFC3339)
		case name == "revoked" && !at.Before(limit):
			return verifier.KeyRevoked, "the block was made at " + at.Format(time.RFC3339)
		}
	}
	return "", ""
}

func (j *judge) blockcertsIssuer(cert *blockcerts.Certificate) {
	for _, issuer := range j.v.Trust().Issuers {
		if issuer.ID == cert.Issuer && cert.Issuer != "" {
			j.r.Issuer.Name = issuer.Name
			j.pass(verifier.CheckIssuerTrust, issuer.ID)
			return
		}
	}
	if j.v.Trust().Any && cert.Issuer != "" {
		j.pass(verifier.CheckIssuerTrust, "any issuer is trusted")
		return
	}
	j.fail(verifier.CheckIssuerTrust, verifier.IssuerNotTrusted, cert.Issuer)
}

func (j *judge) blockcertsValidity(cert *blockcerts.Certificate) {
	doc, now, skew := cert.Document(), j.v.Now(), j.v.Policy().ClockSkew
	from, until := []string{"validFrom", "issuanceDate"}, []string{"validUntil", "expirationDate"}
	if cert.Version == 2 {
		from, until = []string{"issuedOn"}, []string{"expires"}
	}
	for i, name := range append(slices.Clone(from), until...) {
		n := doc.Get(0, name)
		if n == strictjson.None {
			continue
		}
		t, _, ok := badge.ReadTime(doc.String(n))
		if !ok && len(doc.String(n)) == len("2006-01-02") { // Open Badges 2.0 takes bare dates
			day, err := time.Parse(time.DateOnly, doc.String(n))
			t, ok = day, err == nil
		}
		switch {
		case !ok:
			j.fail(verifier.CheckValidity, verifier.ValidityMalformed, "expected a time as "+name)
			return
		case i < len(from):
			if j.r.ValidFrom = t; t.After(now.Add(skew)) {
				j.fail(verifier.CheckValidity, verifier.NotYetValid, "from "+t.Format(time.RFC3339))
				return
			}
		default:
			if j.r.ValidUntil = t; now.Add(-skew).After(t) {
				j.r.Lifecycle = verifier.Expired
				j.fail(verifier.CheckValidity, verifier.PeriodOver, "until "+t.Format(time.RFC3339))
				return
			}
		}
	}
	j.pass(verifier.CheckValidity, "within its period")
}

// blockcertsStatus judges revocation by a revocation list in the trust file: a document
// of kind statusList whose revokedAssertions name certificates.
func (j *judge) blockcertsStatus(cert *blockcerts.Certificate) {
	doc := cert.Document()
	url := ""
	if cert.Version == 2 {
		if profile := j.profile(cert.Issuer); profile != nil {
			url = profile.String(profile.Get(0, "revocationList"))
		}
		if own := doc.String(doc.Path(0, "badge", "issuer", "revocationList")); url == "" {
			url = own
		}
	} else if n := doc.Get(0, "credentialStatus"); n != strictjson.None {
		if url = doc.String(doc.Get(n, "id")); !strings.Contains(doc.String(doc.Get(n, "type")), "RevocationList") {
			j.fail(verifier.CheckStatus, verifier.StatusTypeUnknown, "expected a Blockcerts revocation list")
			return
		}
	}
	if url == "" {
		if cert.Version == 3 && doc.Get(0, "credentialStatus") == strictjson.None || cert.Version == 2 && j.profile(cert.Issuer) != nil {
			j.skip(verifier.CheckStatus, "the issuer keeps no revocation list")
			return
		}
		j.fail(verifier.CheckStatus, verifier.StatusUnreachable, "it is not known where the issuer keeps its revocation list")
		return
	}
	list := j.document(url, verifier.KindStatusList)
	if list == nil {
		j.fail(verifier.CheckStatus, verifier.StatusUnreachable, "the revocation list is not pinned")
		return
	}
	rev, ok := badge.InOB2RevocationList(list, j.r.ID, "")
	switch {
	case rev.Revoked:
		j.r.Lifecycle = verifier.Revoked
		j.fail(verifier.CheckStatus, verifier.CredentialRevoked, "the revocation list names it")
		return
	case !ok:
		j.fail(verifier.CheckStatus, verifier.StatusListMalformed, "expected revokedAssertions in the list and an id in the certificate")
		return
	}
	j.pass(verifier.CheckStatus, "the pinned revocation list does not name it")
}
