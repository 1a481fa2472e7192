package vcalm_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

func statusBody(id, purpose string, value string, more ...string) string {
	return `{"credentialId":"` + id + `","credentialStatus":{"type":"BitstringStatusListEntry","statusPurpose":"` + purpose + `"` + strings.Join(append([]string{""}, more...), ",") + `},"status":` + value + `}`
}

// TestVCALM_T15_T17_StatusUpdate: a status is set by credentialId alone and is published when the
// answer is there. A revoked credential still verifies here, with a warning; the stricter
// verdict is that of /v1/verify.
func TestVCALM_T15_T17_StatusUpdate(t *testing.T) {
	w := newWorld(t)
	vc := w.issue("eddsa", `"id":"urn:uuid:one"`)
	other := w.issue("eddsa", `"id":"urn:uuid:two"`)
	list := answer{text: vc}.str("credentialStatus", "statusListCredential")
	if !strings.HasPrefix(list, base+"/status/") {
		t.Fatalf("no status list of ours in %s", vc)
	}
	path := strings.TrimPrefix(list, base)
	before := w.want(200, "GET", path, "")
	judge := func(vc string) (warned bool, strict string) {
		t.Helper()
		got := shape(t, "credential", w.want(200, "POST", "/vc/eddsa/credentials/verify", `{"verifiableCredential":`+vc+all+`}`))
		if got.at("verified") != true {
			t.Errorf("%s", got.text)
		}
		status := got.at("results", "credentialStatus").([]any)[0].(map[string]any)
		if want := map[any]float64{true: 0, false: 1}[status["verified"]]; status["value"] != want {
			t.Errorf("expected the value %v: %s", want, got.text)
		}
		if problems := len(got.at("problemDetails").([]any)) != 0; problems == (status["verified"] == true) {
			t.Errorf("status and problems differ: %s", got.text)
		}
		v := w.want(200, "POST", "/v1/verify", `{"credential":`+vc+`}`)
		return status["verified"] == false, v.str("data", "reason")
	}
	if warned, strict := judge(vc); warned || strict == "revoked" {
		t.Errorf("before: %t %s", warned, strict)
	}
	a := w.want(200, "POST", "/vc/eddsa/credentials/status", statusBody("urn:uuid:one", "revocation", "true"))
	if a.text != "" {
		t.Errorf("a body: %s", a.text)
	}
	after := w.want(200, "GET", path, "")
	if after.text == before.text {
		t.Error("the list was not published")
	}
	if len(after.text) > len(before.text)+64 {
		t.Errorf("T17: the list grew from %d to %d bytes", len(before.text), len(after.text))
	}
	if warned, strict := judge(vc); !warned || strict != "revoked" {
		t.Errorf("revoked: warned %t, /v1/verify says %s", warned, strict)
	}
	if warned, _ := judge(other); warned {
		t.Error("T15: another credential changed")
	}
	// The published list is a credential that the plane verifies.
	if got := w.want(200, "POST", "/vc/eddsa/credentials/verify", `{"verifiableCredential":`+after.text+`}`); got.at("verified") != true {
		t.Errorf("list: %s", got.text)
	}
	index := answer{text: vc}.str("credentialStatus", "statusListIndex")
	theirs := answer{text: other}.str("credentialStatus", "statusListIndex")
	w.want(200, "POST", "/vc/eddsa/credentials/status", statusBody("urn:uuid:one", "revocation", "false", `"statusListIndex":"`+index+`"`, `"statusListCredential":"`+list+`"`))
	if warned, _ := judge(vc); warned {
		t.Error("the status was not taken back")
	}
	w.want(400, "POST", "/vc/eddsa/credentials/status", statusBody("urn:uuid:one", "revocation", "true", `"statusListIndex":"`+theirs+`"`))
	w.want(400, "POST", "/vc/eddsa/credentials/status", statusBody("urn:uuid:one", "revocation", "true", `"statusListCredential":"https://attacker.example/list"`))
	if warned, _ := judge(vc); warned {
		t.Error("T15: a request that names another entry changed something")
	}
	// Its entry is of revocation: to suspend it would be seen by nobody.
	w.want(400, "POST", "/vc/eddsa/credentials/status", statusBody("urn:uuid:one", "suspension", "true"))
	// What one instance issued, another cannot change.
	w.want(404, "POST", "/vc/p256/credentials/status", statusBody("urn:uuid:one", "revocation", "true"))
}

