package did

import (
	"errors"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

func TestResolvePure(t *testing.T) {
	jwk := "did:jwk:" + multikey.EncodeBase64URL([]byte(edJWK))
	for did, fragment := range map[string]string{"did:key:" + edKey: edKey, "did:key:" + p256Key: p256Key, jwk: "0"} {
		for _, id := range []string{did, did + "#" + fragment} {
			d, err := ResolvePure(id)
			if err != nil {
				t.Fatalf("%s: %v", id, err)
			}
			if d.ID != did || len(d.Methods) != 1 || !IsPure(id) {
				t.Errorf("%s: got %+v", id, d)
			}
			for _, ask := range []string{did, did + "#" + fragment} {
				m, err := d.Method(ask, AssertionMethod)
				if err != nil || m.ID != did+"#"+fragment || m.Controller != did || m.Key == nil {
					t.Errorf("%s asked for %s: got %+v, %v", id, ask, m, err)
				}
			}
			if _, err := d.Method(did, KeyAgreement); !errors.Is(err, ErrPurpose) {
				t.Errorf("%s: a key that signs agrees on keys: %v", id, err)
			}
			if _, err := d.Method(did+"#other", AssertionMethod); !errors.Is(err, ErrNoMethod) {
				t.Errorf("%s: another fragment: %v", id, err)
			}
		}
	}
	enc := "did:jwk:" + multikey.EncodeBase64URL([]byte(strings.Replace(edJWK, "{", `{"use":"enc",`, 1)))
	if d, err := ResolvePure(enc); err != nil {
		t.Error(err)
	} else if _, err := d.Method(enc, AssertionMethod); !errors.Is(err, ErrPurpose) {
		t.Errorf("a key for encryption signs: %v", err)
	}
	secret := strings.Replace(edJWK, "{", `{"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",`, 1)
	for id, want := range map[string]error{
		"did:key:" + edKey + "#" + p256Key:                         ErrNoMethod,
		"did:key:" + edKey + "#":                                   ErrNoMethod,
		"did:key:" + edKey + "#0":                                  ErrNoMethod,
		"did:key:" + edKey + "#" + edKey[:len(edKey)-1]:            ErrNoMethod,
		"did:key:" + edKey + "?x=y":                                ErrSyntax,
		"did:key:" + edKey + "?#" + edKey:                          ErrNoMethod,
		"did:key:" + edKey + "/p#" + edKey:                         ErrSyntax,
		"did:key:" + edKey + ":" + edKey:                           multikey.ErrEncoding,
		"did:key:1.1:" + edKey:                                     multikey.ErrEncoding,
		"did:key:" + edKey[1:]:                                     multikey.ErrEncoding,
		"did:key:z":                                                multikey.ErrEncoding,
		"did:key:u7QEE":                                            multikey.ErrEncoding,
		"did:key:z3u2en7t5LR2WtQH5PfFqMqwVHBeXouLzo6haApm8XHqvjxq": multikey.ErrPrivate,
		jwk + "#1":        ErrNoMethod,
		jwk + "#":         ErrNoMethod,
		jwk + "#00":       ErrNoMethod,
		jwk + "=":         ErrSyntax,
		"did:jwk:AAAA":    nil,
		"did:jwk:e30":     multikey.ErrInvalidKey,
		"did:jwk:e31":     multikey.ErrEncoding,
		"did:web:x":       ErrUnsupported,
		"did:example:123": ErrUnsupported,
		"":                ErrSyntax,
		"https://x":       ErrSyntax,
		"did:jwk:" + multikey.EncodeBase64URL([]byte(secret)):        multikey.ErrPrivate,
		"did:jwk:" + multikey.EncodeBase64URL([]byte(edJWK+" x")):    nil,
		"did:jwk:" + multikey.EncodeBase64URL([]byte("["+edJWK+"]")): multikey.ErrInvalidKey,
	} {
		d, err := ResolvePure(id)
		if err == nil || d != nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: got %v, %v, want %v", id, d, err, want)
		}
		if want == nil {
			var je *strictjson.Error
			if !errors.As(err, &je) {
				t.Errorf("%s: got %v, want a JSON error", id, err)
			}
		}
	}
}

// FuzzResolvePure: what resolves names one key, in one spelling.
func FuzzResolvePure(f *testing.F) {
	f.Add("did:key:" + edKey + "#" + edKey)
	f.Add("did:jwk:" + multikey.EncodeBase64URL([]byte(edJWK)) + "#0")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ResolvePure(s)
		if err != nil {
			return
		}
		if base, err := DocumentID(s); err != nil || base != d.ID {
			t.Fatalf("%q: document is %q, %v", s, base, err)
		}
		if strings.HasPrefix(s, "did:key:") {
			if again, _, err := FromKey(d.Methods[0].Key); err != nil || again != d.ID {
				t.Fatalf("%q is written as %q, %v", s, again, err)
			}
		}
	})
}

// BenchmarkResolvePure is part of every verification under a did:key.
func BenchmarkResolvePure(b *testing.B) {
	id := "did:key:" + edKey + "#" + edKey
	b.ReportAllocs()
	for b.Loop() {
		d, err := ResolvePure(id)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := d.Method(id, AssertionMethod); err != nil {
			b.Fatal(err)
		}
	}
}
