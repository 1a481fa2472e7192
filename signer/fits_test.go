package signer_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/signer"
)

// TestWhatNobodyAccepts: what every verifier would refuse is not signed.
func TestWhatNobodyAccepts(t *testing.T) {
	mine, ec, jwk := key(t, signer.Ed25519), key(t, signer.P256), key(t, signer.RSA2048)
	private, err := signer.Generate(signer.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	other, err := signer.NewKey(private)
	if err != nil {
		t.Fatal(err)
	}
	did := func(k signer.Key) string {
		id, _, _ := strings.Cut(k.Method, "#")
		return id
	}
	by := func(issuer string) *chancery.Credential {
		return credential(t, `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"issuer":"`+issuer+`","credentialSubject":{"id":"did:example:x"}}`)
	}
	named := func(k signer.Key, method string) signer.Key { k.Method = method; return k }
	good := by(did(mine))

	keys := map[string]struct {
		key    signer.Key
		issuer string
		want   error
	}{
		"own":                        {mine, did(mine), nil},
		"own, the DID alone":         {named(mine, did(mine)), did(mine), nil},
		"own, P-256":                 {ec, did(ec), nil},
		"issuer by address":          {mine, "https://issuer.example", nil},
		"issuer of another method":   {mine, "did:web:issuer.example", nil},
		"key of an address":          {named(mine, "https://issuer.example#key"), "https://issuer.example", nil},
		"key of a did:web":           {named(mine, "did:web:issuer.example#key"), "did:web:issuer.example", nil},
		"method of another":          {named(mine, other.Method), did(mine), signer.ErrKey},
		"method of another, did:web": {named(mine, other.Method), "did:web:issuer.example", signer.ErrKey},
		"method of another kind":     {named(mine, ec.Method), did(mine), signer.ErrKey},
		"method of a did:jwk":        {named(mine, jwk.Method), did(mine), signer.ErrKey},
		"another fragment":           {named(mine, did(mine)+"#key-1"), did(mine), signer.ErrKey},
		"a did:key that is none":     {named(mine, "did:key:zNothing#zNothing"), "did:web:issuer.example", signer.ErrKey},
		"issuer another":             {mine, did(other), signer.ErrKey},
		"issuer another did:jwk":     {mine, did(jwk), signer.ErrKey},
		"both another":               {named(mine, other.Method), did(other), signer.ErrKey},
		"no UTF-8":                   {named(mine, "https://issuer.example#\xff"), "https://issuer.example", signer.ErrConfig},
	}
	for name, tt := range keys {
		for _, way := range []string{"DataIntegrity", "JOSE"} {
			var err error
			if way == "JOSE" {
				_, err = (&signer.JOSE{Key: tt.key}).Sign(t.Context(), by(tt.issuer))
			} else {
				_, err = (&signer.DataIntegrity{Key: tt.key, Created: at}).Sign(t.Context(), by(tt.issuer))
			}
			if !errors.Is(err, tt.want) || (tt.want == nil) != (err == nil) {
				t.Errorf("%s, %s: got %v, expected %v", name, way, err, tt.want)
			}
		}
	}
	if _, err := (&signer.JOSE{Key: jwk}).Sign(t.Context(), by(did(jwk))); err != nil {
		t.Errorf("did:jwk: %v", err)
	}
	secured, err := (&signer.DataIntegrity{Key: mine, Created: at}).Sign(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&signer.DataIntegrity{Key: other, Created: at}).Add(t.Context(), secured); err != nil {
		t.Errorf("a witness: %v", err)
	}

	p, err := chancery.ParsePresentation([]byte(`{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"]}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		change       func(*signer.DataIntegrity)
		presentation error
	}{
		"authentication":       {func(d *signer.DataIntegrity) { d.Purpose = "authentication" }, nil},
		"key agreement":        {func(d *signer.DataIntegrity) { d.Purpose = "keyAgreement" }, signer.ErrConfig},
		"capability":           {func(d *signer.DataIntegrity) { d.Purpose = "capabilityInvocation" }, signer.ErrConfig},
		"ended":                {func(d *signer.DataIntegrity) { d.Expires = at.Add(-time.Second) }, signer.ErrConfig},
		"ended when it begins": {func(d *signer.DataIntegrity) { d.Expires = at }, signer.ErrConfig},
		"ended, by the clock": {func(d *signer.DataIntegrity) {
			d.Expires, d.Clock = at.Add(time.Hour), func() time.Time { return at.Add(2 * time.Hour) }
		}, signer.ErrConfig},
		"challenge": {func(d *signer.DataIntegrity) { d.Challenge = "\xff" }, signer.ErrConfig},
		"domain":    {func(d *signer.DataIntegrity) { d.Domain = []string{"a", "\xff"} }, signer.ErrConfig},
		"nonce":     {func(d *signer.DataIntegrity) { d.Nonce = "\xff" }, signer.ErrConfig},
	} {
		d := &signer.DataIntegrity{Key: mine, Created: at}
		tt.change(d)
		if _, err := d.Sign(t.Context(), good); !errors.Is(err, signer.ErrConfig) {
			t.Errorf("%s: got %v", name, err)
		}
		if _, err := d.Add(t.Context(), secured); !errors.Is(err, signer.ErrConfig) {
			t.Errorf("%s, added: got %v", name, err)
		}
		if _, err := d.SignPresentation(t.Context(), p); !errors.Is(err, tt.presentation) || (tt.presentation == nil) != (err == nil) {
			t.Errorf("%s, of a presentation: got %v, expected %v", name, err, tt.presentation)
		}
	}
	for _, j := range []signer.JOSE{{Key: mine, Nonce: "\xff"}, {Key: mine, Audience: []string{"\xff"}}} {
		if _, err := j.SignPresentation(t.Context(), p); !errors.Is(err, signer.ErrConfig) {
			t.Errorf("claims: got %v", err)
		}
	}
}
