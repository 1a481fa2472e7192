// Package chain builds and checks the path from a certificate to anchors the caller gives.
//
// Build is the one entry. Path arithmetic (signatures, names, validity, basic constraints, path
// length, constraints on names of hosts, critical extensions) is crypto/x509's; constraints on directory
// names, key usage, extended key usage, anchor intervals and algorithm policy, which it leaves open, are
// checked here. System roots are
// never consulted. Certificates signed with SHA-1 or MD5 are refused by crypto/x509 at any time, so a
// chain below the anchor with such a signature is never accepted, also for times long past.
//
// Revocation is not looked at: see package revocation.
package chain

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/algo"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// MaxCandidates bounds the certificates a path may be built from.
const MaxCandidates = 512

// Reason is a short code for why no acceptable path exists. A Reason is an error for errors.Is.
type Reason string

// The closed set of reasons.
const (
	BadConfig         Reason = "bad_config"         // no anchors, no time, no purpose, too many candidates
	NoChain           Reason = "no_chain"           // no path to an anchor
	Expired           Reason = "expired"            // the certificate itself, at the given time
	NotYetValid       Reason = "not_yet_valid"      // the certificate itself, at the given time
	IssuerNotValid    Reason = "issuer_not_valid"   // an issuer's certificate is outside its validity at the given time
	AnchorNotValid    Reason = "anchor_not_valid"   // the given time is outside the interval the anchor is trusted for
	KeyUsage          Reason = "key_usage"          // the key is not for signing
	ExtKeyUsage       Reason = "ext_key_usage"      // the certificate, or an issuer's, is for other purposes
	NameConstraints   Reason = "name_constraints"   // an issuer may not issue for this name
	PathConstraints   Reason = "path_constraints"   // not a CA, path too long, other constraint
	CriticalExtension Reason = "critical_extension" // one that is not understood
	Malformed         Reason = "malformed"          // a certificate holds what its ASN.1 has no room for
	WeakAlgorithm     Reason = "weak_algorithm"     // a certificate is signed with, or holds, something the policy refuses
)

// Error makes a Reason usable with errors.Is.
func (r Reason) Error() string { return "chain: " + string(r) }

// SubIndication returns the EN 319 102-1 word for the reason.
func (r Reason) SubIndication() string {
	switch r {
	case NoChain:
		return "NO_CERTIFICATE_CHAIN_FOUND"
	case Expired:
		return "EXPIRED"
	case NotYetValid:
		return "NOT_YET_VALID"
	case IssuerNotValid, AnchorNotValid, KeyUsage, ExtKeyUsage, NameConstraints, PathConstraints, CriticalExtension:
		return "CHAIN_CONSTRAINTS_FAILURE"
	case WeakAlgorithm:
		return "CRYPTO_CONSTRAINTS_FAILURE"
	}
	return "CERTIFICATE_CHAIN_GENERAL_FAILURE"
}

// Error is what Build returns.
type Error struct {
	Reason      Reason
	Certificate *x509.Certificate // the one at fault; nil when none in particular
	Detail      string
	Err         error
}

