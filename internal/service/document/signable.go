package document

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/signer/pades"
)

// signatureRoom is what a signature may add to a file: with timestamp and validation data
// they have up to some tens of kilobytes.
const signatureRoom = 64 << 10

// nobody is a key with a certificate by which files are signed for trial, and never kept.
var nobody = sync.OnceValues(func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) })

// signable tells whether a third party could add a signature to a document that would be
// taken: one is added for trial and examined as on arrival. Who cannot sign is not invited.
func (d *Documents) signable(ctx context.Context, doc service.StoredDocument) error {
	base, err := d.read(ctx, doc.File)
	if err != nil {
		return err
	}
	return d.takesSignature(ctx, base)
}

func (d *Documents) takesSignature(ctx context.Context, base []byte) error {
	if int64(len(base))+signatureRoom > d.c.MaxBytes {
		return &service.Error{Code: service.CodeState, Detail: fmt.Sprintf("the file is too large for a further signature: a signed one has at most %d bytes", d.c.MaxBytes)}
	}
	signed, err := d.trial(ctx, base)
	if err != nil {
		return err
	}
	_, res, err := d.added(ctx, base, signed)
	if err == nil {
		return whole(res)
	}
	var fault *service.Error
	if errors.As(err, &fault) && fault.Code == service.CodeValidation {
		return &service.Error{Code: service.CodeState, Detail: "no signature could be added to the file that would be taken: it is damaged, or an earlier signature forbids further ones", Err: err}
	}
	return err
}

// try tells whether a file with a signature by somebody would be kept.
func (d *Documents) try(ctx context.Context, base []byte) error {
	signed, err := d.trial(ctx, base)
	if err != nil {
		return err
	}
	return d.refuseSealed(ctx, base, signed)
}

// trial adds a signature by nobody.
func (d *Documents) trial(ctx context.Context, base []byte) ([]byte, error) {
	key, err := nobody()
	if err != nil {
		return nil, err
	}
	cert, err := trialCertificate(key, d.now())
	if err != nil {
		return nil, err
	}
	sg := &pades.Signer{Key: key, Chain: []*x509.Certificate{cert}, Level: pades.LevelB, Clock: d.c.Clock}
	var out bytes.Buffer
	if _, err := sg.Sign(ctx, bytes.NewReader(base), int64(len(base)), &out, pades.Request{}); err != nil {
		return nil, signingFault(err)
	}
	return out.Bytes(), nil
}

func trialCertificate(key crypto.Signer, now time.Time) (*x509.Certificate, error) {
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "trial"}, KeyUsage: x509.KeyUsageDigitalSignature,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// leavesRoom refuses a signed file that those who are asked to sign next could not sign: a
// certification or a lock that excludes them.
func (d *Documents) leavesRoom(ctx context.Context, s service.Scope, h held, file []byte) error {
	waiting := false
	err := d.c.Store.View(ctx, func(tx service.Tx) error {
		list, err := signatures(ctx, tx, s, h.Parent)
		for _, o := range list {
			waiting = waiting || o.ID != h.ID && o.By == thirdParty && o.State == invited
		}
		return err
	})
	if err != nil || !waiting {
		return err
	}
	err = d.takesSignature(ctx, file)
	var fault *service.Error
	if errors.As(err, &fault) && fault.Code == service.CodeState {
		return refused("holds a signature that excludes further ones, and others are asked to sign after this one")
	}
	return err
}
