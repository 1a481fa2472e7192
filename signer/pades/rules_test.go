package pades_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/signer/pades"
)

func TestFields(t *testing.T) {
	w := newWorld(t, p256)
	s := w.Pades(pades.LevelB, p256)
	in := sample{Form: "direct"}.Build(t)
	before := opened(t, in, "")
	out, r := sign(t, s, in, pades.Request{Field: "Registrar", MustExist: true, Visible: &pades.Appearance{}})
	after := opened(t, out, "")
	if r.Field != "Registrar" {
		t.Fatalf("signed %q", r.Field)
	}
	// Numbers, generations and keys stay; the form changes in its two keys alone.
	c1, err := before.Latest().CatalogRef()
	check(t, err)
	c2, err := after.Latest().CatalogRef()
	check(t, err)
	if c1 != c2 || before.Latest().Kind != after.Latest().Kind {
		t.Fatal("the catalog moved, or the kind of cross-reference changed")
	}
	f1, _, err := before.Latest().AcroForm()
	check(t, err)
	f2, _, err := after.Latest().AcroForm()
	check(t, err)
	for k, v := range f1.All() {
		if k != "Fields" && !pdf.Equal(v, f2.Get(k)) {
			t.Fatalf("/%s of the form changed", k)
		}
	}
	if !pdf.Equal(f1.Get("Fields"), f2.Get("Fields")) || f2.Get("SigFlags") != pdf.Integer(3) {
		t.Fatal("fields changed though an existing one was filled, or no SigFlags")
	}
	for name, c := range map[string]struct {
		req    pades.Request
		reason pades.Reason
	}{
		"not there":          {pades.Request{Field: "Rector", MustExist: true}, pades.FieldNotFound},
		"dotted":             {pades.Request{Field: "a.b"}, pades.FieldNotFound},
		"text field":         {pades.Request{Field: "name"}, pades.FieldKind},
		"below a field":      {pades.Request{Field: "name.x"}, pades.FieldKind},
		"no name":            {pades.Request{MustExist: true}, pades.BadConfig},
		"not UTF-8":          {pades.Request{Field: "\xff"}, pades.BadConfig},
		"long reason":        {pades.Request{Reason: string(make([]byte, 5000))}, pades.BadConfig},
		"no such permission": {pades.Request{Certify: 4}, pades.BadConfig},
		"lock without":       {pades.Request{Lock: &pades.Lock{Action: pades.LockInclude}}, pades.BadConfig},
		"lock unknown":       {pades.Request{Lock: &pades.Lock{Action: "Some"}}, pades.BadConfig},
	} {
		t.Run(name, func(t *testing.T) { refused(t, s, in, c.req, c.reason) })
	}
	refused(t, s, out, pades.Request{Field: "Registrar"}, pades.FieldSigned)
}

func TestCertification(t *testing.T) {
	w := newWorld(t, p256)
	s := w.Pades(pades.LevelB, p256)
	for p := pades.NoChanges; p <= pades.Annotations; p++ {
		t.Run(fmt.Sprint("P", p), func(t *testing.T) {
			in := sample{Form: "indirect"}.Build(t)
			out, _ := sign(t, s, in, pades.Request{Certify: p})
			rev := opened(t, out, "").Latest()
			cat, err := rev.Catalog()
			check(t, err)
			perms, err := rev.DictAt(cat, "Perms")
			check(t, err)
			sig := w.signatures(t, out, "")[0]
			if perms == nil || perms.Get("DocMDP") != sig.field.V {
				t.Fatal("/Perms does not name the certification")
			}
			ref, err := rev.ArrayAt(sig.dict, "Reference")
			check(t, err)
			params, err := rev.DictAt(ref.At(0).(*pdf.Dict), "TransformParams")
			check(t, err)
			if params.Get("P") != pdf.Integer(p) || params.Get("V") != pdf.Name("1.2") {
				t.Fatal("wrong transform parameters")
			}
			refused(t, s, out, pades.Request{Certify: p}, pades.CannotCertify)
			refused(t, s, out, pades.Request{Visible: &pades.Appearance{Rect: box}}, pades.NotPermitted)
			if p == pades.NoChanges {
				refused(t, s, out, pades.Request{}, pades.NotPermitted)
				refused(t, s, out, pades.Request{Field: "Registrar"}, pades.NotPermitted)
				return
			}
			out, _ = sign(t, s, out, pades.Request{Field: "Registrar", Visible: &pades.Appearance{}})
			if n := len(w.signatures(t, out, "")); n != 2 {
				t.Fatalf("%d signatures", n)
			}
		})
	}
}

