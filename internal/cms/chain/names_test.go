package chain_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/chain"
	"github.com/chancery-dev/chancery/internal/cms/testca"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

func context(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific().Constructed() }

func der(tb testing.TB, f func(b *cryptobyte.Builder)) []byte {
	tb.Helper()
	var b cryptobyte.Builder
	f(&b)
	out, err := b.Bytes()
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// name is a distinguished name whose values are strings of one kind: type and value in turns.
func name(tb testing.TB, kind cbasn1.Tag, kv ...string) []byte {
	types := map[string][]int{"C": {2, 5, 4, 6}, "O": {2, 5, 4, 10}, "CN": {2, 5, 4, 3}}
	return der(tb, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for i := 0; i < len(kv); i += 2 {
				b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1ObjectIdentifier(types[kv[i]])
						b.AddASN1(kind, func(b *cryptobyte.Builder) { b.AddBytes([]byte(kv[i+1])) })
					})
				})
			}
		})
	})
}

// constraint is a name constraints extension with one subtree: of permitted (0) or excluded (1) names.
func constraint(tb testing.TB, critical bool, list uint8, form uint8, base []byte) pkix.Extension {
	v := der(tb, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(context(list), func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1(context(form), func(b *cryptobyte.Builder) { b.AddBytes(base) })
				})
			})
		})
	})
	return pkix.Extension{Id: []int{2, 5, 29, 30}, Critical: critical, Value: v}
}

// certify makes a certificate of any kind.
func (e *env) certify(tmpl *x509.Certificate, by *testca.Authority) *testca.Authority {
	e.tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		e.tb.Fatal(err)
	}
	tmpl.SerialNumber, tmpl.NotBefore, tmpl.NotAfter = big.NewInt(time.Now().UnixNano()), now, now.AddDate(1, 0, 0)
	raw, err := x509.CreateCertificate(rand.Reader, tmpl, by.Certificate, key.Public(), by.Key)
	if err != nil {
		e.tb.Fatal(err)
	}
	c, err := x509.ParseCertificate(raw)
	if err != nil {
		e.tb.Fatal(err)
	}
	return &testca.Authority{Certificate: c, Key: key}
}

func ca(raw []byte, extra ...pkix.Extension) *x509.Certificate {
	return &x509.Certificate{RawSubject: raw, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, ExtraExtensions: extra}
}

// TestDirectoryNames: constraints on directory names hold whether or not the extension is critical
// (RFC 5280, sections 4.2.1.10 and 6.1.4).
func TestDirectoryNames(t *testing.T) {
	e := newEnv(t)
	utf8, printable := cbasn1.UTF8String, cbasn1.PrintableString
	de, fr := name(t, printable, "C", "DE"), name(t, printable, "C", "FR")
	subject := name(t, utf8, "C", "de", "O", "Example  University ", "CN", "Signer")
	const dir = 4
	for _, c := range []struct {
		name    string
		x       pkix.Extension
		subject []byte
		also    []byte // a directory name among the alternative names
		want    chain.Reason
	}{
		{"permitted", constraint(t, true, 0, dir, de), subject, nil, ""},
		{"permitted, not critical", constraint(t, false, 0, dir, de), subject, nil, ""},
		{"permitted two levels", constraint(t, true, 0, dir, name(t, printable, "C", "DE", "O", "example university")), subject, nil, ""},
		{"permitted everything", constraint(t, true, 0, dir, name(t, printable)), subject, nil, ""},
		{"not permitted", constraint(t, true, 0, dir, fr), subject, nil, chain.NameConstraints},
		{"not permitted, not critical", constraint(t, false, 0, dir, fr), subject, nil, chain.NameConstraints},
		{"not permitted, longer than the name", constraint(t, true, 0, dir, name(t, utf8, "C", "DE", "O", "Example University", "CN", "Signer", "CN", "x")), subject, nil, chain.NameConstraints},
		{"excluded", constraint(t, true, 1, dir, de), subject, nil, chain.NameConstraints},
		{"excluded, not critical", constraint(t, false, 1, dir, de), subject, nil, chain.NameConstraints},
		{"excluded everything", constraint(t, true, 1, dir, name(t, printable)), subject, nil, chain.NameConstraints},
		{"others excluded", constraint(t, true, 1, dir, fr), subject, nil, ""},
		{"excluded in UTF-16", constraint(t, false, 1, dir, name(t, 30, "C", "\x00D\x00E")), subject, nil, chain.NameConstraints},
		{"excluded among alternative names", constraint(t, false, 1, dir, fr), subject, fr, chain.NameConstraints},
		{"not permitted among alternative names", constraint(t, true, 0, dir, de), subject, fr, chain.NameConstraints},
		{"no name at all", constraint(t, true, 0, dir, fr), name(t, utf8), nil, ""},
		{"another order", constraint(t, true, 0, dir, name(t, utf8, "O", "Example University")), subject, nil, chain.NameConstraints},
		{"other names, critical", constraint(t, true, 1, 0, []byte{6, 1, 0x2a}), subject, nil, chain.CriticalExtension},
		{"other names, not critical", constraint(t, false, 1, 0, []byte{6, 1, 0x2a}), subject, nil, ""},
		{"a name that is none, critical", constraint(t, true, 1, dir, []byte{5, 0}), subject, nil, chain.CriticalExtension},
	} {
		for _, above := range []int{0, 1} {
			sub := e.certify(ca(name(t, utf8, "C", "DE", "O", "Example University", "CN", c.name), c.x), e.root)
			candidates := []*x509.Certificate{sub.Certificate}
			for range above {
				sub = e.certify(ca(name(t, utf8, "C", "DE", "O", "Example University", "CN", "Signer")), sub)
				candidates = append(candidates, sub.Certificate)
			}
			tmpl := &x509.Certificate{RawSubject: c.subject, KeyUsage: x509.KeyUsageDigitalSignature}
			if c.also != nil {
				tmpl.ExtraExtensions = []pkix.Extension{{Id: []int{2, 5, 29, 17}, Value: der(t, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1(context(dir), func(b *cryptobyte.Builder) { b.AddBytes(c.also) })
					})
				})}}
			}
			leaf := e.certify(tmpl, sub)
			conf := e.config()
			conf.Candidates = candidates
			want := c.want
			if above > 0 && c.name == "no name at all" {
				want = chain.NameConstraints // of the authority in between
			}
			if _, err := chain.Build(leaf.Certificate, conf); want == "" && err != nil || want != "" && !errors.Is(err, want) {
				t.Errorf("%s, %d in between: expected %q, found %v", c.name, above, string(want), err)
			}
		}
	}
	// What an authority issues to itself is not held against its own constraints, the last certificate is.
	self := name(t, utf8, "C", "DE", "CN", "Moves")
	first := e.certify(ca(self, constraint(t, true, 0, dir, fr)), e.root)
	second := e.certify(ca(self), first)
	conf := e.config()
	conf.Candidates = []*x509.Certificate{first.Certificate, second.Certificate}
	right := e.certify(&x509.Certificate{RawSubject: name(t, utf8, "C", "FR", "CN", "Signer"), KeyUsage: x509.KeyUsageDigitalSignature}, second)
	if _, err := chain.Build(right.Certificate, conf); err != nil {
		t.Error(err)
	}
}

