package document

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/signer/pades"
)

// prepare begins a remote signature.
func (d *Documents) prepare(ctx context.Context, c service.Caller, id string, doc service.StoredDocument, in service.NewSignature, i service.Idempotency) (service.Result[service.Signature], error) {
	var none service.Result[service.Signature]
	sg, err := d.remoteSigner(in.Certificate, in.Level)
	if err != nil {
		return none, err
	}
	base, err := d.read(ctx, doc.File)
	if err != nil {
		return none, err
	}
	// Before somebody signs what would be refused afterwards.
	if err := d.try(ctx, base); err != nil {
		return none, err
	}
	p, err := sg.Prepare(ctx, bytes.NewReader(base), int64(len(base)), pades.Request{Reason: in.Reason})
	if errors.Is(err, pades.BadChain) || errors.Is(err, pades.BadConfig) {
		var v service.Invalid
		v.Add("certificate", "must be a chain that can sign at this level")
		return none, v.Err()
	}
	if err != nil {
		return none, signingFault(err)
	}
	state, err := p.MarshalBinary()
	if err != nil {
		return none, err
	}
	now, sigID := d.now(), service.NewID()
	until := now.Add(d.c.PreparedFor)
	sealed, err := d.c.Sealer.Seal(state, place(c.Scope, sigID, "prepared"))
	if err != nil {
		return none, err
	}
	message := p.Message()
	hash := p.Options().HashFunc()
	st := storedSignature{
		By: remote, State: prepared, Level: sg.Level.String(), Reason: in.Reason, Signer: sg.Chain[0].Subject.CommonName,
		Expires: &until, Base: doc.File, Prepared: sealed, Chain: []byte(in.Certificate), ToSign: base64.StdEncoding.EncodeToString(message),
	}
	if hash != 0 {
		h := hash.New()
		h.Write(message)
		st.Digest, st.Hash = base64.StdEncoding.EncodeToString(h.Sum(nil)), hash.String()
	}
	return service.Once(ctx, d.c.Store, now, c.Scope, i, d.c.Sealer, func(tx service.Tx) (service.Result[service.Signature], error) {
		r := service.Record{Kind: service.KindSignature, ID: sigID, Parent: id, Created: now, Updated: now}
		if err := d.alone(ctx, tx, c.Scope, id); err != nil {
			return none, err
		}
		if _, _, err := load(ctx, tx, c.Scope, id); err != nil {
			return none, err
		}
		if err := d.addRecord(ctx, tx, c.Scope, r, st); err != nil {
			return none, err
		}
		if err := service.EnqueueFor(ctx, tx, JobExpire, c.Scope, sigID, until); err != nil {
			return none, err
		}
		if err := service.WriteAudit(ctx, tx, c, now, "document.prepare", id, map[string]any{"signature": sigID}); err != nil {
			return none, err
		}
		return service.Result[service.Signature]{Value: d.viewSignature(held{r, st}), Created: true}, nil
	})
}

// remoteSigner is who signs elsewhere, at a level that we can reach here.
func (d *Documents) remoteSigner(chain, level string) (*pades.Signer, error) {
	var v service.Invalid
	certs, err := parseChain(chain)
	if err != nil {
		v.Add("certificate", "must be certificates as PEM, that of the signer first")
		return nil, v.Err()
	}
	sg := &pades.Signer{Chain: certs, Level: pades.LevelB, Clock: d.c.Clock, TSA: d.c.TSA}
	if level != "" {
		sg.Level, _ = pades.ParseLevel(level)
	} else if d.c.TSA != nil {
		sg.Level = pades.LevelT
	}
	if sg.Level >= pades.LevelT && d.c.TSA == nil || sg.Level >= pades.LevelLT && d.c.Revocation == nil {
		v.Add("level", "needs an authority that this installation is not configured with")
		return nil, v.Err()
	}
	if sg.Level >= pades.LevelLT {
		sg.Revocation = d.c.Revocation
	}
	if now := d.now(); now.Before(certs[0].NotBefore) || now.After(certs[0].NotAfter) {
		v.Add("certificate", "must be valid now")
		return nil, v.Err()
	}
	return sg, nil
}

func parseChain(text string) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" || len(out) == 10 {
			return nil, errors.New("document: expected at most ten certificates")
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, cert)
	}
	if len(out) == 0 {
		return nil, errors.New("document: expected a certificate")
	}
	return out, nil
}

// CompleteSignature implements service.Documents. Repeating it after it has succeeded
// answers alike.
func (d *Documents) CompleteSignature(ctx context.Context, c service.Caller, id, signature string, value []byte) (out service.Signature, err error) {
	if err := c.Need(service.MayDocuments); err != nil {
		return out, err
	}
	var h held
	err = d.c.Store.View(ctx, func(tx service.Tx) error {
		if _, _, err := load(ctx, tx, c.Scope, id); err != nil {
			return err
		}
		h.Record, h.storedSignature, err = service.Get[storedSignature](ctx, tx, c.Scope, service.KindSignature, signature)
		if errors.Is(err, service.ErrNotFound) || err == nil && (h.Parent != id || h.By != remote) {
			return service.NotFound("signature")
		}
		return err
	})
	switch {
	case err != nil:
		return out, err
	case h.State == signed:
		return d.viewSignature(h), nil
	case d.viewSignature(h).State != prepared:
		return out, &service.Error{Code: service.CodeState, Detail: "the preparation has expired, or was withdrawn: begin again"}
	case len(value) == 0 || len(value) > 16<<10:
		var v service.Invalid
		v.Add("value", "must be a signature value")
		return out, v.Err()
	}
	base, err := d.read(ctx, h.Base)
	if err != nil {
		return out, err
	}
	file, err := d.embed(ctx, c.Scope, h, base, value)
	if err == nil {
		err = d.refuseSealed(ctx, base, file)
	}
	if err != nil {
		return out, err
	}
	out, err = d.finish(ctx, c, h.Base, file, h)
	return out, changed(err)
}

func (d *Documents) embed(ctx context.Context, s service.Scope, h held, base, value []byte) ([]byte, error) {
	state, err := d.c.Sealer.Open(h.Prepared, place(s, h.ID, "prepared"))
	if err != nil {
		return nil, err
	}
	p, err := pades.UnmarshalPrepared(state)
	if err != nil {
		return nil, err
	}
	sg, err := d.remoteSigner(string(h.Chain), h.Level)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	_, err = sg.Embed(ctx, bytes.NewReader(base), &out, p, value)
	if errors.Is(err, pades.BadSignature) || errors.Is(err, pades.TooLarge) {
		var v service.Invalid
		v.Add("value", "must be a signature over toSign with the key of the certificate")
		return nil, v.Err()
	}
	if err != nil {
		return nil, signingFault(err)
	}
	return out.Bytes(), nil
}

// place binds what is sealed to its signature.
func place(s service.Scope, id, what string) string {
	return "signature\x00" + s.Tenant + "\x00" + string(s.Environment) + "\x00" + id + "\x00" + what
}