func TestLocks(t *testing.T) {
	w := newWorld(t, p256)
	s := w.Pades(pades.LevelB, p256)
	in := sample{Form: "indirect"}.Build(t)
	for name, c := range map[string]struct {
		lock    pades.Lock
		field   string
		allowed bool
	}{
		"all":              {pades.Lock{Action: pades.LockAll}, "Registrar", false},
		"included":         {pades.Lock{Action: pades.LockInclude, Fields: []string{"Registrar"}}, "Registrar", false},
		"another included": {pades.Lock{Action: pades.LockInclude, Fields: []string{"name"}}, "Registrar", true},
		"excluded":         {pades.Lock{Action: pades.LockExclude, Fields: []string{"Registrar"}}, "Registrar", true},
		"another excluded": {pades.Lock{Action: pades.LockExclude, Fields: []string{"name"}}, "Registrar", false},
	} {
		t.Run(name, func(t *testing.T) {
			out, _ := sign(t, s, in, pades.Request{Field: "First", Lock: &c.lock})
			sig := w.signatures(t, out, "")[0]
			if !sig.field.Dict.Has("Lock") || !sig.dict.Has("Reference") {
				t.Fatal("no lock, or no FieldMDP")
			}
			if !c.allowed {
				refused(t, s, out, pades.Request{Field: c.field}, pades.NotPermitted)
				return
			}
			sign(t, s, out, pades.Request{Field: c.field})
		})
	}
}

// edited changes the field Registrar of a form.
func edited(t *testing.T, key pdf.Name, value pdf.Object) []byte {
	t.Helper()
	in := sample{Form: "indirect"}.Build(t)
	doc := opened(t, in, "")
	up, err := doc.NewUpdate()
	check(t, err)
	fields, err := doc.Latest().Fields()
	check(t, err)
	i := slices.IndexFunc(fields, func(f pdf.Field) bool { return f.Name == "Registrar" })
	d, err := up.Edit(fields[i].Ref)
	check(t, err)
	d.Set(key, value)
	tail, err := up.Prepare()
	check(t, err)
	var b bytes.Buffer
	_, err = tail.WriteTo(&b)
	check(t, err)
	return b.Bytes()
}

func names(list ...string) *pdf.Array {
	a := pdf.NewArray()
	for _, s := range list {
		a.Append(pdf.Name(s))
	}
	return a
}