// resigned is a certificate the parts of whose TBSCertificate were changed.
func resigned(tb testing.TB, by *testca.Authority, c *x509.Certificate, edit func(parts [][]byte) [][]byte) *x509.Certificate {
	tb.Helper()
	in := cryptobyte.String(c.RawTBSCertificate)
	var body, part cryptobyte.String
	var tag cbasn1.Tag
	var parts [][]byte
	if !in.ReadASN1(&body, cbasn1.SEQUENCE) {
		tb.Fatal("expected a certificate")
	}
	for !body.Empty() {
		if !body.ReadAnyASN1Element(&part, &tag) {
			tb.Fatal("expected a certificate")
		}
		parts = append(parts, slices.Clone(part))
	}
	tbs := der(tb, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(slices.Concat(edit(parts)...)) })
	})
	sum := sha256.Sum256(tbs)
	sig, err := ecdsa.SignASN1(rand.Reader, by.Key.(*ecdsa.PrivateKey), sum[:])
	if err != nil {
		tb.Fatal(err)
	}
	raw := der(tb, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(tbs)
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { algo.OIDECDSAWithSHA256.Add(b) })
			b.AddASN1BitString(sig)
		})
	})
	out, err := x509.ParseCertificate(raw)
	if err != nil {
		tb.Fatal("crypto/x509 refuses it by itself now:", err)
	}
	return out
}

// TestOutline: certificates with elements that crypto/x509 passes over, and others may read.
func TestOutline(t *testing.T) {
	e := newEnv(t)
	leaf := e.issue(e.inter, testca.Request{})
	null := []byte{5, 0}
	// within appends to what an element holds.
	within := func(element, more []byte) []byte {
		in := cryptobyte.String(element)
		var body cryptobyte.String
		var tag cbasn1.Tag
		if !in.ReadAnyASN1(&body, &tag) {
			t.Fatal("expected an element")
		}
		return der(t, func(b *cryptobyte.Builder) {
			b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddBytes(slices.Concat(body, more)) })
		})
	}
	// An extension nobody knows, whose critical flag follows its value.
	late := der(t, func(b *cryptobyte.Builder) {
		b.AddASN1(context(3), func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 3, 4})
					b.AddASN1OctetString(null)
					b.AddASN1Boolean(true)
				})
			})
		})
	})
	for what, edit := range map[string]func(p [][]byte) [][]byte{
		"":                              func(p [][]byte) [][]byte { return p },
		"something after the end":       func(p [][]byte) [][]byte { return append(p, null) },
		"extensions of version 1":       func(p [][]byte) [][]byte { return p[1:] },
		"two keys":                      func(p [][]byte) [][]byte { return slices.Insert(p, 7, p[6]) },
		"something after the key":       func(p [][]byte) [][]byte { p[6] = within(p[6], null); return p },
		"three times":                   func(p [][]byte) [][]byte { p[4] = within(p[4], p[4][2:17]); return p },
		"something after extensions":    func(p [][]byte) [][]byte { p[7] = within(p[7], null); return p },
		"critical flag after the value": func(p [][]byte) [][]byte { p[7] = late; return p },
	} {
		c := resigned(t, e.inter, leaf, edit)
		_, err := chain.Build(c, e.config())
		if what == "" && err != nil || what != "" && !errors.Is(err, chain.Malformed) {
			t.Errorf("%q: found %v", what, err)
		}
	}
}
