package vcalm_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// TestOwnListID: a list with an id of the caller's is published there, and is the one that
// the issuer's next credentials name, that a status is set in, and that verifiers read.
func TestOwnListID(t *testing.T) {
	w := newWorld(t)
	const url = base + "/vc/eddsa/status-lists/term-2026.1"
	for i, id := range []string{url, "by-its-name_only"} {
		want := url
		if i > 0 {
			want = base + "/vc/eddsa/status-lists/" + id
		}
		w.pass(time.Second)
		a := shape(t, "statusList", w.want(201, "POST", "/vc/eddsa/status-lists", `{"statusPurpose":"revocation","id":"`+id+`"}`))
		list := a.raw(t, "verifiableCredential")
		read := answer{text: list}
		if a.str("id") != want || a.header.Get("Location") != want || read.str("id") != want || read.str("credentialSubject", "id") != want+"#list" || read.str("credentialSubject", "statusPurpose") != "revocation" {
			t.Fatalf("expected %s: %v %s", want, a.header, a.text)
		}
		path := strings.TrimPrefix(want, base)
		if got := shape(t, "vc", w.want(200, "GET", path, "")); got.text != list {
			t.Errorf("published: %s", got.text)
		}
		vc := w.issue("eddsa", `"id":"urn:uuid:`+id+`"`)
		if got := (answer{text: vc}).str("credentialStatus", "statusListCredential"); got != want {
			t.Fatalf("the next credential names %s, expected %s", got, want)
		}
		reason := func() string {
			return w.want(200, "POST", "/v1/verify", `{"credential":`+vc+`}`).str("data", "reason")
		}
		if got := reason(); got == "revoked" || strings.HasPrefix(got, "status") {
			t.Errorf("before: %s", got)
		}
		w.want(200, "POST", "/vc/eddsa/credentials/status", statusBody("urn:uuid:"+id, "revocation", "true", `"statusListCredential":"`+want+`"`))
		if got := reason(); got != "revoked" {
			t.Errorf("revoked: %s", got)
		}
		if got := w.want(200, "GET", path, ""); got.text == list {
			t.Error("not published again")
		}
		companion := answer{text: w.want(200, "GET", path+":suspension", "").text}
		if companion.str("id") != want+":suspension" || companion.str("credentialSubject", "statusPurpose") != "suspension" {
			t.Errorf("its companion: %s", companion.text)
		}
		w.want(404, "GET", path+":revocation", "")
		w.want(404, "GET", "/status/"+strings.TrimPrefix(path, "/"), "")
	}
	a := w.want(201, "POST", "/vc/eddsa/status-lists", `{"statusPurpose":"suspension","id":"pause"}`)
	list := answer{text: a.raw(t, "verifiableCredential")}
	if want := base + "/vc/eddsa/status-lists/pause"; a.str("id") != want || list.str("id") != want || list.str("credentialSubject", "statusPurpose") != "suspension" {
		t.Errorf("suspension: %s", a.text)
	}
	if got := w.want(200, "GET", "/vc/eddsa/status-lists/pause", ""); got.text != list.text {
		t.Errorf("suspension: %s", got.text)
	}
}

// TestOwnListIDOfProducts: credentials of the product plane come into that list as well, and
// are revoked in it.
func TestOwnListIDOfProducts(t *testing.T) {
	w := newWorld(t)
	key := w.key(w.north)
	w.claimable() // there is another list
	w.pass(time.Second)
	path := "/vc/" + w.issuer + "/status-lists/autumn"
	before := w.want(201, "POST", "/vc/"+w.issuer+"/status-lists", `{"statusPurpose":"revocation","id":"autumn"}`, "key", key).raw(t, "verifiableCredential")
	c := w.claimable()
	vc := string(must(w.core.Artifact(w.ctx, w.north, c.ID, "vc"))(t).Bytes)
	if got := (answer{text: vc}).str("credentialStatus", "statusListCredential"); got != base+path {
		t.Fatalf("the credential names %s", got)
	}
	outcome := func() string {
		return w.want(200, "GET", "/v1/verify/"+c.PublicID, "").str("data", "outcome") + " " + w.want(200, "POST", "/v1/verify", `{"credential":`+vc+`}`).str("data", "reason")
	}
	if got := outcome(); !strings.HasPrefix(got, "valid ") || strings.Contains(got, "status") {
		t.Errorf("before: %s", got)
	}
	revoked := must(w.core.Revoke(w.ctx, w.north, c.ID, "error", service.Idempotency{}))(t).Value
	if revoked.StatusList != base+path || w.want(200, "GET", path, "").text == before {
		t.Errorf("published at %s", revoked.StatusList)
	}
	if got := outcome(); got != "invalid revoked" {
		t.Errorf("after: %s", got)
	}
}

