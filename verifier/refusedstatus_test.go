package verifier_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/verifier"
)

const listURL = "https://academy.example/status/7"

// entry is a status entry of the credential; f changes the text.
func entry(index int, purpose, more string) string {
	return fmt.Sprintf(`{"id":"%s#%d","type":"BitstringStatusListEntry","statusPurpose":"%s","statusListIndex":"%d","statusListCredential":"%s"%s}`, listURL, index, purpose, index, listURL, more)
}

// statusList is a signed status list.
func statusList(tb testing.TB, k signKey, bits []byte, members ...string) string {
	tb.Helper()
	return sign(tb, statusDraft(tb, k, bits, members...), k, proofOf{})
}

func statusDraft(tb testing.TB, k signKey, bits []byte, members ...string) string {
	tb.Helper()
	return with(tb, `{"@context":["https://www.w3.org/ns/credentials/v2"],"id":"`+listURL+`","type":["VerifiableCredential","BitstringStatusListCredential"],"issuer":"`+k.did+`","validFrom":"2026-01-01T00:00:00Z","credentialSubject":{"id":"`+listURL+`#list","type":"BitstringStatusList","statusPurpose":"revocation","encodedList":"`+encodeList(bits)+`"}}`, members...)
}

// statusFailure is one way in which a status list does not count.
type statusFailure struct {
	want verifier.Reason
	list string // "" is one that cannot be had
	// entry of the credential; "" is the usual one with index 7.
	entry string
}

func statusFailures(tb testing.TB) map[string]statusFailure {
	k, other := newKey(tb, "issuer"), newKey(tb, "other")
	ok := statusList(tb, k, listBits(9))
	subject := func(members string) string {
		return `"credentialSubject":{"id":"` + listURL + `#list","type":"BitstringStatusList",` + members + `}`
	}
	bomb := "u" + b64(bytes.Repeat(decodeList(tb, encodeList(make([]byte, 32<<20))), 32)) // a gigabyte
	return map[string]statusFailure{
		"unreachable":             {verifier.StatusUnreachable, "", ""},
		"expired":                 {verifier.StatusListExpired, statusList(tb, k, listBits(), `"validUntil":"2026-05-01T00:00:00Z"`), ""},
		"not yet valid":           {verifier.StatusListNotYetValid, statusList(tb, k, listBits(), `"validFrom":"2026-07-01T00:00:00Z"`), ""},
		"bad signature":           {verifier.StatusListSignature, strings.Replace(ok, "2026-01-01", "2026-01-02", 1), ""},
		"wrong issuer":            {verifier.StatusListIssuer, statusList(tb, other, listBits()), ""},
		"wrong purpose":           {verifier.StatusPurposeMismatch, ok, entry(7, "suspension", "")},
		"purpose not known":       {verifier.StatusTypeUnknown, statusList(tb, k, listBits(7), subject(`"statusPurpose":"withdrawal","encodedList":"`+encodeList(listBits(7))+`"`)), entry(7, "withdrawal", "")},
		"wrong type":              {verifier.StatusListType, sign(tb, with(tb, statusDraft(tb, k, listBits()), `"type":["VerifiableCredential"]`), k, proofOf{}), ""},
		"out of range":            {verifier.StatusIndexRange, ok, entry(131072, "revocation", "")},
		"too short":               {verifier.StatusListTooShort, statusList(tb, k, make([]byte, 16383)), ""},
		"size mismatch":           {verifier.StatusSizeMismatch, ok, entry(7, "revocation", `,"statusSize":2`)},
		"no proof":                {verifier.StatusListSignature, statusDraft(tb, k, listBits()), ""},
		"key of another":          {verifier.StatusListSignature, sign(tb, statusDraft(tb, k, listBits()), other, proofOf{}), ""},
		"not JSON":                {verifier.StatusListType, "<html>", ""},
		"not a list":              {verifier.StatusListType, `{"a":1}`, ""},
		"subject of another type": {verifier.StatusListType, sign(tb, with(tb, statusDraft(tb, k, listBits()), `"credentialSubject":{"id":"`+listURL+`#list","name":"x"}`), k, proofOf{}), ""},
		"bomb":                    {verifier.StatusListMalformed, sign(tb, with(tb, statusDraft(tb, k, nil), subject(`"statusPurpose":"revocation","encodedList":"`+bomb+`"`)), k, proofOf{}), ""},
		"no gzip":                 {verifier.StatusListMalformed, sign(tb, with(tb, statusDraft(tb, k, nil), subject(`"statusPurpose":"revocation","encodedList":"uAAAA"`)), k, proofOf{}), ""},
		"cut gzip":                {verifier.StatusListMalformed, sign(tb, with(tb, statusDraft(tb, k, nil), subject(`"statusPurpose":"revocation","encodedList":"`+encodeList(listBits())[:30]+`"`)), k, proofOf{}), ""},
		"no base64":               {verifier.StatusListMalformed, sign(tb, with(tb, statusDraft(tb, k, nil), subject(`"statusPurpose":"revocation","encodedList":"u!!"`)), k, proofOf{}), ""},
		"other size in the list":  {verifier.StatusSizeMismatch, sign(tb, with(tb, statusDraft(tb, k, nil), `"@context":["https://www.w3.org/ns/credentials/v2",{"statusSize":"https://www.w3.org/ns/credentials/status#statusSize"}]`, subject(`"statusSize":2,"statusPurpose":"revocation","encodedList":"`+encodeList(listBits())+`"`)), k, proofOf{}), ""},
		"message missing":         {verifier.StatusSizeMismatch, ok, entry(7, "message", "")},
		"messages too few":        {verifier.StatusSizeMismatch, ok, entry(7, "message", `,"statusSize":2,"statusMessage":[{"status":"0x0","message":"a"},{"status":"0x1","message":"b"}]`)},
		"size zero":               {verifier.StatusSizeMismatch, ok, entry(7, "revocation", `,"statusSize":0`)},
		"index no number":         {verifier.StatusEntryMalformed, ok, strings.Replace(entry(7, "revocation", ""), `"7"`, `"seven"`, 1)},
		"index negative":          {verifier.StatusEntryMalformed, ok, strings.Replace(entry(7, "revocation", ""), `"7"`, `"-7"`, 1)},
		"index with a zero":       {verifier.StatusEntryMalformed, ok, strings.Replace(entry(7, "revocation", ""), `"7"`, `"07"`, 1)},
		"no purpose":              {verifier.StatusEntryMalformed, ok, strings.Replace(entry(7, "revocation", ""), `"statusPurpose":"revocation",`, ``, 1)},
		"no list":                 {verifier.StatusEntryMalformed, ok, strings.Replace(entry(7, "revocation", ""), `,"statusListCredential":"`+listURL+`"`, ``, 1)},
	}
}

