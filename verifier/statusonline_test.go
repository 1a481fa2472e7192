package verifier_test

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/online"
)

// moved asks a test server for what lies at https://academy.example.
type moved struct {
	*online.Client
	base string
}

func (m moved) StatusList(ctx context.Context, url string) (verifier.Document, error) {
	return m.Client.StatusList(ctx, strings.Replace(url, "https://academy.example", m.base, 1))
}

// TestStatusFailures: each way in which a list does not count has its Reason, whether
// the list is pinned or fetched, and none lets the credential pass.
func TestStatusFailures(t *testing.T) {
	failures := statusFailures(t)
	var name string
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/status/7" || failures[name].list == "" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(failures[name].list))
	}))
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	client, err := online.New(online.Config{Clock: time.Now, RootCAs: roots, StatusTTL: -1, InsecureAllowLoopback: true})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, away := net.Dial("tcp", s.Listener.Addr().String())
	if away == nil {
		conn.Close()
	}
	k := newKey(t, "issuer")
	for n, f := range failures {
		name = n
		e := f.entry
		if e == "" {
			e = entry(7, "revocation", "")
		}
		credential := vc(sign(t, with(t, draft(t, k.did), `"credentialStatus":`+e), k, proofOf{}))
		for _, way := range []string{"pinned", "online"} {
			t.Run(n+"/"+way, func(t *testing.T) {
				trust := verifier.TrustAny()
				cfg := verifier.Config{Trust: trust, Clock: clockAt(now)}
				if way == "online" {
					if away != nil {
						t.Skip("no loopback here: ", away)
					}
					cfg.Status = moved{client, s.URL}
				} else if f.list != "" {
					trust.Documents = []verifier.PinnedDocument{pin(verifier.KindStatusList, listURL, f.list)}
				}
				v, err := verifier.New(cfg)
				if err != nil {
					t.Fatal(err)
				}
				r := judge(t, v, credential)
				if r.Outcome != verifier.Indeterminate || r.Reason != f.want {
					t.Errorf("expected %s\n%s", string(f.want), explain(r))
				}
				if r.Lifecycle != "" {
					t.Errorf("expected no lifecycle, found %s", r.Lifecycle)
				}
				if r.Offline != (way == "pinned") {
					t.Errorf("offline %v", r.Offline)
				}
			})
		}
	}
}

// TestStatusGood: the positive controls of the same machinery.
func TestStatusGood(t *testing.T) {
	k := newKey(t, "issuer")
	message := `,"statusSize":2,"statusMessage":[{"status":"0x0","message":"a"},{"status":"0x1","message":"b"},{"status":"0x2","message":"c"},{"status":"0x3","message":"d"}]`
	wide := listBits(14, 15)
	wide = append(wide, make([]byte, len(wide))...)
	subject := func(purpose, bits string) string {
		return `"credentialSubject":{"id":"` + listURL + `#list","type":"BitstringStatusList","statusPurpose":` + purpose + `,"encodedList":"` + bits + `"}`
	}
	for name, c := range map[string]struct {
		entry, list string
		finding     string
	}{
		"clear":            {entry(7, "revocation", ""), statusList(t, k, listBits(6, 8)), ""},
		"last":             {entry(131071, "revocation", ""), statusList(t, k, listBits(131070)), ""},
		"several purposes": {entry(7, "suspension", ""), statusList(t, k, nil, subject(`["revocation","suspension"]`, encodeList(listBits()))), ""},
		"message":          {entry(7, "message", message), statusList(t, k, nil, subject(`"message"`, encodeList(wide))), "status_message"},
		"refresh":          {entry(7, "refresh", ""), statusList(t, k, nil, subject(`"refresh"`, encodeList(listBits(7)))), "refresh_available"},
		"list as a JWT":    {entry(7, "revocation", ""), jws(t, k, `{"alg":"EdDSA","typ":"vc+jwt","kid":"`+k.method+`"}`, statusDraft(t, k, listBits(8))), ""},
		"ttl not over":     {entry(7, "revocation", ""), statusList(t, k, nil, `"credentialSubject":{"id":"`+listURL+`#list","type":"BitstringStatusList","statusPurpose":"revocation","ttl":300000,"encodedList":"`+encodeList(listBits())+`"}`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := pin(verifier.KindStatusList, listURL, c.list)
			d.FetchedAt = now.Add(-4 * time.Minute)
			credential := vc(sign(t, with(t, draft(t, k.did), `"credentialStatus":`+c.entry), k, proofOf{}))
			r := judge(t, setup(t, verifier.Policy{}, d), credential)
			if r.Outcome != verifier.Valid || r.Lifecycle != verifier.Issued {
				t.Fatal(explain(r))
			}
			if c.finding != "" && !hasFinding(r, c.finding) {
				t.Error(explain(r))
			}
			if name != "ttl not over" {
				return
			}
			// The same copy a little later is too old, unless the caller takes it.
			d.FetchedAt = now.Add(-6 * time.Minute)
			if r := judge(t, setup(t, verifier.Policy{}, d), credential); r.Reason != verifier.StatusListExpired {
				t.Error(explain(r))
			}
			r = judge(t, setup(t, verifier.Policy{InsecureAcceptStaleStatus: true}, d), credential)
			if r.Outcome != verifier.Valid || !hasFinding(r, "stale_status") || len(r.Insecure) != 2 {
				t.Error(explain(r))
			}
		})
	}
}

func hasFinding(r *verifier.Report, code string) bool {
	for _, f := range r.Findings {
		if f.Code == code {
			return true
		}
	}
	return false
}

// TestTTLForms: a ttl is heeded in every form that says the same in RDF, and one that
// cannot be read makes the list undecided.
func TestTTLForms(t *testing.T) {
	k := newKey(t, "issuer")
	credential := vc(sign(t, draft(t, k.did, `"credentialStatus":`+entry(7, "revocation", "")), k, proofOf{}))
	for ttl, want := range map[string]verifier.Reason{
		`300000`: verifier.StatusListExpired, `[300000]`: verifier.StatusListExpired, `"300000"`: verifier.StatusListExpired, `3e5`: verifier.StatusListExpired, `0`: verifier.StatusListExpired,
		`600000`: "", `[600000]`: "", `"600000"`: "", `9e15`: "",
		`{"@value":300000}`: verifier.StatusListMalformed, `"5 min"`: verifier.StatusListMalformed, `-1`: verifier.StatusListMalformed, `true`: verifier.StatusListMalformed, `[300000,600000]`: verifier.StatusListMalformed,
	} {
		d := pin(verifier.KindStatusList, listURL, statusList(t, k, nil, `"credentialSubject":{"id":"`+listURL+`#list","type":"BitstringStatusList","statusPurpose":"revocation","ttl":`+ttl+`,"encodedList":"`+encodeList(listBits())+`"}`))
		d.FetchedAt = now.Add(-6 * time.Minute)
		if r := judge(t, setup(t, verifier.Policy{}, d), credential); r.Reason != want {
			t.Errorf("%s: expected %q, found %s", ttl, want, explain(r))
		}
	}
}
