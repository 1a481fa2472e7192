package verifying

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/verifier"
)

func drawn(t *testing.T, c color.Color) []byte {
	t.Helper()
	p := image.NewRGBA(image.Rect(0, 0, 9, 9))
	p.Set(3, 3, c)
	var b bytes.Buffer
	if err := png.Encode(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestPicture: a credential that names its pictures by their digests holds in no other one,
// for whoever verifies it, and what it is baked into is told from the credential's own.
func TestPicture(t *testing.T) {
	r := newRegistrar(t)
	pictures := map[string][]byte{
		chancery.MediaPNG: drawn(t, color.White),
		chancery.MediaSVG: []byte("<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height='9' ><g id=\">\"/></svg>\n"),
	}
	others := map[string][]byte{
		chancery.MediaPNG: drawn(t, color.Black),
		chancery.MediaSVG: []byte(`<svg xmlns="http://www.w3.org/2000/svg"><text>Doctor</text></svg>`),
	}
	named := func(prefix string, kinds ...string) []any {
		out := []any{}
		for _, kind := range kinds {
			sum := sha256.Sum256(pictures[kind])
			out = append(out, map[string]any{"id": prefix + hex.EncodeToString(sum[:]) + extensions[kind], "mediaType": kind, "digestSRI": "sha256-" + base64.StdEncoding.EncodeToString(sum[:])})
		}
		return out
	}
	const here = "https://registry.example.edu/pictures/"
	both := []string{chancery.MediaPNG, chancery.MediaSVG}
	for _, c := range []struct {
		name      string
		resources []any
		baked     map[string][]byte
		want      verifier.Reason
		told      bool
	}{
		{"its own", named(here, both...), pictures, "", true},
		{"another", named(here, both...), others, verifier.RelatedResourceMismatch, true},
		{"of a kind that it does not name", named(here, chancery.MediaSVG), map[string][]byte{chancery.MediaPNG: pictures[chancery.MediaPNG]}, verifier.RelatedResourceMismatch, true},
		{"none named", nil, others, "", false},
		{"named in another way", named("https://registry.example.edu/logos/", both...), others, "", false},
	} {
		draft := chancery.Draft{
			ID: "https://registry.example.edu/c/1", Issuer: r.deskDID, ValidFrom: r.w.Now, Name: "Welding",
			Contexts: []string{"https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"}, Types: []string{"OpenBadgeCredential"},
			IssuerMembers: map[string]any{"type": []string{"Profile"}},
			Subject: map[string]any{"id": "did:example:holder", "type": []string{"AchievementSubject"}, "achievement": map[string]any{
				"id": "https://registry.example.edu/a/1", "type": []string{"Achievement"}, "name": "Welding", "description": "Welds", "criteria": map[string]any{"narrative": "welds"},
			}},
		}
		if c.resources != nil {
			draft.Members = map[string]any{"relatedResource": c.resources}
		}
		credential, err := draft.Build()
		if err != nil {
			t.Fatal(err)
		}
		vc := chancery.Secured{MediaType: chancery.MediaVC, Bytes: r.sign(credential)}
		for kind, picture := range c.baked {
			var baked bytes.Buffer
			if err := badge.Bake(&baked, bytes.NewReader(picture), vc, badge.BakeOptions{}); err != nil {
				t.Fatal(err)
			}
			if bare, ok := unbaked(baked.Bytes(), vc, kind); !ok || !bytes.Equal(bare, picture) {
				t.Errorf("%s, %s: the picture is not found in the badge", c.name, kind)
			}
			judge := func(b []byte) *verifier.Report {
				out, err := Judge(t.Context(), verifier.Config{Trust: r.trust, Clock: r.w.Clock}, Input{File: Bytes("", b)})
				if err != nil {
					t.Fatal(err)
				}
				return out
			}
			got := judge(baked.Bytes())
			if _, told := got.Check(verifier.CheckBadgeBinding); got.Reason != c.want || (got.Outcome == verifier.Valid) != (c.want == "") || told != c.told {
				t.Errorf("%s, %s: %v %s, told: %v", c.name, kind, got.Outcome, string(got.Reason), told)
			}
			// Anything that is added around the credential is another picture.
			if kind == chancery.MediaSVG && c.told && c.want == "" {
				for _, change := range []struct{ old, new string }{{"</svg>", "<text>Doctor</text></svg>"}, {"</svg>", "<!-- --></svg>"}, {`width="9"`, `width="8"`}, {"<svg ", "<svg  "}} {
					if got := judge([]byte(strings.Replace(baked.String(), change.old, change.new, 1))); got.Reason != verifier.RelatedResourceMismatch {
						t.Errorf("%s becomes %s: %v %s", change.old, change.new, got.Outcome, string(got.Reason))
					}
				}
			}
		}
		if got, err := Judge(t.Context(), verifier.Config{Trust: r.trust, Clock: r.w.Clock}, Input{File: Bytes("", vc.Bytes)}); err != nil || got.Outcome != verifier.Valid {
			t.Errorf("%s: the credential alone: %v %s", c.name, got.Outcome, string(got.Reason))
		}
	}
}
