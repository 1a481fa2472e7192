package vcalm_test

import (
	"strings"
	"testing"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/signer"
)

// TestInner: what is broken within makes nothing verified, at every depth and in every form.
func TestInner(t *testing.T) {
	w := newWorld(t)
	holder := newWallet(t, 1)
	good := w.issue("eddsa", `"name":"Somebody"`)
	bad := strings.Replace(good, "Somebody", "Somebodi", 1)
	envelope := func(typ, media, data string) string {
		return `{"@context":"https://www.w3.org/ns/credentials/v2","type":"` + typ + `","id":"data:` + media + `,` + data + `"}`
	}
	token := func(inner string) string {
		text := `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"],"holder":"` + holder.did + `","verifiableCredential":[` + inner + `]}`
		s := &signer.JOSE{Key: holder.key}
		return string(must(s.SignPresentation(w.ctx, must(chancery.ParsePresentation([]byte(text)))(t)))(t).Bytes)
	}
	vp := func(inner string) string { return w.presents(holder, "", "", holds(inner)) }
	for _, c := range []struct {
		name, operation, member, text string
		want                          bool
	}{
		{"good", "presentations", "verifiablePresentation", vp(good), true},
		{"bad", "presentations", "verifiablePresentation", vp(bad), false},
		{"envelope good", "presentations", "verifiablePresentation", envelope("EnvelopedVerifiablePresentation", "application/vp+jwt", token(good)), true},
		{"envelope bad", "presentations", "verifiablePresentation", envelope("EnvelopedVerifiablePresentation", "application/vp+jwt", token(bad)), false},
		{"VP in an envelope of a credential", "presentations", "verifiablePresentation", vp(envelope("EnvelopedVerifiableCredential", "application/jwt", token(bad))), false},
		{"presentation as a credential", "credentials", "verifiableCredential", vp(good), false},
		{"enveloped presentation within", "presentations", "verifiablePresentation", vp(envelope("EnvelopedVerifiableCredential", "application/jwt", token(good))), false},
		{"bad presentation as a credential", "credentials", "verifiableCredential", vp(bad), false},
		{"enveloped presentation as a credential", "credentials", "verifiableCredential", envelope("EnvelopedVerifiablePresentation", "application/vp+jwt", token(good)), false},
		{"enveloped bad presentation as a credential", "credentials", "verifiableCredential", envelope("EnvelopedVerifiablePresentation", "application/vp+jwt", token(bad)), false},
		{"presentation in envelope of a credential", "credentials", "verifiableCredential", envelope("EnvelopedVerifiableCredential", "application/jwt", token(bad)), false},
		{"credential as a presentation", "presentations", "verifiablePresentation", good, false},
		{"enveloped credential as a presentation", "presentations", "verifiablePresentation", w.issue("jwt"), false},
	} {
		a := w.do("POST", "/vc/eddsa/"+c.operation+"/verify", `{"`+c.member+`":`+c.text+`,"options":{"returnProblemDetails":true,"returnResults":true}}`)
		if a.at("verified") != c.want || (a.raw(t, "problemDetails") == "[]") != c.want {
			t.Errorf("%s: %d %s", c.name, a.status, a.text)
		}
	}
	// What cannot be read within has no report of its own, and counts all the same.
	for _, inner := range []string{envelope("EnvelopedVerifiableCredential", "application/vp+jwt", "a.b.c"), `[]`, envelope("EnvelopedVerifiableCredential", "application/vc+cose", "a")} {
		a := w.do("POST", "/vc/eddsa/presentations/verify", `{"verifiablePresentation":`+w.presents(holder, "", "", holds(inner), jcs)+`}`)
		if a.at("verified") != false || !strings.Contains(a.raw(t, "problemDetails"), "ERROR") {
			t.Errorf("%s: %d %s", inner, a.status, a.text)
		}
	}
}

// jcs signs what has no meaning as JSON-LD.
func jcs(s *signer.DataIntegrity, _ *string) { s.Suite = "eddsa-jcs-2022" }