// TestVCALM_T15_IndicesAreUnique: no two credentials share a status index.
func TestVCALM_T15_IndicesAreUnique(t *testing.T) {
	w := newWorld(t)
	seen, inOrder, last := map[string]bool{}, 0, ""
	for range 60 {
		vc := answer{text: w.issue("eddsa-jcs")}
		id := vc.str("credentialStatus", "id")
		if id == "" || seen[id] {
			t.Fatalf("status %q given twice", id)
		}
		seen[id] = true
		if index := vc.str("credentialStatus", "statusListIndex"); len(index) > len(last) || len(index) == len(last) && index > last {
			inOrder, last = inOrder+1, index
		}
	}
	if inOrder == 60 {
		t.Error("T17: indices are given out in order")
	}
}

// TestVCALM_T16_ListSize: lists made here have at least 131,072 entries; nobody can ask for fewer.
func TestVCALM_T16_ListSize(t *testing.T) {
	w := newWorld(t)
	a := shape(t, "statusList", w.want(201, "POST", "/vc/eddsa/status-lists", `{"statusPurpose":"revocation","options":{}}`))
	if a.header.Get("Location") != a.str("id") {
		t.Errorf("Location %s, id %s", a.header.Get("Location"), a.str("id"))
	}
	id := strings.TrimPrefix(a.str("id"), base+"/status/")
	got := w.want(200, "GET", "/vc/eddsa/status-lists/"+id, "")
	if got.text != a.raw(t, "verifiableCredential") || got.text != w.want(200, "GET", "/status/"+id, "").text {
		t.Errorf("the list is not the one that was answered: %s", got.text)
	}
	if got := w.do("GET", "/vc/eddsa/status-lists/"+id, "", "If-None-Match", got.header.Get("ETag")); got.status != 304 || got.text != "" {
		t.Errorf("with its ETag: %d", got.status)
	}
	w.want(400, "POST", "/vc/eddsa/status-lists", `{"statusPurpose":"revocation","options":{"length":16}}`)
	vc := answer{text: w.issue("eddsa")}
	if vc.str("credentialStatus", "statusListCredential") != a.str("id") {
		t.Errorf("the next credential is in %s, expected %s", vc.str("credentialStatus", "statusListCredential"), a.str("id"))
	}
	if got := w.want(200, "POST", "/vc/eddsa/credentials/verify", `{"verifiableCredential":`+vc.text+all+`}`); got.at("results", "credentialStatus").([]any)[0].(map[string]any)["verified"] != true {
		t.Errorf("a list shorter than the verifier asks for: %s", got.text)
	}
}

// TestCredentialID: an explicit credentialId is used once.
func TestCredentialID(t *testing.T) {
	w := newWorld(t)
	body := `{"credential":` + unsigned(w.dids["eddsa"]) + `,"options":{"credentialId":"urn:x:1"}}`
	vc := w.want(201, "POST", "/vc/eddsa/credentials/issue", body).raw(t, "verifiableCredential")
	if strings.Contains(vc, "urn:x:1") {
		t.Errorf("the id is in the credential: %s", vc)
	}
	w.want(409, "POST", "/vc/eddsa/credentials/issue", body)
	w.want(201, "POST", "/vc/p256/credentials/issue", strings.Replace(body, w.dids["eddsa"], w.dids["p256"], 1))
	w.want(200, "POST", "/vc/eddsa/credentials/status", statusBody("urn:x:1", "revocation", "true"))
	got := w.want(200, "POST", "/vc/eddsa/credentials/verify", `{"verifiableCredential":`+vc+all+`}`)
	if !strings.Contains(got.text, "REVOKED") {
		t.Errorf("%s", got.text)
	}
}

