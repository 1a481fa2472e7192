package service

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/chancery-dev/chancery/internal/did"
	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/signer"
)

// maxIssuerImage bounds the arms of an issuer and the pictures of types, as data: URLs.
const maxIssuerImage = 700_000

// CreateIssuer implements Issuers.
func (s *Service) CreateIssuer(ctx context.Context, c Caller, in NewIssuer, i Idempotency) (Result[Issuer], error) {
	if err := c.Need(MayKeys); err != nil {
		return Result[Issuer]{}, err
	}
	if err := s.checkIssuer(c.Scope, in); err != nil {
		return Result[Issuer]{}, err
	}
	if out, found, err := Replayed[Issuer](ctx, s.c.Store, s.now(), c.Scope, i, nil); err != nil || found {
		return out, err
	}
	made, err := s.makeIssuer(ctx, c.Scope, in)
	if err != nil {
		return Result[Issuer]{}, err
	}
	out, err := Once(ctx, s.c.Store, s.now(), c.Scope, i, nil, func(tx Tx) (Result[Issuer], error) {
		now := s.now()
		name := Record{Kind: KindSetting, ID: issuerName(made.Key), Created: now, Updated: now}
		if _, err := tx.Get(ctx, c.Scope, KindSetting, name.ID); err == nil {
			return Result[Issuer]{}, &Error{Code: CodeDuplicate, Detail: "an issuer with that key exists"}
		} else if !errors.Is(err, ErrNotFound) {
			return Result[Issuer]{}, err
		}
		if err := Put(ctx, tx, c.Scope, name, Named{ID: made.ID, Name: made.Name}); err != nil {
			return Result[Issuer]{}, err
		}
		r := Record{Kind: KindIssuer, ID: made.ID, Lookup: made.DID, Created: now, Updated: now}
		if err := Put(ctx, tx, c.Scope, r, made); err != nil {
			return Result[Issuer]{}, err
		}
		if err := noteHeld(ctx, tx, made.DID, made.Keys[0], now); err != nil {
			return Result[Issuer]{}, err
		}
		for _, cert := range made.Certs {
			if err := noteSeal(ctx, tx, c.Scope, made.DID, cert.Chain[0], now); err != nil {
				return Result[Issuer]{}, err
			}
		}
		if err := WriteAudit(ctx, tx, c, now, "issuer.create", made.ID, map[string]any{"did": made.DID}); err != nil {
			return Result[Issuer]{}, err
		}
		return Result[Issuer]{Value: issuerView(c.Scope, r, made), Created: true}, nil
	})
	if errors.Is(err, ErrExists) {
		err = &Error{Code: CodeDuplicate, Detail: "an issuer with that key exists", Err: err}
	}
	return out, err
}

func issuerName(key string) string { return "issuer/" + key }

func (s *Service) checkIssuer(scope Scope, in NewIssuer) error {
	var bad Invalid
	checkName(&bad, "name", in.Name, true)
	if in.Key != "" && !namePattern.MatchString(in.Key) {
		bad.Add("key", "must be 1 to 64 of A-Z a-z 0-9 . _ -, and begin with a letter or digit")
	}
	if in.URL != "" && !checkLink(in.URL) {
		bad.Add("url", "must be a web address")
	}
	if in.Image != "" {
		if _, _, err := dataURL(in.Image); err != nil {
			bad.Add("image", err.Error())
		}
	}
	switch in.Method {
	case "", "did:web", "did:key":
	default:
		bad.Add("method", "must be did:web or did:key")
	}
	checkKeyType(&bad, in.KeyType)
	if in.KeyRef != "" {
		s.checkKeyRef(&bad, scope, in.KeyRef)
	}
	return bad.Err()
}

// noKey is said of every reference that cannot be used: which keys others have is not told.
const noKey = "names no key that can be used"

// checkKeyRef refuses references that do not begin with the tenant's id and a slash: the
// provider's keys are those of all institutions.
func (s *Service) checkKeyRef(bad *Invalid, scope Scope, ref string) {
	name, own := strings.CutPrefix(ref, scope.Tenant+"/")
	switch {
	case s.c.KeyProvider == nil:
		bad.Add("keyRef", "this installation has no key provider")
	case !own || !keyRefPattern.MatchString(name):
		bad.Add("keyRef", noKey)
	}
}

func checkKeyType(bad *Invalid, t string) {
	switch t {
	case "", "Ed25519", "P-256", "P-384":
	default:
		bad.Add("keyType", "must be Ed25519, P-256 or P-384")
	}
}

