package revocation_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/revocation"
	"github.com/chancery-dev/chancery/internal/cms/testca"
	xocsp "golang.org/x/crypto/ocsp"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	day  = 24 * time.Hour
	year = 365 * day
)

func clock() time.Time { return now }

type env struct {
	tb                     testing.TB
	root, inter            *testca.Authority
	leaf, second           *testca.Leaf
	responder, needsCheck  *testca.Leaf
	stranger               *testca.Authority
	crlURL                 string
	ekuless, otherIssuer   *testca.Leaf
	shortLived, notYetUsed *testca.Leaf
}

func newEnv(tb testing.TB) *env {
	tb.Helper()
	e := &env{tb: tb, crlURL: "http://crl.example.edu/issuing.crl"}
	must := func(a *testca.Authority, err error) *testca.Authority {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return a
	}
	e.root = must(testca.NewRoot(testca.Config{Clock: clock, Subject: pkix.Name{CommonName: "Root"}}))
	e.inter = must(e.root.NewIntermediate(testca.Config{Subject: pkix.Name{CommonName: "Issuing"}, CRLURL: e.crlURL}))
	// The stranger has the same name and serial numbers, and other keys.
	r := must(testca.NewRoot(testca.Config{Clock: clock, Subject: pkix.Name{CommonName: "Root"}}))
	e.stranger = must(r.NewIntermediate(testca.Config{Subject: pkix.Name{CommonName: "Issuing"}}))
	e.leaf = e.issue(e.inter, testca.Request{})
	e.second = e.issue(e.inter, testca.Request{})
	e.responder = e.issue(e.inter, testca.Request{Profile: testca.OCSPResponder})
	e.needsCheck = e.issue(e.inter, testca.Request{Profile: testca.OCSPResponder, NeedsCheck: true})
	e.ekuless = e.issue(e.inter, testca.Request{})
	e.otherIssuer = e.issue(e.stranger, testca.Request{Profile: testca.OCSPResponder})
	e.shortLived = e.issue(e.inter, testca.Request{Profile: testca.OCSPResponder, NotAfter: now.Add(10 * day)})
	e.notYetUsed = e.issue(e.inter, testca.Request{Profile: testca.OCSPResponder, NotBefore: now.Add(5 * day)})
	return e
}

func (e *env) issue(a *testca.Authority, r testca.Request) *testca.Leaf {
	e.tb.Helper()
	r.Subject.CommonName = "Subject"
	l, err := a.Issue(r)
	if err != nil {
		e.tb.Fatal(err)
	}
	return l
}

func (e *env) ocsp(a *testca.Authority, c testca.OCSPConfig, certs ...*x509.Certificate) []byte {
	e.tb.Helper()
	if len(certs) == 0 {
		certs = []*x509.Certificate{e.leaf.Certificate}
	}
	b, err := a.OCSP(c, certs...)
	if err != nil {
		e.tb.Fatal(err)
	}
	return b
}

func (e *env) crl(a *testca.Authority, c testca.CRLConfig) []byte {
	e.tb.Helper()
	b, err := a.CRL(c)
	if err != nil {
		e.tb.Fatal(err)
	}
	return b
}

func (e *env) query() revocation.Query {
	return revocation.Query{Certificate: e.leaf.Certificate, Issuer: e.inter.Certificate, At: now.Add(time.Hour)}
}

func check(tb testing.TB, q revocation.Query, ocsp, crls [][]byte) revocation.Answer {
	tb.Helper()
	s, err := revocation.NewStore(ocsp, crls)
	if err != nil {
		tb.Fatal(err)
	}
	return s.Check(q)
}

func one(b []byte) [][]byte { return [][]byte{b} }

