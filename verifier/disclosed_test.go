package verifier_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/verifier"
)

// newSDKey makes a P-256 key from a seed, without any randomness.
func newSDKey(tb testing.TB, seed string) signKey {
	tb.Helper()
	sum := sha256.Sum256([]byte(seed))
	k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), sum[:])
	if err != nil {
		tb.Fatal(err)
	}
	return keyOf(tb, k)
}

// es256 signs without randomness (RFC 6979).
func es256(tb testing.TB, key crypto.Signer, message []byte) []byte {
	tb.Helper()
	sum := sha256.Sum256(message)
	der, err := key.Sign(nil, sum[:], crypto.SHA256)
	if err != nil {
		tb.Fatal(err)
	}
	var s struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &s); err != nil {
		tb.Fatal(err)
	}
	return append(s.R.FillBytes(make([]byte, 32)), s.S.FillBytes(make([]byte, 32))...)
}

// signSD adds a base proof of ecdsa-sd-2023 to a document. Members are added to its
// configuration.
func signSD(tb testing.TB, doc string, k signKey, members string, pointers ...string) string {
	tb.Helper()
	config := `{"type":"DataIntegrityProof","cryptosuite":"ecdsa-sd-2023","created":"2026-05-01T00:00:00Z","verificationMethod":"` + k.method + `","proofPurpose":"assertionMethod"` + members + `}`
	p, err := proof.ParseConfig([]byte(config))
	if err != nil {
		tb.Fatal(err)
	}
	hmacKey := sha256.Sum256([]byte(doc))
	base, err := proof.NewSDBase(proof.Input{Doc: parseJSON(tb, doc), Proof: p}, hmacKey[:], pointers)
	if err != nil {
		tb.Fatal(err)
	}
	scoped := newSDKey(tb, doc).priv
	public := scoped.Public().(*ecdsa.PublicKey)
	var signatures [][]byte
	for _, line := range base.NonMandatory {
		signatures = append(signatures, es256(tb, scoped, line))
	}
	data, err := base.SignData(public)
	if err != nil {
		tb.Fatal(err)
	}
	value, err := base.ProofValue(es256(tb, k.priv, data), public, signatures)
	if err != nil {
		tb.Fatal(err)
	}
	return string(parseJSON(tb, doc).Rewrite(0, []strictjson.Member{{Name: "proof", Value: strings.TrimSuffix(config, "}") + `,"proofValue":"` + value + `"}`}}))
}

// disclose derives a document that shows what the pointers select.
func disclose(tb testing.TB, base string, pointers ...string) string {
	tb.Helper()
	d := parseJSON(tb, base)
	all, err := proof.Proofs(d)
	if err != nil {
		tb.Fatal(err)
	}
	out, err := proof.DeriveSD(proof.Input{Doc: d, Proof: all[0]}, pointers)
	if err != nil {
		tb.Fatal(err)
	}
	return string(out)
}

var decisivePointers = []string{"/type", "/issuer", "/validFrom", "/validUntil"}

// listedBadge is an Open Badge with an ordered list, which other implementations of the
// suite cannot disclose from.
func listedBadge(tb testing.TB, issuer string) string {
	return strings.Replace(badgeDraft(tb, issuer, `"validUntil":"2027-01-01T00:00:00Z"`, `"evidence":[{"type":["Evidence"],"name":"kept back"},{"type":["Evidence"],"name":"shown"}]`),
		`"criteria":`, `"resultDescription":[{"id":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc35","type":["ResultDescription"],"name":"Grade","resultType":"LetterGrade","allowedValue":["A","B","C"]}],"criteria":`, 1)
}

func disclosedGoldens(tb testing.TB) []golden {
	tb.Helper()
	k := newSDKey(tb, "issuer")
	return []golden{
		{name: "ecdsa-sd-2023", text: disclose(tb, signSD(tb, draft(tb, k.did), k, "", decisivePointers...), "/credentialSubject/name"), media: chancery.MediaVC},
		{name: "ecdsa-sd-2023 Open Badge", text: disclose(tb, signSD(tb, listedBadge(tb, k.did), k, "", decisivePointers...), "/credentialSubject", "/evidence/1"), media: chancery.MediaVC},
	}
}