// makeIssuer makes keys and certificate; nothing is stored.
func (s *Service) makeIssuer(ctx context.Context, scope Scope, in NewIssuer) (StoredIssuer, error) {
	out := StoredIssuer{ID: shortID(), Key: in.Key, Name: in.Name, URL: in.URL, Image: in.Image, Method: in.Method}
	if out.Key == "" {
		out.Key = slug("issuer", in.Name)
	}
	if out.Method == "" {
		out.Method = "did:web"
	}
	key, private, err := s.newIssuerKey(ctx, in.KeyType, in.KeyRef)
	if err != nil {
		return out, err
	}
	if out.Method == "did:key" {
		out.DID, key.Method, err = signer.Identifier(private.Public())
	} else {
		out.DID = s.webDID(out.ID)
		key.Method, err = methodOf(out.DID, private.Public())
	}
	if err != nil {
		return out, err
	}
	if err := s.sealKey(scope, out.ID, &key, private); err != nil {
		return out, err
	}
	out.Keys = []StoredIssuerKey{key}
	cert, err := s.newCertificate(scope, out.ID, in.Name)
	if err != nil {
		return out, err
	}
	out.Certs = []StoredCert{cert}
	return out, nil
}

// newIssuerKey makes a key, or opens that of the provider.
func (s *Service) newIssuerKey(ctx context.Context, keyType, ref string) (StoredIssuerKey, crypto.Signer, error) {
	key := StoredIssuerKey{From: s.now().Truncate(time.Second), Ref: ref}
	var private crypto.Signer
	var err error
	if ref != "" {
		if private, err = s.c.KeyProvider.Signer(ctx, ref); err != nil {
			return key, nil, &Error{Code: CodeValidation, Detail: "keyRef " + noKey, Fields: map[string][]string{"keyRef": {noKey}}, Err: err}
		}
	} else {
		if keyType == "" {
			keyType = "Ed25519"
		}
		if private, err = signer.Generate(signer.Algorithm(keyType)); err != nil {
			return key, nil, err
		}
	}
	if key.Multibase, err = multikey.Encode(private.Public()); err != nil {
		return key, nil, &Error{Code: CodeValidation, Detail: "the key is of a type that is not supported", Fields: map[string][]string{"keyRef": {"is of a type that is not supported"}}, Err: err}
	}
	key.Type = keyTypeOf(private.Public())
	if keyType != "" && key.Type != keyType {
		return key, nil, &Error{Code: CodeValidation, Detail: "the key is of another type", Fields: map[string][]string{"keyType": {"is not that of the key"}}}
	}
	return key, private, nil
}

func keyTypeOf(key crypto.PublicKey) string {
	if k, ok := key.(*ecdsa.PublicKey); ok {
		return k.Curve.Params().Name
	}
	return "Ed25519"
}

// webDID is the did:web of an issuer: its document lies at <base>/i/<id>/did.json. The
// method knows no IP addresses, so that an installation on a loopback one calls itself
// localhost.
func (s *Service) webDID(id string) string {
	if id == "" {
		return s.webBase()
	}
	return s.webBase() + ":i:" + id
}

func (s *Service) webBase() string {
	u, err := url.Parse(s.baseURL)
	if err != nil {
		return ""
	}
	host := u.Hostname()
	if loopback(host) {
		host = "localhost"
	}
	if u.Port() != "" {
		host += "%3A" + u.Port()
	}
	out := "did:web:" + host
	for part := range strings.SplitSeq(strings.Trim(u.EscapedPath(), "/"), "/") {
		if part != "" {
			out += ":" + part
		}
	}
	return out
}

// methodOf names a key within a DID's document.
func methodOf(id string, keys ...crypto.PublicKey) (string, error) {
	doc, err := did.NewDocument(id, keys...)
	if err != nil {
		return "", err
	}
	return doc.Methods[0].ID, nil
}

func keyContext(scope Scope, issuer, name string) string {
	return "issuer\x00" + scope.Tenant + "\x00" + string(scope.Environment) + "\x00" + issuer + "\x00" + name
}

func (s *Service) sealKey(scope Scope, issuer string, key *StoredIssuerKey, private crypto.Signer) error {
	if key.Ref != "" {
		return nil
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	key.Sealed, err = s.c.Sealer.Seal(der, keyContext(scope, issuer, key.Method))
	return err
}

// documentSigning is the extended key usage of RFC 9336.
var documentSigning = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 36}

// certificateYears is how long a certificate of our own making holds.
const certificateYears = 10

