package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// twoServed runs two processes on one database, with more variables.
func twoServed(t *testing.T, more ...string) (a, b *served) {
	t.Helper()
	dir := t.TempDir()
	a = startServiceWith(t, append(postgresEnv(t), more...), "--data", dir)
	b = &served{t: t, client: http.DefaultClient, listen: freePort(t), log: &lockedBuffer{}, env: a.env, key: a.key}
	b.base = "http://" + b.listen
	b.args = []string{"serve", "--listen", b.listen, "--data", dir}
	t.Cleanup(b.kill)
	b.start()
	return a, b
}

// said is an answer.
type said struct {
	status int
	code   string
	data   map[string]any
}

func (a said) text(name string) string {
	text, _ := a.data[name].(string)
	return text
}

// say makes a call with an Idempotency-Key, "": none. An answer of 5xx is a fault.
func (s *served) say(method, path string, in any, key string) said {
	body, err := json.Marshal(in)
	if err != nil {
		s.t.Error(err)
	}
	var header []string
	if key != "" {
		header = []string{"Idempotency-Key", key}
	}
	status, answer, _, err := s.try(method, path, "application/json", body, header...)
	if err != nil || status >= 500 {
		s.t.Errorf("%s %s: %d %s %v", method, path, status, answer, err)
	}
	var out struct {
		Data map[string]any `json:"data"`
		Code string         `json:"code"`
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		s.t.Errorf("%s %s: %d %s %v", method, path, status, answer, err)
	}
	return said{status, out.Code, out.Data}
}

func atOnce(calls ...func()) {
	var wg sync.WaitGroup
	for _, f := range calls {
		wg.Go(f)
	}
	wg.Wait()
}

func award(kind string, n int) map[string]any {
	return map[string]any{"type": kind, "recipient": map[string]any{"name": "P", "email": fmt.Sprintf("r%d@example.com", n)}, "claims": map[string]any{"trainerName": "T"}}
}

// TestTwoChangeOne: two processes change one credential at once, in every way that there is.
// As soon as one has answered that it does not hold, neither of them vouches for it, and both
// serve a list that says so; at the end register, verdict and list agree.
func TestTwoChangeOne(t *testing.T) {
	a, b := twoServed(t)
	both := []*served{a, b}
	kind := a.trainingType("vc")
	reason := func(text string) any { return map[string]any{"reason": text} }
	for round := range 12 {
		made := a.say("POST", "/v1/credentials", award(kind, round), "")
		path, public := "/v1/credentials/"+made.text("id"), "/v1/verify/"+made.text("publicId")
		_, first, _ := a.call("GET", path+"/artifacts/vc", "", nil, "Accept", "*/*")
		do := func(s *served, verb string, in any) func() {
			return func() {
				if got := s.say("POST", path+"/"+verb, in, ""); got.status >= 300 || verb != "revoke" && verb != "supersede" {
					return
				}
				for n, other := range both {
					if v := other.say("GET", public, nil, ""); v.text("outcome") != "invalid" {
						t.Errorf("round %d: %s was answered, and then process %d found %v", round, verb, n, v.data["outcome"])
					}
					if !other.bit(first) {
						t.Errorf("round %d: %s was answered, and the list of process %d lacks it", round, verb, n)
					}
				}
			}
		}
		either := func() *served { return both[rand.IntN(2)] }
		calls := []func(){
			do(either(), "suspend", reason("s")), do(either(), "reinstate", reason("i")), do(either(), "suspend", reason("t")), do(either(), "reinstate", reason("j")),
			do(either(), "expiry", map[string]any{"validUntil": "2040-01-01T00:00:00Z"}), do(either(), "expiry", map[string]any{"validUntil": nil}),
		}
		if round%3 != 0 {
			calls = append(calls, do(a, "revoke", reason("a")), do(b, "revoke", reason("b")))
		}
		if round%4 != 0 {
			calls = append(calls, do(a, "supersede", award(kind, round)), do(b, "supersede", award(kind, round)))
		}
		rand.Shuffle(len(calls), func(i, j int) { calls[i], calls[j] = calls[j], calls[i] })
		atOnce(calls...)
		end := a.say("GET", path, nil, "")
		state := end.text("state")
		_, present, _ := a.call("GET", path+"/artifacts/vc", "", nil, "Accept", "*/*")
		for n, s := range both {
			v := s.say("GET", public, nil, "")
			if holds := state == "issued"; holds != (v.text("outcome") == "valid") || holds == s.bit(present) {
				t.Errorf("round %d: process %d: %s, found %s %v, bit %t", round, n, state, v.text("outcome"), v.data["reason"], s.bit(present))
			}
			if string(present) != string(first) && !s.bit(first) {
				t.Errorf("round %d: process %d: the first form still counts", round, n)
			}
		}
		if (end.text("supersededBy") != "") != (state == "superseded") {
			t.Errorf("round %d: %s, superseded by %q", round, state, end.text("supersededBy"))
		}
	}
}