func TestSeedValues(t *testing.T) {
	w := newWorld(t, p256)
	n := func(s string) pdf.Name { return pdf.Name(s) }
	text := func(s string) *pdf.Array { return pdf.NewArray(pdf.EncodeText(s)) }
	for name, c := range map[string]struct {
		sv    *pdf.Dict
		req   pades.Request
		level pades.Level
		ok    bool
	}{
		"nothing":            {pdf.NewDict(), pades.Request{}, pades.LevelB, true},
		"filter":             {pdf.NewDict(n("Ff"), pdf.Integer(1), n("Filter"), n("Entrust.PPKEF")), pades.Request{}, pades.LevelB, false},
		"filter preferred":   {pdf.NewDict(n("Filter"), n("Entrust.PPKEF")), pades.Request{}, pades.LevelB, true},
		"subfilter":          {pdf.NewDict(n("Ff"), pdf.Integer(2), n("SubFilter"), names("adbe.pkcs7.detached")), pades.Request{}, pades.LevelB, false},
		"subfilter ours":     {pdf.NewDict(n("Ff"), pdf.Integer(2), n("SubFilter"), names("adbe.pkcs7.detached", "ETSI.CAdES.detached")), pades.Request{}, pades.LevelB, true},
		"version":            {pdf.NewDict(n("Ff"), pdf.Integer(4), n("V"), pdf.Integer(9)), pades.Request{}, pades.LevelB, false},
		"reason wrong":       {pdf.NewDict(n("Ff"), pdf.Integer(8), n("Reasons"), text("Granted")), pades.Request{Reason: "Refused"}, pades.LevelB, false},
		"reason taken":       {pdf.NewDict(n("Ff"), pdf.Integer(8), n("Reasons"), text("Granted")), pades.Request{}, pades.LevelB, true},
		"no reason allowed":  {pdf.NewDict(n("Ff"), pdf.Integer(8), n("Reasons"), text(".")), pades.Request{Reason: "x"}, pades.LevelB, false},
		"digest":             {pdf.NewDict(n("Ff"), pdf.Integer(64), n("DigestMethod"), text("SHA512")), pades.Request{}, pades.LevelB, false},
		"digest ours":        {pdf.NewDict(n("Ff"), pdf.Integer(64), n("DigestMethod"), text("SHA256")), pades.Request{}, pades.LevelB, true},
		"timestamp":          {pdf.NewDict(n("TimeStamp"), pdf.NewDict(n("Ff"), pdf.Integer(1))), pades.Request{}, pades.LevelB, false},
		"timestamp given":    {pdf.NewDict(n("TimeStamp"), pdf.NewDict(n("Ff"), pdf.Integer(1))), pades.Request{}, pades.LevelT, true},
		"revocation":         {pdf.NewDict(n("Ff"), pdf.Integer(32), n("AddRevInfo"), pdf.Bool(true)), pades.Request{}, pades.LevelT, false},
		"revocation given":   {pdf.NewDict(n("Ff"), pdf.Integer(32), n("AddRevInfo"), pdf.Bool(true)), pades.Request{}, pades.LevelLT, true},
		"approval only":      {pdf.NewDict(n("MDP"), pdf.NewDict(n("P"), pdf.Integer(0))), pades.Request{Certify: 2}, pades.LevelB, false},
		"certification only": {pdf.NewDict(n("MDP"), pdf.NewDict(n("P"), pdf.Integer(2))), pades.Request{}, pades.LevelB, false},
		"certification":      {pdf.NewDict(n("MDP"), pdf.NewDict(n("P"), pdf.Integer(2))), pades.Request{Certify: 2}, pades.LevelB, true},
		"certificate":        {pdf.NewDict(n("Cert"), pdf.NewDict(n("Ff"), pdf.Integer(1), n("Subject"), text("other"))), pades.Request{}, pades.LevelB, false},
		"certificate ours":   {pdf.NewDict(n("Cert"), pdf.NewDict(n("Ff"), pdf.Integer(1), n("Subject"), pdf.NewArray(pdf.String{Value: w.Signer.Certificate.Raw}))), pades.Request{}, pades.LevelB, true},
		"issuer":             {pdf.NewDict(n("Cert"), pdf.NewDict(n("Ff"), pdf.Integer(2), n("Issuer"), text("other"))), pades.Request{}, pades.LevelB, false},
		"issuer ours":        {pdf.NewDict(n("Cert"), pdf.NewDict(n("Ff"), pdf.Integer(2), n("Issuer"), pdf.NewArray(pdf.String{Value: w.Root.Certificate.Raw}))), pades.Request{}, pades.LevelB, true},
		"key usage":          {pdf.NewDict(n("Cert"), pdf.NewDict(n("Ff"), pdf.Integer(32), n("KeyUsage"), text("0XXXXXXXX"))), pades.Request{}, pades.LevelB, false},
		"key usage ours":     {pdf.NewDict(n("Cert"), pdf.NewDict(n("Ff"), pdf.Integer(32), n("KeyUsage"), text("11XXXXXXX"))), pades.Request{}, pades.LevelB, true},
		"policy":             {pdf.NewDict(n("Cert"), pdf.NewDict(n("Ff"), pdf.Integer(4), n("OID"), text("1.2.3"))), pades.Request{}, pades.LevelB, false},
		"attestation":        {pdf.NewDict(n("Ff"), pdf.Integer(16), n("LegalAttestation"), text("x"), n("MDP"), pdf.NewDict(n("P"), pdf.Integer(1))), pades.Request{Certify: 1}, pades.LevelB, false},
		"malformed":          {pdf.NewDict(n("Ff"), pdf.Integer(64), n("DigestMethod"), pdf.Integer(1)), pades.Request{}, pades.LevelB, false},
	} {
		t.Run(name, func(t *testing.T) {
			in := edited(t, "SV", c.sv)
			c.req.Field = "Registrar"
			if !c.ok {
				refused(t, w.Pades(c.level, p256), in, c.req, pades.SeedValue)
				return
			}
			w.signatures(t, first(sign(t, w.Pades(c.level, p256), in, c.req)), "")
		})
	}
	in := edited(t, "Lock", pdf.NewDict(n("Action"), n("Include"), n("Fields"), text("name")))
	out, _ := sign(t, w.Pades(pades.LevelB, p256), in, pades.Request{Field: "Registrar"})
	if !w.signatures(t, out, "")[0].dict.Has("Reference") {
		t.Fatal("the author's lock was not followed")
	}
	refused(t, w.Pades(pades.LevelB, p256), in, pades.Request{Field: "Registrar", Lock: &pades.Lock{Action: pades.LockAll}}, pades.NotPermitted)
}

func first[A, B any](a A, _ B) A { return a }

