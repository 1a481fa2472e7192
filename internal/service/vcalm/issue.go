package vcalm

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/signer"
)

// SuiteJWT issues enveloped credentials (VC-JOSE-COSE).
const SuiteJWT = "vc+jwt"

// kindIssued remembers where the status of a credential is kept, by its credentialId.
const kindIssued service.Kind = "vcalm-credential"

// issued is the body of a kindIssued record.
type issued struct {
	Places []service.StatusPlace `json:"places"`
}

// maxSameID bounds how many credentials with one id can be issued with a status: all of
// them change together.
const maxSameID = 64

// IssueOptions are the options of issuing. The zero value has none.
type IssueOptions struct {
	// CredentialID is options.credentialId, "" where absent.
	CredentialID string
	// MandatoryPointers are what every disclosure must contain, beside what decides about
	// the credential (signer.DataIntegrity). Suites that disclose all do not look at them.
	MandatoryPointers []string
	// Idempotency is what a repeated call is known by: it gets the answer of the first.
	Idempotency service.Idempotency
}

// Issue signs a credential (VCALM 1.0, 3.2.1) and returns it as its exact text, or an
// envelope around it.
func (p *Plane) Issue(ctx context.Context, in *Instance, caller *service.Caller, credential Value, o IssueOptions) (service.Result[[]byte], error) {
	var none service.Result[[]byte]
	if err := in.Need(caller, service.MayIssue); err != nil {
		return none, err
	}
	if out, found, err := service.Replayed[[]byte](ctx, p.c.Store, p.c.Clock(), in.Scope, o.Idempotency, p.c.Sealer); err != nil || found {
		return out, err
	}
	credentialID := o.CredentialID
	if len(credentialID) > 512 {
		return none, badRequest("options.credentialId is longer than 512 characters")
	}
	key, did, err := p.c.Core.SigningKey(ctx, in.Scope, in.Issuer)
	if err != nil {
		return none, err
	}
	draft, err := p.draft(credential, did)
	if err != nil {
		return none, err
	}
	if isStatusList(draft) { // it says of credentials whether they hold
		if err := in.Need(caller, service.MayStatus); err != nil {
			return none, err
		}
	}
	name := credentialID
	if name == "" {
		name = draft.ID()
	}
	var place service.StatusPlace
	if p.wantsStatus(in, draft) {
		if place, err = p.c.Core.TakeStatus(ctx, in.Scope, in.Issuer); err != nil {
			return none, err
		}
		if draft, err = withStatus(draft, place); err != nil {
			return none, err
		}
	}
	secured, err := p.sign(ctx, in, key, draft, o.MandatoryPointers)
	if err != nil {
		return none, err
	}
	return service.Once(ctx, p.c.Store, p.c.Clock(), in.Scope, o.Idempotency, p.c.Sealer, func(tx service.Tx) (service.Result[[]byte], error) {
		if err := p.c.Core.CountLive(ctx, tx, in.Scope, 1); err != nil {
			return none, err
		}
		if name != "" {
			if err := p.remember(ctx, tx, in, name, credentialID != "", place); err != nil {
				return none, err
			}
		}
		digest := sha256.Sum256(secured)
		err := service.WriteAudit(ctx, tx, in.caller(caller), p.c.Clock(), "vcalm.issue", in.Issuer, map[string]any{"digest": hex.EncodeToString(digest[:])})
		return service.Result[[]byte]{Value: secured, Created: true}, err
	})
}

// isStatusList tells credentials that are status lists themselves.
func isStatusList(c *chancery.Credential) bool {
	return slices.ContainsFunc(c.Types(), func(t string) bool {
		return t == "BitstringStatusListCredential" || t == "StatusList2021Credential" || t == "RevocationList2020Credential"
	})
}