// newCertificate makes the key that PDFs are sealed with and a certificate that is its own
// root: verifiers who trust this installation, or the export, know it.
func (s *Service) newCertificate(scope Scope, issuer, name string) (StoredCert, error) {
	key, err := signer.Generate(signer.P256)
	if err != nil {
		return StoredCert{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		return StoredCert{}, err
	}
	now := s.now().Truncate(time.Second)
	subject := pkix.Name{CommonName: clipRunes(name, 64), Organization: []string{clipRunes(name, 64)}}
	if scope.Environment == Test {
		subject.OrganizationalUnit = []string{"TEST"}
	}
	template := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)), Subject: subject,
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(certificateYears, 0, 0), BasicConstraintsValid: true,
		KeyUsage:           x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
		UnknownExtKeyUsage: []asn1.ObjectIdentifier{documentSigning},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return StoredCert{}, fmt.Errorf("service: certificate: %w", err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return StoredCert{}, err
	}
	sealed, err := s.c.Sealer.Seal(pkcs8, keyContext(scope, issuer, "certificate"))
	return StoredCert{Chain: [][]byte{der}, Sealed: sealed}, err
}

func clipRunes(s string, n int) string {
	r := []rune(s)
	if len(r) > n {
		r = r[:n]
	}
	return string(r)
}

// slug makes a short name of a name: letters, digits and hyphens. One that has none of
// these is named after its kind.
func slug(kind, name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r < 128 && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= 40 {
			break
		}
	}
	out := strings.Trim(b.String(), "-")
	if out == "" {
		return kind + "-" + shortID()
	}
	return out
}

func issuerView(scope Scope, r Record, i StoredIssuer) Issuer {
	out := Issuer{ID: i.ID, Key: i.Key, Environment: scope.Environment, Name: i.Name, URL: i.URL, DID: i.DID, CreatedAt: r.Created, Keys: []IssuerKey{}}
	for _, k := range i.Keys {
		out.Keys = append(out.Keys, IssuerKey{ID: k.Method, Type: k.Type, PublicKey: k.Multibase, ValidFrom: k.From, ValidUntil: k.Until, Compromised: k.Compromised != nil})
	}
	for n := len(i.Certs) - 1; n >= 0 && out.Certificate == ""; n-- {
		for _, der := range i.Certs[n].Chain {
			out.Certificate += string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		}
	}
	return out
}

// ListIssuers implements Issuers.
func (s *Service) ListIssuers(ctx context.Context, c Caller, p Page) (List[Issuer], error) {
	if err := c.Need(MayRead); err != nil {
		return List[Issuer]{}, err
	}
	var out List[Issuer]
	err := s.view(ctx, func(tx Tx) error {
		found, err := tx.List(ctx, c.Scope, KindIssuer, nil, p)
		if err != nil {
			return err
		}
		out = List[Issuer]{Items: make([]Issuer, 0, len(found.Items)), Next: found.Next, Total: found.Total}
		for _, r := range found.Items {
			i, err := readIssuer(c.Scope, r)
			if err != nil {
				return err
			}
			out.Items = append(out.Items, issuerView(c.Scope, r, i))
		}
		return nil
	})
	return out, err
}

func readIssuer(scope Scope, r Record) (StoredIssuer, error) {
	var i StoredIssuer
	err := decode(r.Body, &i)
	i.Revision, i.Scope = r.Version, scope
	return i, err
}

// GetIssuer implements Issuers. id is its id or key.
func (s *Service) GetIssuer(ctx context.Context, c Caller, id string) (Issuer, error) {
	if err := c.Need(MayRead); err != nil {
		return Issuer{}, err
	}
	var out Issuer
	err := s.view(ctx, func(tx Tx) error {
		r, i, err := findIssuer(ctx, tx, c.Scope, id)
		out = issuerView(c.Scope, r, i)
		return err
	})
	return out, err
}

// findIssuer finds an issuer of a scope by id or key.
func findIssuer(ctx context.Context, tx Tx, scope Scope, id string) (Record, StoredIssuer, error) {
	r, err := tx.Get(ctx, scope, KindIssuer, id)
	if errors.Is(err, ErrNotFound) {
		_, name, nameErr := Get[Named](ctx, tx, scope, KindSetting, issuerName(id))
		switch {
		case errors.Is(nameErr, ErrNotFound):
			return r, StoredIssuer{}, NotFound("issuer")
		case nameErr != nil:
			return r, StoredIssuer{}, nameErr
		}
		r, err = tx.Get(ctx, scope, KindIssuer, name.ID)
	}
	if errors.Is(err, ErrNotFound) {
		return r, StoredIssuer{}, NotFound("issuer")
	}
	if err != nil {
		return r, StoredIssuer{}, err
	}
	i, err := readIssuer(scope, r)
	return r, i, err
}
