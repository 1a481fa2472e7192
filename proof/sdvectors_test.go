package proof

import (
	"crypto"
	"crypto/ecdsa"
	"encoding/hex"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/testvectors"
)

// sdVector is one of the specification's examples of ecdsa-sd-2023.
type sdVector struct {
	t    *testing.T
	dir  string
	keys *strictjson.Doc
}

func sdVectors(t *testing.T, f func(v sdVector)) {
	for _, dir := range []string{"employ", "prc"} {
		t.Run(dir, func(t *testing.T) {
			v := sdVector{t: t, dir: dir}
			v.keys = v.parse(testvectors.ReadShared(t, "w3c", "vc-di-ecdsa", "TestVectors", "ecdsa-sd-2023", "SDKeyMaterial.json"))
			f(v)
		})
	}
}

func (v sdVector) parse(b []byte) *strictjson.Doc {
	v.t.Helper()
	d, err := strictjson.Parse(b, strictjson.Limits{})
	if err != nil {
		v.t.Fatal(err)
	}
	return d
}

func (v sdVector) text(name string) string {
	v.t.Helper()
	return string(testvectors.ReadShared(v.t, "w3c", "vc-di-ecdsa", "TestVectors", "ecdsa-sd-2023", v.dir, name))
}

func (v sdVector) json(name string) *strictjson.Doc { return v.parse([]byte(v.text(name))) }

func (v sdVector) hex(s string) []byte {
	v.t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		v.t.Fatal(err)
	}
	return b
}

func (v sdVector) secret(name string) *ecdsa.PrivateKey {
	v.t.Helper()
	k, err := multikey.ParseSecret(v.keys.String(v.keys.Path(0, name, "secretKeyMultibase")))
	if err != nil {
		v.t.Fatal(err)
	}
	return k.(*ecdsa.PrivateKey)
}

// strings reads a list of texts.
func (v sdVector) strings(d *strictjson.Doc, n strictjson.Node) []string {
	out := []string{}
	d.Each(n, func(c strictjson.Node) bool { out = append(out, d.String(c)); return true })
	return out
}

// lines reads the texts of a map that is written as a list of pairs.
func (v sdVector) lines(d *strictjson.Doc, path ...string) []string {
	out := []string{}
	d.Each(d.Path(0, append(path, "value")...), func(c strictjson.Node) bool {
		out = append(out, d.String(d.Index(c, 1)))
		return true
	})
	return out
}

// input is a document of the vectors with its proof, or with a configuration.
func (v sdVector) input(doc *strictjson.Doc) Input {
	v.t.Helper()
	all, err := Proofs(doc)
	if err != nil {
		v.t.Fatal(err)
	}
	return Input{Doc: doc, Proof: all[0], Key: v.secret("baseKeyPair").Public()}
}

func linesOf(lines [][]byte) []string {
	out := []string{}
	for _, l := range lines {
		out = append(out, string(l))
	}
	return out
}

func hexes(list [][]byte) []string {
	out := []string{}
	for _, b := range list {
		out = append(out, hex.EncodeToString(b))
	}
	return out
}

func (v sdVector) same(what string, got, want any) {
	v.t.Helper()
	if !reflect.DeepEqual(got, want) {
		v.t.Errorf("%s: expected\n%v\nfound\n%v", what, want, got)
	}
}

func (v sdVector) sameJSON(what string, got []byte, want *strictjson.Doc) {
	v.t.Helper()
	a, err := strictjson.Canonicalize(got)
	if err != nil {
		v.t.Fatal(err)
	}
	b, err := want.CanonicalizeNode(0)
	if err != nil {
		v.t.Fatal(err)
	}
	v.same(what, string(a), string(b))
}

// TestSDVectors compares every step of issuer, holder and verifier with the specification
// (ECDSA Cryptosuites, appendices A.7 and A.8).
func TestSDVectors(t *testing.T) {
	sdVectors(t, func(v sdVector) {
		v.issuer()
		v.holder()
		v.verifier()
	})
}