// Error joins reason, detail and cause. Subjects of certificates are left out: they may be personal data.
func (e *Error) Error() string {
	s := e.Reason.Error()
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Is reports whether target is the Reason of e.
func (e *Error) Is(target error) bool { r, ok := target.(Reason); return ok && r == e.Reason }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Anchor is a certificate the caller trusts to start a path: a root, an intermediate, or the
// signer's own certificate.
type Anchor struct {
	Certificate *x509.Certificate
	NotBefore   time.Time // trusted from here on; zero: from the certificate's own notBefore
	NotAfter    time.Time // trusted up to here; zero: up to the certificate's own notAfter
	Name        string    // for reports; may be empty
}

// Purpose is what the certificate is to be used for.
type Purpose int

// Purposes. The zero Purpose is refused.
const (
	// Signing documents: the key usage extension, where present, has digitalSignature or
	// nonRepudiation; extended key usage is per Config.
	Signing Purpose = iota + 1
	// Timestamping (RFC 3161, section 2.3): extended key usage present, critical, and nothing but
	// timeStamping; key usage, where present, has only digitalSignature or nonRepudiation.
	Timestamping
)

// Extended key usages.
var (
	EKUAny               = algo.NewOID(2, 5, 29, 37, 0)
	EKUEmailProtection   = algo.NewOID(1, 3, 6, 1, 5, 5, 7, 3, 4)
	EKUTimestamping      = algo.NewOID(1, 3, 6, 1, 5, 5, 7, 3, 8)
	EKUOCSPSigning       = algo.NewOID(1, 3, 6, 1, 5, 5, 7, 3, 9)
	EKUDocumentSigning   = algo.NewOID(1, 3, 6, 1, 5, 5, 7, 3, 36) // RFC 9336
	EKUMicrosoftDocument = algo.NewOID(1, 3, 6, 1, 4, 1, 311, 10, 3, 12)
	EKUAdobeAuthentic    = algo.NewOID(1, 2, 840, 113583, 1, 1, 5)
)

// DefaultSigningEKU returns the extended key usages accepted for Signing when Config names none:
// document signing of RFC 9336 and its vendor predecessors, emailProtection, which document
// certificates have long carried, and anyExtendedKeyUsage.
func DefaultSigningEKU() []algo.OID {
	return []algo.OID{EKUDocumentSigning, EKUMicrosoftDocument, EKUAdobeAuthentic, EKUEmailProtection, EKUAny}
}

// Config says what a path must satisfy.
type Config struct {
	Anchors    []Anchor            // at least one; required
	Candidates []*x509.Certificate // from anywhere; used as intermediates only
	At         time.Time           // the time every certificate must be valid at; required
	Purpose    Purpose             // required

	SigningEKU      []algo.OID   // for Signing: any one of these will do; nil means DefaultSigningEKU
	RequireEKU      bool         // for Signing: refuse certificates without the extension; false takes its absence for "any purpose" (RFC 5280)
	RequireKeyUsage bool         // refuse certificates without the key usage extension
	Policy          *algo.Policy // acceptable algorithms; nil means algo.DefaultPolicy
	AlgorithmsAt    time.Time    // when algorithms are judged; zero means At
}

// Path is an accepted path.
type Path struct {
	Certificates []*x509.Certificate // the certificate first, the anchor's last; one when the certificate is itself an anchor
	Anchor       Anchor
	Uses         []algo.Use // algorithms below the anchor, as judged
}

// Build returns an accepted path from cert to an anchor, the shortest there is. Errors are *Error; when
// several paths fail for different reasons the one of the first shortest is told.
func Build(cert *x509.Certificate, c Config) (*Path, error) {
	if e := c.validate(cert); e != nil {
		return nil, e
	}
	if e := checkUsage(cert, c); e != nil {
		return nil, e
	}
	roots, inter := x509.NewCertPool(), x509.NewCertPool()
	for _, a := range c.Anchors {
		roots.AddCert(knowing(a.Certificate))
	}
	for _, x := range c.Candidates {
		inter.AddCert(knowing(x))
	}
	chains, err := cert.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: inter, CurrentTime: c.At, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return nil, explain(cert, c, err)
	}
	slices.SortStableFunc(chains, func(a, b []*x509.Certificate) int { return len(a) - len(b) })
	var first *Error
	for _, ch := range chains {
		p, e := checkPath(ch, c)
		if e == nil {
			return p, nil
		}
		if first == nil {
			first = e
		}
	}
	if first == nil {
		first = &Error{Reason: NoChain}
	}
	return nil, first
}

func (c *Config) validate(cert *x509.Certificate) *Error {
	switch {
	case cert == nil:
		return &Error{Reason: BadConfig, Detail: "no certificate"}
	case len(c.Anchors) == 0:
		return &Error{Reason: BadConfig, Detail: "no trust anchors"}
	case c.At.IsZero():
		return &Error{Reason: BadConfig, Detail: "no time"}
	case c.Purpose != Signing && c.Purpose != Timestamping:
		return &Error{Reason: BadConfig, Detail: "no purpose"}
	case len(c.Candidates) > MaxCandidates:
		return &Error{Reason: BadConfig, Detail: fmt.Sprintf("%d candidates, at most %d", len(c.Candidates), MaxCandidates)}
	}
	for _, a := range c.Anchors {
		if a.Certificate == nil {
			return &Error{Reason: BadConfig, Detail: "trust anchor without certificate"}
		}
	}
	return nil
}