// draft checks a credential as it was handed in. Its issuer must be there: what is signed
// is what the caller wrote.
func (p *Plane) draft(credential Value, did string) (*chancery.Credential, error) {
	doc, err := strictjson.Parse(credential, strictjson.Limits{})
	if err != nil {
		return nil, badRequest("credential: expected a JSON object")
	}
	const root = 0
	issuer := doc.Get(root, "issuer")
	if doc.Kind(issuer) == strictjson.Object {
		issuer = doc.Get(issuer, "id")
	}
	if id, ok := doc.Str(issuer); !ok || id != did {
		return nil, badRequest("credential.issuer: expected the DID of this issuer")
	}
	if doc.Get(root, "proof") != strictjson.None {
		return nil, badRequest("credential.proof: expected a credential without proof")
	}
	c, err := chancery.FillDraft(credential, chancery.Defaults{Issuer: did, ValidFrom: p.validFrom(doc), Random: nil})
	if err != nil {
		return nil, badRequest("credential: " + bounded(err))
	}
	if err := chancery.CheckIssue(c); err != nil {
		return nil, badRequest("credential: " + bounded(err))
	}
	return c, nil
}

// validFrom is filled in for the data model 1.1 alone, which demands it (as issuanceDate).
func (p *Plane) validFrom(doc *strictjson.Doc) time.Time {
	first := doc.Index(doc.Get(0, "@context"), 0)
	if doc.String(first) != chancery.ContextV1 {
		return time.Time{}
	}
	return p.c.Clock().UTC().Truncate(time.Second)
}

func (p *Plane) wantsStatus(in *Instance, c *chancery.Credential) bool {
	doc := c.Document()
	return !in.NoStatus && c.Model() == chancery.Model2_0 && doc.Get(0, "credentialStatus") == strictjson.None
}

func withStatus(c *chancery.Credential, place service.StatusPlace) (*chancery.Credential, error) {
	text := c.Document().Rewrite(0, []strictjson.Member{{Name: "credentialStatus", Value: place.Entries}})
	return chancery.Parse(text)
}

func (p *Plane) sign(ctx context.Context, in *Instance, key signer.Key, c *chancery.Credential, mandatory []string) (Value, error) {
	var s chancery.Secured
	var err error
	if in.Suite == SuiteJWT {
		if s, err = (&signer.JOSE{Key: key}).Sign(ctx, c); err == nil {
			s.Bytes, err = enveloped(s)
		}
	} else {
		d := &signer.DataIntegrity{Key: key, Suite: in.Suite, Created: p.c.Clock().UTC().Truncate(time.Second)}
		if in.Suite == proof.ECDSASD2023 {
			d.MandatoryPointers = mandatory
		}
		s, err = d.Sign(ctx, c)
	}
	if err != nil {
		if errors.Is(err, signer.ErrConfig) || ctx.Err() != nil {
			return nil, err
		}
		if errors.Is(err, proof.ErrPointer) {
			return nil, badRequest("options.mandatoryPointers: a pointer names nothing in the credential, or a part of what has a meaning as a whole only")
		}
		// What remains is the document's fault: terms that no context defines, values that
		// cannot be canonicalised.
		return nil, badRequest("credential: " + bounded(err))
	}
	return Value(s.Bytes), nil
}

// enveloped is the envelope around a token, whose contexts are a list: VCALM's schema has
// them so, and the data model allows it.
func enveloped(s chancery.Secured) ([]byte, error) {
	text, err := signer.Envelop(s)
	if err != nil {
		return nil, err
	}
	doc, err := strictjson.Parse(text, strictjson.Limits{})
	if err != nil {
		return nil, err
	}
	if m := doc.Get(0, "@context"); doc.Kind(m) == strictjson.String {
		text = doc.Rewrite(0, []strictjson.Member{{Name: "@context", Value: "[" + doc.Raw(m) + "]"}})
	}
	return text, nil
}

