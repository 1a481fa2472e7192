package vcalm_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/service"
)

// TestDerive: a holder discloses what is selected and what is mandatory, which the status
// is, and the verdict on that follows its status.
func TestDerive(t *testing.T) {
	w := newWorld(t)
	path := "/vc/p256-sd/credentials/"
	draft := unsigned(w.dids["p256-sd"], `"id":"urn:uuid:sd"`, `"name":"Somebody"`, `"description":"Kept back"`, `"validUntil":"2027-01-01T00:00:00Z"`)
	base := w.want(201, "POST", path+"issue", `{"credential":`+draft+`,"options":{"mandatoryPointers":["/name"]}}`).raw(t, "verifiableCredential")
	a := shape(t, "issue", w.want(201, "POST", path+"derive", `{"verifiableCredential":`+base+`,"options":{"selectivePointers":["/credentialSubject/id"]}}`))
	shown := a.raw(t, "verifiableCredential")
	for _, member := range []string{"name", "validUntil", "credentialStatus", "issuer", "type", "credentialSubject"} {
		if a.at("verifiableCredential", member) == nil {
			t.Errorf("%s is left out: %s", member, shown)
		}
	}
	if strings.Contains(shown, "Kept back") || !strings.Contains(shown, `"proofValue":"u2V0B`) {
		t.Errorf("found %s", shown)
	}
	got := shape(t, "credential", w.want(200, "POST", path+"verify", `{"verifiableCredential":`+shown+all+`}`))
	if got.at("verified") != true {
		t.Error(got.text)
	}
	got = w.want(400, "POST", path+"verify", `{"verifiableCredential":`+base+all+`}`)
	if got.at("verified") != false || !strings.Contains(got.text, "base proof") {
		t.Error(got.text)
	}
	w.want(200, "POST", path+"status", statusBody("urn:uuid:sd", "revocation", "true"))
	got = w.want(200, "POST", path+"verify", `{"verifiableCredential":`+shown+all+`}`)
	if got.at("results", "credentialStatus") == nil || !strings.Contains(got.text, "revoked") {
		t.Errorf("not revoked: %s", got.text)
	}
	// Any instance derives: no key of its own is needed for that.
	w.want(201, "POST", "/vc/eddsa/credentials/derive", `{"verifiableCredential":`+base+`,"options":{"selectivePointers":["/credentialSubject"]}}`)

	// And the document's own example is accepted.
	o, _ := w.contract().find("POST", "/vc/{issuer}/credentials/derive")
	example := must(json.Marshal(o.bodies()["application/json"].(map[string]any)["example"]))(t)
	shape(t, "issue", w.want(201, "POST", path+"derive", string(example)))

	before, _, err := count(w)
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{
		"nothing there":     `{"verifiableCredential":` + base + `,"options":{"selectivePointers":["/credentialSubject/Aina"]}}`,
		"no subject":        `{"verifiableCredential":` + base + `}`,
		"derived already":   `{"verifiableCredential":` + shown + `,"options":{"selectivePointers":["/credentialSubject"]}}`,
		"a document edited": `{"verifiableCredential":` + strings.Replace(base, "did:example:", "did:example:Aina", 1) + `,"options":{"selectivePointers":["/credentialSubject"]}}`,
	} {
		a := w.do("POST", path+"derive", body)
		if a.status != 400 || strings.Contains(a.text, "Aina") {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
		w.problem(a)
	}
	w.want(201, "POST", path+"derive", `{"verifiableCredential":`+base+`,"options":{"selectivePointers":["/credentialSubject"]}}`)
	after, text, err := count(w)
	if err != nil || after != before || strings.Contains(text+w.log.String(), "u2V0") || strings.Contains(text+w.log.String(), "Kept back") {
		t.Errorf("something is kept or logged: %d records, then %d, %v\n%s%s", before, after, err, text, w.log)
	}
	for _, pointers := range []string{`["/nickname"]`, `["issuer"]`, `["/proof"]`} {
		a := w.want(400, "POST", path+"issue", `{"credential":`+draft+`,"options":{"mandatoryPointers":`+pointers+`}}`)
		if !strings.Contains(a.text, "mandatoryPointers") || strings.Contains(a.text, "nickname") {
			t.Error(a.text)
		}
	}
}

// TestDeriveNeedsAKey: on instances that are not open, it takes the permission to read.
func TestDeriveNeedsAKey(t *testing.T) {
	w := newWorld(t)
	base := w.want(201, "POST", "/vc/p256-sd/credentials/issue", `{"credential":`+unsigned(w.dids["p256-sd"])+`}`).raw(t, "verifiableCredential")
	path, body := "/vc/"+w.issuer+"/credentials/derive", `{"verifiableCredential":`+base+`,"options":{"selectivePointers":["/credentialSubject"]}}`
	w.want(401, "POST", path, body)
	w.want(403, "POST", path, body, "key", w.key(w.north, service.MayIssue))
	w.want(404, "POST", path, body, "key", w.key(w.south))
	w.want(201, "POST", path, body, "key", w.key(w.north, service.MayRead))
}