func (v sdVector) issuer() {
	signed := v.json("addSignedSDBase.json")
	own, err := ParseConfig([]byte(v.text("addProofConfig.json")))
	if err != nil {
		v.t.Fatal(err)
	}
	in := v.input(signed)
	in.Proof = own
	hmacKey := v.hex(v.keys.String(v.keys.Get(0, "hmacKeyString")))
	transform := v.json("addBaseTransform.json")
	pointers := v.strings(transform, transform.Get(0, "mandatoryPointers"))

	canon, err := (&Hashed{in: Input{Doc: signed, Proof: own, Contexts: Newest(nil)}, HashFunc: crypto.SHA256, form: RDFC}).CanonicalProof()
	if err != nil {
		v.t.Fatal(err)
	}
	v.same("canonical proof configuration", strings.TrimSpace(string(canon.Text)), strings.TrimSpace(v.text("addProofConfigCanon.txt")))

	prepared := in
	if err := prepared.prepareSD(); err != nil {
		v.t.Fatal(err)
	}
	doc, err := newSDDocument(&prepared, hmacKey)
	if err != nil {
		v.t.Fatal(err)
	}
	plain := v.json("addBaseDocCanon.json")
	v.same("canonical document", string(doc.whole.NQuads), strings.Join(v.strings(plain, 0), ""))
	labelled := v.json("addBaseDocHMACCanon.json")
	var all [][]byte
	for _, l := range doc.lines {
		all = append(all, l.text)
	}
	v.same("labelled document", linesOf(all), v.strings(labelled, 0))

	base, err := NewSDBase(in, hmacKey, pointers)
	if err != nil {
		v.t.Fatal(err)
	}
	v.same("mandatory", linesOf(base.Mandatory), v.lines(transform, "mandatory"))
	v.same("not mandatory", linesOf(base.NonMandatory), v.lines(transform, "nonMandatory"))
	hashes := v.json("addHashData.json")
	v.same("proof hash", hex.EncodeToString(base.ProofHash), hashes.String(hashes.Get(0, "proofHash")))
	v.same("mandatory hash", hex.EncodeToString(base.MandatoryHash), hashes.String(hashes.Get(0, "mandatoryHash")))

	scoped := v.secret("proofKeyPair")
	var signatures [][]byte
	for _, line := range base.NonMandatory {
		signatures = append(signatures, es256(v.t, scoped, line))
	}
	raw := v.json("addRawBaseSignatureInfo.json")
	v.same("signatures", hexes(signatures), v.strings(raw, raw.Get(0, "signatures")))
	data, err := base.SignData(&scoped.PublicKey)
	if err != nil {
		v.t.Fatal(err)
	}
	baseSignature := es256(v.t, v.secret("baseKeyPair"), data)
	v.same("base signature", hex.EncodeToString(baseSignature), raw.String(raw.Get(0, "baseSignature")))
	value, err := base.ProofValue(baseSignature, &scoped.PublicKey, signatures)
	if err != nil {
		v.t.Fatal(err)
	}
	v.same("base proofValue", value, v.input(signed).Proof.ProofValue)
	if err := VerifySDBase(v.input(signed)); err != nil {
		v.t.Error(err)
	}
}

// es256 signs deterministically (RFC 6979), as the vectors were.
func es256(tb testing.TB, key *ecdsa.PrivateKey, message []byte) []byte {
	tb.Helper()
	sum := sum256(message)
	der, err := key.Sign(nil, sum[:], crypto.SHA256)
	if err != nil {
		tb.Fatal(err)
	}
	return fixed(tb, der)
}

func (v sdVector) holder() {
	in := v.input(v.json("addSignedSDBase.json"))
	selective := v.parse(testvectors.ReadShared(v.t, "w3c", "vc-di-ecdsa", "TestVectors", map[string]string{"employ": "employSelective.json", "prc": "prCredSelective.json"}[v.dir]))
	pointers := v.strings(selective, 0)
	recovered, err := parseSDBase(in.Proof.ProofValue)
	if err != nil {
		v.t.Fatal(err)
	}
	r := v.json("derivedRecoveredBaseData.json")
	v.same("recovered base signature", hex.EncodeToString(recovered.baseSignature), r.String(r.Get(0, "baseSignature")))
	v.same("recovered HMAC key", hex.EncodeToString(recovered.hmacKey), r.String(r.Get(0, "hmacKey")))
	v.same("recovered signatures", hexes(recovered.signatures), v.strings(r, r.Get(0, "signatures")))
	v.same("recovered pointers", recovered.pointers, v.strings(r, r.Get(0, "mandatoryPointers")))

	prepared := in
	if err := prepared.prepareSD(); err != nil {
		v.t.Fatal(err)
	}
	doc, err := newSDDocument(&prepared, recovered.hmacKey)
	if err != nil {
		v.t.Fatal(err)
	}
	groups, all := v.json("derivedGroupIndexes.json"), v.json("derivedAllGroupData.json")
	for name, pointers := range map[string][]string{"mandatory": recovered.pointers, "selective": pointers, "combined": slices.Concat(recovered.pointers, pointers)} {
		part, err := doc.part(pointers)
		if err != nil {
			v.t.Fatal(err)
		}
		var indexes, others []int
		lines, rest := []string{}, []string{}
		for i, l := range doc.lines {
			if part.quads[l.quad] {
				indexes, lines = append(indexes, i), append(lines, string(l.text))
			} else {
				others, rest = append(others, i), append(rest, string(l.text))
			}
		}
		v.same(name+" indexes", indexes, ints(groups, groups.Get(0, name+"Indexes")))
		if name == "mandatory" {
			v.same("other indexes", others, ints(groups, groups.Get(0, "nonMandatoryIndexes")))
		}
		v.same(name+" matching", lines, v.lines(all, "groups", name, "matching"))
		v.same(name+" not matching", rest, v.lines(all, "groups", name, "nonMatching"))
	}

	derived, err := DeriveSD(in, pointers)
	if err != nil {
		v.t.Fatal(err)
	}
	shown := v.parse(derived)
	v.sameJSON("revealed document", derived, v.json("derivedRevealDocument.json"))
	v.sameJSON("revealed document without proof", shown.Rewrite(0, nil, "proof"), v.json("derivedUnsignedReveal.json"))
	v.same("derived proofValue", v.input(shown).Proof.ProofValue, v.input(v.json("derivedRevealDocument.json")).Proof.ProofValue)
	value, err := parseSDDerived(v.input(shown).Proof.ProofValue)
	if err != nil {
		v.t.Fatal(err)
	}
	adjusted := v.json("derivedAdjMandatoryIndexes.json")
	v.same("adjusted indexes", value.mandatory, ints(adjusted, adjusted.Get(0, "adjMandatoryIndexes")))
	filtered := v.json("derivedAdjSignatures.json")
	v.same("filtered signatures", hexes(value.signatures), v.strings(filtered, filtered.Get(0, "filteredSignatures")))
	v.disclosure(value, v.json("derivedDisclosureData.json"))
}

