package did

import (
	"errors"
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	for s, want := range map[string]URL{
		"did:web:example.com":               {DID: DID{"web", "example.com"}},
		"did:web:example.com%3A8443:a:b":    {DID: DID{"web", "example.com%3A8443:a:b"}},
		"did:example:a::b":                  {DID: DID{"example", "a::b"}},
		"did:example::b":                    {DID: DID{"example", ":b"}},
		"did:3:kjz":                         {DID: DID{"3", "kjz"}},
		"did:example:123#key-1":             {DID: DID{"example", "123"}, Fragment: "key-1", HasFragment: true},
		"did:example:123#":                  {DID: DID{"example", "123"}, HasFragment: true},
		"did:example:123/p/q?a=b&c#f/?x":    {DID: DID{"example", "123"}, Path: "/p/q", Query: "a=b&c", Fragment: "f/?x", HasFragment: true},
		"did:example:123?service=x":         {DID: DID{"example", "123"}, Query: "service=x"},
		"did:example:A-b_c.d%20e":           {DID: DID{"example", "A-b_c.d%20e"}},
		"did:example:123?versionTime=2021#": {DID: DID{"example", "123"}, Query: "versionTime=2021", HasFragment: true},
	} {
		got, err := ParseURL(s)
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v", s, got, err)
		}
		_, err = Parse(s)
		if isDID := !strings.ContainsAny(s, "/?#"); (err == nil) != isDID {
			t.Errorf("%s: Parse: %v", s, err)
		}
	}
	for _, s := range []string{
		"", "did", "did:", "did:web", "did:web:", "did::x", "DID:web:x", "did:Web:x", "did:we-b:x", " did:web:x", "did:web:x ",
		"did:web:x:", "did:web:x#a#b", "did:web:x%", "did:web:x%2", "did:web:x%2g", "did:web:é", "did:web:x@y", "did:web:x\n",
		"did:web:x\x00", "did:web:x/ ", "did:web:x?\"", "did:web:x#<", "did:web:x#%zz", "did:web:#a", "did:web:/p", "did:web:?q",
		"did:web:" + strings.Repeat("x", 9000), "https://example.com", "did:web:x\\y", "did:web:[::1]", "did:web:x#é",
	} {
		if u, err := ParseURL(s); !errors.Is(err, ErrSyntax) {
			t.Errorf("%q: got %+v, %v, want ErrSyntax", s, u, err)
		}
	}
}

func TestDocumentID(t *testing.T) {
	for s, want := range map[string]string{
		"did:web:example.com#k":         "did:web:example.com",
		"did:web:example.com":           "did:web:example.com",
		"https://example.com/i#k":       "https://example.com/i",
		"https://example.com":           "https://example.com",
		"https://example.com:8443/?a#k": "https://example.com:8443/?a",
	} {
		if got, err := DocumentID(s); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", s, got, err, want)
		}
	}
	for s, want := range map[string]error{
		"did:web:x/path#k":                     ErrUnsupported,
		"did:web:x?versionId=1#k":              ErrUnsupported,
		"did:web:x?#k":                         ErrUnsupported,
		"http://example.com/#k":                ErrSyntax,
		"https:///path":                        ErrSyntax,
		"https://":                             ErrSyntax,
		"https://user@example.com/":            ErrSyntax,
		"https://user:p@example.com":           ErrSyntax,
		"https://exa mple.com/":                ErrSyntax,
		"https://example.com/a b":              ErrSyntax,
		"https://example.com/é":                ErrSyntax,
		"https://example.com\\@evil":           ErrSyntax,
		"https://example.com/\\evil":           ErrSyntax,
		"https://ex%61mple.com/":               ErrSyntax,
		"https://example.com:x/":               ErrSyntax,
		"https://example.com#a#b":              ErrSyntax,
		"HTTPS://example.com":                  ErrSyntax,
		"//example.com":                        ErrSyntax,
		"urn:uuid:1":                           ErrSyntax,
		"file:///etc/passwd":                   ErrSyntax,
		"":                                     ErrSyntax,
		"#key":                                 ErrSyntax,
		"https://" + strings.Repeat("x", 9000): ErrSyntax,
	} {
		if got, err := DocumentID(s); !errors.Is(err, want) || got != "" {
			t.Errorf("%q: got %q, %v, want %v", s, got, err, want)
		}
	}
}

