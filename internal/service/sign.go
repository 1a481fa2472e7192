package service

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/signer"
)

// errRotated: the issuer has another key now than the one that signed.
var errRotated = errors.New("service: the issuer's key was rotated in between")

// Sign makes what is wanted of items: the signed credential, the page, the badges. It
// writes nothing but files, which nobody sees before the commit, and takes status indices.
// An error is that of the whole; faults of one item are in its Signed.
func (s *Service) Sign(ctx context.Context, c Caller, t *LoadedType, w Wanted, items []*Checked) ([]*Signed, error) {
	if c.Scope != t.Scope {
		return nil, NotFound("credential type")
	}
	issuer, err := s.issuer(ctx, t.Scope, t.issuer.ID)
	if err != nil {
		return nil, err
	}
	in, err := s.installation(ctx)
	if err != nil {
		return nil, err
	}
	job := &signing{s: s, t: t, w: w, issuer: issuer, installation: in, at: s.now()}
	if w.Publish {
		if job.key, err = issuer.open(ctx, s); err != nil {
			return nil, err
		}
		if job.places, err = s.takePlaces(ctx, issuer, len(items)); err != nil {
			return nil, err
		}
	}
	s.discardQueued(ctx)
	out, err := job.all(ctx, items)
	var bad []*Signed
	for _, g := range out {
		if g != nil && (err != nil || g.Err != nil) {
			bad = append(bad, g)
		}
	}
	s.Discard(ctx, bad...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// signing is what the items of one call have in common.
type signing struct {
	s            *Service
	t            *LoadedType
	w            Wanted
	issuer       *cachedIssuer
	installation *installation
	key          signer.Key
	places       []StatusPlace
	at           time.Time
}

// all signs items, on all processors where there are several. What was made before an error
// is returned with it.
func (j *signing) all(ctx context.Context, items []*Checked) ([]*Signed, error) {
	out := make([]*Signed, len(items))
	faults := make([]error, len(items))
	one := func(i int) {
		place := StatusPlace{}
		if j.w.Publish {
			place = j.places[i]
		}
		out[i], faults[i] = j.one(ctx, items[i], place)
	}
	workers := min(runtime.GOMAXPROCS(0), len(items)/4)
	if workers < 2 {
		for i := range items {
			if one(i); faults[i] != nil {
				return out, faults[i]
			}
		}
		return out, nil
	}
	next := make(chan int)
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for i := range next {
				one(i)
			}
		})
	}
	for i := range items {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wait.Wait()
	return out, errors.Join(append(faults, ctx.Err())...)
}

// one signs an item. An error is no fault of the item.
func (j *signing) one(ctx context.Context, item *Checked, place StatusPlace) (*Signed, error) {
	s := j.s
	out := &Signed{ID: item.ID, PublicID: item.PublicID, checked: item, t: j.t, w: j.w, at: j.at, place: place, method: j.key.Method}
	keys := newSecrets(item)
	if item.keys != nil {
		keys = *item.keys
	}
	if err := j.describe(out, keys); err != nil {
		return nil, err
	}
	if !j.w.Publish {
		return out, nil
	}
	out.URL = s.credentialURL(item.PublicID)
	text := s.text(j.t, item, keys, place.Entries, formsOf(j.w.Outputs))
	err := j.secure(ctx, out, text)
	if err == nil {
		err = j.render(ctx, out)
	}
	var fault *Error
	if errors.As(err, &fault) && fault.Code == CodeValidation {
		out.Err = err
		return out, nil
	}
	return out, err
}

// describe fills in what is stored beside the artefacts.
func (j *signing) describe(out *Signed, keys secrets) error {
	item, in := out.checked, out.checked.input
	body := StoredBody{
		TypeVersion: j.t.Type.Version, Outputs: j.w.Outputs, Anchor: j.w.Anchor, Notify: j.w.Notify, Content: item.content,
		RecipientDID: in.Recipient.DID, Claims: item.claims, ValidFrom: utc(&item.from), Visibility: in.Visibility, Document: in.DocumentID,
	}
	if item.document != nil {
		body.DocumentDigest = item.document.Digest
	}
	for _, f := range j.t.version.Fields {
		if _, ok := keys.Private[f.Key]; ok {
			body.Private = append(body.Private, f.Key)
		}
	}
	if keys.EmailSalt != "" || keys.Private != nil {
		plain, err := json.Marshal(keys, json.Deterministic(true))
		if err != nil {
			return err
		}
		if body.Sealed, err = j.s.c.Sealer.Seal(plain, SealContext(j.t.Scope, item.PublicID)); err != nil {
			return err
		}
	}
	subject := in.Recipient.ID
	switch {
	case subject != "":
	case in.Recipient.Email != "":
		subject = j.installation.person(j.t.Scope, "email", in.Recipient.Email)
	default:
		subject = j.installation.person(j.t.Scope, "credential", item.PublicID)
	}
	out.body = body
	out.stored = StoredCredential{
		ID: item.ID, PublicID: item.PublicID, State: StateDraft, TypeID: j.t.Type.ID, IssuerID: j.t.issuer.ID, SubjectID: subject,
		BatchID: j.w.BatchID, RecipientName: in.Recipient.Name, RecipientEmail: in.Recipient.Email, Claims: item.texts,
		Created: j.at, ValidUntil: item.until,
	}
	if !j.w.Publish {
		// What a draft leaves open is fixed when it is published.
		out.body.ValidFrom, out.body.Endless = utc(in.ValidFrom), item.endless
		out.stored.ValidUntil = time.Time{}
		if in.ValidUntil != nil {
			out.stored.ValidUntil = item.until
		}
	}
	if j.w.Publish {
		out.stored.State, out.stored.Issue, out.stored.IssuedAt = StateIssued, item.issue, j.at
		out.stored.ListID, out.stored.Index = out.place.List, out.place.Index
	}
	return nil
}

// secure makes the signed forms of the credential.
func (j *signing) secure(ctx context.Context, out *Signed, text []byte) error {
	credential, err := chancery.Parse(text)
	if err != nil {
		return err
	}
	sign := signer.DataIntegrity{Key: j.key, Suite: j.suite(), Created: j.at}
	vc, err := sign.Sign(ctx, credential)
	if err != nil {
		return err
	}
	out.add("vc", chancery.MediaVC, vc.Bytes, true)
	out.stored.Digest = out.artifacts[0].Digest
	if slices.Contains(j.w.Outputs, "vc.jwt") {
		jwt, err := (&signer.JOSE{Key: j.key, Kind: signer.OpenBadgeJWT}).Sign(ctx, credential)
		if err != nil {
			return err
		}
		out.add("vc.jwt", chancery.MediaJWT, jwt.Bytes, true)
	}
	return nil
}

// suite is that of the type, where it still fits the issuer's key.
func (j *signing) suite() string {
	suite := j.t.version.Suite
	found, ok := proof.SuiteByName(proof.TypeDataIntegrity, suite)
	if !ok || found.KeyAllowed(j.key.Signer.Public()) != nil {
		return ""
	}
	return suite
}

// add appends an artefact; those that are not kept in their row are to be stored.
func (g *Signed) add(name, media string, b []byte, inRow bool) {
	a := StoredArtifact{Name: name, Issue: g.checked.issue, MediaType: media, Digest: digestHexOf(b), Size: int64(len(b)), Created: g.at}
	if inRow {
		a.Bytes = b
	}
	g.artifacts = append(g.artifacts, a)
}