// disclosure compares what a derived proofValue holds.
func (v sdVector) disclosure(value sdDerivedValue, want *strictjson.Doc) {
	v.t.Helper()
	v.same("base signature", hex.EncodeToString(value.baseSignature), want.String(want.Get(0, "baseSignature")))
	v.same("public key", multikey.EncodeMultibase58(value.publicKey), want.String(want.Get(0, "publicKey")))
	v.same("signatures", hexes(value.signatures), v.strings(want, want.Get(0, "signatures")))
	var labels []string
	for _, l := range value.labels {
		labels = append(labels, multikey.EncodeMultibase64(l))
	}
	pairs := v.lines(want, "labelMap")
	if n := want.Get(0, "labelMap"); want.Kind(n) == strictjson.Array {
		want.Each(n, func(c strictjson.Node) bool { pairs = append(pairs, want.String(want.Index(c, 1))); return true })
	}
	v.same("label map", labels, pairs)
	v.same("mandatory indexes", value.mandatory, ints(want, want.Get(0, "mandatoryIndexes")))
}

func (v sdVector) verifier() {
	in := v.input(v.json("derivedRevealDocument.json"))
	value, err := parseSDDerived(in.Proof.ProofValue)
	if err != nil {
		v.t.Fatal(err)
	}
	v.disclosure(value, v.json("verifyDerivedProofValue.json"))
	h, err := ecdsaSD{}.Hash(in)
	if err != nil {
		v.t.Fatal(err)
	}
	data := v.json("verifyCreateVerifyData.json")
	v.same("base signature", hex.EncodeToString(h.sd.baseSignature), data.String(data.Get(0, "baseSignature")))
	v.same("proof hash", hex.EncodeToString(h.ProofConfig), data.String(data.Get(0, "proofHash")))
	v.same("not mandatory", linesOf(h.sd.lines), v.strings(data, data.Get(0, "nonMandatory")))
	v.same("mandatory hash", hex.EncodeToString(h.Data[len(h.Data)-32:]), data.String(data.Get(0, "mandatoryHash")))
	c, err := h.CanonicalDocument()
	if err != nil {
		v.t.Fatal(err)
	}
	var labels []string
	for _, l := range value.labels {
		labels = append(labels, multikey.EncodeMultibase64(l))
	}
	var all [][]byte
	for _, l := range sdLines(c.RDF, labels) {
		all = append(all, l.text)
	}
	want := v.json("verifyNQuads.json")
	v.same("labelled statements", linesOf(all), v.strings(want, 0))
	if err := (ecdsaSD{}).Verify(in.Key, h, in.Proof.ProofValue); err != nil {
		v.t.Error(err)
	}
}

func ints(d *strictjson.Doc, n strictjson.Node) []int {
	var out []int
	d.Each(n, func(c strictjson.Node) bool {
		i, _ := d.Int(c)
		out = append(out, int(i))
		return true
	})
	return out
}