// TestOwnListIDOnce: an id is given to one list of an issuer, whatever its purpose and
// however many ask at once; another issuer's lists do not matter.
func TestOwnListIDOnce(t *testing.T) {
	w := newWorld(t)
	w.want(201, "POST", "/vc/eddsa/status-lists", `{"statusPurpose":"revocation","id":"one"}`)
	before := w.want(200, "GET", "/vc/eddsa/status-lists/one", "").text
	for _, body := range []string{`{"statusPurpose":"revocation","id":"one"}`, `{"statusPurpose":"suspension","id":"one"}`, `{"statusPurpose":"revocation","id":"` + base + `/vc/eddsa/status-lists/one"}`} {
		if a := w.want(409, "POST", "/vc/eddsa/status-lists", body); a.str("code") != string(service.CodeDuplicate) {
			t.Errorf("%s: %s", body, a.text)
		}
	}
	if got := w.want(200, "GET", "/vc/eddsa/status-lists/one", "").text; got != before {
		t.Error("changed by who asked for it again")
	}
	w.want(201, "POST", "/vc/p256/status-lists", `{"statusPurpose":"revocation","id":"one"}`)
	if got := w.want(200, "GET", "/vc/p256/status-lists/one", "").str("issuer"); got != w.dids["p256"] {
		t.Errorf("found the list of %s", got)
	}
	w.want(404, "GET", "/vc/p384/status-lists/one", "")
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[int]int{}
	for i := range 8 {
		wg.Go(func() {
			a := w.do("POST", "/vc/eddsa/status-lists", `{"statusPurpose":"`+[]string{"revocation", "suspension"}[i%2]+`","id":"race"}`)
			mu.Lock()
			got[a.status]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if got[201] != 1 || got[409] != 7 {
		t.Errorf("expected one 201 and seven 409, found %v", got)
	}
}

// TestOwnListIDRefused: an id is a name that is safe in a URL, at the instance that is
// asked; nothing is begun for others, and nothing of them is repeated.
func TestOwnListIDRefused(t *testing.T) {
	w := newWorld(t)
	key, other := w.key(w.north), w.key(w.south)
	for name, id := range map[string]string{
		"elsewhere": "https://attacker.example/list", "another instance": base + "/vc/p256/status-lists/secret", "another scheme": "http://chancery.example/vc/eddsa/status-lists/secret",
		"the status plane": base + "/status/secret", "the address alone": base + "/vc/eddsa/status-lists/", "without": base + "/vc/eddsa/status-lists", "a query": base + "/vc/eddsa/status-lists/secret?a=1",
		"a fragment": base + "/vc/eddsa/status-lists/secret#x", "a deeper path": base + "/vc/eddsa/status-lists/secret/more", "a path": "secret/more", "up": "..", "up and on": "../../status/secret", "here": ".", "hidden": ".secret",
		"a colon": "secret:suspension", "a urn": "urn:uuid:secret", "encoded": "secret%2fx", "a space": "secret x", "a line": "secret\\nx", "NUL": "secret\\u0000", "other letters": "gehäim", "a quote": "secret\\\"", "markup": "<secret>",
		"long": strings.Repeat("s", 129), "very long": strings.Repeat("s", 5000), "dashes": "--", "empty": "", "twice": base + "/vc/eddsa/status-lists/" + base + "/vc/eddsa/status-lists/secret",
	} {
		a := w.do("POST", "/vc/eddsa/status-lists", `{"statusPurpose":"revocation","id":"`+id+`"}`)
		if a.status != 400 {
			t.Errorf("%s: %d %s", name, a.status, a.text)
			continue
		}
		w.problem(a)
		for _, sent := range []string{"secret", "attacker", "ssss", "gehäim"} {
			if strings.Contains(a.text, sent) {
				t.Errorf("%s: echoes %s", name, a.text)
			}
		}
	}
	for _, id := range []string{`5`, `null`, `true`, `["a"]`, `{"a":1}`} {
		w.want(400, "POST", "/vc/eddsa/status-lists", `{"statusPurpose":"revocation","id":`+id+`}`)
	}
	w.want(400, "POST", "/vc/eddsa/status-lists", `{"statusPurpose":"revocation","id":"a","id":"b"}`)
	path, body := "/vc/"+w.issuer+"/status-lists", `{"statusPurpose":"revocation","id":"mine"}`
	w.want(401, "POST", path, body)
	w.want(404, "POST", path, body, "key", other)
	w.want(403, "POST", path, body, "key", w.key(w.north, service.MayIssue, service.MayRead))
	if n := w.lists(w.north); n != 0 {
		t.Errorf("%d lists of an issuer for whom none was begun", n)
	}
	w.want(404, "GET", path+"/mine", "")
	w.want(201, "POST", path, body, "key", key)
	w.want(200, "GET", path+"/mine", "")
	w.want(201, "POST", "/vc/eddsa/status-lists", `{"statusPurpose":"revocation","id":"`+strings.Repeat("S", 128)+`"}`)
	w.want(200, "GET", "/vc/eddsa/status-lists/"+strings.Repeat("S", 128), "")
}

// lists counts the lists of a tenant's first issuer.
func (w *world) lists(c service.Caller) (n int) {
	w.t.Helper()
	must(0, w.store.View(w.ctx, func(tx service.Tx) error {
		all, err := tx.List(w.ctx, c.Scope, service.KindIssuer, nil, service.Page{Limit: 1})
		if err != nil {
			return err
		}
		_, i, err := service.Get[service.StoredIssuer](w.ctx, tx, c.Scope, service.KindIssuer, all.Items[0].ID)
		n = len(i.Lists)
		return err
	}))(w.t)
	return n
}
