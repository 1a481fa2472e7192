package fuzz

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
)

// addHostile adds JSON built to hurt.
func addHostile(f *testing.F) {
	for _, s := range []string{
		strings.Repeat("[", 70) + strings.Repeat("]", 70), strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70), `{"a":1,"a":2}`, `{"a":1e400}`, `{"a":9007199254740993}`,
		`{"a":"\ud800"}`, "\xef\xbb\xbf{}", `{} {}`, "", "null", `"` + strings.Repeat(`\u0041`, 500) + `"`, "[" + strings.Repeat("0,", 500) + "0]", strings.Repeat(".", 2000),
		`{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["EnvelopedVerifiableCredential"],"id":"data:application/vc+jwt,a.b.c"}`,
		`{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["EnvelopedVerifiablePresentation"],"id":"data:application/vp+jwt;base64,YS5iLmM="}`,
	} {
		f.Add([]byte(s))
	}
}

// FuzzParse: what is read keeps its bytes, and its readers agree with each other.
func FuzzParse(f *testing.F) {
	addVectors(f, false)
	addHostile(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		inTime(t, func() {
			c, err := chancery.Parse(b)
			if (c == nil) == (err == nil) {
				t.Fatal("both or neither")
			}
			if err != nil {
				return
			}
			if !bytes.Equal(c.Raw(), b) {
				t.Fatal("other bytes than those received")
			}
			if !c.HasType("VerifiableCredential") || c.Issuer() == "" || len(c.Contexts()) == 0 {
				t.Fatal("a credential without its least parts")
			}
			_, _ = c.ValidFrom()
			_, _ = c.ValidUntil()
			_ = c.Status()
			_ = c.SubjectIDs()
			_ = chancery.CheckIssue(c)
			again, err := chancery.Parse(c.Raw())
			if err != nil || again.ID() != c.ID() || again.Model() != c.Model() {
				t.Fatalf("read another way the second time: %v", err)
			}
		})
	})
}

// FuzzParsePresentation: what is read keeps its bytes, and gives its credentials.
func FuzzParsePresentation(f *testing.F) {
	addVectors(f, false)
	addHostile(f)
	for _, b := range courtOf(f).texts {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		inTime(t, func() {
			p, err := chancery.ParsePresentation(b)
			if (p == nil) == (err == nil) {
				t.Fatal("both or neither")
			}
			if err != nil {
				return
			}
			if !bytes.Equal(p.Raw(), b) {
				t.Fatal("other bytes than those received")
			}
			_, _ = p.Credentials()
			_ = p.Holder()
		})
	})
}

// FuzzDetect: what bytes are is told without reading them through, and the answer has
// the same bytes, but for white space around a JWT.
func FuzzDetect(f *testing.F) {
	addVectors(f, true)
	addHostile(f)
	for _, b := range courtOf(f).texts {
		f.Add(b)
	}
	f.Add([]byte("%PDF-1.7\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		inTime(t, func() {
			s, err := chancery.Detect(b)
			if (s.MediaType == "") == (err == nil) {
				t.Fatal("both or neither")
			}
			if err == nil && !bytes.Equal(bytes.TrimSpace(s.Bytes), bytes.TrimSpace(b)) {
				t.Fatal("other bytes than those given")
			}
			again, err2 := chancery.Detect(s.Bytes)
			if err == nil && (err2 != nil || again.MediaType != s.MediaType) {
				t.Fatalf("%s, and then %s: %v", s.MediaType, again.MediaType, err2)
			}
		})
	})
}

// FuzzUnwrap: an envelope holds bytes of the type it names.
func FuzzUnwrap(f *testing.F) {
	addVectors(f, false)
	addHostile(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		inTime(t, func() {
			s, ok, err := chancery.Unwrap(b)
			if err != nil && len(s.Bytes) > 0 || ok && err == nil && (s.MediaType == "" || !strings.Contains(s.MediaType, "/")) {
				t.Fatalf("%v %v %v", s, ok, err)
			}
		})
	})
}

// FuzzFillDraft: a draft is completed to a credential that parses, or refused; what it
// says itself stays.
func FuzzFillDraft(f *testing.F) {
	addVectors(f, false)
	addHostile(f)
	f.Add([]byte(`{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"credentialSubject":{}}`))
	f.Add([]byte(`{"@context":["https://www.w3.org/2018/credentials/v1"],"type":["VerifiableCredential"],"issuer":{"name":"x"},"credentialSubject":{"id":"did:example:1"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		inTime(t, func() {
			c, err := chancery.FillDraft(b, chancery.Defaults{Issuer: "did:example:issuer", ValidFrom: now, Random: bytes.NewReader(make([]byte, 64))})
			if (c == nil) == (err == nil) {
				t.Fatal("both or neither")
			}
			if err != nil {
				return
			}
			if own, err := chancery.Parse(b); err == nil {
				if own.Issuer() != c.Issuer() || own.ID() != "" && own.ID() != c.ID() {
					t.Fatal("what the draft says was changed")
				}
				was, ok := own.ValidFrom()
				if is, ok2 := c.ValidFrom(); ok && (!ok2 || !is.Equal(was)) {
					t.Fatalf("validFrom %v became %v", was, is.In(time.UTC))
				}
			}
		})
	})
}
