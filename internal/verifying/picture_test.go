package verifying

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"slices"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/verifier"
)

// extensions of the pictures that credentials are baked into.
var extensions = map[string]string{chancery.MediaPNG: ".png", chancery.MediaSVG: ".svg"}

const headPNG = 8 + 12 + 13 // signature and IHDR, after which the badge stands

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

// welding is an Open Badge that names pictures.
func (r *registrar) welding(resources []any) chancery.Draft {
	draft := chancery.Draft{
		ID: "https://registry.example.edu/c/1", Issuer: r.deskDID, ValidFrom: r.w.Now, Name: "Welding",
		Contexts: []string{"https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"}, Types: []string{"OpenBadgeCredential"},
		IssuerMembers: map[string]any{"type": []string{"Profile"}},
		Subject: map[string]any{"id": "did:example:holder", "type": []string{"AchievementSubject"}, "achievement": map[string]any{
			"id": "https://registry.example.edu/a/1", "type": []string{"Achievement"}, "name": "Welding", "description": "Welds", "criteria": map[string]any{"narrative": "welds"},
		}},
	}
	if resources != nil {
		draft.Members = map[string]any{"relatedResource": resources}
	}
	return draft
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
	several := func(resources []any) []any {
		for _, one := range resources {
			m := one.(map[string]any)
			m["digestSRI"] = []string{m["digestSRI"].(string), "sha384-OLBgp1GsljhM2TJ+sbHjaiH9txEUvgdDTAzHv2P24donTt6/529l+9Ua0vFImLlb"}
		}
		return resources
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
		{"another, named by several digests", several(named(here, both...)), others, verifier.RelatedResourceMismatch, true},
		{"none named", nil, others, "", false},
		{"named in another way", named("https://registry.example.edu/logos/", both...), others, "", false},
	} {
		draft := r.welding(c.resources)
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

// TestSealedPicture: the same holds for a picture that another institution has sealed,
// whether it is handed over beside the evidence or within.
func TestSealedPicture(t *testing.T) {
	r := newRegistrar(t)
	own := drawn(t, color.White)
	sum := sha256.Sum256(own)
	draft := r.welding([]any{map[string]any{"id": "https://registry.example.edu/pictures/" + hex.EncodeToString(sum[:]) + ".png", "mediaType": chancery.MediaPNG, "digestSRI": "sha256-" + base64.StdEncoding.EncodeToString(sum[:])}})
	credential, err := draft.Build()
	if err != nil {
		t.Fatal(err)
	}
	vc := chancery.Secured{MediaType: chancery.MediaVC, Bytes: r.sign(credential)}
	for want, picture := range map[verifier.Outcome][]byte{verifier.Valid: own, verifier.Invalid: drawn(t, color.Black)} {
		var baked bytes.Buffer
		if err := badge.Bake(&baked, bytes.NewReader(picture), vc, badge.BakeOptions{}); err != nil {
			t.Fatal(err)
		}
		proof := r.stamp(evidence.SubjectBadge, baked.Bytes())
		if got := r.judge(proof, baked.Bytes()); got.Outcome != want {
			t.Errorf("beside the evidence: expected %v, found %v %q", want, got.Outcome, string(got.Reason))
		}
		bundle, err := evidence.Parse(proof)
		if err != nil {
			t.Fatal(err)
		}
		bundle.Content = baked.Bytes()
		whole, err := bundle.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Judge(t.Context(), verifier.Config{Trust: r.trust, Clock: r.w.Clock}, Input{File: Bytes("", whole)})
		if err != nil || got.Outcome != want {
			t.Errorf("within: expected %v, found %v %q, %v", want, got.Outcome, string(got.Reason), err)
		}
	}
}

// TestPictureOfAnotherForm: a credential that names its picture is not shown in another one
// by something around it that anybody can make.
func TestPictureOfAnotherForm(t *testing.T) {
	r := newRegistrar(t)
	mine, strange := drawn(t, color.White), drawn(t, color.Black)
	sum := sha256.Sum256(mine)
	draft := r.welding([]any{map[string]any{
		"id": "https://registry.example.edu/pictures/" + hex.EncodeToString(sum[:]) + ".png", "mediaType": chancery.MediaPNG, "digestSRI": "sha256-" + base64.StdEncoding.EncodeToString(sum[:]),
	}})
	credential, err := draft.Build()
	if err != nil {
		t.Fatal(err)
	}
	jwt, err := (&signer.JOSE{Key: r.desk}).Sign(t.Context(), credential)
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := signer.Envelop(jwt)
	if err != nil {
		t.Fatal(err)
	}
	_, holder := newKey(t, "holder")
	presentation, err := chancery.ParsePresentation([]byte(`{"@context":["` + chancery.ContextV2 + `"],"type":["VerifiablePresentation"],"verifiableCredential":[` + string(r.sign(credential)) + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	presented, err := (&signer.DataIntegrity{Key: holder, Clock: r.w.Clock}).SignPresentation(t.Context(), presentation)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		baked chancery.Secured
		want  verifier.Reason // in the strange picture
		own   verifier.Reason // in the right one
	}{
		"JWT":          {jwt, verifier.RelatedResourceMismatch, ""},
		"envelope":     {chancery.Secured{MediaType: chancery.MediaVC, Bytes: envelope}, verifier.ImageMalformed, verifier.ImageMalformed},
		"presentation": {presented, verifier.ImageMalformed, verifier.ImageMalformed},
	} {
		if got, err := Judge(t.Context(), verifier.Config{Trust: r.trust, Clock: r.w.Clock}, Input{File: Bytes("", c.baked.Bytes)}); err != nil || got.Outcome != verifier.Valid {
			t.Errorf("%s alone: %v %s", name, got.Outcome, string(got.Reason))
		}
		for picture, want := range map[string]verifier.Reason{string(strange): c.want, string(mine): c.own} {
			got, err := Judge(t.Context(), verifier.Config{Trust: r.trust, Clock: r.w.Clock}, Input{File: Bytes("", bakedAs(t, []byte(picture), c.baked))})
			if err != nil || got.Reason != want {
				t.Errorf("%s: expected %q, found %v %q", name, string(want), got.Outcome, string(got.Reason))
			}
		}
	}
}

// bakedAs puts anything into a PNG as a badge stands there.
func bakedAs(t *testing.T, picture []byte, s chancery.Secured) []byte {
	t.Helper()
	var out bytes.Buffer
	if s.MediaType == chancery.MediaVCJWT {
		s.MediaType = chancery.MediaJWT
	}
	if err := badge.Bake(&out, bytes.NewReader(picture), s, badge.BakeOptions{}); err == nil {
		return out.Bytes()
	}
	typed := append([]byte("iTXtopenbadgecredential\x00\x00\x00\x00\x00"), s.Bytes...)
	chunk := append(binary.BigEndian.AppendUint32(nil, uint32(len(typed)-4)), typed...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(typed))
	return slices.Concat(picture[:headPNG], chunk, picture[headPNG:])
}
