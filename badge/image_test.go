package badge

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/testvectors"
)

const ob3JSON = `{"@context":["https://www.w3.org/ns/credentials/v2","https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"],"id":"urn:uuid:1","type":["VerifiableCredential","OpenBadgeCredential"],"name":"a ]]> b é 😀","proof":{"type":"DataIntegrityProof"}}`

const clrJSON = `{"type":["VerifiableCredential","ClrCredential"],"proof":[{"type":"DataIntegrityProof"}]}`

const ob2JSON = `{"@context":"https://w3id.org/openbadges/v2","type":"Assertion","id":"https://example.org/1"}`

func jwsOf(payload string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"EdDSA","typ":"JWT"}`)) + "." + enc([]byte(payload)) + "." + enc([]byte("signature"))
}

func secured(s string) chancery.Secured { return chancery.Secured{Bytes: []byte(s)} }

// wantRefusal fails the test unless err carries the code.
func wantRefusal(t *testing.T, err error, code string) {
	t.Helper()
	var ie *ImageError
	var je *strictjson.Error
	switch {
	case code == "no_badge":
		if !errors.Is(err, ErrNoBadge) {
			t.Errorf("expected ErrNoBadge, found %v", err)
		}
	case code == "not_image":
		if !errors.Is(err, ErrNotImage) {
			t.Errorf("expected ErrNotImage, found %v", err)
		}
	case errors.As(err, &ie):
		if ie.Code != code {
			t.Errorf("expected %s, found %s: %v", code, ie.Code, err)
		}
	case errors.As(err, &je):
		if string(je.Code) != code {
			t.Errorf("expected %s, found %v", code, err)
		}
	default:
		t.Errorf("expected a refusal with %s, found %v", code, err)
	}
}

func codes(fs []Finding) string {
	var out []string
	for _, f := range fs {
		out = append(out, f.Grade.String()+" "+f.Code)
	}
	return strings.Join(out, ", ")
}

func TestBakeRefusesPayload(t *testing.T) {
	for _, tt := range []struct{ name, payload, code string }{
		{"unsecured", strings.Replace(ob3JSON, `,"proof":{"type":"DataIntegrityProof"}`, "", 1), "payload_unsecured"},
		{"empty list of proofs", strings.Replace(ob3JSON, `{"type":"DataIntegrityProof"}`, "[]", 1), "payload_unsecured"},
		{"another credential", `{"type":"VerifiableCredential","proof":{}}`, "payload_not_badge"},
		{"an endorsement", `{"type":["VerifiableCredential","EndorsementCredential"],"proof":{}}`, "payload_not_badge"},
		{"Open Badges 2.0", `{"type":"Assertion","proof":{}}`, "payload_not_badge"},
		{"trailing data", ob3JSON + "x", "json_trailing_data"},
		{"duplicate names", `{"type":"OpenBadgeCredential","proof":{},"proof":{}}`, "json_duplicate_name"},
		{"Latin-1", "{\"type\":\"OpenBadgeCredential\",\"proof\":{},\"name\":\"\xe9\"}", "json_invalid_utf8"},
		{"JWS with newline", jwsOf(ob3JSON) + "\n", "jws_syntax"},
		{"JWS of four parts", jwsOf(ob3JSON) + ".x", "jws_syntax"},
		{"JWS of another thing", jwsOf(`{"sub":"x"}`), "payload_not_badge"},
		{"JWS with quote", jwsOf(ob3JSON) + `"`, "jws_syntax"},
		{"JWS over no JSON", jwsOf("hello"), "json_syntax"},
		{"empty", "", "json_syntax"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, image := range [][]byte{testPNG(t), []byte(plainSVG)} {
				var dst bytes.Buffer
				wantRefusal(t, Bake(&dst, bytes.NewReader(image), secured(tt.payload), BakeOptions{}), tt.code)
				if dst.Len() > 0 {
					t.Error("something was written")
				}
			}
		})
	}
}