// remember stores where the status is kept. An explicit credentialId is used once only
// (VCALM 1.0, 3.2.1: errors of duplication).
func (p *Plane) remember(ctx context.Context, tx service.Tx, in *Instance, name string, explicit bool, place service.StatusPlace) error {
	id := issuedID(in, name)
	now := p.c.Clock()
	r, was, err := service.Get[issued](ctx, tx, in.Scope, kindIssued, id)
	switch {
	case errors.Is(err, service.ErrNotFound):
		r = service.Record{Kind: kindIssued, ID: id, Parent: in.Issuer, Created: now}
	case err != nil:
		return err
	case explicit:
		return &service.Error{Code: service.CodeDuplicate, Detail: "options.credentialId was used before"}
	}
	if place.List != "" {
		if len(was.Places) >= maxSameID {
			return &service.Error{Code: service.CodeDuplicate, Detail: "credential.id was used too often"}
		}
		place.Entries = ""
		was.Places = append(was.Places, place)
	}
	r.Updated = now
	return service.Put(ctx, tx, in.Scope, r, was)
}

func issuedID(in *Instance, name string) string {
	h := sha256.Sum256([]byte(in.Issuer + "\x00" + name))
	return hex.EncodeToString(h[:])
}

// StatusEntry says which status is to change. Index and List are compared where they are
// there; what changes is the entry that was given out.
type StatusEntry struct{ Type, Purpose, Index, List string }

func (p *Plane) names(e StatusEntry, place service.StatusPlace) bool {
	list := service.StatusListURL(p.c.BaseURL, place.List, "revocation")
	return (e.Index == "" || e.Index == strconv.FormatInt(place.Index, 10)) &&
		(e.List == "" || e.List == list)
}

// SetStatus changes the status of what was issued under an id (VCALM 1.0, Update Status). When it
// returns, the list is published.
func (p *Plane) SetStatus(ctx context.Context, in *Instance, caller *service.Caller, credentialID string, entry StatusEntry, value bool) error {
	if err := in.Need(caller, service.MayStatus); err != nil {
		return err
	}
	if entry.Type != "BitstringStatusListEntry" && entry.Type != "BitstringStatusList" {
		return badRequest("credentialStatus.type: expected BitstringStatusListEntry")
	}
	// Credentials issued here name one entry, of revocation: a bit for another purpose would
	// be seen by nobody. It can be taken back.
	const purpose = "revocation"
	if entry.Purpose != purpose {
		return badRequest("credentialStatus.statusPurpose: expected revocation, which credentials issued here name")
	}
	err := p.c.Store.Update(ctx, func(tx service.Tx) error {
		_, was, err := service.Get[issued](ctx, tx, in.Scope, kindIssued, issuedID(in, credentialID))
		if errors.Is(err, service.ErrNotFound) || err == nil && len(was.Places) == 0 {
			return service.NotFound("credential")
		}
		if err != nil {
			return err
		}
		found := false
		for _, place := range was.Places {
			if !p.names(entry, place) {
				continue
			}
			found = true
			if err := p.c.Core.SetStatus(ctx, tx, in.Scope, place, purpose, value); err != nil {
				return err
			}
		}
		if !found {
			return badRequest("credentialStatus: expected an entry of this credential")
		}
		return service.WriteAudit(ctx, tx, in.caller(caller), p.c.Clock(), "vcalm.status", in.Issuer, map[string]any{"purpose": purpose, "value": value})
	})
	if err == nil {
		p.c.Core.StatusChanged()
	}
	return err
}

func keyType(k signer.Key) string {
	switch pub := k.Signer.Public().(type) {
	case ed25519.PublicKey:
		return "Ed25519"
	case *ecdsa.PublicKey:
		if pub.Curve == elliptic.P384() {
			return "P-384"
		}
		return pub.Curve.Params().Name
	}
	return "other"
}

func suiteOf(in *Instance, k signer.Key) string {
	switch {
	case in.Suite != "":
		return in.Suite
	case keyType(k) == "Ed25519":
		return proof.EdDSARDFC2022
	}
	return proof.ECDSARDFC2019
}

// bounded is the text of an error, cut: it may quote names of members, never values.
func bounded(err error) string {
	const most = 300
	s := err.Error()
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// randomID draws the id of an exchange or challenge: 256 bits.
func randomID() string {
	var b [32]byte
	rand.Read(b[:])
	return "z" + hex.EncodeToString(b[:])
}

func marshal(v any) (Value, error) { return json.Marshal(v, json.Deterministic(true)) }