func TestWebURL(t *testing.T) {
	for did, want := range map[string]string{
		"did:web:w3c-ccg.github.io":                      "https://w3c-ccg.github.io/.well-known/did.json",
		"did:web:w3c-ccg.github.io:user:alice":           "https://w3c-ccg.github.io/user/alice/did.json",
		"did:web:example.com%3A3000":                     "https://example.com:3000/.well-known/did.json",
		"did:web:example.com%3a3000:user:alice":          "https://example.com:3000/user/alice/did.json",
		"did:web:localhost%3A8443":                       "https://localhost:8443/.well-known/did.json",
		"did:web:xn--bcher-kva.example":                  "https://xn--bcher-kva.example/.well-known/did.json",
		"did:web:digitalcredentials.github.io:a-b:c_d.e": "https://digitalcredentials.github.io/a-b/c_d.e/did.json",
		"did:web:example.com:a%20b":                      "https://example.com/a%20b/did.json",
	} {
		if got, err := WebURL(did); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", did, got, err, want)
		}
	}
	for did, want := range map[string]error{
		"did:web:127.0.0.1":                            ErrSyntax,
		"did:web:127.1":                                ErrSyntax,
		"did:web:0x7f000001":                           ErrSyntax,
		"did:web:2130706433":                           ErrSyntax,
		"did:web:%5B%3A%3A1%5D":                        ErrSyntax,
		"did:web:example.com.":                         ErrSyntax,
		"did:web:.example.com":                         ErrSyntax,
		"did:web:exa..mple.com":                        ErrSyntax,
		"did:web:-example.com":                         ErrSyntax,
		"did:web:example-.com":                         ErrSyntax,
		"did:web:exam_ple.com":                         ErrSyntax,
		"did:web:user%40example.com":                   ErrSyntax,
		"did:web:example.com%2Fpath":                   ErrSyntax,
		"did:web:example.com%3A":                       ErrSyntax,
		"did:web:example.com%3A0":                      ErrSyntax,
		"did:web:example.com%3A65536":                  ErrSyntax,
		"did:web:example.com%3A080":                    ErrSyntax,
		"did:web:example.com%3A80%3A80":                ErrSyntax,
		"did:web:example.com%3A-1":                     ErrSyntax,
		"did:web:example.com%3A8%400":                  ErrSyntax,
		"did:web:example.com%3Aabc":                    ErrSyntax,
		"did:web:example.com::a":                       ErrSyntax,
		"did:web::a":                                   ErrSyntax,
		"did:web:example.com:..:a":                     ErrSyntax,
		"did:web:example.com:.":                        ErrSyntax,
		"did:web:example.com:%2e%2e:a":                 ErrSyntax,
		"did:web:example.com:.%2E":                     ErrSyntax,
		"did:web:example.com:a%2Fb":                    ErrSyntax,
		"did:web:example.com:a%5Cb":                    ErrSyntax,
		"did:web:example.com:a%3Fb":                    ErrSyntax,
		"did:web:example.com:a%23b":                    ErrSyntax,
		"did:web:example.com:a%00":                     ErrSyntax,
		"did:web:example.com:a%0D%0Ab":                 ErrSyntax,
		"did:web:example.com:%252e%252e":               ErrSyntax,
		"did:web:example.com#key":                      ErrSyntax,
		"did:web:example.com/path":                     ErrSyntax,
		"did:web:example.com?x":                        ErrSyntax,
		"did:web:exämple.com":                          ErrSyntax,
		"did:key:z6Mk":                                 ErrUnsupported,
		"did:webs:example.com":                         ErrUnsupported,
		"https://example.com":                          ErrSyntax,
		"did:web:" + strings.Repeat("a.", 127) + "com": ErrSyntax,
		"did:web:" + strings.Repeat("a", 64) + ".com":  ErrSyntax,
	} {
		if got, err := WebURL(did); !errors.Is(err, want) || got != "" {
			t.Errorf("%s: got %q, %v, want %v", did, got, err, want)
		}
	}
}

// FuzzWebURL: whatever is accepted has one host, the one written, and a path that
// only goes down.
func FuzzWebURL(f *testing.F) {
	f.Add("did:web:example.com%3A3000:user:alice")
	f.Add("did:web:example.com:%2e%2e:a")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := WebURL(s)
		if err != nil {
			return
		}
		if err := checkHTTPS(got); err != nil {
			t.Fatalf("%q gives %q: %v", s, got, err)
		}
		if strings.Contains(got, "/../") || strings.Contains(got, "/./") || strings.Contains(got[len("https://"):], "//") || strings.Contains(got, "@") {
			t.Fatalf("%q gives %q", s, got)
		}
		if id, err := DocumentID(s); err != nil || id != s {
			t.Fatalf("%q: document is %q, %v", s, id, err)
		}
	})
}
