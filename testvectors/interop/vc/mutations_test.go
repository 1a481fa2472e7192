package vc_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/verifier"
)

type object = map[string]any

func encoded(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func decoded(b []byte) object {
	var o object
	if err := json.Unmarshal(b, &o); err != nil {
		panic(err)
	}
	return o
}

// mutations returns changed copies of a signed document by what was changed: each member of
// the root, its issuer and its proof in other forms, members added, other encodings of the
// signature, other names of its key, other contexts, more proofs.
func mutations(doc object) map[string]object {
	out := map[string]object{}
	add := func(name string, change func(d, p object)) {
		c := decoded(encoded(doc))
		change(c, c["proof"].(object))
		out[name] = c
	}
	places := map[string]func(d, p object) object{
		"proof": func(_, p object) object { return p },
		"root":  func(d, _ object) object { return d },
	}
	for place, at := range places {
		for _, name := range slices.Sorted(maps.Keys(at(doc, doc["proof"].(object)))) {
			if name == "proof" {
				continue
			}
			is := func(how string, to func(v any) any) {
				add(place+": "+name+" "+how, func(d, p object) { o := at(d, p); o[name] = to(o[name]) })
			}
			add(place+": no "+name, func(d, p object) { delete(at(d, p), name) })
			add(place+": @"+name, func(d, p object) { o := at(d, p); o["@"+name] = o[name]; delete(o, name) })
			is("null", func(any) any { return nil })
			is("a number", func(any) any { return 1 })
			is("an empty list", func(any) any { return []any{} })
			is("in a list", func(v any) any { return []any{v} })
			is("twice", func(v any) any { return []any{v, v} })
			is("in a list in a list", func(v any) any { return []any{[]any{v}} })
			is("as a value", func(v any) any { return object{"@value": v} })
			is("as a reference", func(v any) any { return object{"id": v} })
			is("with a space", func(v any) any { return fmt.Sprint(v) + " " })
		}
		for name, value := range map[string]any{
			"extra": "x", "https://x.example/p": 1, "@id": "urn:x:9", "@type": "Thing", "@graph": []any{}, "@included": object{"id": "urn:z:1", "name": "n"}, "@nest": object{"name": "n"},
			"@index": "i", "@language": "en", "@base": "urn:x:", "nonce": "n", "challenge": "c", "domain": "d", "expires": "2027-01-01T00:00:00Z", "previousProof": "urn:uuid:none", "validUntil": "2020-01-01T00:00:00Z",
			"credentialStatus": nil, "jws": "a..b", "creator": "did:x:y", "https://w3id.org/security#proof": object{"type": "X"},
		} {
			add(place+": "+name+" added", func(d, p object) { at(d, p)[name] = value })
		}
	}
	p := doc["proof"].(object)
	set := func(name string, values map[string]any) {
		for how, v := range values {
			add(name+" "+how, func(_, p object) { p[name] = v })
		}
	}
	set("proofValue", signatureForms(p["proofValue"].(string)))
	method := p["verificationMethod"].(string)
	id, fragment, _ := strings.Cut(method, "#")
	set("verificationMethod", map[string]any{
		"without fragment": id, "empty fragment": id + "#", "fragment twice": method + "#" + fragment, "query": id + "?x=1#" + fragment, "path": id + "/p#" + fragment, "DID": "DID" + method[3:],
		"version": "did:key:1:" + method[len("did:key:"):], "percent": strings.Replace(method, ":z", ":%7A", 1), "relative": "#" + fragment, "object": object{"id": method, "type": "Multikey", "controller": id, "publicKeyMultibase": fragment},
	})
	set("cryptosuite", map[string]any{"eddsa-rdfc-2022": "eddsa-rdfc-2022", "ecdsa-jcs-2019": "ecdsa-jcs-2019", "in capitals": strings.ToUpper(fmt.Sprint(p["cryptosuite"]))})
	set("type", map[string]any{"legacy": "Ed25519Signature2020", "small": "dataIntegrityProof", "an IRI": "https://w3id.org/security#DataIntegrityProof", "two": []any{p["type"], "Ed25519Signature2020"}})
	set("proofPurpose", map[string]any{"authentication": "authentication", "an IRI": "https://w3id.org/security#assertionMethod", "two": []any{"assertionMethod", "authentication"}})
	set("created", map[string]any{"in the future": "2030-01-01T00:00:00Z", "without zone": "2026-11-22T11:00:00", "as another zone": "2026-11-22T12:00:00+01:00", "with a fraction": "2026-11-22T11:00:00.000Z", "small": "2026-11-22t11:00:00z"})
	contexts := doc["@context"].([]any)
	for how, v := range map[string][]any{
		"first twice": append([]any{contexts[0]}, contexts...), "nested": {contexts}, "null first": append([]any{nil}, contexts...), "null last": append(contexts[:len(contexts):len(contexts)], nil),
		"vocabulary": append(contexts[:len(contexts):len(contexts)], object{"@vocab": "urn:x:"}), "redefinition": append(contexts[:len(contexts):len(contexts)], object{"issuer": "urn:x:issuer", "validFrom": "urn:x:from"}), "only first": contexts[:1], "none": {},
	} {
		add("context "+how, func(d, _ object) { d["@context"] = v })
		add("context of both "+how, func(d, p object) { d["@context"], p["@context"] = v, v })
		add("context of the proof "+how, func(_, p object) { p["@context"] = v })
	}
	add("two proofs, one bad", func(d, p object) {
		bad := decoded(encoded(p))
		bad["proofValue"] = signatureForms(p["proofValue"].(string))["zero"]
		d["proof"] = []any{bad, p}
	})
	add("proof in a list in a list", func(d, p object) { d["proof"] = []any{[]any{p}} })
	add("proof as a graph", func(d, p object) { d["proof"] = object{"@graph": p} })
	return out
}

// signatureForms returns other texts for a signature, and other signatures made from it.
func signatureForms(value string) map[string]any {
	raw, err := multikey.DecodeBase58(value[1:])
	if err != nil {
		panic(err)
	}
	again := func(b []byte) any { return multikey.EncodeMultibase58(b) }
	return map[string]any{
		"without prefix": value[1:], "base64": "m" + base64.RawStdEncoding.EncodeToString(raw), "base64url": "u" + base64.RawURLEncoding.EncodeToString(raw), "leading 1": "z1" + value[1:], "trailing 1": value + "1",
		"NUL": value + "\x00", "no digit": "z0" + value[2:], "trailing byte": again(append(slices.Clone(raw), 0)), "leading byte": again(append([]byte{0}, raw...)),
		"short": again(raw[:len(raw)-1]), "zero": again(make([]byte, len(raw))), "ones": again([]byte(strings.Repeat("\xff", len(raw)))), "halves exchanged": again(append(slices.Clone(raw[len(raw)/2:]), raw[:len(raw)/2]...)),
	}
}

// TestMutations: no change of a signed credential that the peer refuses is valid here.
func TestMutations(t *testing.T) {
	p, v, both, ours := startPeer(t), newVerifier(t), 0, 0
	for _, sc := range suites {
		_, multi := newKey(t, sc.alg)
		draft := drafts(multi["controller"])["VC 2.0"]
		if sc.suite == proof.TypeEd25519Signature2020 {
			draft = strings.Replace(drafts(multi["controller"])["VC 1.1"], "https://w3id.org/security/data-integrity/v2", "https://w3id.org/security/suites/ed25519-2020/v1", 1)
		}
		signed := p.ask(t, map[string]any{"op": "issue", "suite": sc.suite, "key": multi, "created": at.Add(-time.Hour).Format(time.RFC3339), "document": json.RawMessage(draft)}).Document
		if got, why := outcome(t, v, signed); got != verifier.Valid {
			t.Fatal(why)
		}
		all := mutations(decoded(signed))
		for _, name := range slices.Sorted(maps.Keys(all)) {
			b := encoded(all[name])
			theirs := p.try(t, map[string]any{"op": "verify", "suite": sc.suite, "document": json.RawMessage(b), "now": at.Format(time.RFC3339)})
			got := verifier.Invalid
			if s, err := chancery.Detect(b); err == nil {
				if _, err := v.Verify(context.Background(), s); err == nil {
					got = verifier.Valid
				}
			}
			switch {
			case got == verifier.Valid && !theirs.Verified:
				t.Errorf("%s %s, %s: valid, and the peer refuses it: %s", sc.suite, sc.alg, name, theirs.Error)
			case got == verifier.Valid:
				both++
			case theirs.Verified:
				ours++
			}
		}
	}
	t.Logf("%d valid for both, %d refused here only", both, ours)
	if both == 0 || ours == 0 {
		t.Error("expected forms that say the same, and some that only we refuse")
	}
}

// TestJWSMutations: no JWS that jose refuses verifies here.
func TestJWSMutations(t *testing.T) {
	p := startPeer(t)
	private, err := signer.Generate(signer.P256)
	if err != nil {
		t.Fatal(err)
	}
	public, err := multikey.EncodePublicJWK(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	secret := privateJWK(t, private)
	cases := map[string]string{}
	for name, header := range map[string]object{
		"plain": {}, "kid": {"kid": "x"}, "typ": {"typ": "vc+jwt"}, "crit, empty": {"crit": []any{}}, "crit, unknown": {"crit": []any{"x"}, "x": 1}, "b64": {"crit": []any{"b64"}, "b64": true}, "jwk": {"jwk": json.RawMessage(public)},
		"jku": {"jku": "http://127.0.0.1/"}, "x5c": {"x5c": []any{"AAAA"}}, "enc": {"enc": "A128GCM"}, "zip": {"zip": "DEF"}, "nested": {"x": object{"y": []any{1, nil}}},
	} {
		header["alg"] = "ES256"
		if a := p.try(t, map[string]any{"op": "signJWS", "text": `{"a":1}`, "header": header, "jwk": secret}); a.Text != "" {
			cases[name] = a.Text
		}
	}
	parts := strings.Split(cases["plain"], ".")
	signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
	with := func(b []byte) string {
		return parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(b)
	}
	headed := func(header string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + parts[1] + "." + parts[2]
	}
	for name, text := range map[string]string{
		"padded": cases["plain"] + "=", "four parts": cases["plain"] + ".", "two parts": parts[0] + "." + parts[1], "no signature": parts[0] + "." + parts[1] + ".", "no payload": parts[0] + ".." + parts[2], "newline": cases["plain"] + "\n", "space": " " + cases["plain"],
		"other alphabet": parts[0] + "." + parts[1] + "." + base64.RawStdEncoding.EncodeToString(signature), "NUL": cases["plain"] + "\x00", "trailing byte": with(append(slices.Clone(signature), 0)), "short": with(signature[1:]), "zero": with(make([]byte, 64)), "r zero": with(append(make([]byte, 32), signature[32:]...)),
		"none": headed(`{"alg":"none"}`), "HMAC": headed(`{"alg":"HS256"}`), "small letters": headed(`{"alg":"es256"}`), "a list": headed(`{"alg":["ES256"]}`), "no algorithm": headed(`{}`), "another header": headed(`{"alg":"ES256","x":1}`), "null": headed(`null`),
	} {
		cases[name] = text
	}
	good := 0
	for name, text := range cases {
		j, err := proof.ParseJWS([]byte(text))
		if err == nil {
			err = j.Verify(private.Public(), []proof.Alg{proof.ES256})
		}
		theirs := p.try(t, map[string]any{"op": "verifyJWS", "text": text, "jwk": json.RawMessage(public), "alg": "ES256"})
		if err == nil && !theirs.Verified {
			t.Errorf("%s: verifies, and jose refuses it: %s", name, theirs.Error)
		}
		if err == nil {
			good++
		}
	}
	if good < 5 {
		t.Errorf("expected at least 5 that verify, found %d", good)
	}
}