// checkUsage checks what the certificate itself says about its purposes.
func checkUsage(cert *x509.Certificate, c Config) *Error {
	const signs = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
	hasKU := hasExtension(cert, 15)
	switch {
	case hasKU && cert.KeyUsage&signs == 0:
		return &Error{Reason: KeyUsage, Certificate: cert, Detail: "neither digitalSignature nor nonRepudiation"}
	case !hasKU && c.RequireKeyUsage:
		return &Error{Reason: KeyUsage, Certificate: cert, Detail: "extension absent"}
	case hasKU && c.Purpose == Timestamping && cert.KeyUsage&^signs != 0:
		return &Error{Reason: KeyUsage, Certificate: cert, Detail: "a timestamping key has other usages"}
	}
	ekus, critical, present, ok := EKUs(cert)
	if !ok {
		return &Error{Reason: ExtKeyUsage, Certificate: cert, Detail: "malformed extension"}
	}
	if c.Purpose == Timestamping {
		if !present || !critical || len(ekus) != 1 || ekus[0] != EKUTimestamping {
			return &Error{Reason: ExtKeyUsage, Certificate: cert, Detail: "expected a critical extension with timeStamping only"}
		}
		return nil
	}
	if !present {
		if c.RequireEKU {
			return &Error{Reason: ExtKeyUsage, Certificate: cert, Detail: "extension absent"}
		}
		return nil
	}
	if !c.acceptsEKU(ekus) {
		return &Error{Reason: ExtKeyUsage, Certificate: cert, Detail: fmt.Sprintf("none of its %d purposes is accepted", len(ekus))}
	}
	return nil
}

func (c *Config) acceptsEKU(have []algo.OID) bool {
	accept := c.SigningEKU
	switch {
	case c.Purpose == Timestamping:
		accept = []algo.OID{EKUTimestamping}
	case accept == nil:
		accept = DefaultSigningEKU()
	}
	return slices.ContainsFunc(have, func(o algo.OID) bool { return slices.Contains(accept, o) })
}

// checkPath checks what crypto/x509 does not.
func checkPath(ch []*x509.Certificate, c Config) (*Path, *Error) {
	p := &Path{Certificates: ch}
	last := ch[len(ch)-1]
	var e *Error
	for _, a := range c.Anchors {
		if !bytes.Equal(a.Certificate.Raw, last.Raw) {
			continue
		}
		if !a.NotBefore.IsZero() && c.At.Before(a.NotBefore) || !a.NotAfter.IsZero() && c.At.After(a.NotAfter) {
			e = &Error{Reason: AnchorNotValid, Certificate: last}
			continue
		}
		p.Anchor, e = a, nil
		break
	}
	if p.Anchor.Certificate == nil {
		if e == nil {
			e = &Error{Reason: NoChain}
		}
		return nil, e
	}
	for _, x := range ch[:len(ch)-1] {
		if err := algo.CheckCertificate(x.Raw); err != nil {
			return nil, &Error{Reason: Malformed, Certificate: x, Err: err}
		}
	}
	if e := checkNames(ch); e != nil {
		return nil, e
	}
	// Purposes of the issuers between certificate and anchor narrow what they may issue for: not in
	// RFC 5280's text, but what issuers mean by them and every validator applies.
	for _, ca := range ch[1:max(1, len(ch)-1)] {
		ekus, _, present, ok := EKUs(ca)
		if !ok || present && !slices.Contains(ekus, EKUAny) && !c.acceptsEKU(ekus) {
			return nil, &Error{Reason: ExtKeyUsage, Certificate: ca, Detail: "an issuer's certificate is for other purposes"}
		}
	}
	return p, p.judge(c)
}

// judge applies the algorithm policy to each signature below the anchor and each key that makes one.
func (p *Path) judge(c Config) *Error {
	pol, at := c.Policy, c.AlgorithmsAt
	if pol == nil {
		pol = algo.DefaultPolicy()
	}
	if at.IsZero() {
		at = c.At
	}
	for i, cert := range p.Certificates[:len(p.Certificates)-1] {
		issuer := p.Certificates[i+1]
		s, err := algo.CertificateScheme(cert)
		if err != nil {
			return &Error{Reason: WeakAlgorithm, Certificate: cert, Err: err}
		}
		pub, err := algo.PublicKey(issuer)
		if err != nil {
			return &Error{Reason: WeakAlgorithm, Certificate: issuer, Err: err}
		}
		u := algo.SignatureUse("certificate", s, pub)
		p.Uses = append(p.Uses, u)
		if err := pol.Check(at, u); err != nil {
			return &Error{Reason: WeakAlgorithm, Certificate: cert, Err: err}
		}
	}
	return nil
}