// TestTwoSameCall: the same call at both processes at once has one effect and one answer,
// by Idempotency-Key or by an id of the caller's own.
func TestTwoSameCall(t *testing.T) {
	a, b := twoServed(t)
	kind := a.trainingType("vc")
	issuer := a.data("GET", "/v1/credential-types/"+kind, nil, 200)["issuer"]
	made := func(in map[string]any, publish bool) string {
		in["publish"] = publish
		return "/v1/credentials/" + a.say("POST", "/v1/credentials", in, "").text("id")
	}
	own := func(n int) map[string]any {
		in := award(kind, n)
		in["id"] = fmt.Sprint("OWN-", n)
		return in
	}
	for n := range 8 {
		for name, call := range map[string]struct {
			path string
			in   any
			key  bool
		}{
			"issue":     {"/v1/credentials", award(kind, n), true},
			"own id":    {"/v1/credentials", own(n), false},
			"publish":   {made(award(kind, n), false) + "/publish", map[string]any{}, true},
			"revoke":    {made(award(kind, n), true) + "/revoke", map[string]any{"reason": "r"}, true},
			"supersede": {made(award(kind, n), true) + "/supersede", award(kind, n), true},
			"expiry":    {made(award(kind, n), true) + "/expiry", map[string]any{"validUntil": "2040-01-01T00:00:00Z"}, true},
			"issuer":    {"/v1/issuers", map[string]any{"key": fmt.Sprint("i", n), "name": "X"}, true},
			"type":      {"/v1/credential-types", map[string]any{"key": fmt.Sprint("t", n), "issuer": issuer, "displayName": "X", "kind": "certificate", "outputs": []string{"vc"}, "fields": []any{}}, true},
			"key":       {"/v1/api-keys", map[string]any{"name": "X", "scopes": []string{"read"}}, true},
		} {
			key := ""
			if call.key {
				key = fmt.Sprintf("%s-%d", name[:3], n)
			}
			var x, y said
			atOnce(func() { x = a.say("POST", call.path, call.in, key) }, func() { y = b.say("POST", call.path, call.in, key) })
			if x.status >= 300 || y.status >= 300 || call.key && x.status != y.status || x.text("id") == "" || x.text("id") != y.text("id") || x.text("secret") != y.text("secret") {
				t.Errorf("%s: found %d %s %s and %d %s %s", name, x.status, x.code, x.text("id"), y.status, y.code, y.text("id"))
			}
		}
	}
}