// TestOwnStatusEntries: a credential that brings its own entry gets no other.
func TestOwnStatusEntries(t *testing.T) {
	w := newWorld(t)
	entry := `"credentialStatus":{"id":"https://example.com/l#1","type":"BitstringStatusListEntry","statusPurpose":"revocation","statusListIndex":"1","statusListCredential":"https://example.com/l"}`
	vc := w.issue("eddsa", entry, `"id":"urn:uuid:own"`)
	if strings.Contains(vc, base+"/status/") || !strings.Contains(vc, "https://example.com/l#1") {
		t.Errorf("%s", vc)
	}
	w.want(404, "POST", "/vc/eddsa/credentials/status", statusBody("urn:uuid:own", "revocation", "true"))
	got := w.want(200, "POST", "/vc/eddsa/credentials/verify", `{"verifiableCredential":`+vc+all+`}`)
	if got.at("verified") != true || !strings.Contains(got.text, "STATUS_RETRIEVAL_ERROR") {
		t.Errorf("a status that cannot be had: %s", got.text)
	}
}

// TestVCALM_T2_T6_T9_Callers: who has no key, a bad or revoked one, one of another tenant, or one of too
// narrow a scope gets nothing done.
func TestVCALM_T2_T6_T9_Callers(t *testing.T) {
	w := newWorld(t)
	full, foreign := w.key(w.north), w.key(w.south)
	dead := must(w.core.CreateFirstKey(w.ctx, w.north.Scope, service.NewKey{Name: "dead", Scopes: service.Permissions()}))(t)
	if err := w.core.RevokeKey(w.ctx, w.north, dead.ID); err != nil {
		t.Fatal(err)
	}
	soon := w.clock().Add(time.Minute)
	short := must(w.core.CreateFirstKey(w.ctx, w.north.Scope, service.NewKey{Name: "short", Scopes: service.Permissions(), ExpiresAt: &soon}))(t).Secret
	did := must(w.core.GetIssuer(w.ctx, w.north, w.issuer))(t).DID
	vc := w.issue("eddsa")
	exchange := w.exchange(full, w.claimable().ID)
	operations := []struct {
		method, path, body string
		need               service.Permission
		want               int
	}{
		{"POST", "credentials/issue", `{"credential":` + unsigned(did, `"id":"urn:uuid:n"`) + `}`, service.MayIssue, 201},
		{"POST", "credentials/verify", `{"verifiableCredential":` + vc + `}`, service.MayRead, 200},
		{"POST", "presentations/verify", `{"verifiablePresentation":{}}`, service.MayRead, 200},
		{"POST", "credentials/status", statusBody("urn:uuid:n", "revocation", "true"), service.MayStatus, 200},
		{"POST", "challenges", "", service.MayRead, 200},
		{"POST", "status-lists", `{"statusPurpose":"revocation"}`, service.MayStatus, 201},
		{"POST", "workflows/claim/exchanges", `{"variables":{"credential":"` + w.claimable().ID + `"}}`, service.MayIssue, 201},
		{"GET", strings.TrimPrefix(exchange, base+"/vc/"+w.issuer+"/"), "", service.MayRead, 200},
	}
	for _, o := range operations {
		path := "/vc/" + w.issuer + "/" + o.path
		if a := w.want(401, o.method, path, o.body); a.header.Get("WWW-Authenticate") != `Bearer realm="chancery"` {
			t.Errorf("%s: %v", path, a.header)
		}
		if a := w.want(401, o.method, path, o.body, "key", dead.Secret); a.header.Get("WWW-Authenticate") != `Bearer realm="chancery", error="invalid_token"` {
			t.Errorf("%s: %v", path, a.header)
		}
		w.want(404, o.method, path, o.body, "key", full, "X-Tenant", "south")
		w.want(401, o.method, path, o.body, "key", full[:len(full)-1]+"0x")
		w.want(401, o.method, path, o.body, "Authorization", "Basic eDp5")
		w.want(401, o.method, path, o.body, "Authorization", "Bearer")
		w.want(401, o.method, path, o.body, "Authorization", "Bearer a", "Authorization", "Bearer b")
		w.want(404, o.method, path, o.body, "key", foreign)
		for _, closed := range []string{"", foreign, full} { // an instance of the configuration's that is not open
			want := 404
			if closed == "" {
				want = 401
			}
			headers := []string{}
			if closed != "" {
				headers = append(headers, "key", closed)
			}
			w.want(want, o.method, "/vc/closed/"+o.path, o.body, headers...)
		}
		var others []service.Permission
		for _, p := range service.Permissions() {
			if p != o.need {
				others = append(others, p)
			}
		}
		w.want(403, o.method, path, o.body, "key", w.key(w.north, others...))
		w.want(o.want, o.method, path, o.body, "key", w.key(w.north, o.need))
	}
	w.want(200, "POST", "/vc/"+w.issuer+"/challenges", "", "key", short)
	w.pass(2 * time.Minute)
	w.want(401, "POST", "/vc/"+w.issuer+"/challenges", "", "key", short)
	w.want(404, "POST", "/vc/none/challenges", "", "key", full)
	w.want(200, "POST", "/vc/"+w.issuer+"/challenges", "", "key", full, "X-Tenant", "north")
	// From where is in the audit log, as of calls on the product plane.
	err := w.store.View(w.ctx, func(tx service.Tx) error {
		lines, err := tx.Unchained(w.ctx, w.north.Scope, 1000)
		n := 0
		for _, l := range lines {
			if strings.HasPrefix(l.Action, "vcalm.") && strings.HasPrefix(l.Actor, "key:") {
				n++
				if l.Source != "127.0.0.0/24" || l.Request == "" {
					t.Errorf("%s: %q %q", l.Action, l.Source, l.Request)
				}
			}
		}
		if n == 0 {
			t.Error("nothing is in the audit log")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(w.log.String(), full) || strings.Contains(w.log.String(), short) {
		t.Error("T6: a key is in the log")
	}
	// An issuer of a tenant: issued, verified, its did:web document from the store.
	issued := w.want(201, "POST", "/vc/"+w.issuer+"/credentials/issue", `{"credential":`+unsigned(did)+`}`, "key", full)
	if got := w.want(200, "POST", "/vc/"+w.issuer+"/credentials/verify", `{"verifiableCredential":`+issued.raw(t, "verifiableCredential")+`}`, "key", full); got.at("verified") != true {
		t.Errorf("%s", got.text)
	}
}

// TestVCALM_T5_WhatIsKept: of what the plane issues it keeps where the status is and a digest; the log has
// neither names nor URLs that open something.
func TestVCALM_T5_WhatIsKept(t *testing.T) {
	w := newWorld(t)
	subject := `"credentialSubject":{"id":"did:example:aina","name":"Aina Rahman"}`
	text := `{"@context":["https://www.w3.org/ns/credentials/v2"],"id":"urn:uuid:personal","type":["VerifiableCredential"],"issuer":"` + w.dids["eddsa"] + `",` + subject + `}`
	vc := w.want(201, "POST", "/vc/eddsa/credentials/issue", `{"credential":`+text+`}`).raw(t, "verifiableCredential")
	w.want(200, "POST", "/vc/eddsa/credentials/verify", `{"verifiableCredential":`+vc+`}`)
	n, kept, err := count(w)
	if err != nil || n != 1 {
		t.Fatalf("%d records, %v", n, err)
	}
	url := w.exchange(w.key(w.north), w.claimable().ID)
	w.want(200, "POST", strings.TrimPrefix(url, base), "")
	for name, where := range map[string]string{"record": kept, "log": w.log.String()} {
		for _, secret := range []string{"Aina", "did:example:aina", "urn:uuid:personal", url[strings.LastIndexByte(url, '/')+1:]} {
			if strings.Contains(where, secret) {
				t.Errorf("%s holds %s:\n%s", name, secret, where)
			}
		}
	}
}