func TestNotAnImage(t *testing.T) {
	for _, b := range []string{"", "GIF89a", ob3JSON, "%PDF-1.7", "\x89PNG\r\n\x1a", "\x89PNG\n\x1a\n"} {
		_, err := Unbake(strings.NewReader(b))
		wantRefusal(t, err, "not_image")
		wantRefusal(t, Bake(new(bytes.Buffer), strings.NewReader(b), secured(ob3JSON), BakeOptions{}), "not_image")
	}
	_, err := Unbake(bytes.NewReader(append(testPNG(t), make([]byte, maxImageBytes)...)))
	wantRefusal(t, err, "image_too_large")
}

// TestImagesByOthers unbakes what other implementations baked.
func TestImagesByOthers(t *testing.T) {
	dir := testvectors.Shared(t, "badges")
	for _, tt := range []struct {
		file, media string
		kind        Kind
		findings    string
	}{
		{"1edtech-validator/ob30/simple-json.svg", chancery.MediaVC, OB3Achievement, "note svg_doctype_ignored"},
		{"1edtech-validator/ob30/simple-jwt.svg", chancery.MediaJWT, OB3Achievement, "note svg_doctype_ignored"},
		{"1edtech-validator/ob30/simple-jwt.png", chancery.MediaJWT, OB3Achievement, ""},
		{"1edtech-validator/ob30/simple-jwt_v1.png", chancery.MediaJWT, OB3Achievement, ""},
		{"1edtech-validator/ob20/simple-badge.png", chancery.MediaJSON, OB2Assertion, ""},
		{"bakery-mozilla/baked.svg", chancery.MediaJSON, Unknown, ""},
		{"bakery-mozilla/no-json.svg", MediaURL, OB2URL, ""},
	} {
		f, err := os.Open(filepath.Join(dir, filepath.FromSlash(tt.file)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Unbake(f)
		f.Close()
		if err != nil {
			t.Errorf("%s: %v", tt.file, err)
			continue
		}
		if got.Payload.MediaType != tt.media || got.Kind != tt.kind || codes(got.Findings) != tt.findings {
			t.Errorf("%s: found %s, kind %q, findings %q", tt.file, got.Payload.MediaType, got.Kind, codes(got.Findings))
		}
	}
	for file, code := range map[string]string{
		"bakery-mozilla/bad-json.svg": "json_syntax",
		"bakery-mozilla/unbaked.svg":  "no_badge",
		"bakery-mozilla/unbaked.png":  "no_badge",
	} {
		b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		_, err = Unbake(bytes.NewReader(b))
		wantRefusal(t, err, code)
		if code == "no_badge" {
			roundTrip(t, b, ob3JSON)
			roundTrip(t, b, jwsOf(ob3JSON))
		}
	}
}

// roundTrip bakes, unbakes, overwrites, and returns the baked image.
func roundTrip(t *testing.T, image []byte, payload string) []byte {
	t.Helper()
	var dst bytes.Buffer
	if err := Bake(&dst, bytes.NewReader(image), secured(payload), BakeOptions{}); err != nil {
		t.Fatal(err)
	}
	got, err := Unbake(bytes.NewReader(dst.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if !sameJSON(t, string(got.Payload.Bytes), payload) {
		t.Errorf("expected %s, found %s", payload, got.Payload.Bytes)
	}
	if err := Bake(new(bytes.Buffer), bytes.NewReader(dst.Bytes()), secured(payload), BakeOptions{}); !errors.Is(err, ErrAlreadyBaked) {
		t.Errorf("expected ErrAlreadyBaked, found %v", err)
	}
	var again bytes.Buffer
	if err := Bake(&again, bytes.NewReader(dst.Bytes()), secured(payload), BakeOptions{Overwrite: true}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Bytes(), dst.Bytes()) {
		t.Error("overwriting with the same badge changed the image")
	}
	return dst.Bytes()
}

// sameJSON compares JWS by bytes and JSON by what it means.
func sameJSON(t *testing.T, a, b string) bool {
	if a == b || a[0] != '{' {
		return a == b
	}
	ca, err := strictjson.Canonicalize([]byte(a))
	if err != nil {
		t.Fatal(err)
	}
	cb, err := strictjson.Canonicalize([]byte(b))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(ca, cb)
}