func disclosedRefusals(tb testing.TB) []refusal {
	k, other := newSDKey(tb, "issuer"), newSDKey(tb, "other")
	base := signSD(tb, listedBadge(tb, k.did), k, "", decisivePointers...)
	good := disclose(tb, base, "/credentialSubject", "/evidence/1")
	raw := func(text string) []byte {
		d := parseJSON(tb, text)
		b, err := base64.RawURLEncoding.DecodeString(d.String(d.Path(0, "proof", "proofValue"))[1:])
		if err != nil {
			tb.Fatal(err)
		}
		return b
	}
	cut := func(s, old, new string) chancery.Secured {
		if !strings.Contains(s, old) {
			tb.Fatalf("no %s in %s", old, s)
		}
		return vc(strings.Replace(s, old, new, 1))
	}
	// value puts another proofValue onto the good document.
	value := func(change func(b []byte) []byte) chancery.Secured {
		old := raw(good)
		return cut(good, base64.RawURLEncoding.EncodeToString(old), base64.RawURLEncoding.EncodeToString(change(append([]byte(nil), old...))))
	}
	status := `"credentialStatus":{"id":"https://status.example/1#7","type":"BitstringStatusListEntry","statusPurpose":"revocation","statusListIndex":"7","statusListCredential":"https://status.example/1"}`
	listed := disclose(tb, signSD(tb, draft(tb, k.did, status), k, "", append([]string{"/credentialStatus"}, decisivePointers...)...), "/credentialSubject")
	return []refusal{
		{name: "base proof shown to a verifier", want: verifier.BaseProof, s: vc(base)},
		{name: "base proof beside a good proof", want: verifier.BaseProof, s: vc(with(tb, base, `"proof":[`+parseJSON(tb, base).Raw(parseJSON(tb, base).Get(0, "proof"))+`,`+parseJSON(tb, good).Raw(parseJSON(tb, good).Get(0, "proof"))+`]`))},
		{name: "disclosed text changed", want: verifier.SignatureInvalid, s: cut(good, "Works with others", "Works with animals")},
		{name: "mandatory end of validity left out", want: verifier.SignatureInvalid, s: cut(good, `"validUntil":"2027-01-01T00:00:00Z",`, ``)},
		{name: "mandatory status left out", want: verifier.SignatureInvalid, s: vc(with(tb, listed, "-credentialStatus"))},
		{name: "statement added to a disclosure", want: verifier.SignatureInvalid, s: cut(good, `"name":"Teamwork","description"`, `"name":"Teamwork","tag":["leader"],"description"`)},
		{name: "undisclosed statement guessed", want: verifier.SignatureInvalid, s: cut(good, `"evidence":[`, `"evidence":[{"type":["Evidence"],"name":"kept back"},`)},
		{name: "ordered list in another order", want: verifier.SignatureInvalid, s: cut(good, `["A","B","C"]`, `["B","A","C"]`)},
		{name: "ordered list cut", want: verifier.SignatureInvalid, s: cut(good, `["A","B","C"]`, `["A","B"]`)},
		{name: "undefined member in a disclosure", want: verifier.UndefinedTerm, s: cut(good, `"name":"Teamwork","description"`, `"name":"Teamwork","grade":"A","description"`)},
		{name: "disclosed member hidden in another form", want: verifier.UnsupportedJSONLD, s: cut(good, `"validUntil"`, `"https://www.w3.org/2018/credentials#validUntil"`)},
		{name: "disclosure with another's base signature", want: verifier.SignatureInvalid, s: value(func(b []byte) []byte {
			copy(b[6:70], raw(disclose(tb, signSD(tb, listedBadge(tb, k.did), k, `,"nonce":"n"`, decisivePointers...), "/credentialSubject"))[6:70])
			return b
		})},
		{name: "disclosure signed with another key", want: verifier.SignatureInvalid, s: vc(strings.ReplaceAll(disclose(tb, signSD(tb, listedBadge(tb, k.did), other, "", decisivePointers...), "/credentialSubject"), other.method, k.method))},
		{name: "disclosure of a credential in another's name", want: verifier.IssuerMismatch, s: vc(disclose(tb, signSD(tb, listedBadge(tb, k.did), other, "", decisivePointers...), "/credentialSubject"))},
		{name: "disclosure cut short", want: verifier.ProofMalformed, s: value(func(b []byte) []byte { return b[:len(b)-1] })},
		{name: "disclosure with bytes behind it", want: verifier.ProofMalformed, s: value(func(b []byte) []byte { return append(b, 0) })},
		{name: "disclosure with another header", want: verifier.ProofMalformed, s: value(func(b []byte) []byte { b[2] = 2; return b })},
		{name: "disclosure in base58", want: verifier.ProofMalformed, s: cut(good, `"proofValue":"u`, `"proofValue":"z`)},
		{name: "disclosure within a chain", want: verifier.ProofMalformed, s: vc(with(tb, good, `"proof":[`+strings.Replace(parseJSON(tb, good).Raw(parseJSON(tb, good).Get(0, "proof")), `"created"`, `"previousProof":"urn:proof:1","created"`, 1)+
			`,`+parseJSON(tb, sign(tb, draft(tb, k.did), newKey(tb, "issuer"), proofOf{members: `,"id":"urn:proof:1"`})).Raw(parseJSON(tb, sign(tb, draft(tb, k.did), newKey(tb, "issuer"), proofOf{members: `,"id":"urn:proof:1"`})).Get(0, "proof"))+`]`))},
		{name: "disclosure under an Ed25519 key", want: verifier.KeyTypeMismatch, s: vc(strings.ReplaceAll(good, k.method, newKey(tb, "issuer").method))},
		{name: "disclosure without its status list", want: verifier.StatusUnreachable, s: vc(listed)},
		{name: "disclosed badge without criteria", want: verifier.BadgeInvalid, s: vc(disclose(tb, base, "/credentialSubject/achievement/name"))},
	}
}

