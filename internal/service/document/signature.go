package document

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/signer/pades"
)

// The kinds and states of signatures.
const (
	institutional = "institutional"
	thirdParty    = "thirdParty"
	remote        = "remote"

	invited   = "invited"
	prepared  = "prepared"
	signed    = "signed"
	declined  = "declined"
	expired   = "expired"
	withdrawn = "withdrawn"
)

const (
	maxSignatures = 50
	maxChain      = 64 << 10
)

// storedSignature is the body of a KindSignature record, whose Parent is the document. Its
// Lookup is the SHA-256 of an open invitation's token.
type storedSignature struct {
	By       string     `json:"kind"` // institutional, thirdParty or remote
	State    string     `json:"state"`
	Level    string     `json:"level,omitempty"`
	Signer   string     `json:"signer,omitempty"`
	Email    string     `json:"email,omitempty"`
	Reason   string     `json:"reason,omitempty"`
	Issuer   string     `json:"issuer,omitempty"` // who asks, for people
	SignedAt *time.Time `json:"signedAt,omitempty"`
	Expires  *time.Time `json:"expires,omitempty"`
	File     string     `json:"file,omitempty"` // digest of the signed file
	// Trusted says whether a third party's signature passed wholly when it arrived,
	// Certificate is the SHA-256 of the certificate that it is by, and Holder whom that names.
	Trusted     bool   `json:"trusted,omitempty"`
	Certificate string `json:"certificate,omitempty"`
	Holder      string `json:"holder,omitempty"`

	// Token is sealed, and there until the mail is sent; MessageID is that of the mail.
	Token     []byte `json:"token,omitempty"`
	MessageID string `json:"messageId,omitempty"`
	Mailed    bool   `json:"mailed,omitempty"`

	// Base is the digest of the file that a remote signature was prepared for; Prepared is
	// sealed: who could change it could have another file signed.
	Base     string `json:"base,omitempty"`
	Prepared []byte `json:"prepared,omitempty"`
	Chain    []byte `json:"chain,omitempty"` // PEM
	ToSign   string `json:"toSign,omitempty"`
	Digest   string `json:"digest,omitempty"`
	Hash     string `json:"hash,omitempty"`
}

func (d *Documents) viewSignature(h held) service.Signature {
	out := service.Signature{ID: h.ID, Kind: h.By, State: h.State, Level: h.Level, Signer: h.Signer, SignedAt: h.SignedAt, Expires: h.Expires}
	if (h.State == invited || h.State == prepared) && h.Expires != nil && !d.now().Before(*h.Expires) {
		out.State = expired
	}
	if h.By == thirdParty && h.State == signed {
		out.SignedBy, out.Trusted = h.Holder, &h.Trusted
	}
	if out.State == prepared {
		out.ToSign, out.Digest, out.Hash = h.ToSign, h.Digest, h.Hash
	}
	return out
}

// AddSignature implements service.Documents.
func (d *Documents) AddSignature(ctx context.Context, c service.Caller, id string, in service.NewSignature, i service.Idempotency) (service.Result[service.Signature], error) {
	var none service.Result[service.Signature]
	if err := c.Need(service.MayDocuments); err != nil {
		return none, err
	}
	if out, found, err := service.Replayed[service.Signature](ctx, d.c.Store, d.now(), c.Scope, i, d.c.Sealer); err != nil || found {
		return out, err
	}
	if err := checkSignature(in); err != nil {
		return none, err
	}
	var st service.StoredDocument
	err := d.c.Store.View(ctx, func(tx service.Tx) (err error) {
		if _, st, err = load(ctx, tx, c.Scope, id); err == nil {
			_, err = d.vacancy(ctx, tx, c.Scope, id)
		}
		return err
	})
	switch {
	case err != nil:
		return none, err
	case st.MediaType != mediaPDF:
		return none, &service.Error{Code: service.CodeState, Detail: "only PDF files can be signed"}
	}
	switch in.Kind {
	case institutional:
		return d.sealNow(ctx, c, id, in, i)
	case remote:
		return d.prepare(ctx, c, id, st, in, i)
	}
	return d.invite(ctx, c, id, in, i)
}

// alone has the transactions that add or end signatures of a document follow one another,
// where the store runs several at once: how many there are, and whose turn it is, is read
// before it is written. It comes first in each of them.
func (d *Documents) alone(ctx context.Context, tx service.Tx, s service.Scope, document string) error {
	sum := sha256.Sum256([]byte(document))
	_, err := tx.Count(ctx, s, fmt.Sprintf("documents/%d", sum[0]%64), 1) // holds that row
	return err
}

// vacancy tells whether a document can have one more signature, and where it has as many as
// are listed, which record is given up for it: the oldest that came to nothing.
func (d *Documents) vacancy(ctx context.Context, tx service.Tx, s service.Scope, document string) (give string, err error) {
	list, err := signatures(ctx, tx, s, document)
	if err != nil || len(list) < maxSignatures {
		return "", err
	}
	for _, state := range [...]string{expired, withdrawn, declined} {
		for _, h := range list {
			if d.viewSignature(h).State == state {
				return h.ID, nil
			}
		}
	}
	return "", &service.Error{Code: service.CodeState, Detail: fmt.Sprintf("a document has at most %d signatures", maxSignatures)}
}

