package pades_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/testca"
	"github.com/chancery-dev/chancery/internal/pdf"
	sign "github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/verifier"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// TestVisibleTimestamps: a document timestamp names nobody who answers for what its field
// shows, and anybody can have one made.
func TestVisibleTimestamps(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	s := buildSample(t, true, nil)
	empty := update(t, s.bytes, func(u *pdf.Update) {
		addField("FT", "/Sig", "T", "Rector", "Rect", arr(350, 50, 550, 110))(t, s, u)
	})
	for name, tsa := range map[string]sign.Timestamper{"stranger": other.TSA, "trusted": w.TSA} {
		message := func(digest []byte) []byte {
			stamp, err := tsa.Timestamp(context.Background(), crypto.SHA256, digest)
			if err != nil {
				t.Fatal(err)
			}
			return stamp.Token
		}
		face := func(u *pdf.Update) *pdf.Dict {
			return dict("N", u.Add(formX(200, 60, s.font, "BT /Helv 12 Tf 0 20 Td (summa cum laude) Tj ET")))
		}
		stamp := func(in []byte, change func(u *pdf.Update, field, sig pdf.Ref)) []byte {
			return handmade{field: "Time", subFilter: "/ETSI.RFC3161", message: message, edit: func(u *pdf.Update, field, sig pdf.Ref) {
				edit(t, u, sig).Set("Type", pdf.Name("DocTimeStamp"))
				change(u, field, sig)
			}}.sign(t, in, s.page)
		}
		fresh := func(show bool) func(u *pdf.Update, field, sig pdf.Ref) {
			return func(u *pdf.Update, field, sig pdf.Ref) {
				d := edit(t, u, field)
				d.Set("Rect", arr(350, 50, 550, 110))
				if show {
					d.Set("AP", face(u))
				}
				addAnnot(t, s, u, field)
			}
		}
		// The field that stamp adds gives its value to the one that was left for the rector.
		filled := func(u *pdf.Update, field, sig pdf.Ref) {
			fields, err := u.Fields()
			if err != nil {
				t.Fatal(err)
			}
			form := edit(t, u, s.form)
			form.Set("Fields", without(form.Get("Fields").(*pdf.Array), field))
			for _, f := range fields {
				if f.Name == "Rector" {
					d := edit(t, u, f.Ref)
					d.Set("V", sig)
					d.Set("AP", face(u))
				}
			}
		}
		signed := w.sign(sign.LevelB, empty, sign.Request{Field: "Registrar"})
		for what, c := range map[string]struct {
			b    []byte
			want verifier.Reason
		}{
			"nothing shown":       {stamp(signed, fresh(false)), ""},
			"new field":           {stamp(signed, fresh(true)), changed},
			"field that was left": {stamp(signed, filled), changed},
		} {
			if r := validate(t, c.b, w.config()); r.Reason != c.want || (c.want == "") != (r.Outcome == verifier.Valid) {
				t.Errorf("%s, %s: expected %q\n%s", what, name, string(c.want), explain(r))
			}
		}
	}
}

// dss puts revocation data into a file.
func dss(t *testing.T, s *sample, in []byte, ocsp [][]byte, crls ...[]byte) []byte {
	t.Helper()
	return update(t, in, func(u *pdf.Update) {
		streams := func(list [][]byte) *pdf.Array {
			a := arr()
			for _, b := range list {
				a.Append(u.Add(stream(dict(), string(b))))
			}
			return a
		}
		edit(t, u, s.catalog).Set("DSS", dict("OCSPs", streams(ocsp), "CRLs", streams(crls)))
	})
}

func (w *world) crl(a *testca.Authority, at time.Time, extra ...pkix.Extension) []byte {
	w.tb.Helper()
	b, err := a.CRL(testca.CRLConfig{ThisUpdate: at, Extra: extra})
	if err != nil {
		w.tb.Fatal(err)
	}
	return b
}