// TestDisclosedReport: a report on a disclosure names the suite and the issuer's key, and
// its digest is that of what was disclosed.
func TestDisclosedReport(t *testing.T) {
	k := newSDKey(t, "issuer")
	base := signSD(t, listedBadge(t, k.did), k, "", decisivePointers...)
	v := setup(t, verifier.Policy{})
	seen := map[string]bool{}
	for _, pointers := range [][]string{{"/credentialSubject"}, {"/credentialSubject", "/evidence/1"}, {"/credentialSubject", "/evidence/0"}} {
		r := judge(t, v, vc(disclose(t, base, pointers...)))
		if r.Outcome != verifier.Valid || len(r.Proofs) != 1 || r.Proofs[0].Suite != proof.ECDSASD2023 || !r.Proofs[0].IsIssuer || seen[r.Proofs[0].DocumentHash] {
			t.Errorf("%q: %s %+v", pointers, explain(r), r.Proofs)
		}
		seen[r.Proofs[0].DocumentHash] = true
	}
	// Of the same document by the same key, nothing of a proof of another suite fits.
	whole := sign(t, listedBadge(t, k.did), k, proofOf{suite: proof.ECDSARDFC2019})
	if r := judge(t, v, vc(strings.Replace(whole, "ecdsa-rdfc-2019", "ecdsa-sd-2023", 1))); r.Reason != verifier.ProofMalformed {
		t.Errorf("another suite's proof: %s", explain(r))
	}
}

// TestDisclosureWork: a document made of many statement signatures is bounded in work.
func TestDisclosureWork(t *testing.T) {
	k := newSDKey(t, "issuer")
	good := disclose(t, signSD(t, draft(t, k.did), k, "", decisivePointers...), "/credentialSubject")
	d := parseJSON(t, good)
	value := d.String(d.Path(0, "proof", "proofValue"))
	one := d.Raw(d.Get(0, "proof"))
	big := strings.Replace(one, value, value+strings.Repeat("A", 3<<20), 1)
	r := judge(t, setup(t, verifier.Policy{}), vc(with(t, good, `"proof":`+big)))
	if r.Reason != verifier.WorkLimit && r.Reason != verifier.ProofMalformed {
		t.Error(explain(r))
	}
}
