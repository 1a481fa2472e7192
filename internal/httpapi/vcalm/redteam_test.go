package vcalm_test

import (
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/service"
)

// TestOptionsSmuggled: an option that would make a signature say something else than what
// the issuer's key, clock and instance make it say is refused, at every operation.
func TestOptionsSmuggled(t *testing.T) {
	w := newWorld(t)
	key := w.key(w.north)
	for _, o := range w.operations(key) {
		at := strings.Index(o.body, `"options":{`)
		if at < 0 {
			continue
		}
		taken := map[string]bool{"verify challenge": true, "verify domain": true, "present domain": true, "present challenge": true} // the suites send them
		for _, name := range []string{"verificationMethod", "created", "expires", "proofPurpose", "domain", "challenge", "issuer", "cryptosuite", "type", "credentialStatus", "statusListIndex", "holder", "Challenge", "CredentialId", "mandatorypointers", "credentialId "} {
			if taken[o.name+" "+name] {
				continue
			}
			body := o.body[:at] + `"options":{"` + name + `":"x"}}`
			if a := w.do("POST", o.path, body, "key", key); a.status != 400 || o.name != "list" && a.str("title") != "UNKNOWN_OPTION_PROVIDED" {
				t.Errorf("%s, %s: %d %s", o.name, name, a.status, a.text)
			}
		}
	}
	both := `{"verifiablePresentation":` + w.presents(newWallet(t, 1), "", "") + `,"presentation":{"type":["VerifiablePresentation"]}}`
	w.want(400, "POST", "/vc/eddsa/presentations/verify", both)
}

// TestIssuersOfOneTenant: instances of one tenant are apart too: what one issued, another
// neither revokes, nor hands out, nor reads.
func TestIssuersOfOneTenant(t *testing.T) {
	w := newWorld(t)
	key, c := w.key(w.north), w.claimable()
	other := must(w.core.CreateIssuer(w.ctx, w.north, service.NewIssuer{Key: "second", Name: "Second"}, service.Idempotency{}))(t).Value
	first := must(w.core.GetIssuer(w.ctx, w.north, w.issuer))(t)
	vc := w.want(201, "POST", "/vc/"+w.issuer+"/credentials/issue", `{"credential":`+unsigned(first.DID, `"id":"urn:uuid:mine"`)+`,"options":{"credentialId":"mine"}}`, "key", key)
	entry := vc.at("verifiableCredential", "credentialStatus").(map[string]any)
	for _, id := range []string{"mine", "urn:uuid:mine"} {
		for _, named := range []string{``, `,"statusListIndex":"` + entry["statusListIndex"].(string) + `","statusListCredential":"` + entry["statusListCredential"].(string) + `"`} {
			w.want(404, "POST", "/vc/"+other.ID+"/credentials/status", `{"credentialId":"`+id+`","credentialStatus":{"type":"BitstringStatusListEntry","statusPurpose":"revocation"`+named+`},"status":true}`, "key", key)
		}
	}
	// An id that another instance gave out is free here, and does not reach the other's.
	w.want(201, "POST", "/vc/"+other.ID+"/credentials/issue", `{"credential":`+unsigned(other.DID)+`,"options":{"credentialId":"mine"}}`, "key", key)
	w.want(200, "POST", "/vc/"+other.ID+"/credentials/status", statusBody("mine", "revocation", "true"), "key", key)
	if a := w.want(200, "POST", "/vc/"+w.issuer+"/credentials/verify", `{"verifiableCredential":`+vc.raw(t, "verifiableCredential")+`,"options":{"returnResults":true,"returnProblemDetails":true}}`, "key", key); strings.Contains(a.text, "revoked") {
		t.Errorf("revoked by another issuer: %s", a.text)
	}
	w.want(400, "POST", "/vc/"+other.ID+"/credentials/issue", `{"credential":`+unsigned(first.DID)+`}`, "key", key)
	for _, id := range []string{c.ID, c.PublicID} {
		w.want(422, "POST", "/vc/"+other.ID+"/workflows/claim/exchanges", `{"variables":{"credential":"`+id+`"}}`, "key", key)
	}
	path := strings.TrimPrefix(w.exchange(key, c.ID), base)
	elsewhere := strings.Replace(path, w.issuer, other.ID, 1)
	w.want(404, "GET", elsewhere, "", "key", key)
	w.want(404, "POST", elsewhere, "")
	w.want(404, "GET", elsewhere+"/protocols", "")
}

// TestListBySmuggledType: who may issue and not change statuses signs no status list, by
// whatever name it is called.
func TestListBySmuggledType(t *testing.T) {
	w := newWorld(t)
	key := w.key(w.north, service.MayIssue)
	did := must(w.core.GetIssuer(w.ctx, w.north, w.issuer))(t).DID
	list := func(contexts, typ string) string {
		return `{"credential":{"@context":` + contexts + `,"id":"https://chancery.example/status/1","type":` + typ + `,"issuer":"` + did + `","credentialSubject":{"id":"https://chancery.example/status/1#list","type":"BitstringStatusList","statusPurpose":"revocation","encodedList":"uH4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA"}}}`
	}
	const v2 = `["https://www.w3.org/ns/credentials/v2"]`
	for _, c := range []struct {
		contexts, typ string
		want          int
	}{
		{v2, `["VerifiableCredential","BitstringStatusListCredential"]`, 403},
		{`["https://www.w3.org/2018/credentials/v1","https://w3id.org/vc/status-list/2021/v1"]`, `["VerifiableCredential","StatusList2021Credential"]`, 403},
		{v2, `["VerifiableCredential","https://www.w3.org/ns/credentials/status#BitstringStatusListCredential"]`, 400},
		{`["https://www.w3.org/ns/credentials/v2",{"Harmless":"https://www.w3.org/ns/credentials/status#BitstringStatusListCredential"}]`, `["VerifiableCredential","Harmless"]`, 400},
		{`["https://www.w3.org/ns/credentials/v2",{"s":"https://www.w3.org/ns/credentials/status#"}]`, `["VerifiableCredential","s:BitstringStatusListCredential"]`, 400},
	} {
		w.want(c.want, "POST", "/vc/"+w.issuer+"/credentials/issue", list(c.contexts, c.typ), "key", key)
	}
}
