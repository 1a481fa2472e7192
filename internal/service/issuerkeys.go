package service

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/signer"
)

// issuerFresh is how long an issuer's record is believed without being read again. A
// commit reads it in any case, so that nothing is issued with a key that was rotated out.
const issuerFresh = time.Second

// signerCache keeps issuers that were used lately, with their opened keys.
type signerCache struct {
	mu      sync.Mutex
	issuers map[issuerRef]*cachedIssuer
}

type issuerRef struct {
	scope Scope
	id    string
}

// cachedIssuer is one version of an issuer.
type cachedIssuer struct {
	issuer StoredIssuer
	read   time.Time

	once sync.Once
	key  signer.Key
	err  error

	sealOnce sync.Once
	seal     crypto.Signer
	chain    []*x509.Certificate
	sealErr  error
}

const maxCachedIssuers = 4096

func (c *signerCache) init() { c.issuers = map[issuerRef]*cachedIssuer{} }

// issuer returns an issuer of a scope by id, not older than issuerFresh.
func (s *Service) issuer(ctx context.Context, scope Scope, id string) (*cachedIssuer, error) {
	now := s.now()
	ref := issuerRef{scope, id}
	s.signers.mu.Lock()
	have := s.signers.issuers[ref]
	fresh := have != nil && now.Sub(have.read) < issuerFresh && !now.Before(have.read)
	s.signers.mu.Unlock()
	if fresh {
		return have, nil
	}
	var found StoredIssuer
	err := s.view(ctx, func(tx Tx) error {
		var err error
		_, found, err = findIssuer(ctx, tx, scope, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	next := &cachedIssuer{issuer: found, read: now}
	s.signers.mu.Lock()
	defer s.signers.mu.Unlock()
	if have = s.signers.issuers[ref]; have != nil && have.issuer.Revision == found.Revision {
		have.read = now
		return have, nil
	}
	if len(s.signers.issuers) >= maxCachedIssuers {
		clear(s.signers.issuers)
	}
	s.signers.issuers[ref] = next
	return next, nil
}

// forgetIssuer has the next use read a changed issuer anew.
func (s *Service) forgetIssuer(i StoredIssuer) {
	s.signers.mu.Lock()
	delete(s.signers.issuers, issuerRef{i.Scope, i.ID})
	s.signers.mu.Unlock()
	s.trust.forget(i.DID)
}

// current is the key in use.
func (i *StoredIssuer) current() (StoredIssuerKey, error) {
	for n := len(i.Keys) - 1; n >= 0; n-- {
		if k := i.Keys[n]; k.Until == nil && k.Compromised == nil {
			return k, nil
		}
	}
	return StoredIssuerKey{}, errors.New("service: the issuer has no key in use")
}

// open returns the issuer's present key, ready to sign.
func (c *cachedIssuer) open(ctx context.Context, s *Service) (signer.Key, error) {
	c.once.Do(func() {
		var k StoredIssuerKey
		if k, c.err = c.issuer.current(); c.err != nil {
			return
		}
		c.key.Method = k.Method
		if k.Ref != "" {
			c.key.Signer, c.err = s.held(ctx, k.Ref)
		} else {
			c.key.Signer, c.err = s.unseal(k.Sealed, keyContext(c.issuer.Scope, c.issuer.ID, k.Method))
		}
		if c.err == nil && !sameKey(c.key.Signer, k.Multibase) {
			c.key.Signer, c.err = nil, otherKey(k.Ref)
		}
	})
	if c.err != nil { // a key provider may come back
		s.forgetIssuer(c.issuer)
	}
	return c.key, c.err
}

// sealer returns key and chain of the certificate that PDFs are sealed with.
func (c *cachedIssuer) sealer(ctx context.Context, s *Service) (crypto.Signer, []*x509.Certificate, error) {
	c.sealOnce.Do(func() {
		if len(c.issuer.Certs) == 0 {
			c.sealErr = errors.New("service: the issuer has no certificate")
			return
		}
		cert := c.issuer.Certs[len(c.issuer.Certs)-1]
		for _, der := range cert.Chain {
			x, err := x509.ParseCertificate(der)
			if err != nil {
				c.sealErr = fmt.Errorf("service: certificate of an issuer: %w", err)
				return
			}
			c.chain = append(c.chain, x)
		}
		if cert.Ref != "" {
			c.seal, c.sealErr = s.held(ctx, cert.Ref)
		} else {
			c.seal, c.sealErr = s.unseal(cert.Sealed, keyContext(c.issuer.Scope, c.issuer.ID, "certificate"))
		}
		if c.sealErr == nil && !multikey.Equal(c.seal.Public(), c.chain[0].PublicKey) {
			c.seal, c.sealErr = nil, otherKey(cert.Ref)
		}
	})
	if c.sealErr != nil {
		s.forgetIssuer(c.issuer)
	}
	return c.seal, c.chain, c.sealErr
}

func (s *Service) unseal(sealed []byte, place string) (crypto.Signer, error) {
	der, err := s.c.Sealer.Open(sealed, place)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("service: stored key: %w", err)
	}
	out, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("service: stored key: expected one that signs")
	}
	return out, nil
}

// SigningKey returns the key in use of an issuer, by id or key, and its DID.
func (s *Service) SigningKey(ctx context.Context, scope Scope, issuer string) (key signer.Key, did string, err error) {
	i, err := s.issuer(ctx, scope, issuer)
	if err != nil {
		return signer.Key{}, "", err
	}
	key, err = i.open(ctx, s)
	return key, i.issuer.DID, err
}

// AnchorKey returns the key in use of an issuer of the scope by its DID; "": of the oldest.
// An error of IsNotFound means that the scope has none.
func (s *Service) AnchorKey(ctx context.Context, scope Scope, did string) (key signer.Key, issuer string, err error) {
	var id string
	err = s.view(ctx, func(tx Tx) error {
		if did != "" {
			found, r, err := tx.Find(ctx, KindIssuer, did)
			if err == nil && found != scope {
				err = ErrNotFound
			}
			id = r.ID
			return err
		}
		for p := (Page{Limit: MaxLimit}); ; {
			page, err := tx.List(ctx, scope, KindIssuer, nil, p)
			if err != nil {
				return err
			}
			if len(page.Items) != 0 {
				id = page.Items[len(page.Items)-1].ID
			}
			if p.Cursor = page.Next; p.Cursor == "" {
				break
			}
		}
		if id == "" {
			return ErrNotFound
		}
		return nil
	})
	if errors.Is(err, ErrNotFound) {
		return signer.Key{}, "", NotFound("issuer")
	}
	if err != nil {
		return signer.Key{}, "", err
	}
	return s.SigningKey(ctx, scope, id)
}

// dataURL reads a picture given as data: URL.
func dataURL(text string) (media string, b []byte, err error) {
	rest, ok := strings.CutPrefix(text, "data:")
	media, data, ok2 := strings.Cut(rest, ",")
	media, isBase64 := strings.CutSuffix(media, ";base64")
	switch {
	case len(text) > maxIssuerImage:
		return "", nil, fmt.Errorf("must have at most %d bytes", maxIssuerImage)
	case !ok || !ok2 || !isBase64:
		return "", nil, errors.New("must be a data: URL in base64")
	case media != "image/png" && media != "image/svg+xml":
		return "", nil, errors.New("must be a PNG or SVG picture")
	}
	if b, err = base64.StdEncoding.Strict().DecodeString(data); err != nil {
		return "", nil, errors.New("must be a data: URL in base64")
	}
	return media, b, nil
}
