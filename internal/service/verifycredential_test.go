package service_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/service"
)

// TestVerifyCredentialAsFile: what is judged in the short way is judged as in the long one,
// and only what may be is: one JSON text with a credential.
func TestVerifyCredentialAsFile(t *testing.T) {
	w := newWorld(t)
	c := w.school("north")
	vc := string(w.file(c, w.issue(c).ID, "vc"))
	gone := w.issue(c)
	must(w.s.Revoke(w.ctx, c, gone.ID, "wrong name", once))(t)
	change := func(old, new string) string {
		if !strings.Contains(vc, old) {
			t.Fatalf("%q is not in the credential", old)
		}
		return strings.Replace(vc, old, new, 1)
	}
	for _, test := range []struct {
		name, text string
		short      bool
	}{
		{"good", vc, true},
		{"with spaces", " \n" + vc + "\n", true},
		{"revoked", string(w.file(c, gone.ID, "vc")), true},
		{"tampered", change(`"validFrom":"20`, `"validFrom":"19`), true},
		{"with members as of a Truestamp bundle", change(`{`, `{"v":1,"t":1,"pk":1,"sig":1,"b":1,"cx":1,`), true},
		{"a Blockcert", change(`"eddsa-rdfc-2022"`, `"merkle-proof-2019"`), false},
		{"another name of the issuer", change(`"issuer"`, `"Issuer"`), false},
		{"no type", change(`"VerifiableCredential"`, `"Verifiable"`), false},
		{"a presentation", change(`"VerifiableCredential"`, `"VerifiablePresentation"`), false},
		{"a presentation by escapes", change(`"VerifiableCredential"`, `"Verifiable\u0050resentation"`), false},
		{"a name twice", change(`{`, `{"id":"urn:x:y",`), false},
		{"two texts", vc + "{}", false},
		{"broken off", vc[:len(vc)-1], false},
		{"not an object", "[" + vc + "]", false},
		{"a word", `"DataIntegrityProof"`, false},
		{"within another object", `{"credentialSubject":` + vc + `}`, false},
		{"nothing", "", false},
	} {
		v, ok, err := w.s.VerifyCredential(w.ctx, []byte(test.text), "api")
		if err != nil || ok != test.short {
			t.Errorf("%s: judged: %t, expected %t: %v", test.name, ok, test.short, err)
		}
		if !ok || err != nil {
			continue
		}
		long, err := w.s.VerifyFiles(w.ctx, []service.Upload{{Bytes: zipped(t, map[string][]byte{"a": []byte(test.text)})}}, "api")
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if a, b := must(v.Report.MarshalJSON())(t), must(long.Report.MarshalJSON())(t); v.Lifecycle != long.Lifecycle || !bytes.Equal(a, b) {
			t.Errorf("%s: in the short way %s\n%s\nin the long one %s\n%s", test.name, v.Lifecycle, a, long.Lifecycle, b)
		}
	}
}