// TestOldStatusInFile: an answer in the file that is older than the signature does not
// keep a verifier who may ask from hearing of a revocation before the signature.
func TestOldStatusInFile(t *testing.T) {
	w := newWorld(t)
	s := buildSample(t, false, nil)
	old := w.Now.Add(-2 * time.Hour)
	w.Issuing.Revoke(w.Signer.Certificate.SerialNumber, w.Now.Add(-time.Hour), 1)
	ocsp, err := w.Issuing.OCSP(testca.OCSPConfig{Responder: w.Responder, ThisUpdate: old}, w.Signer.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	b := dss(t, s, w.sign(sign.LevelT, s.bytes, sign.Request{}), [][]byte{ocsp}, w.crl(w.Root, old), w.crl(w.TSARoot, w.Now))
	w.Now = w.Now.Add(time.Hour)
	if r := validate(t, b, w.config()); r.Outcome == verifier.Valid || r.Reason != verifier.SignerRevoked {
		t.Error(explain(r))
	}
	// Whose own status nobody can tell now keeps what the file says.
	c := w.config()
	c.Revocation = silent{}
	if r := validate(t, b, c); r.Outcome != verifier.Valid {
		t.Error(explain(r))
	}
}

type silent struct{}

func (silent) Revocation(context.Context, *x509.Certificate, *x509.Certificate) ([][]byte, [][]byte, error) {
	return nil, nil, context.DeadlineExceeded
}

// TestKeyLostBefore: a certificate revoked after the signature, whose key was in other
// hands before it, as the revocation says.
func TestKeyLostBefore(t *testing.T) {
	w := newWorld(t)
	s := buildSample(t, false, nil)
	signed := w.sign(sign.LevelT, s.bytes, sign.Request{})
	for lost, want := range map[time.Duration]verifier.Outcome{-time.Hour: verifier.Indeterminate, time.Hour: verifier.Valid} {
		at := w.Now
		since, err := asn1.MarshalWithParams(at.Add(lost).UTC(), "generalized")
		if err != nil {
			t.Fatal(err)
		}
		tbs := &x509.RevocationList{Number: big.NewInt(9), ThisUpdate: at.Add(3 * time.Hour), NextUpdate: at.Add(100 * time.Hour),
			RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: w.Signer.Certificate.SerialNumber, RevocationTime: at.Add(2 * time.Hour), ReasonCode: 1,
				ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 24}, Value: since}}}}}
		list, err := x509.CreateRevocationList(rand.Reader, tbs, w.Issuing.Certificate, w.Issuing.Key)
		if err != nil {
			t.Fatal(err)
		}
		c := w.offline()
		c.Clock = func() time.Time { return at.Add(4 * time.Hour) }
		r := validate(t, dss(t, s, signed, nil, list, w.crl(w.Root, at), w.crl(w.TSARoot, at)), c)
		if r.Outcome != want || want == verifier.Indeterminate && r.Reason != verifier.SignerRevokedNoPOE {
			t.Errorf("lost %v: expected %s\n%s", lost, want, explain(r))
		}
	}
}

// TestSeveralPermissions: of two certifications in one signature the stricter one counts,
// whichever comes first.
func TestSeveralPermissions(t *testing.T) {
	w := newWorld(t)
	s := buildSample(t, false, nil)
	right := forgery{cert: w.Signer.Certificate, key: w.Signer.Key, bag: w.Chain()[:2], ess: w.Signer.Certificate}
	ref := func(p int) *pdf.Dict {
		return dict("Type", "/SigRef", "TransformMethod", "/DocMDP", "TransformParams", dict("P", p))
	}
	for _, order := range [][2]int{{1, 3}, {3, 1}} {
		b := handmade{message: right.message(t), extra: dict("Reference", arr(ref(order[0]), ref(order[1])))}.sign(t, s.bytes, s.page)
		b = update(t, b, func(u *pdf.Update) { fill("Grace", "Grace")(t, s, u) })
		if r := validate(t, b, w.config()); r.Reason != notPermitted || r.Certified != 1 {
			t.Errorf("%v: %s", order, explain(r))
		}
	}
}

// within puts an OCSP response into a token, among the revocation data that its signature
// does not cover (RFC 5652, 5.1).
func within(t *testing.T, token, ocsp []byte) []byte {
	t.Helper()
	explicit := func(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific().Constructed() }
	in := cryptobyte.String(token)
	var info, typ, wrapped, body, signers cryptobyte.String
	if !in.ReadASN1(&info, cbasn1.SEQUENCE) || !info.ReadASN1Element(&typ, cbasn1.OBJECT_IDENTIFIER) || !info.ReadASN1(&wrapped, explicit(0)) || !wrapped.ReadASN1(&body, cbasn1.SEQUENCE) {
		t.Fatal("expected a token")
	}
	var parts []cryptobyte.String
	for !body.Empty() {
		var part cryptobyte.String
		var tag cbasn1.Tag
		if !body.ReadAnyASN1Element(&part, &tag) {
			t.Fatal("expected a token")
		}
		parts = append(parts, part)
	}
	parts, signers = parts[:len(parts)-1], parts[len(parts)-1]
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(typ)
		b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				for _, p := range parts {
					b.AddBytes(p)
				}
				b.AddASN1(explicit(1), func(b *cryptobyte.Builder) {
					b.AddASN1(explicit(1), func(b *cryptobyte.Builder) {
						cms.OIDOCSPResponse.Add(b)
						b.AddBytes(ocsp)
					})
				})
				b.AddBytes(signers)
			})
		})
	})
	return b.BytesOrPanic()
}