func TestGood(t *testing.T) {
	e := newEnv(t)
	for name, c := range map[string]struct {
		ocsp, crl []byte
		bend      func(*revocation.Query)
	}{
		"OCSP by the issuer":     {ocsp: e.ocsp(e.inter, testca.OCSPConfig{})},
		"OCSP, named":            {ocsp: e.ocsp(e.inter, testca.OCSPConfig{ByName: true})},
		"OCSP SHA-256 id":        {ocsp: e.ocsp(e.inter, testca.OCSPConfig{Hash: crypto.SHA256})},
		"OCSP delegated":         {ocsp: e.ocsp(e.inter, testca.OCSPConfig{Responder: e.responder})},
		"OCSP delegated, named":  {ocsp: e.ocsp(e.inter, testca.OCSPConfig{Responder: e.responder, ByName: true})},
		"OCSP with nonce":        {ocsp: e.ocsp(e.inter, testca.OCSPConfig{Nonce: []byte("0123456789abcdef")})},
		"OCSP among others":      {ocsp: e.ocsp(e.inter, testca.OCSPConfig{}, e.second.Certificate, e.leaf.Certificate)},
		"CRL":                    {crl: e.crl(e.inter, testca.CRLConfig{})},
		"OCSP issued later":      {ocsp: e.ocsp(e.inter, testca.OCSPConfig{ThisUpdate: now.Add(40 * day)}), bend: func(q *revocation.Query) { q.Known = now.Add(50 * day) }},
		"CRL issued later":       {crl: e.crl(e.inter, testca.CRLConfig{ThisUpdate: now.Add(40 * day)}), bend: func(q *revocation.Query) { q.Known, q.OnlyAfter = now.Add(50*day), true }},
		"no next update, recent": {ocsp: e.ocsp(e.inter, testca.OCSPConfig{NoNext: true}), bend: func(q *revocation.Query) { q.MaxAge = 2 * time.Hour }},
		"responder's status by CRL": {
			ocsp: e.ocsp(e.inter, testca.OCSPConfig{Responder: e.needsCheck, ThisUpdate: now.Add(time.Minute)}),
			crl:  e.crl(e.inter, testca.CRLConfig{}),
			bend: func(q *revocation.Query) { q.Known = now.Add(2 * time.Hour) },
		},
		"responder unchecked by consent": {
			ocsp: e.ocsp(e.inter, testca.OCSPConfig{Responder: e.needsCheck}),
			bend: func(q *revocation.Query) { q.InsecureUncheckedResponder = true },
		},
		"responder ended, by consent": {
			ocsp: e.ocsp(e.inter, testca.OCSPConfig{Responder: e.shortLived}),
			bend: func(q *revocation.Query) { q.Known, q.InsecureExpiredSigner = now.Add(20*day), true },
		},
		"distribution point": {crl: e.crl(e.inter, testca.CRLConfig{Extra: []pkix.Extension{idp(t, e.crlURL, "")}})},
		"users only":         {crl: e.crl(e.inter, testca.CRLConfig{Extra: []pkix.Extension{idp(t, "", "\x81\x01\xff")}})},
		"rubbish beside":     {ocsp: []byte("rubbish"), crl: e.crl(e.inter, testca.CRLConfig{})},
	} {
		t.Run(name, func(t *testing.T) {
			q := e.query()
			if c.bend != nil {
				c.bend(&q)
			}
			var o, l [][]byte
			if c.ocsp != nil {
				o = one(c.ocsp)
			}
			if c.crl != nil {
				l = one(c.crl)
			}
			a := check(t, q, o, l)
			if a.Status != revocation.Good || a.Signer == nil || a.Reason != "" {
				t.Fatalf("%v %v, rejected %v", a.Status, a.Reason, a.Rejected)
			}
			if a.BeforeAt != a.ThisUpdate.Before(q.At) {
				t.Fatal("BeforeAt")
			}
		})
	}
}

// idp makes an issuingDistributionPoint extension with a URI, if any, and further raw fields.
func idp(tb testing.TB, uri, more string) pkix.Extension {
	tb.Helper()
	var body []byte
	if uri != "" {
		name := append([]byte{0x86, byte(len(uri))}, uri...)
		full := append([]byte{0xa0, byte(len(name))}, name...)
		body = append([]byte{0xa0, byte(len(full))}, full...)
	}
	body = append(body, more...)
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: append([]byte{0x30, byte(len(body))}, body...)}
}