// addRecord adds the record of a signature where there is place for it.
func (d *Documents) addRecord(ctx context.Context, tx service.Tx, s service.Scope, r service.Record, st storedSignature) error {
	give, err := d.vacancy(ctx, tx, s, r.Parent)
	if err == nil && give != "" {
		err = tx.Delete(ctx, s, service.KindSignature, give)
	}
	if err == nil {
		err = service.Put(ctx, tx, s, r, st)
	}
	if err != nil || give == "" {
		return err
	}
	return d.nextTurn(ctx, tx, s, r.Parent, r.Created) // of which the one given up may have been
}

func checkSignature(in service.NewSignature) error {
	var v service.Invalid
	if in.Level != "" {
		if _, ok := pades.ParseLevel(in.Level); !ok {
			v.Add("level", "must be B-B, B-T, B-LT or B-LTA")
		}
	}
	checkLine(&v, "reason", in.Reason, 500, false)
	switch in.Kind {
	case institutional:
	case thirdParty:
		if in.Signer == nil {
			v.Add("signer", "is required")
			break
		}
		checkLine(&v, "signer.name", in.Signer.Name, 200, true)
		if !address(in.Signer.Email) {
			v.Add("signer.email", "must be an e-mail address")
		}
	case remote:
		if in.Certificate == "" || len(in.Certificate) > maxChain {
			v.Add("certificate", "is required: the PEM chain of the signing service's certificate")
		}
	case "":
		v.Add("kind", "is required")
	default:
		v.Add("kind", "must be institutional, thirdParty or remote")
	}
	if in.Kind != thirdParty && in.Signer != nil {
		v.Add("signer", "is of a third party only")
	}
	if in.Kind != remote && in.Certificate != "" {
		v.Add("certificate", "is of a remote signature only")
	}
	return v.Err()
}

func checkLine(v *service.Invalid, field, s string, most int, required bool) {
	switch {
	case s == "" && required:
		v.Add(field, "is required")
	case strings.TrimSpace(s) != s || !utf8.ValidString(s) || utf8.RuneCountInString(s) > most ||
		strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }):
		v.Add(field, fmt.Sprintf("must be at most %d characters on one line", most))
	}
}

// address is a simple look at an e-mail address: the mail server has the last word.
func address(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && len(s) <= 254 && local != "" && len(local) <= 64 && strings.Contains(domain, ".") && !strings.HasPrefix(domain, ".") &&
		!strings.HasSuffix(domain, ".") && !strings.Contains(s, "..") &&
		!strings.ContainsFunc(s, func(r rune) bool {
			return r <= ' ' || r == 0x7f || unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(`<>,;()"\[]`, r)
		}) && strings.Count(s, "@") == 1
}

// sealNow signs with the institution's certificate, again where another signature was
// added meanwhile.
func (d *Documents) sealNow(ctx context.Context, c service.Caller, id string, in service.NewSignature, i service.Idempotency) (service.Result[service.Signature], error) {
	var none service.Result[service.Signature]
	sg, err := d.c.Signing.PDFSigner(ctx, c.Scope, in.Issuer, in.Level)
	if err != nil {
		return none, err
	}
	sigID := service.NewID()
	for attempt := 0; ; attempt++ {
		var doc service.StoredDocument
		err := d.c.Store.View(ctx, func(tx service.Tx) (err error) {
			_, doc, err = load(ctx, tx, c.Scope, id)
			return err
		})
		if err != nil {
			return none, err
		}
		base, err := d.read(ctx, doc.File)
		if err != nil {
			return none, err
		}
		var out bytes.Buffer
		res, err := sg.Sign(ctx, bytes.NewReader(base), int64(len(base)), &out, pades.Request{Reason: in.Reason})
		if err != nil {
			return none, signingFault(err)
		}
		if err := d.refuseSealed(ctx, base, out.Bytes()); err != nil {
			return none, err
		}
		now := d.now()
		st := storedSignature{By: institutional, Level: res.Level.String(), Reason: in.Reason, Signer: sg.Chain[0].Subject.CommonName}
		var done service.Result[service.Signature]
		err = d.stored(ctx, c.Scope, out.Bytes(), func() (used bool, err error) {
			done, err = service.Once(ctx, d.c.Store, now, c.Scope, i, d.c.Sealer, func(tx service.Tx) (service.Result[service.Signature], error) {
				h := held{Record: service.Record{Kind: service.KindSignature, ID: sigID, Parent: id, Created: now}, storedSignature: st}
				return d.replace(ctx, tx, c, doc.File, out.Bytes(), h, now)
			})
			return err == nil && !done.Replayed, err
		})
		if attempt < 5 && errors.Is(err, errChanged) {
			continue
		}
		return done, changed(err)
	}
}

// errChanged: the document has another file now.
var errChanged = errors.New("document: the file was changed in between")

func changed(err error) error {
	if errors.Is(err, errChanged) {
		return &service.Error{Code: service.CodeState, Detail: "the document was signed by another in between: begin again with its newest file"}
	}
	return err
}