// TestPlanted signs files in which somebody laid out what signers look for.
func TestPlanted(t *testing.T) {
	w := newWorld(t, p256)
	plant := []byte("%/ByteRange [0 /********** /********** /**********] /Contents <" + string(bytes.Repeat([]byte("0"), 20000)) + ">\n")
	in := sample{}.Build(t)
	at := bytes.Index(in, []byte("\nxref\n")) + 1
	planted := slices.Concat(in[:at], plant, in[at:])
	planted = bytes.Replace(planted, []byte(fmt.Sprintf("startxref\n%d\n", at)), []byte(fmt.Sprintf("startxref\n%d\n", at+len(plant))), 1)
	out, _ := sign(t, w.Pades(pades.LevelT, p256), planted, pades.Request{})
	if !bytes.Contains(out, plant) {
		t.Fatal("the planted bytes were touched")
	}
	w.signatures(t, out, "")
	// A field whose signature was never finished.
	unfinished := edited(t, "V", pdf.NewDict(pdf.Name("Type"), pdf.Name("Sig"), pdf.Name("ByteRange"), pdf.NewArray(pdf.Integer(0), pdf.Integer(0), pdf.Integer(0), pdf.Integer(0)),
		pdf.Name("Contents"), pdf.String{Value: make([]byte, 9000), Hex: true}))
	refused(t, w.Pades(pades.LevelT, p256), unfinished, pades.Request{}, pades.BadForm)
}

func TestBrokenInputs(t *testing.T) {
	w := newWorld(t, p256)
	s := w.Pades(pades.LevelB, p256)
	in := sample{}.Build(t)
	for name, c := range map[string]struct {
		file []byte
		code pdf.Code
	}{
		"cut":            {in[:len(in)/2], pdf.CodeStartxref},
		"no header":      {in[5:], pdf.CodeHeader},
		"trailing bytes": {slices.Concat(in, []byte("more")), pdf.CodeTrailing},
		"moved xref":     {bytes.Replace(in, []byte("startxref\n"), []byte("startxref\n1"), 1), pdf.CodeStartxref},
		"shifted object": {bytes.Replace(in, []byte("\n2 0 obj"), []byte("\n9 0 obj"), 1), pdf.CodeXrefEntry},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Sign(t.Context(), bytes.NewReader(c.file), int64(len(c.file)), io.Discard, pades.Request{})
			var e *pdf.Error
			if !errors.Is(err, pades.BadInput) || !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			if e.Code != c.code {
				t.Fatalf("refused as %s, expected %s: %v", e.Code, c.code, err)
			}
		})
	}
	for _, i := range w.Inputs(t) {
		if i.Password != "" {
			refused(t, s, i.Bytes, pades.Request{Password: "wrong"}, pades.BadInput)
			refused(t, s, i.Bytes, pades.Request{}, pades.BadInput)
		}
	}
}

func TestBadSigners(t *testing.T) {
	w := newWorld(t, p256)
	in := sample{}.Build(t)
	for name, change := range map[string]func(*pades.Signer){
		"no level":       func(s *pades.Signer) { s.Level = 0 },
		"no chain":       func(s *pades.Signer) { s.Chain = nil },
		"nil in chain":   func(s *pades.Signer) { s.Chain[1] = nil },
		"no clock":       func(s *pades.Signer) { s.Clock = nil },
		"no TSA":         func(s *pades.Signer) { s.TSA = nil },
		"no revocation":  func(s *pades.Signer) { s.Revocation = nil },
		"no key":         func(s *pades.Signer) { s.Key = nil },
		"key of another": func(s *pades.Signer) { s.Key = newKeyOf(t) },
		"PSS with ECDSA": func(s *pades.Signer) { s.PSS = true },
	} {
		t.Run(name, func(t *testing.T) {
			s := w.Pades(pades.LevelLT, p256)
			change(s)
			refused(t, s, in, pades.Request{}, pades.BadConfig)
		})
	}
	s := w.Pades(pades.LevelB, p256)
	s.Chain = append(s.Chain[:1:1], w.TSARoot.Certificate)
	refused(t, s, in, pades.Request{}, pades.BadChain)
}

func TestRevoked(t *testing.T) {
	w := newWorld(t, p256)
	in := sample{}.Build(t)
	w.Issuing.Revoke(w.Signer.Certificate.SerialNumber, w.Now.Add(-3600e9), 1)
	refused(t, w.Pades(pades.LevelLT, p256), in, pades.Request{}, pades.Revoked)
	s := w.Pades(pades.LevelB, p256)
	s.Revocation = w
	refused(t, s, in, pades.Request{}, pades.Revoked)
	// The authority's certificate: known only after its token.
	w = newWorld(t, p256)
	w.TSARoot.Revoke(w.TSALeaf.Certificate.SerialNumber, w.Now.Add(-3600e9), 1)
	_, err := w.Pades(pades.LevelLT, p256).Sign(t.Context(), bytes.NewReader(in), int64(len(in)), io.Discard, pades.Request{})
	if !errors.Is(err, pades.Revoked) {
		t.Fatalf("got %v", err)
	}
}