func TestUnknown(t *testing.T) {
	e := newEnv(t)
	ca := &x509.Certificate{}
	*ca = *e.leaf.Certificate
	ca.IsCA, ca.BasicConstraintsValid = true, true
	flip := func(b []byte) []byte { b = bytes.Clone(b); b[len(b)-2] ^= 1; return b }
	noEC := func(q *revocation.Query) {
		q.Policy = &algo.Policy{Hashes: algo.DefaultPolicy().Hashes, Keys: []algo.KeyRule{{Kind: algo.RSAPKCS1}}}
	}
	critical := []byte{0x30, 11, 0x30, 9, 6, 2, 0x2a, 3, 1, 1, 0xff, 4, 0}
	nocrit := func(id ...int) pkix.Extension { return pkix.Extension{Id: id, Value: []byte{5, 0}} }
	crit := func(id ...int) pkix.Extension {
		return pkix.Extension{Id: id, Critical: true, Value: []byte{2, 1, 1}}
	}
	for _, c := range []struct {
		name      string
		ocsp, crl []byte
		bend      func(*revocation.Query)
		want      revocation.Reason
	}{
		{"nothing", nil, nil, nil, revocation.NoData},
		{"no issuer", nil, nil, func(q *revocation.Query) { q.Issuer = nil }, revocation.BadConfig},
		{"no time", nil, nil, func(q *revocation.Query) { q.At = time.Time{} }, revocation.BadConfig},
		{"about another", e.ocsp(e.inter, testca.OCSPConfig{}, e.second.Certificate), nil, nil, revocation.NoData},
		{"rubbish", []byte("rubbish"), nil, nil, revocation.Malformed},
		{"rubbish CRL", nil, []byte{0x30, 0x80}, nil, revocation.Malformed},
		{"try later", []byte{0x30, 3, 0x0a, 1, 3}, nil, nil, revocation.NotSuccessful},
		{"success without a response", []byte{0x30, 3, 0x0a, 1, 0}, nil, nil, revocation.Malformed},
		{"changed", flip(e.ocsp(e.inter, testca.OCSPConfig{})), nil, nil, revocation.BadSignature},
		{"changed CRL", nil, flip(e.crl(e.inter, testca.CRLConfig{})), nil, revocation.BadSignature},
		{"another authority of the name", e.ocsp(e.stranger, testca.OCSPConfig{}), nil, nil, revocation.NoData},
		{"CRL of another authority of the name", nil, e.crl(e.stranger, testca.CRLConfig{}), nil, revocation.BadSignature},
		{"CRL signed by someone else", nil, e.crl(e.inter, testca.CRLConfig{Signer: e.stranger}), nil, revocation.BadSignature},
		{"CRL of the root", nil, e.crl(e.root, testca.CRLConfig{}), nil, revocation.NoData},
		{"responder without EKU", e.ocsp(e.inter, testca.OCSPConfig{Responder: e.ekuless}), nil, nil, revocation.BadResponder},
		{"the certificate about itself", e.ocsp(e.inter, testca.OCSPConfig{Responder: e.leaf}), nil, nil, revocation.BadResponder},
		{"responder of another authority", e.ocsp(e.inter, testca.OCSPConfig{Responder: e.otherIssuer}), nil, nil, revocation.BadResponder},
		{"responder's certificate missing", e.ocsp(e.inter, testca.OCSPConfig{Responder: e.responder, OmitCerts: true}), nil, nil, revocation.BadResponder},
		{"responder not yet valid", e.ocsp(e.inter, testca.OCSPConfig{Responder: e.notYetUsed}), nil, nil, revocation.BadResponder},
		{"responder's own status", e.ocsp(e.inter, testca.OCSPConfig{Responder: e.needsCheck}), nil, nil, revocation.ResponderRevoked},
		{"responder ended", e.ocsp(e.inter, testca.OCSPConfig{Responder: e.shortLived}), nil,
			func(q *revocation.Query) { q.Known = now.Add(20 * day) }, revocation.SignerExpired},
		{"CRL signer ended", nil, e.crl(e.inter, testca.CRLConfig{}), func(q *revocation.Query) { q.Known = now.Add(30 * year) }, revocation.SignerExpired},
		{"algorithm not accepted", e.ocsp(e.inter, testca.OCSPConfig{}), nil, noEC, revocation.WeakAlgorithm},
		{"CRL algorithm not accepted", nil, e.crl(e.inter, testca.CRLConfig{}), noEC, revocation.WeakAlgorithm},
		{"stale", e.ocsp(e.inter, testca.OCSPConfig{}), nil, func(q *revocation.Query) { q.At = now.Add(3 * day) }, revocation.Stale},
		{"stale CRL", nil, e.crl(e.inter, testca.CRLConfig{}), func(q *revocation.Query) { q.At = now.Add(8 * day) }, revocation.Stale},
		{"no next update", e.ocsp(e.inter, testca.OCSPConfig{NoNext: true}), nil, nil, revocation.Stale},
		{"before, where only after counts", e.ocsp(e.inter, testca.OCSPConfig{}), nil, func(q *revocation.Query) { q.OnlyAfter = true }, revocation.Stale},
		{"from the future", e.ocsp(e.inter, testca.OCSPConfig{ThisUpdate: now.Add(2 * day)}), nil, nil, revocation.NotYet},
		{"produced before this update", e.ocsp(e.inter, testca.OCSPConfig{ProducedAt: now.Add(-day)}), nil, nil, revocation.Malformed},
		{"next before this update", e.ocsp(e.inter, testca.OCSPConfig{NextUpdate: now.Add(-day)}), nil, nil, revocation.Malformed},
		{"after the certificate ended", nil, e.crl(e.inter, testca.CRLConfig{ThisUpdate: now.Add(4 * year)}),
			func(q *revocation.Query) { q.Known = now.Add(5 * year) }, revocation.Forgotten},
		{"critical OCSP extension", e.ocsp(e.inter, testca.OCSPConfig{SingleExtensions: critical}), nil, nil, revocation.Unsupported},
		{"delta CRL", nil, e.crl(e.inter, testca.CRLConfig{Extra: []pkix.Extension{crit(2, 5, 29, 27)}}), nil, revocation.Unsupported},
		{"delta CRL, not critical", nil, e.crl(e.inter, testca.CRLConfig{Extra: []pkix.Extension{nocrit(2, 5, 29, 27)}}), nil, revocation.Unsupported},
		{"unknown critical extension", nil, e.crl(e.inter, testca.CRLConfig{Extra: []pkix.Extension{crit(1, 2, 3)}}), nil, revocation.Unsupported},
		{"indirect CRL", nil, e.crl(e.inter, testca.CRLConfig{Extra: []pkix.Extension{idp(t, "", "\x84\x01\xff")}}), nil, revocation.Unsupported},
		{"some reasons", nil, e.crl(e.inter, testca.CRLConfig{Extra: []pkix.Extension{idp(t, "", "\x83\x02\x06\x40")}}), nil, revocation.Unsupported},
		{"for authorities", nil, e.crl(e.inter, testca.CRLConfig{Extra: []pkix.Extension{idp(t, "", "\x82\x01\xff")}}), nil, revocation.OutOfScope},
		{"for attribute certificates", nil, e.crl(e.inter, testca.CRLConfig{Extra: []pkix.Extension{idp(t, "", "\x85\x01\xff")}}), nil, revocation.OutOfScope},
		{"for users, of an authority", nil, e.crl(e.inter, testca.CRLConfig{Extra: []pkix.Extension{idp(t, "", "\x81\x01\xff")}}),
			func(q *revocation.Query) { q.Certificate = ca }, revocation.OutOfScope},
		{"other distribution point", nil, e.crl(e.inter, testca.CRLConfig{Extra: []pkix.Extension{idp(t, "http://x/", "")}}), nil, revocation.OutOfScope},
		{"malformed distribution point", nil, e.crl(e.inter, testca.CRLConfig{Extra: []pkix.Extension{idp(t, "", "\x81\x01\x01")}}), nil, revocation.Malformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := e.query()
			if c.bend != nil {
				c.bend(&q)
			}
			var o, l [][]byte
			if c.ocsp != nil {
				o = one(c.ocsp)
			}
			if c.crl != nil {
				l = one(c.crl)
			}
			a := check(t, q, o, l)
			if a.Status != revocation.Unknown || a.Reason != c.want {
				t.Fatalf("%v %q, want unknown %q; rejected %v", a.Status, a.Reason, c.want, a.Rejected)
			}
		})
	}
}

