package serving_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/online"
)

// abroad is an issuer that this installation does not keep.
type abroad struct {
	t    testing.TB
	did  string
	sign signer.DataIntegrity
}

func newAbroad(t testing.TB) *abroad {
	t.Helper()
	private, err := signer.Generate(signer.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	key, err := signer.NewKey(private)
	if err != nil {
		t.Fatal(err)
	}
	did, _, err := signer.Identifier(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return &abroad{t: t, did: did, sign: signer.DataIntegrity{Key: key, Created: time.Now().Add(-time.Hour)}}
}

func (a *abroad) secure(d chancery.Draft) []byte {
	a.t.Helper()
	d.Issuer = a.did
	c, err := d.Build()
	if err != nil {
		a.t.Fatal(err)
	}
	signed, err := a.sign.Sign(context.Background(), c)
	if err != nil {
		a.t.Fatal(err)
	}
	return signed.Bytes
}

// foreignList is what a status list is like; zero members are those of a good one.
type foreignList struct {
	by      *abroad
	purpose string
	entries int
	set     int // index that is set, 0: none
	ended   bool
	text    string // instead of the packed bits
}

func (l foreignList) make(url string) []byte {
	if l.purpose == "" {
		l.purpose = "revocation"
	}
	if l.entries == 0 {
		l.entries = signer.MinStatusEntries
	}
	bits := make([]byte, l.entries/8)
	if l.set > 0 {
		bits[l.set/8] |= 0x80 >> (l.set % 8)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write(bits)
	w.Close()
	text := l.text
	if text == "" {
		text = "u" + base64.RawURLEncoding.EncodeToString(packed.Bytes())
	}
	now := time.Now().Truncate(time.Second)
	d := chancery.Draft{
		ID: url, Types: []string{"BitstringStatusListCredential"}, ValidFrom: now.Add(-2 * time.Hour), ValidUntil: now.Add(time.Hour),
		Subject: map[string]any{"id": url + "#list", "type": "BitstringStatusList", "statusPurpose": l.purpose, "encodedList": text},
	}
	if l.ended {
		d.ValidUntil = now.Add(-time.Hour)
	}
	return l.by.secure(d)
}

// TestStatusFailures: of a credential of another issuer whose status list cannot be had or
// is not to be believed, no verdict is valid: neither where lists are fetched, nor where
// they are pinned in the trust file.
func TestStatusFailures(t *testing.T) {
	issuer, other := newAbroad(t), newAbroad(t)
	status, list := 200, []byte(nil)
	elsewhere := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/vc")
		w.WriteHeader(status)
		w.Write(list)
	}))
	elsewhere.StartTLS()
	defer elsewhere.Close()
	gone := httptest.NewTLSServer(http.NotFoundHandler())
	gone.Close()
	roots := x509.NewCertPool()
	roots.AddCert(elsewhere.Certificate())
	spoil := func(b []byte) []byte {
		i := bytes.Index(b, []byte(`"proofValue":"z`)) + len(`"proofValue":"z`) + 20
		b = bytes.Clone(b)
		if b[i]++; b[i] == ':' || b[i] == '[' || b[i] == '{' || b[i] == 'I' || b[i] == 'O' || b[i] == 'l' {
			b[i] = '2'
		}
		return b
	}
	for name, c := range map[string]struct {
		status  int                 // of the answer, 0: 200
		missing bool                // nobody listens
		make    func(string) []byte // the list
		index   int                 // of the credential, 0: 7
		outcome string
		reason  verifier.Reason
	}{
		"good":               {make: foreignList{by: issuer}.make, outcome: "valid"},
		"set":                {make: foreignList{by: issuer, set: 7}.make, outcome: "invalid", reason: verifier.CredentialRevoked},
		"missing":            {missing: true, outcome: "indeterminate", reason: "status_unreachable"},
		"not found":          {status: 404, make: foreignList{by: issuer}.make, outcome: "indeterminate", reason: "status_unreachable"},
		"fault":              {status: 500, make: foreignList{by: issuer}.make, outcome: "indeterminate", reason: "status_unreachable"},
		"expired":            {make: foreignList{by: issuer, ended: true}.make, outcome: "indeterminate", reason: "status_list_expired"},
		"badly signed":       {make: func(u string) []byte { return spoil(foreignList{by: issuer}.make(u)) }, outcome: "indeterminate", reason: "status_list_signature"},
		"of another issuer":  {make: foreignList{by: other}.make, outcome: "indeterminate", reason: "status_list_issuer"},
		"of another purpose": {make: foreignList{by: issuer, purpose: "suspension"}.make, outcome: "indeterminate", reason: "status_purpose_mismatch"},
		"index out of range": {make: foreignList{by: issuer}.make, index: signer.MinStatusEntries, outcome: "indeterminate", reason: "status_index_range"},
		"too short":          {make: foreignList{by: issuer, entries: 1024}.make, outcome: "indeterminate", reason: "status_list_too_short"},
		"not packed":         {make: foreignList{by: issuer, text: "uAAAA"}.make, outcome: "indeterminate", reason: "status_list_malformed"},
		"of another address": {make: func(string) []byte { return foreignList{by: issuer}.make("https://elsewhere.example/list") }, outcome: "indeterminate", reason: "status_list_type"},
		"not a credential":   {make: func(string) []byte { return []byte(`{"valid":true}`) }, outcome: "indeterminate", reason: "status_list_type"},
		"unsigned": {make: func(u string) []byte {
			b := foreignList{by: issuer}.make(u)
			i := bytes.Index(b, []byte(`,"proof"`))
			return append(bytes.Clone(b[:i]), '}')
		}, outcome: "indeterminate", reason: "status_list_signature"},
	} {
		t.Run(name, func(t *testing.T) {
			url := elsewhere.URL + "/list/" + base64.RawURLEncoding.EncodeToString([]byte(name))
			if c.missing {
				url = gone.URL + "/list"
			}
			if c.index == 0 {
				c.index = 7
			}
			if status = c.status; status == 0 {
				status = 200
			}
			if list = nil; c.make != nil {
				list = c.make(url)
			}
			credential := issuer.secure(chancery.Draft{
				ID: "urn:uuid:6f1d3a8e-3f0a-4b52-8f0b-0a5f5d8f2c11", Types: []string{"VerifiableCredential"}, ValidFrom: time.Now().Add(-time.Hour),
				Subject: map[string]any{"id": "did:example:holder"},
				Status:  []chancery.StatusEntry{{ID: url + "#" + strconv.Itoa(c.index), Type: "BitstringStatusListEntry", Purpose: "revocation", ListIndex: strconv.Itoa(c.index), ListCredential: url}},
			})
			for _, mode := range []string{"online", "offline"} {
				trust := &verifier.Trust{Issuers: []verifier.TrustedIssuer{{ID: issuer.did}, {ID: other.did}}}
				f := newFort(t, func(p *serving.Parts) {
					p.Trust = trust
					if mode == "online" {
						client, err := online.New(online.Config{Clock: time.Now, RootCAs: roots, InsecureAllowLoopback: true, StatusTTL: -1})
						if err != nil {
							t.Fatal(err)
						}
						p.Online = client
					} else if list != nil && status == 200 {
						trust.Documents = []verifier.PinnedDocument{{URL: url, Kind: verifier.KindStatusList, Document: list, FetchedAt: time.Now()}}
					}
				})
				got := f.call("", "POST", "/v1/verify", append(append([]byte(`{"credential":`), credential...), '}'))
				if got.status != 200 {
					t.Fatalf("%s: %d %s", mode, got.status, got.body)
				}
				t.Logf("%s: %s %s", mode, got.text("outcome"), got.text("reason"))
				if (got.text("outcome") == "valid") != (name == "good") {
					t.Errorf("%s: found %s", mode, got.body)
				}
				if c.outcome != "" && got.text("outcome") != c.outcome || c.reason != "" && got.text("reason") != string(c.reason) {
					t.Errorf("%s: expected %s %s, found %s %s", mode, c.outcome, c.reason, got.text("outcome"), got.text("reason"))
				}
			}
		})
	}
}