// decodeList returns the gzip data of an encoded list.
func decodeList(tb testing.TB, s string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(s[1:])
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func statusRefusals(tb testing.TB) []refusal {
	k := newKey(tb, "issuer")
	good := draft(tb, k.did)
	withStatus := func(entries string) chancery.Secured {
		return vc(sign(tb, with(tb, good, `"credentialStatus":`+entries), k, proofOf{}))
	}
	list := func(text string) []verifier.PinnedDocument {
		return []verifier.PinnedDocument{pin(verifier.KindStatusList, listURL, text)}
	}
	suspending := strings.Replace(listURL, "7", "8", 1)
	suspension := strings.ReplaceAll(entry(9, "suspension", ""), listURL, suspending)
	suspended := sign(tb, with(tb, statusDraft(tb, k, nil), `"id":"`+suspending+`"`, `"credentialSubject":{"id":"`+suspending+`#list","type":"BitstringStatusList","statusPurpose":"suspension","encodedList":"`+encodeList(listBits(9))+`"}`), k, proofOf{})
	ed := `"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json","https://purl.imsglobal.org/spec/ob/v3p0/extensions.json"]`
	revocations := func(purl string) chancery.Secured {
		return vc(sign(tb, with(tb, badgeDraft(tb, k.did), ed, `"credentialStatus":{"id":"`+purl+`","type":"1EdTechRevocationList"}`), k, proofOf{}))
	}
	id := "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc34"
	out := []refusal{
		{name: "revoked", want: verifier.CredentialRevoked, s: withStatus(entry(9, "revocation", "")), docs: list(statusList(tb, k, listBits(9)))},
		{name: "suspended", want: verifier.CredentialSuspended, s: withStatus(suspension), docs: []verifier.PinnedDocument{pin(verifier.KindStatusList, suspending, suspended)}},
		{name: "second of two entries is set", want: verifier.CredentialSuspended, s: withStatus("[" + entry(7, "revocation", "") + "," + suspension + "]"),
			docs: append(list(statusList(tb, k, listBits(9))), pin(verifier.KindStatusList, suspending, suspended))},
		{name: "first unreachable, second set", want: verifier.CredentialSuspended, s: withStatus("[" + entry(7, "revocation", "") + "," + suspension + "]"),
			docs: []verifier.PinnedDocument{pin(verifier.KindStatusList, suspending, suspended)}},
		{name: "first clear, second unreachable", want: verifier.StatusUnreachable, s: withStatus("[" + entry(7, "revocation", "") + "," + suspension + "]"), docs: list(statusList(tb, k, listBits(9)))},
		{name: "unknown kind of status", want: verifier.StatusTypeUnknown, s: withStatus(`{"id":"https://academy.example/s","type":"JsonSchema"}`)},
		{name: "empty list of entries", want: verifier.StatusEntryMalformed, s: vc(sign(tb, with(tb, good, `"credentialStatus":[]`), k, proofOf{suite: "eddsa-jcs-2022"}))},
		{name: "1EdTech list unreachable", want: verifier.StatusUnreachable, s: revocations(listURL)},
		{name: "1EdTech revoked", want: verifier.CredentialRevoked, s: revocations(listURL), docs: list(`{"revokedCredential":[{"id":"urn:x:1"},{"id":"` + id + `","revocationReason":"x"}]}`)},
		{name: "1EdTech list of something else", want: verifier.StatusListType, s: revocations(listURL), docs: list(`{"revoked":[]}`)},
		{name: "1EdTech list is no JSON", want: verifier.StatusListMalformed, s: revocations(listURL), docs: list(`<html>`)},
		{name: "1EdTech list of another issuer", want: verifier.StatusListIssuer, s: revocations(listURL), docs: list(`{"issuer":"https://evil.example/","revokedCredential":[]}`)},
		{name: "1EdTech entry with a name for an address", want: verifier.StatusUnreachable, s: revocations("urn:x:y")},
	}
	for name, f := range statusFailures(tb) {
		e := f.entry
		if e == "" {
			e = entry(7, "revocation", "")
		}
		r := refusal{name: "list " + name, want: f.want, s: withStatus(e)}
		if f.list != "" {
			r.docs = list(f.list)
		}
		out = append(out, r)
	}
	for i := range out {
		out[i].check = verifier.CheckStatus
	}
	return out
}

func schemaRefusals(tb testing.TB) []refusal {
	k := newKey(tb, "issuer")
	schema := func(typ, id string) string { return `"credentialSchema":{"id":"` + id + `","type":"` + typ + `"}` }
	signed := func(members ...string) chancery.Secured {
		return vc(sign(tb, with(tb, draft(tb, k.did), members...), k, proofOf{}))
	}
	ed := `"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json","https://purl.imsglobal.org/spec/ob/v3p0/extensions.json"]`
	const url, achievement = "https://example.com/schema.json", "https://purl.imsglobal.org/spec/ob/v3p0/schema/json/ob_v3p0_achievementcredential_schema.json"
	broken := with(tb, badgeDraft(tb, k.did), `"credentialSubject":{"id":"did:example:subject","type":["AchievementSubject"]}`)
	return []refusal{
		{name: "schema not followed", want: verifier.SchemaInvalid, s: signed(schema("JsonSchema", url)), docs: []verifier.PinnedDocument{pin(verifier.KindSchema, url, `{"required":["name"]}`)}, check: verifier.CheckSchema},
		{name: "schema of another kind of badge", want: verifier.SchemaInvalid, s: vc(sign(tb, with(tb, badgeDraft(tb, k.did), ed, schema("1EdTechJsonSchemaValidator2019", strings.Replace(achievement, "achievementc", "endorsementc", 1))), k, proofOf{})), check: verifier.CheckSchema},
		{name: "badge schema not followed", want: verifier.SchemaInvalid, s: vc(sign(tb, with(tb, broken, ed, schema("1EdTechJsonSchemaValidator2019", achievement)), k, proofOf{})), check: verifier.CheckSchema},
		{name: "schema not at hand", want: verifier.SchemaUnavailable, s: signed(schema("JsonSchema", url)), check: verifier.CheckSchema},
		{name: "schema that refers elsewhere", want: verifier.SchemaUnavailable, s: signed(schema("JsonSchema", url)), docs: []verifier.PinnedDocument{pin(verifier.KindSchema, url, `{"$ref":"https://example.com/other"}`)}, check: verifier.CheckSchema},
		{name: "schema is no JSON", want: verifier.SchemaUnavailable, s: signed(schema("JsonSchema", url)), docs: []verifier.PinnedDocument{pin(verifier.KindSchema, url, `<xs:schema/>`)}, check: verifier.CheckSchema},
		{name: "unknown kind of schema", want: verifier.SchemaUnknown, s: signed(schema("JsonSchemaCredential", url)), check: verifier.CheckSchema},
		{name: "badge without achievement", want: verifier.BadgeInvalid, s: vc(sign(tb, broken, k, proofOf{})), check: verifier.CheckBadge},
		{name: "badge whose subject is nobody", want: verifier.BadgeInvalid, check: verifier.CheckBadge,
			s: vc(strings.Replace(sign(tb, with(tb, badgeDraft(tb, k.did), `"credentialSubject":{"type":["AchievementSubject"],"achievement":{"id":"https://example.com/a","type":["Achievement"],"name":"a","description":"b","criteria":{"narrative":"c"}}}`), k, proofOf{}), "", "", 1))},
	}
}

func innerRefusals(tb testing.TB) []refusal {
	k, other := newKey(tb, "issuer"), newKey(tb, "other")
	good := sign(tb, draft(tb, k.did), k, proofOf{})
	bad := strings.Replace(good, "Aina", "Anna", 1)
	unknown := sign(tb, draft(tb, "did:web:academy.example"), k.as("did:web:academy.example", "k0"), proofOf{})
	pres := func(inner ...string) chancery.Secured {
		return raw(sign(tb, `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"],"holder":"`+other.did+`","verifiableCredential":[`+strings.Join(inner, ",")+`]}`, other, proofOf{purpose: "authentication"}))
	}
	badge := sign(tb, badgeDraft(tb, k.did), k, proofOf{})
	clr := func(inner string) chancery.Secured {
		return vc(sign(tb, `{"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],"id":"urn:uuid:1","type":["VerifiableCredential","ClrCredential"],"name":"Transcript","issuer":{"id":"`+k.did+`","type":["Profile"],"name":"Example Academy"},"validFrom":"2026-01-01T00:00:00Z","credentialSubject":{"id":"did:example:subject","type":["ClrSubject"],"verifiableCredential":[`+inner+`]}}`, k, proofOf{}))
	}
	return []refusal{
		{name: "presentation with a changed credential", want: verifier.InnerInvalid, s: pres(good, bad), check: verifier.CheckInner},
		{name: "presentation with an unsecured credential", want: verifier.InnerInvalid, s: pres(draft(tb, k.did)), check: verifier.CheckInner},
		{name: "presentation with an undecided credential", want: verifier.InnerIndeterminate, s: pres(good, unknown), check: verifier.CheckInner},
		{name: "presentation with undecided and changed", want: verifier.InnerInvalid, s: pres(unknown, bad), check: verifier.CheckInner},
		{name: "presentation with a string", want: verifier.InnerInvalid, s: raw(sign(tb, `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"],"verifiableCredential":["urn:x:y"]}`, other, proofOf{purpose: "authentication", suite: "eddsa-jcs-2022"})), check: verifier.CheckInner},
		{name: "record with a changed badge", want: verifier.InnerInvalid, s: clr(strings.Replace(badge, "Teamwork", "Teamwork!", 1)), check: verifier.CheckInner},
		{name: "record with a revoked badge", want: verifier.InnerInvalid, check: verifier.CheckInner,
			s:    clr(sign(tb, with(tb, badgeDraft(tb, k.did), `"credentialStatus":`+entry(9, "revocation", "")), k, proofOf{})),
			docs: []verifier.PinnedDocument{pin(verifier.KindStatusList, listURL, statusList(tb, k, listBits(9)))}},
	}
}

// ob2 makes the parts of an Open Badges 2.0 assertion.
type ob2 struct {
	priv                                *rsa.PrivateKey
	assertion, class, profile, key, pem string
}

const ob2Host = "https://academy.example/"

func newOB2(tb testing.TB, priv *rsa.PrivateKey, signed bool) ob2 {
	spki, err := x509.MarshalPKIXPublicKey(priv.Public())
	if err != nil {
		tb.Fatal(err)
	}
	var text bytes.Buffer
	_ = pem.Encode(&text, &pem.Block{Type: "PUBLIC KEY", Bytes: spki})
	quoted, _ := json.Marshal(text.String())
	verification := `{"type":"hosted"}`
	if signed {
		verification = `{"type":"SignedBadge","creator":"` + ob2Host + `key"}`
	}
	const ctx = `{"@context":"https://w3id.org/openbadges/v2",`
	return ob2{
		priv: priv, pem: string(quoted),
		assertion: ctx + `"id":"` + ob2Host + `assertion","type":"Assertion","recipient":{"type":"email","hashed":false,"identity":"a@example.com"},"badge":"` + ob2Host + `class","issuedOn":"2026-01-01T00:00:00Z","verification":` + verification + `}`,
		class:     ctx + `"id":"` + ob2Host + `class","type":"BadgeClass","name":"Robotics","description":"x","image":"` + ob2Host + `i.png","criteria":"` + ob2Host + `c","issuer":"` + ob2Host + `profile"}`,
		profile:   ctx + `"id":"` + ob2Host + `profile","type":"Profile","name":"Academy","url":"` + ob2Host + `","email":"a@example.com","publicKey":"` + ob2Host + `key","revocationList":"` + ob2Host + `revoked"}`,
		key:       ctx + `"id":"` + ob2Host + `key","type":"CryptographicKey","owner":"` + ob2Host + `profile","publicKeyPem":` + string(quoted) + `}`,
	}
}

func (o ob2) docs(revoked string) []verifier.PinnedDocument {
	return []verifier.PinnedDocument{
		pin(verifier.KindBadge, ob2Host+"assertion", o.assertion), pin(verifier.KindBadge, ob2Host+"class", o.class),
		pin(verifier.KindBadge, ob2Host+"profile", o.profile), pin(verifier.KindBadge, ob2Host+"key", o.key),
		pin(verifier.KindStatusList, ob2Host+"revoked", `{"@context":"https://w3id.org/openbadges/v2","id":"`+ob2Host+`revoked","type":"RevocationList","issuer":"`+ob2Host+`profile","revokedAssertions":[`+revoked+`]}`),
	}
}

func (o ob2) jws(tb testing.TB) chancery.Secured {
	return raw(jws(tb, signKey{priv: o.priv}, `{"alg":"RS256"}`, o.assertion))
}

func rsaKey(tb testing.TB) *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// gone is a source of documents that answers 410.
type gone struct{ docs map[string]string }

func (g gone) Document(_ context.Context, url string) (verifier.Document, error) {
	if d, ok := g.docs[url]; ok {
		return verifier.Document{URL: url, Bytes: []byte(d)}, nil
	}
	return verifier.Document{}, verifier.ErrGone
}

func ob2Refusals(tb testing.TB) []refusal {
	priv := rsaKey(tb)
	signed, hosted := newOB2(tb, priv, true), newOB2(tb, priv, false)
	without := func(o ob2, url string) []verifier.PinnedDocument {
		var out []verifier.PinnedDocument
		for _, d := range o.docs("") {
			if d.URL != ob2Host+url {
				out = append(out, d)
			}
		}
		return out
	}
	changed := func(o ob2, f func(*ob2)) []verifier.PinnedDocument { f(&o); return o.docs("") }
	other := newOB2(tb, rsaKey(tb), true)
	return []refusal{
		{name: "hosted offline", want: verifier.HostedUnavailable, s: raw(hosted.assertion), docs: without(hosted, "assertion"), check: verifier.CheckHosted},
		{name: "hosted differs", want: verifier.HostedMismatch, s: raw(strings.Replace(hosted.assertion, "a@example.com", "b@example.com", 1)), docs: hosted.docs(""), check: verifier.CheckHosted},
		{name: "hosted elsewhere", want: verifier.HostedMismatch, s: raw(strings.Replace(hosted.assertion, ob2Host+"assertion", "https://evil.example/assertion", 1)), docs: hosted.docs(""), check: verifier.CheckHosted},
		{name: "hosted outside of the scope", want: verifier.HostedMismatch, s: raw(hosted.assertion), check: verifier.CheckHosted,
			docs: changed(hosted, func(o *ob2) {
				o.profile = strings.Replace(o.profile, `"url"`, `"verification":{"type":"VerificationObject","startsWith":"https://academy.example/assertions/"},"url"`, 1)
			})},
		{name: "hosted is gone", want: verifier.CredentialRevoked, s: raw(hosted.assertion), check: verifier.CheckStatus,
			config: func(c *verifier.Config) {
				c.Documents = gone{map[string]string{ob2Host + "class": hosted.class, ob2Host + "profile": hosted.profile}}
			}},
		{name: "hosted says revoked", want: verifier.CredentialRevoked, s: raw(hosted.assertion), check: verifier.CheckStatus,
			docs: changed(hosted, func(o *ob2) { o.assertion = strings.Replace(o.assertion, `"id"`, `"revoked":true,"id"`, 1) })},
		{name: "badge class not at hand", want: verifier.BadgePartsMissing, s: signed.jws(tb), docs: without(signed, "class"), check: verifier.CheckBadge},
		{name: "profile not at hand", want: verifier.BadgePartsMissing, s: signed.jws(tb), docs: without(signed, "profile"), check: verifier.CheckBadge},
		{name: "key not at hand", want: verifier.BadgePartsMissing, s: signed.jws(tb), docs: without(signed, "key"), check: verifier.CheckSignature},
		{name: "key not of the profile", want: verifier.BadgePartsMismatch, s: signed.jws(tb), docs: changed(signed, func(o *ob2) { o.profile = strings.Replace(o.profile, ob2Host+"key", ob2Host+"other", 1) }), check: verifier.CheckSignature},
		{name: "key of another owner", want: verifier.BadgePartsMismatch, s: signed.jws(tb), docs: changed(signed, func(o *ob2) { o.key = strings.Replace(o.key, `"owner":"`+ob2Host, `"owner":"https://evil.example/`, 1) }), check: verifier.CheckSignature},
		{name: "badge class under another address", want: verifier.BadgePartsMismatch, s: signed.jws(tb), docs: changed(signed, func(o *ob2) {
			o.class = strings.Replace(o.class, `"id":"`+ob2Host+`class"`, `"id":"https://evil.example/"`, 1)
		}), check: verifier.CheckBadge},
		{name: "signed with another key", want: verifier.SignatureInvalid, s: other.jws(tb), docs: signed.docs(""), check: verifier.CheckSignature},
		{name: "OB 2.0 revoked", want: verifier.CredentialRevoked, s: signed.jws(tb), docs: signed.docs(`{"id":"` + ob2Host + `assertion"}`), check: verifier.CheckStatus},
		{name: "OB 2.0 list not at hand", want: verifier.StatusUnreachable, s: signed.jws(tb), docs: without(signed, "revoked"), check: verifier.CheckStatus},
		{name: "OB 2.0 for someone else", want: verifier.RecipientMismatch, s: signed.jws(tb), docs: signed.docs(""), policy: verifier.Policy{Expect: verifier.Expect{Recipient: verifier.Recipient{Identity: "b@example.com"}}}, check: verifier.CheckRecipient},
		{name: "OB 2.0 of another context", want: verifier.ModelInvalid, s: raw(strings.Replace(hosted.assertion, "https://w3id.org/openbadges/v2", "https://example.com/v2", 1)), docs: hosted.docs("")},
		{name: "unsigned with the word signed", want: verifier.NoProof, s: raw(signed.assertion), docs: signed.docs("")},
	}
}