func TestRevoked(t *testing.T) {
	e := newEnv(t)
	before := e.ocsp(e.inter, testca.OCSPConfig{})
	e.inter.Revoke(e.leaf.Certificate.SerialNumber, now.Add(time.Minute), 1)
	later := now.Add(2 * day)
	ocsp := e.ocsp(e.inter, testca.OCSPConfig{ThisUpdate: later, Responder: e.responder})
	crl := e.crl(e.inter, testca.CRLConfig{ThisUpdate: later})
	partial := e.crl(e.inter, testca.CRLConfig{ThisUpdate: later, Extra: []pkix.Extension{idp(t, "", "\x83\x02\x06\x40")}})
	delta := e.crl(e.inter, testca.CRLConfig{ThisUpdate: later, Extra: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 27}, Critical: true, Value: []byte{2, 1, 1}}}})
	old := func(q *revocation.Query) { q.At, q.Known = now.Add(100*day), now.Add(100*day) }
	at := func(q *revocation.Query) { q.Known = now.Add(3 * day) }
	prior := func(q *revocation.Query) { q.At, q.Known = now.Add(30*time.Second), now.Add(3*day) }
	for name, c := range map[string]struct {
		ocsp, crls [][]byte
		bend       func(*revocation.Query)
		want       revocation.Status
	}{
		"OCSP":                            {one(ocsp), nil, at, revocation.Revoked},
		"CRL":                             {nil, one(crl), at, revocation.Revoked},
		"CRL for some reasons":            {nil, one(partial), at, revocation.Revoked},
		"delta CRL":                       {nil, one(delta), at, revocation.Revoked},
		"delta CRL beside a good one":     {one(before), one(delta), at, revocation.Revoked},
		"signed before it, delta CRL":     {nil, one(delta), prior, revocation.Unknown},
		"beside an older good":            {[][]byte{before, ocsp}, nil, at, revocation.Revoked},
		"beside an older good, reordered": {[][]byte{ocsp, before}, nil, at, revocation.Revoked},
		"CRL beside good OCSP":            {one(before), one(crl), at, revocation.Revoked},
		"old data is enough":              {one(ocsp), nil, old, revocation.Revoked},
		"signed before it":                {one(ocsp), nil, prior, revocation.Good},
		"signed before it, CRL":           {nil, one(crl), prior, revocation.Good},
		"signed before it, some reasons":  {nil, one(partial), prior, revocation.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			q := e.query()
			c.bend(&q)
			a := check(t, q, c.ocsp, c.crls)
			if a.Status != c.want {
				t.Fatalf("%v %v, want %v; %v", a.Status, a.Reason, c.want, a.Rejected)
			}
			if c.want != revocation.Unknown && (!a.RevokedAt.Equal(now.Add(time.Minute)) || a.Code != 1) {
				t.Fatalf("revoked at %v, code %d", a.RevokedAt, a.Code)
			}
		})
	}
	// A responder that is revoked does not count.
	e.inter.Revoke(e.needsCheck.Certificate.SerialNumber, now, 1)
	q := e.query()
	q.Known = now.Add(3 * day)
	q.Certificate = e.second.Certificate
	a := check(t, q, one(e.ocsp(e.inter, testca.OCSPConfig{Responder: e.needsCheck}, e.second.Certificate)), one(e.crl(e.inter, testca.CRLConfig{})))
	if a.Status != revocation.Good || a.Source.Kind != revocation.CRL || len(a.Rejected) != 1 || a.Rejected[0].Reason != revocation.ResponderRevoked {
		t.Fatalf("%+v", a)
	}
}