// TestStatusWithinToken: a document timestamp does not prove when what it carries itself
// was made, for it does not cover that. Who finds the key of a responder whose time is
// over could put answers there.
func TestStatusWithinToken(t *testing.T) {
	w := newWorld(t)
	s := buildSample(t, false, nil)
	short, err := w.Issuing.Issue(testca.Request{Profile: testca.OCSPResponder, Subject: pkix.Name{CommonName: "Answers"}, NotAfter: w.Now.Add(240 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	ocsp, err := w.Issuing.OCSP(testca.OCSPConfig{Responder: short, ThisUpdate: w.Now}, w.Signer.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	signed := w.sign(sign.LevelT, s.bytes, sign.Request{})
	stamped := func(in []byte, inside bool) []byte {
		return handmade{field: "Time", subFilter: "/ETSI.RFC3161", message: func(digest []byte) []byte {
			stamp, err := w.TSA.Timestamp(context.Background(), crypto.SHA256, digest)
			if err != nil {
				t.Fatal(err)
			}
			if inside {
				return within(t, stamp.Token, ocsp)
			}
			return stamp.Token
		}}.sign(t, in, s.page)
	}
	beside := stamped(dss(t, s, signed, [][]byte{ocsp}, w.crl(w.Root, w.Now), w.crl(w.TSARoot, w.Now)), false)
	inside := stamped(dss(t, s, signed, nil, w.crl(w.Root, w.Now), w.crl(w.TSARoot, w.Now)), true)
	for _, c := range []struct {
		name  string
		b     []byte
		after time.Duration
		want  verifier.Outcome
	}{
		{"below the timestamp", beside, 720 * time.Hour, verifier.Valid},
		{"within it, in the responder's time", inside, time.Hour, verifier.Valid},
		{"within it, afterwards", inside, 720 * time.Hour, verifier.Indeterminate},
	} {
		conf, now := w.offline(), w.Now.Add(c.after)
		conf.Clock = func() time.Time { return now }
		if r := validate(t, c.b, conf); r.Outcome != c.want {
			t.Errorf("%s: expected %s\n%s", c.name, c.want, explain(r))
		}
	}
}

// TestDrawnNoMore: a form whose values readers drew anew when it was signed is told to show
// its appearances instead, which were made to show something else.
func TestDrawnNoMore(t *testing.T) {
	w := newWorld(t)
	off := func(s *sample, u *pdf.Update) { edit(t, u, s.form).Set("NeedAppearances", pdf.Bool(false)) }
	for name, c := range map[string]struct {
		then func(s *sample, u *pdf.Update)
		want verifier.Reason
	}{
		"another value in the appearance": {off, shadowed},
		"the same value":                  {func(s *sample, u *pdf.Update) { fillField(t, u, s.odd, s.font, "1000", "1000"); off(s, u) }, ""},
		"left as it is":                   {func(s *sample, u *pdf.Update) { fill("Grace", "Grace")(t, s, u) }, ""},
	} {
		s := buildSample(t, true, func(b *pdf.Builder, s *sample, _, _, form *pdf.Dict) { form.Set("NeedAppearances", pdf.Bool(true)) })
		b := update(t, w.sign(sign.LevelB, s.bytes, sign.Request{}), func(u *pdf.Update) { c.then(s, u) })
		if r := validate(t, b, w.config()); r.Reason != c.want || (c.want == "") != (r.Outcome == verifier.Valid) {
			t.Errorf("%s: expected %q\n%s", name, string(c.want), explain(r))
		}
	}
}

// TestUnknownImprint: a document timestamp by a hash that is not known here is ignored, as
// one by a stranger is: it does not make the document wrong.
func TestUnknownImprint(t *testing.T) {
	w := newWorld(t)
	s := buildSample(t, false, nil)
	sc, err := cms.NewSigner(cms.SignerConfig{Certificate: w.TSALeaf.Certificate, Chain: w.TSALeaf.Chain, ContentType: cms.OIDTSTInfo})
	if err != nil {
		t.Fatal(err)
	}
	b := handmade{field: "Time", subFilter: "/ETSI.RFC3161", message: func(digest []byte) []byte {
		type imprint struct {
			Alg    pkix.AlgorithmIdentifier
			Digest []byte
		}
		info, err := asn1.Marshal(struct {
			Version int
			Policy  asn1.ObjectIdentifier
			Imprint imprint
			Serial  *big.Int
			At      time.Time `asn1:"generalized"`
		}{1, asn1.ObjectIdentifier{1, 2, 3}, imprint{pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 4}}, digest[:28]}, big.NewInt(5), w.Now.UTC()})
		if err != nil {
			t.Fatal(err)
		}
		token, err := sc.SignContent(context.Background(), cms.KeySigner(w.TSALeaf.Key), info)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}}.sign(t, w.sign(sign.LevelB, s.bytes, sign.Request{}), s.page)
	if r := validate(t, b, w.config()); r.Outcome != verifier.Valid || len(r.Signatures) != 2 || r.Signatures[1].Indication != "INDETERMINATE" || !hasFinding(r, "timestamp_ignored") {
		t.Error(explain(r))
	}
}
