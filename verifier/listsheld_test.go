package verifier_test

import (
	"context"
	"crypto/elliptic"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/verifier"
)

// sourceOf answers by address, and counts.
type sourceOf struct {
	asked *atomic.Int64
	text  func(url string) string
}

func (s sourceOf) StatusList(_ context.Context, url string) (verifier.Document, error) {
	s.asked.Add(1)
	return verifier.Document{URL: url, Bytes: []byte(s.text(url))}, nil
}

func (s sourceOf) Controller(ctx context.Context, url string) (verifier.Document, error) {
	return s.StatusList(ctx, url)
}
func (s sourceOf) JWKS(ctx context.Context, url string) (verifier.Document, error) {
	return s.StatusList(ctx, url)
}

// presentationOf is a signed presentation of credentials.
func presentationOf(tb testing.TB, k signKey, inner []string) string {
	return sign(tb, `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"],"verifiableCredential":[`+strings.Join(inner, ",")+`]}`, k, proofOf{purpose: "authentication", suite: "eddsa-jcs-2022"})
}

// TestListReadOnce: a list that a thousand credentials name is read once for all of them,
// and says of each what it says of that one.
func TestListReadOnce(t *testing.T) {
	k := newKey(t, "issuer")
	bits := make([]byte, 8<<20)
	bits[8] = 0x40 // index 65
	list := statusList(t, k, bits)
	ids := `{"revokedCredential":[{"id":"urn:x:17"}]}`
	var asked atomic.Int64
	v, err := verifier.New(verifier.Config{Trust: verifier.TrustAny(), Clock: clockAt(now), Status: sourceOf{&asked, func(url string) string {
		if url == listURL {
			return list
		}
		return ids
	}}})
	if err != nil {
		t.Fatal(err)
	}
	var inner []string
	for i := range 100 {
		status := entry(i, "revocation", "") + strings.Repeat(","+entry(7, "revocation", ""), 14) + `,{"id":"https://academy.example/ids","type":"1EdTechRevocationList"}`
		ext := `"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/ob/v3p0/extensions.json"]`
		inner = append(inner, sign(t, draft(t, k.did, ext, fmt.Sprintf(`"id":"urn:x:%d"`, i), `"credentialStatus":[`+status+`]`), k, proofOf{suite: "eddsa-jcs-2022"}))
	}
	r := judge(t, v, raw(presentationOf(t, k, inner)))
	if asked.Load() != 2 { // reading the lists for each entry took 20 s
		t.Errorf("asked %d times", asked.Load())
	}
	for i, s := range r.Sub {
		want := verifier.Reason("")
		if i == 17 || i == 65 {
			want = verifier.CredentialRevoked
		}
		if s.Report.Reason != want {
			t.Errorf("%d: expected %q, found %s", i, want, explain(s.Report))
		}
	}
}

// TestReadIsBounded: lists and key documents at ever new addresses, each as large as it
// may be.
func TestReadIsBounded(t *testing.T) {
	k := newKey(t, "issuer")
	packed := encodeList(make([]byte, 8<<20))
	methods := strings.Repeat(`{"id":"urn:x:y#1","type":"Multikey","publicKeyMultibase":"z"},`, 900)
	padding := strings.Repeat(" ", 900<<10)
	key := newECKey(t, elliptic.P384())
	for name, text := range map[string]func(url string) string{
		"lists": func(url string) string {
			return statusList(t, k, nil, `"id":"`+url+`"`, `"credentialSubject":{"id":"`+url+`#list","type":"BitstringStatusList","statusPurpose":"revocation","encodedList":"`+packed+`"}`)
		},
		"key documents": func(url string) string {
			return `{"id":"` + url + `",` + padding + `"verificationMethod":[` + methods + `{"id":"#k","type":"Multikey","controller":"` + url + `","publicKeyMultibase":"` + key.multibase() + `"}],"assertionMethod":["#k"]}`
		},
	} {
		var asked atomic.Int64
		s := sourceOf{&asked, text}
		v, err := verifier.New(verifier.Config{Trust: verifier.TrustAny(), Clock: clockAt(now), Status: s, Keys: s})
		if err != nil {
			t.Fatal(err)
		}
		var inner []string
		for i := range 150 {
			if name == "lists" {
				inner = append(inner, sign(t, draft(t, k.did, `"credentialStatus":`+strings.ReplaceAll(entry(7, "revocation", ""), listURL, fmt.Sprintf("https://academy.example/%d", i))), k, proofOf{}))
			} else {
				id := fmt.Sprintf("did:web:evil%d.example", i)
				inner = append(inner, sign(t, draft(t, id), k.as(id, "k"), proofOf{suite: "eddsa-jcs-2022"}))
			}
		}
		start := time.Now()
		r := judge(t, v, raw(presentationOf(t, k, inner)))
		last := r.Sub[len(r.Sub)-1].Report
		t.Logf("%s: asked %d times, %v", name, asked.Load(), time.Since(start))
		if want := map[string]verifier.Reason{"lists": verifier.StatusUnreachable, "key documents": verifier.KeyUnreachable}[name]; last.Reason != want {
			t.Errorf("%s: expected %q, found %s", name, want, explain(last))
		}
	}
}