func TestHold(t *testing.T) {
	e := newEnv(t)
	good := e.ocsp(e.inter, testca.OCSPConfig{ThisUpdate: now.Add(30 * time.Minute)})
	stale := e.ocsp(e.inter, testca.OCSPConfig{ThisUpdate: now.Add(-day), NextUpdate: now.Add(year)})
	e.inter.Revoke(e.leaf.Certificate.SerialNumber, now.Add(time.Minute), 6)
	hold := e.ocsp(e.inter, testca.OCSPConfig{ThisUpdate: now.Add(10 * time.Minute)})
	for name, c := range map[string]struct {
		data [][]byte
		at   time.Time
		want revocation.Status
	}{
		"held": {one(hold), now.Add(time.Hour), revocation.Revoked}, "lifted": {[][]byte{hold, good}, now.Add(time.Hour), revocation.Good},
		"held since": {[][]byte{stale, hold}, now.Add(time.Hour), revocation.Revoked},
		// What lasts longer is older, and does not lift the hold.
		"held when last heard of": {[][]byte{stale, hold}, now.Add(5 * day), revocation.Unknown}, "not known any more": {one(hold), now.Add(5 * day), revocation.Unknown},
	} {
		q := e.query()
		q.At = c.at
		if a := check(t, q, c.data, nil); a.Status != c.want {
			t.Errorf("%s: %v, %v", name, a.Status, a.Rejected)
		}
	}
}

func TestCheckPath(t *testing.T) {
	e := newEnv(t)
	s, err := revocation.NewStore(one(e.ocsp(e.inter, testca.OCSPConfig{})), one(e.crl(e.root, testca.CRLConfig{})))
	if err != nil {
		t.Fatal(err)
	}
	got := s.CheckPath([]*x509.Certificate{e.leaf.Certificate, e.inter.Certificate, e.root.Certificate}, revocation.Query{At: now.Add(time.Hour)})
	if len(got) != 2 || got[0].Status != revocation.Good || got[1].Status != revocation.Good || got[1].Source.Kind != revocation.CRL {
		t.Fatalf("%+v", got)
	}
	if _, err := revocation.NewStore(make([][]byte, revocation.MaxItems+1), nil); err == nil {
		t.Fatal("too many pieces accepted")
	}
}

