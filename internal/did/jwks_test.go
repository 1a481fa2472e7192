package did

import (
	"errors"
	"strings"
	"testing"
)

func TestJWKS(t *testing.T) {
	key := func(more string) string { return strings.Replace(edJWK, "{", "{"+more+",", 1) }
	other := `{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","kid":"twice"}`
	set, err := ParseJWKS([]byte(`{"keys":[` + strings.Join([]string{
		key(`"kid":"a"`), key(`"kid":"enc","use":"enc"`), key(`"kid":"ops","key_ops":["sign"]`), key(`"kid":"none","key_ops":[]`),
		key(`"kid":"both","use":"enc"`), key(`"kid":"both","use":"sig","key_ops":["verify"]`),
		key(`"kid":"twice"`), other, `{"kty":"oct","k":"AAAA","kid":"s"}`, `{"kty":"new","kid":"n"}`, key(`"kid":"p","d":"AA"`), key(`"use":"sig"`),
	}, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 9 || len(set.Skipped) != 3 {
		t.Errorf("got %d keys, skipped %v", len(set.Keys), set.Skipped)
	}
	for kid, want := range map[string]error{
		"a": nil, "both": nil, "enc": ErrPurpose, "ops": ErrPurpose, "none": ErrPurpose, "twice": ErrNoMethod,
		"s": ErrNoMethod, "n": ErrNoMethod, "p": ErrNoMethod, "": ErrNoMethod, "A": ErrNoMethod,
	} {
		k, err := set.Find(kid)
		if !errors.Is(err, want) || (err == nil) != (want == nil) || (k.Key != nil) != (err == nil) {
			t.Errorf("%q: got %v, %v, want %v", kid, k, err, want)
		}
	}
	for _, text := range []string{`[]`, `{}`, `{"keys":{}}`, `{"keys":[1]}`, `{"keys":["x"]}`, `{"keys":null}`} {
		if _, err := ParseJWKS([]byte(text)); !errors.Is(err, ErrDocument) {
			t.Errorf("%s: got %v, want ErrDocument", text, err)
		}
	}
	if _, err := ParseJWKS([]byte(`{"keys":[],"keys":[]}`)); err == nil {
		t.Error("duplicate names accepted")
	}
}