// explain turns an error of crypto/x509 into a typed one.
func explain(cert *x509.Certificate, c Config, err error) *Error {
	e := &Error{Reason: PathConstraints, Err: nil}
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var critical x509.UnhandledCriticalExtension
	switch {
	case errors.As(err, &unknown):
		e.Reason = NoChain
		if weak := weakLink(cert, c); weak != nil {
			return &Error{Reason: WeakAlgorithm, Certificate: weak, Detail: "signed with an algorithm, or parameters, that are not accepted at any time"}
		}
		e.Detail = fmt.Sprintf("no path to any of %d anchors through %d candidates", len(c.Anchors), len(c.Candidates))
	case errors.As(err, &critical):
		e.Reason = CriticalExtension
	case errors.As(err, &invalid):
		e.Certificate = invalid.Cert
		switch invalid.Reason {
		case x509.Expired:
			e.Reason = IssuerNotValid
			if invalid.Cert == nil || bytes.Equal(invalid.Cert.Raw, cert.Raw) {
				e.Reason = Expired
				if c.At.Before(cert.NotBefore) {
					e.Reason = NotYetValid
				}
			}
			e.Detail = "judged at " + c.At.UTC().Format(time.RFC3339)
		case x509.CANotAuthorizedForThisName, x509.NameConstraintsWithoutSANs, x509.UnconstrainedName, x509.TooManyConstraints:
			e.Reason = NameConstraints
		default:
			e.Detail = fmt.Sprintf("x509 reason %d", invalid.Reason)
		}
	default:
		e.Detail = "x509 refuses the path"
	}
	return e
}

// weakLink follows issuer names upwards and returns a certificate whose signature algorithm
// crypto/x509 does not verify, if that is what breaks the path.
func weakLink(cert *x509.Certificate, c Config) *x509.Certificate {
	for range 8 {
		for _, a := range c.Anchors {
			if bytes.Equal(a.Certificate.Raw, cert.Raw) {
				return nil
			}
		}
		switch cert.SignatureAlgorithm {
		case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
			return cert
		case x509.UnknownSignatureAlgorithm: // such as RSASSA-PSS with a salt that is not as long as its hash
			named := func(x *x509.Certificate) bool { return bytes.Equal(x.RawSubject, cert.RawIssuer) }
			if slices.ContainsFunc(c.Candidates, named) || slices.ContainsFunc(c.Anchors, func(a Anchor) bool { return named(a.Certificate) }) {
				return cert
			}
		}
		i := slices.IndexFunc(c.Candidates, func(x *x509.Certificate) bool { return bytes.Equal(x.RawSubject, cert.RawIssuer) })
		if i < 0 || bytes.Equal(cert.RawIssuer, cert.RawSubject) {
			return nil
		}
		cert = c.Candidates[i]
	}
	return nil
}

// hasExtension reports whether the extension id-ce n is there.
func hasExtension(cert *x509.Certificate, n int) bool {
	for _, x := range cert.Extensions {
		if len(x.Id) == 4 && x.Id[0] == 2 && x.Id[1] == 5 && x.Id[2] == 29 && x.Id[3] == n {
			return true
		}
	}
	return false
}

// EKUs returns the extended key usages of a certificate, and whether the extension is critical,
// present, and well-formed.
func EKUs(cert *x509.Certificate) (ekus []algo.OID, critical, present, ok bool) {
	for _, x := range cert.Extensions {
		if len(x.Id) != 4 || x.Id[0] != 2 || x.Id[1] != 5 || x.Id[2] != 29 || x.Id[3] != 37 {
			continue
		}
		in := cryptobyte.String(x.Value)
		var seq cryptobyte.String
		if !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() || seq.Empty() {
			return nil, x.Critical, true, false
		}
		for !seq.Empty() {
			o, ok := algo.ReadOID(&seq)
			if !ok {
				return nil, x.Critical, true, false
			}
			ekus = append(ekus, o)
		}
		return ekus, x.Critical, true, true
	}
	return nil, false, false, true
}