// However much genuine data is heaped up, the work for one answer is bounded, and what is left over
// does not become Good.
func TestWorkIsBounded(t *testing.T) {
	e := newEnv(t)
	big := make([]byte, 60<<20)
	list := e.crl(e.inter, testca.CRLConfig{Extra: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Value: big}}, Signer: e.stranger})
	heap := [][]byte{list, list, list, list, list, list}
	start := time.Now()
	a := check(t, e.query(), nil, append(heap, e.crl(e.inter, testca.CRLConfig{})))
	if a.Status != revocation.Unknown || a.Rejected[len(a.Rejected)-1].Reason != revocation.TooLarge {
		t.Fatalf("%v %v after %v", a.Status, a.Reason, time.Since(start))
	}
}

// golang.org/x/crypto/ocsp and crypto/x509 read what we write, and we read what the former writes.
func TestPeers(t *testing.T) {
	e := newEnv(t)
	e.inter.Revoke(e.second.Certificate.SerialNumber, now, 4)
	for _, l := range []*testca.Leaf{e.leaf, e.second} {
		for _, c := range []testca.OCSPConfig{{}, {Responder: e.responder}, {ByName: true, Hash: crypto.SHA256}} {
			r, err := xocsp.ParseResponseForCert(e.ocsp(e.inter, c, l.Certificate), l.Certificate, e.inter.Certificate)
			if err != nil {
				t.Fatal(err)
			}
			if (r.Status == xocsp.Good) != (l == e.leaf) {
				t.Fatalf("status %d", r.Status)
			}
		}
	}
	theirs, err := xocsp.CreateResponse(e.inter.Certificate, e.responder.Certificate, xocsp.Response{
		Status: xocsp.Good, SerialNumber: e.leaf.Certificate.SerialNumber, ThisUpdate: now, NextUpdate: now.Add(day), Certificate: e.responder.Certificate,
	}, e.responder.Key)
	if err != nil {
		t.Fatal(err)
	}
	q := e.query()
	q.At = now
	q.Known = time.Now().Add(time.Hour) // the peer writes the machine's time as producedAt
	q.InsecureExpiredSigner = true
	s, err := revocation.NewStore(one(theirs), nil)
	if err != nil {
		t.Fatal(err)
	}
	if a := s.Check(q); a.Status != revocation.Good {
		t.Fatalf("%+v", a)
	}
	req, err := revocation.NewRequest(e.leaf.Certificate, e.inter.Certificate, []byte("nonce of 16 byte"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := xocsp.ParseRequest(req)
	if err != nil || got.SerialNumber.Cmp(e.leaf.Certificate.SerialNumber) != 0 {
		t.Fatalf("%+v %v", got, err)
	}
	answer, err := e.inter.RespondOCSP(req, testca.OCSPConfig{})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := revocation.ParseResponse(answer)
	if err != nil || !parsed.NonceIs([]byte("nonce of 16 byte")) || parsed.NonceIs([]byte("x")) {
		t.Fatalf("nonce: %v", err)
	}
	if a := check(t, e.query(), one(answer), nil); a.Status != revocation.Good {
		t.Fatalf("%+v", a)
	}
	for i := range req {
		if _, _, err := revocation.ParseRequest(req[:i]); err == nil {
			t.Fatalf("request cut to %d bytes accepted", i)
		}
	}
}

// No single changed byte turns an answer into another one.
func TestByteFlips(t *testing.T) {
	e := newEnv(t)
	e.inter.Revoke(e.leaf.Certificate.SerialNumber, now, 1)
	ocsp, crl := e.ocsp(e.inter, testca.OCSPConfig{Responder: e.responder}), e.crl(e.inter, testca.CRLConfig{})
	for _, b := range [][]byte{ocsp, crl} {
		for i := range b {
			m := bytes.Clone(b)
			m[i] ^= 1 << (i % 8)
			pieces := [2][][]byte{one(m), nil}
			if &b[0] == &crl[0] {
				slices.Reverse(pieces[:])
			}
			if a := check(t, e.query(), pieces[0], pieces[1]); a.Status == revocation.Good {
				t.Fatalf("byte %d: revoked became good", i)
			}
		}
	}
}