// TestTwoRotate: a key of the issuer is exchanged by one process and another while both issue
// and revoke with it: what was issued holds, but what a key has signed that was then
// said to be compromised; both processes agree on each, and go on issuing.
func TestTwoRotate(t *testing.T) {
	a, b := twoServed(t)
	both := []*served{a, b}
	kind := a.trainingType("vc")
	issuer := a.data("GET", "/v1/credential-types/"+kind, nil, 200)["issuer"].(string)
	var mu sync.Mutex
	revoked := map[string]bool{}
	stop := make(chan bool)
	var wg sync.WaitGroup
	for _, s := range both {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				got := s.say("POST", "/v1/credentials", award(kind, n), "")
				if got.status != 201 {
					t.Errorf("issue: %d %s", got.status, got.code)
					continue
				}
				if n%3 == 0 {
					s.data("POST", "/v1/credentials/"+got.text("id")+"/revoke", map[string]any{"reason": "x"}, 200)
				}
				mu.Lock()
				revoked[got.text("publicId")] = n%3 == 0
				mu.Unlock()
			}
		})
	}
	for n := range 6 {
		in := map[string]any{"compromised": n == 3}
		if got := both[n%2].say("POST", "/v1/issuers/"+issuer+"/keys", in, ""); got.status >= 300 {
			t.Errorf("rotate: %d %s", got.status, got.code)
		}
		time.Sleep(150 * time.Millisecond)
	}
	close(stop)
	wg.Wait()
	time.Sleep(1100 * time.Millisecond) // what is known of an issuer is a second old at most
	found := map[string]int{}
	for public, gone := range revoked {
		x, y := a.say("GET", "/v1/verify/"+public, nil, ""), b.say("GET", "/v1/verify/"+public, nil, "")
		reason := fmt.Sprint(x.data["reason"])
		found[reason]++
		switch {
		case x.text("outcome") != y.text("outcome") || x.text("reason") != y.text("reason"):
			t.Errorf("one process found %v %v, the other %v %v", x.data["outcome"], reason, y.data["outcome"], y.data["reason"])
		case (x.text("outcome") == "valid") == (gone || reason == "key_revoked"), gone && reason != "revoked" && reason != "key_revoked":
			t.Errorf("revoked %t, found %v %v", gone, x.data["outcome"], reason)
		}
	}
	t.Log(found)
	for _, s := range both {
		got := s.say("POST", "/v1/credentials", award(kind, 1), "")
		if v := s.say("GET", "/v1/verify/"+got.text("publicId"), nil, ""); v.text("outcome") != "valid" {
			t.Errorf("afterwards: found %v %v", v.data["outcome"], v.data["reason"])
		}
	}
}

// TestTwoQuota: what may be issued in a month is counted over all processes, drafts when
// they are published.
func TestTwoQuota(t *testing.T) {
	const allowed = 20
	a, b := twoServed(t, fmt.Sprint("CHANCERY_QUOTA_LIVE=", allowed))
	out, err := a.chancery("keys", "create", "--tenant", "dev", "--environment", "live", "--name", "x", "--scope", "issue,read,types,keys", "--data", t.TempDir())
	if a.key = printedKey.FindString(out); a.key == "" {
		t.Fatal(out, err)
	}
	b.key = a.key
	a.data("POST", "/v1/issuers", map[string]any{"key": "i", "name": "X"}, 201)
	kind := a.trainingType("vc")
	var mu sync.Mutex
	statuses := map[int]int{}
	var calls []func()
	for n := range 2 * allowed {
		s := []*served{a, b}[n/2%2]
		calls = append(calls, func() {
			in := award(kind, n)
			in["publish"] = n%2 == 0
			got := s.say("POST", "/v1/credentials", in, "")
			if n%2 != 0 {
				got = s.say("POST", "/v1/credentials/"+got.text("id")+"/publish", map[string]any{}, "")
			}
			mu.Lock()
			defer mu.Unlock()
			statuses[got.status]++
		})
	}
	atOnce(calls...)
	if statuses[200]+statuses[201] != allowed || statuses[402] != allowed {
		t.Errorf("expected %d issued and as many refused, found %v", allowed, statuses)
	}
}

// TestTwoAddresses: a process that would write another address into credentials and lists
// than one that serves from the same database is refused, a worker without one too; when all
// have ended, another address is taken.
func TestTwoAddresses(t *testing.T) {
	env := postgresEnv(t)
	a := startServiceWith(t, env, "--data", t.TempDir())
	id, public := a.issue(a.trainingType("vc"), "Aina Rahman")
	other := *a
	for what, address := range map[string]string{"another": "http://" + freePort(t), "none": ""} {
		other.env = append(slices.Clone(a.env), "CHANCERY_PUBLIC_URL="+address)
		for _, args := range [][]string{{"serve", "--listen", freePort(t)}, {"serve", "--role", "worker"}} {
			if out, err := other.chancery(append(args, "--data", t.TempDir())...); err == nil || !strings.Contains(out, "publicURL: expected the address of the other processes") {
				t.Errorf("%s, %v: %v: %s", what, args, err, out)
			}
		}
	}
	a.data("POST", "/v1/credentials/"+id+"/revoke", map[string]any{"reason": "test"}, 200)
	a.verifies(public, "invalid", "revoked")
	a.kill()
	a.env = append(slices.Clone(a.env), "CHANCERY_PUBLIC_URL=http://"+freePort(t))
	a.start()
	a.stop()
}