// stored keeps a file while f makes it a document's, and takes it back where f does not.
func (d *Documents) stored(ctx context.Context, s service.Scope, file []byte, f func() (used bool, err error)) error {
	if err := d.keep(ctx, file); err != nil {
		return err
	}
	used, err := f()
	if used || errors.Is(err, service.ErrUnavailable) {
		return err // of the latter nobody knows whether it has happened
	}
	sum := sha256.Sum256(file)
	digest := hex.EncodeToString(sum[:])
	var last bool
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	rerr := d.c.Store.Update(ctx, func(tx service.Tx) (err error) {
		last, err = service.ReleaseBlob(ctx, tx, s, d.now(), digest, "nobody")
		return err
	})
	if rerr == nil && last {
		rerr = d.c.Blobs.Delete(ctx, digest)
	}
	return errors.Join(err, rerr)
}

// replace makes a signed file, which is in the blobs, the newest of a document, if base is
// that still.
func (d *Documents) replace(ctx context.Context, tx service.Tx, c service.Caller, base string, file []byte, h held, now time.Time) (service.Result[service.Signature], error) {
	var none service.Result[service.Signature]
	if err := d.alone(ctx, tx, c.Scope, h.Parent); err != nil {
		return none, err
	}
	r, doc, err := load(ctx, tx, c.Scope, h.Parent)
	if err != nil {
		return none, err
	}
	if doc.File != base {
		return none, errChanged
	}
	sum := sha256.Sum256(file)
	digest := hex.EncodeToString(sum[:])
	if doc.File != doc.Digest {
		doc.Earlier = append(doc.Earlier, doc.File)
	}
	doc.File, doc.FileSize, r.Updated = digest, int64(len(file)), now
	if err := service.Put(ctx, tx, c.Scope, r, doc); err != nil {
		return none, err
	}
	if err := service.HoldBlob(ctx, tx, c.Scope, now, digest, owner(h.Parent)); err != nil {
		return none, err
	}
	h.State, h.SignedAt, h.File, h.Expires, h.Lookup, h.Updated = signed, &now, digest, nil, "", now
	h.Token, h.Prepared = nil, nil
	if h.Version == 0 {
		err = d.addRecord(ctx, tx, c.Scope, h.Record, h.storedSignature)
	} else {
		err = service.Put(ctx, tx, c.Scope, h.Record, h.storedSignature)
	}
	if err != nil {
		return none, err
	}
	if err := service.Emit(ctx, tx, c.Scope, now, service.EventSigned, map[string]any{"id": h.Parent, "signature": h.ID}); err != nil {
		return none, err
	}
	detail := map[string]any{"kind": h.By, "signature": h.ID}
	if h.Certificate != "" {
		detail["certificate"], detail["trusted"] = h.Certificate, h.Trusted
	}
	if err := service.WriteAudit(ctx, tx, c, now, "document.sign", h.Parent, detail); err != nil {
		return none, err
	}
	if err := d.nextTurn(ctx, tx, c.Scope, h.Parent, now); err != nil {
		return none, err
	}
	return service.Result[service.Signature]{Value: d.viewSignature(h), Created: true}, nil
}

// finish stores a signature that was made elsewhere. One that another call has finished
// in between is errChanged.
func (d *Documents) finish(ctx context.Context, c service.Caller, base string, file []byte, h held) (out service.Signature, err error) {
	err = d.stored(ctx, c.Scope, file, func() (bool, error) {
		err := d.c.Store.Update(ctx, func(tx service.Tx) error {
			res, err := d.replace(ctx, tx, c, base, file, h, d.now())
			out = res.Value
			return err
		})
		return err == nil, err
	})
	if errors.Is(err, service.ErrConflict) {
		err = errChanged
	}
	return out, err
}

// signingFault tells what the file or the request is at fault for from what we are.
func signingFault(err error) error {
	state := func(detail string) error { return &service.Error{Code: service.CodeState, Detail: detail, Err: err} }
	var known *service.Error
	var fault *pades.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, pades.NotPermitted):
		return state("an earlier signature forbids further ones")
	case errors.Is(err, pades.BadForm) && errors.As(err, &fault) && fault.Detail != "":
		return state("the file's form or pages are not such that it can be signed: " + fault.Detail)
	case errors.Is(err, pades.BadInput), errors.Is(err, pades.BadForm):
		return state("the file is encrypted, or its form is not one that can be signed")
	case errors.Is(err, pades.BadChain):
		return state("the certificate is not one that can sign now")
	case errors.Is(err, pades.SeedValue), errors.Is(err, pades.CannotCertify):
		return state("the file asks for another kind of signature")
	case errors.Is(err, pades.Revoked):
		return state("a certificate that the signature or its timestamp needs is revoked")
	case errors.Is(err, pades.BadTimestamp), errors.Is(err, pades.NoRevocation):
		return &service.Error{Code: service.CodeUnavailable, Detail: "the timestamping or certification authority does not answer as it should; try again", RetryAfter: 5 * time.Second, Err: err}
	}
	return err
}
