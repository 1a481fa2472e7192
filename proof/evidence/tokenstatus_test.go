package evidence

import (
	"context"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/testca"
	"github.com/chancery-dev/chancery/internal/cms/tsp"
)

// authority is a timestamping authority below an intermediate one.
type authority struct {
	root, inter *testca.Authority
	leaf        *testca.Leaf
	tsa         *tsp.Authority
	clock       time.Time
}

func newAuthority(tb testing.TB) *authority {
	tb.Helper()
	a := &authority{clock: worldTime}
	now := func() time.Time { return a.clock }
	must := func(err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	var err error
	a.root, err = testca.NewRoot(testca.Config{Clock: now, Subject: pkix.Name{CommonName: "Status Root"}})
	must(err)
	a.inter, err = a.root.NewIntermediate(testca.Config{Subject: pkix.Name{CommonName: "Status Issuing"}})
	must(err)
	a.leaf, err = a.inter.Issue(testca.Request{Profile: testca.Timestamping, Subject: pkix.Name{CommonName: "Status TSA"}})
	must(err)
	a.tsa, err = tsp.NewAuthority(tsp.AuthorityConfig{Certificate: a.leaf.Certificate, Chain: a.leaf.Chain[:1], Key: cms.KeySigner(a.leaf.Key), Clock: now, Policy: "\x2a\x03\x04", Accuracy: time.Second})
	must(err)
	return a
}

// token makes a token at a time, and adds revocation data.
func (a *authority) token(tb testing.TB, at time.Time, message []byte, ocsp, crls [][]byte) []byte {
	tb.Helper()
	a.clock = at
	b, err := a.tsa.Token(context.Background(), &tsp.Request{Hash: crypto.SHA256, Digest: imprintOf(crypto.SHA256, message), Nonce: big.NewInt(1 << 62), Certificates: true})
	if err == nil && len(ocsp)+len(crls) > 0 {
		b, err = cms.AddRevocationValues(b, ocsp, crls)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func (a *authority) crl(tb testing.TB, by *testca.Authority, at time.Time) []byte {
	tb.Helper()
	b, err := by.CRL(testca.CRLConfig{ThisUpdate: at})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func (a *authority) ocsp(tb testing.TB, at time.Time, certs ...*x509.Certificate) []byte {
	tb.Helper()
	b, err := a.inter.OCSP(testca.OCSPConfig{ThisUpdate: at}, certs...)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// CRLReasons.
const (
	unspecified   = 0
	keyCompromise = 1
	superseded    = 4
	onHold        = 6
)

// TestAuthorityStatus: what a token carries about the certificates of its authority, by RFC 3161,
// section 4. It can take a token's word away, never give it.
func TestAuthorityStatus(t *testing.T) {
	w := smallWorld()
	made := worldTime.Add(2 * time.Minute)
	before, after, late := made.Add(-time.Minute), made.Add(5*time.Minute), made.Add(48*time.Hour)
	stranger := newAuthority(t)
	const good, unchecked = "no certificate of the authority was revoked, as of ", " was not checked"
	for _, c := range []struct {
		name string
		data func(a *authority) (ocsp, crls [][]byte)
		want Outcome
		says string
	}{
		{"nothing", nil, Valid, "whether the authority's certificate was revoked was not checked: nobody's word"},
		{"good, OCSP and CRL", func(a *authority) ([][]byte, [][]byte) {
			return [][]byte{a.ocsp(t, after, a.leaf.Certificate)}, [][]byte{a.crl(t, a.root, late)}
		}, Valid, good + stamp(after)},
		{"good, CRLs", func(a *authority) ([][]byte, [][]byte) {
			return nil, [][]byte{a.crl(t, a.inter, late), a.crl(t, a.root, after)}
		}, Valid, good + stamp(after)},
		{"good, made before the token and current then", func(a *authority) ([][]byte, [][]byte) {
			return nil, [][]byte{a.crl(t, a.inter, before), a.crl(t, a.root, before)}
		}, Valid, good + stamp(before)},
		{"good, of the authority's certificate alone", func(a *authority) ([][]byte, [][]byte) {
			return [][]byte{a.ocsp(t, after, a.leaf.Certificate)}, nil
		}, Valid, "issuing certificate 1 of the authority" + " was revoked" + unchecked},
		{"out of date when the token was made", func(a *authority) ([][]byte, [][]byte) {
			return nil, [][]byte{a.crl(t, a.inter, made.AddDate(0, -1, 0)), a.crl(t, a.root, after)}
		}, Valid, unchecked + ": what is at hand does not tell (stale)"},
		{"about another certificate", func(a *authority) ([][]byte, [][]byte) {
			other, err := a.inter.Issue(testca.Request{Profile: testca.Timestamping, Subject: pkix.Name{CommonName: "Other"}})
			if err != nil {
				t.Fatal(err)
			}
			return [][]byte{a.ocsp(t, after, other.Certificate)}, [][]byte{a.crl(t, a.root, after)}
		}, Valid, unchecked},
		{"good, by somebody else", func(a *authority) ([][]byte, [][]byte) {
			b, err := a.inter.CRL(testca.CRLConfig{ThisUpdate: after, Signer: stranger.inter})
			if err != nil {
				t.Fatal(err)
			}
			return nil, [][]byte{b, a.crl(t, a.root, after)}
		}, Valid, unchecked + ": what is at hand does not tell (bad_signature)"},
		{"revoked, by somebody else", func(a *authority) ([][]byte, [][]byte) {
			a.inter.Revoke(a.leaf.Certificate.SerialNumber, before, keyCompromise)
			b, err := a.inter.CRL(testca.CRLConfig{ThisUpdate: after, Signer: stranger.inter})
			if err != nil {
				t.Fatal(err)
			}
			return nil, [][]byte{b}
		}, Valid, unchecked},
		{"junk", func(a *authority) ([][]byte, [][]byte) { return nil, [][]byte{{0x30, 0x00}, {0x30, 0x02, 0x05, 0x00}} }, Valid, unchecked},
		{"too many pieces", func(a *authority) ([][]byte, [][]byte) {
			out := [][]byte{}
			for range maxStatusItems {
				out = append(out, a.crl(t, a.inter, after))
			}
			return nil, append(out, a.crl(t, a.root, after))
		}, Valid, unchecked},
		{"revoked before", func(a *authority) ([][]byte, [][]byte) {
			a.inter.Revoke(a.leaf.Certificate.SerialNumber, before, superseded)
			return [][]byte{a.ocsp(t, after, a.leaf.Certificate)}, nil
		}, Indeterminate, "the authority's certificate was revoked on " + stamp(before)},
		{"revoked before, told by one of two", func(a *authority) ([][]byte, [][]byte) {
			old := a.ocsp(t, before, a.leaf.Certificate)
			a.inter.Revoke(a.leaf.Certificate.SerialNumber, before.Add(time.Second), superseded)
			return [][]byte{old}, [][]byte{a.crl(t, a.inter, after), a.crl(t, a.root, after)}
		}, Indeterminate, " was revoked on "},
		{"revoked after, key compromised", func(a *authority) ([][]byte, [][]byte) {
			a.inter.Revoke(a.leaf.Certificate.SerialNumber, after, keyCompromise)
			return nil, [][]byte{a.crl(t, a.inter, late), a.crl(t, a.root, late)}
		}, Indeterminate, "the authority's certificate was revoked on " + stamp(after)},
		{"revoked after, nobody says why", func(a *authority) ([][]byte, [][]byte) {
			a.inter.Revoke(a.leaf.Certificate.SerialNumber, after, unspecified)
			return nil, [][]byte{a.crl(t, a.inter, late), a.crl(t, a.root, late)}
		}, Indeterminate, "the authority's certificate was revoked on " + stamp(after)},
		{"revoked after, superseded", func(a *authority) ([][]byte, [][]byte) {
			a.inter.Revoke(a.leaf.Certificate.SerialNumber, after, superseded)
			return nil, [][]byte{a.crl(t, a.inter, late), a.crl(t, a.root, late)}
		}, Valid, good + stamp(late)},
		{"on hold", func(a *authority) ([][]byte, [][]byte) {
			a.inter.Revoke(a.leaf.Certificate.SerialNumber, before, onHold)
			return nil, [][]byte{a.crl(t, a.inter, after), a.crl(t, a.root, after)}
		}, Indeterminate, "the authority's certificate is on hold"},
		{"issuing certificate revoked", func(a *authority) ([][]byte, [][]byte) {
			a.root.Revoke(a.inter.Certificate.SerialNumber, late, keyCompromise)
			return [][]byte{a.ocsp(t, after, a.leaf.Certificate)}, [][]byte{a.crl(t, a.root, late)}
		}, Indeterminate, "issuing certificate 1 of the authority was revoked on " + stamp(late)},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAuthority(t)
			var ocsp, crls [][]byte
			if c.data != nil {
				ocsp, crls = c.data(a)
			}
			b := w.bundle(t, plan{promise: []string{PromiseTimestamp}}, func(_ [32]byte, statement []byte) Anchor {
				return Anchor{Type: AnchorTimestamp, Timestamp: &Timestamp{NewPart(a.token(t, made, statement, ocsp, crls))}}
			})
			trust := w.trust()
			trust.Timestamping = []*x509.Certificate{a.root.Certificate}
			r, _ := b.Verify(Input{Digest: b.Subject.Digest}, trust)
			step, _ := r.Step("timestamp")
			if r.Outcome != c.want || !strings.Contains(step.Detail, c.says) {
				t.Fatalf("expected %s, %q, found %s\n%s", c.want, c.says, describe(r), step.Detail)
			}
			if c.want != Valid {
				if r.Code != TimestampOpen || len(r.Facts.Existed) != 0 || !r.Facts.Proven.IsZero() {
					t.Fatalf("found %s, %+v", string(r.Code), r.Facts.Existed)
				}
				return
			}
			if got := r.Facts.Existed[0].Authority; !strings.Contains(got, c.says) {
				t.Fatalf("expected the fact %q, found %q", c.says, got)
			}
			// Whoever pins the authority's own certificate does not ask who issued it.
			trust.Timestamping = []*x509.Certificate{a.leaf.Certificate}
			if r, err := b.Verify(Input{Digest: b.Subject.Digest}, trust); err != nil || !strings.Contains(r.Facts.Existed[0].Authority, "itself in the trust") {
				t.Fatal(describe(r))
			}
		})
	}
}

// TestAuthorityStatusAsked: the reader's own source knows of later revocations than a token can,
// and a renewal keeps what was stamped before a key was lost (EN 319 102-1, 5.6.2).
func TestAuthorityStatusAsked(t *testing.T) {
	w := smallWorld()
	made := worldTime.Add(2 * time.Minute)
	renewed, lost := made.Add(240*time.Hour), made.Add(480*time.Hour)
	for _, c := range []struct {
		name    string
		revoked time.Time // of the authority's certificate; zero: never
		renewal time.Time // zero: none
		silent  bool      // the source has nothing
		want    Outcome
		says    string
	}{
		{"good", time.Time{}, time.Time{}, false, Valid, "as of " + stamp(worldNow)},
		{"nobody answers", lost, time.Time{}, true, Valid, "as of " + stamp(made.Add(time.Minute))},
		{"key lost later", lost, time.Time{}, false, Indeterminate, "was revoked on " + stamp(lost)},
		{"key lost after a renewal", lost, renewed, false, Valid, "no certificate of the authority was revoked"},
		{"key lost before the renewal", renewed.Add(-time.Hour), renewed, false, Indeterminate, "was revoked on "},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAuthority(t)
			// What the token carries was true then. In the renewed bundle it is of before the token, so
			// that the source is asked all the same.
			known := made.Add(time.Minute)
			if !c.renewal.IsZero() {
				known = made.Add(-time.Minute)
			}
			ocsp, crls := [][]byte{a.ocsp(t, known, a.leaf.Certificate)}, [][]byte{a.crl(t, a.root, known)}
			b := w.bundle(t, plan{}, func(_ [32]byte, statement []byte) Anchor {
				return Anchor{Type: AnchorTimestamp, Timestamp: &Timestamp{NewPart(a.token(t, made, statement, ocsp, crls))}}
			})
			if !c.renewal.IsZero() {
				b.Renewals = []Renewal{{Type: RenewTimestamp, Token: NewPart(w.token(t, c.renewal, crypto.SHA512, b.Anchors[0].Timestamp.Token.Bytes))}}
			}
			if !c.revoked.IsZero() {
				a.inter.Revoke(a.leaf.Certificate.SerialNumber, c.revoked, keyCompromise)
			}
			asked := map[string]int{}
			trust := w.trust()
			trust.Timestamping = []*x509.Certificate{a.root.Certificate, w.tsaRoot}
			trust.Revocation = func(cert, issuer *x509.Certificate) (ocsp, crls [][]byte) {
				asked[cert.Subject.CommonName]++
				switch {
				case c.silent:
					return nil, nil
				case issuer.Equal(a.inter.Certificate):
					return nil, [][]byte{a.crl(t, a.inter, worldNow)}
				case issuer.Equal(a.root.Certificate):
					return nil, [][]byte{a.crl(t, a.root, worldNow)}
				}
				return nil, nil
			}
			r, _ := b.Verify(Input{Digest: b.Subject.Digest}, trust)
			step, _ := r.Step("timestamp")
			if r.Outcome != c.want || !strings.Contains(step.Detail, c.says) {
				t.Fatalf("expected %s, %q, found %s\n%s", c.want, c.says, describe(r), step.Detail)
			}
			for name, n := range asked {
				if n != 1 {
					t.Errorf("asked %d times about %s", n, name)
				}
			}
			if asked["Status TSA"] == 0 {
				t.Error("not asked")
			}
		})
	}
}

// TestAuthorityStatusCovered: data in a token that a renewal covers are known to be of that time,
// so that nobody is asked, and the certificate of who signed them may have ended since.
func TestAuthorityStatusCovered(t *testing.T) {
	w := smallWorld()
	a, made := newAuthority(t), worldTime.Add(2*time.Minute)
	ocsp, crls := [][]byte{a.ocsp(t, made.Add(time.Minute), a.leaf.Certificate)}, [][]byte{a.crl(t, a.root, made.Add(time.Minute))}
	b := w.bundle(t, plan{}, func(_ [32]byte, statement []byte) Anchor {
		return Anchor{Type: AnchorTimestamp, Timestamp: &Timestamp{NewPart(a.token(t, made, statement, ocsp, crls))}}
	})
	b.Renewals = []Renewal{{Type: RenewTimestamp, Token: NewPart(w.token(t, made.Add(240*time.Hour), crypto.SHA512, b.Anchors[0].Timestamp.Token.Bytes))}}
	trust := w.trust()
	trust.Timestamping = []*x509.Certificate{a.root.Certificate, w.tsaRoot}
	trust.Revocation = func(cert, _ *x509.Certificate) (_, _ [][]byte) {
		if cert.Subject.CommonName != "Test TSA" { // the renewal's
			t.Errorf("asked about %s", cert.Subject.CommonName)
		}
		return nil, nil
	}
	if r, err := b.Verify(Input{Digest: b.Subject.Digest}, trust); err != nil {
		t.Fatal(describe(r))
	}
	if enc, err := b.Encode(); err != nil {
		t.Fatal(err)
	} else if _, err := Parse(enc); err != nil {
		t.Fatal(err)
	}
}

// TestAuthorityStatusFlips: no change of a bit of the revocation data in a token makes a revoked
// authority a good one, or the other way round.
func TestAuthorityStatusFlips(t *testing.T) {
	w := smallWorld()
	made := worldTime.Add(2 * time.Minute)
	for _, revoke := range []bool{false, true} {
		a := newAuthority(t)
		if revoke {
			a.inter.Revoke(a.leaf.Certificate.SerialNumber, made.Add(-time.Minute), superseded)
		}
		ocsp, crls := [][]byte{a.ocsp(t, made.Add(time.Minute), a.leaf.Certificate)}, [][]byte{a.crl(t, a.root, made.Add(time.Minute))}
		var plain int
		b := w.bundle(t, plan{}, func(_ [32]byte, statement []byte) Anchor {
			plain = len(a.token(t, made, statement, nil, nil))
			return Anchor{Type: AnchorTimestamp, Timestamp: &Timestamp{NewPart(a.token(t, made, statement, ocsp, crls))}}
		})
		trust := w.trust()
		trust.Timestamping = []*x509.Certificate{a.root.Certificate}
		token := b.Anchors[0].Timestamp.Token.Bytes
		counts := map[Outcome]int{}
		for bit := 8 * (plain - 100); bit < 8*len(token); bit += 19 { // what is added stands at the end
			changed := slices.Clone(token)
			changed[bit/8] ^= 1 << (bit % 8)
			b.Anchors[0].Timestamp.Token = NewPart(changed)
			r, _ := b.Verify(Input{Digest: b.Subject.Digest}, trust)
			counts[r.Outcome]++
			step, _ := r.Step("timestamp")
			if revoke && strings.Contains(step.Detail, "no certificate of the authority was revoked") || !revoke && strings.Contains(step.Detail, "was revoked on") {
				t.Fatalf("bit %d: %s", bit, describe(r))
			}
		}
		t.Logf("revoked %v: %v", revoke, counts)
	}
}
