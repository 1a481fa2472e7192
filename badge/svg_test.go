package badge

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

const plainSVG = `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 2"><title>café</title><rect width="2" height="2"/></svg>
`

func quote(s string) string { return strictjson.Quote(s) }

// svgWith returns an SVG with attributes on the root and content inside.
func svgWith(attrs, content string) string {
	return `<svg xmlns="http://www.w3.org/2000/svg" ` + attrs + `>` + content + `</svg>`
}

const (
	ob3NS = `xmlns:openbadges="https://purl.imsglobal.org/ob/v3p0"`
	ob2NS = `xmlns:openbadges="http://openbadges.org"`
)

func cdata(s string) string { return "<![CDATA[" + s + "]]>" }

var ob3InXML = strings.ReplaceAll(ob3JSON, "]]>", `]]\u003e`)

func wide(s string, order binary.ByteOrder) string {
	return string(encoding{order: order, bom: true}.encode([]byte(s)))
}

func TestUnbakeSVG(t *testing.T) {
	element := "<openbadges:credential>" + cdata(ob3InXML) + "</openbadges:credential>"
	split := strings.Replace(ob3InXML, "OpenBadge", "Open]]><![CDATA[Badge", 1)
	for _, tt := range []struct {
		name, image, payload string
		kind                 Kind
		findings             string
	}{
		{"JSON", svgWith(ob3NS, element), ob3InXML, OB3Achievement, ""},
		{"JWS", svgWith(ob3NS, `<openbadges:credential verify="`+jwsOf(ob3JSON)+`"/>`), jwsOf(ob3JSON), OB3Achievement, ""},
		{"JWS with newline", svgWith(ob3NS, `<openbadges:credential verify="`+jwsOf(ob3JSON)+`&#10;"/>`), jwsOf(ob3JSON), OB3Achievement, "note payload_white_space"},
		{"JWS as body", svgWith(ob3NS, `<openbadges:credential>`+jwsOf(ob3JSON)+`</openbadges:credential>`), jwsOf(ob3JSON), OB3Achievement, ""},
		{"other prefix", svgWith(`xmlns:x="https://purl.imsglobal.org/ob/v3p0"`, `<x:credential>`+cdata(ob3InXML)+`</x:credential>`), ob3InXML, OB3Achievement, ""},
		{"namespace on the element", svgWith("", `<credential xmlns="https://purl.imsglobal.org/ob/v3p0">`+cdata(ob3InXML)+`</credential>`), ob3InXML, OB3Achievement, ""},
		{"split CDATA", svgWith(ob3NS, `<openbadges:credential>`+cdata(split)+`</openbadges:credential>`), ob3InXML, OB3Achievement, ""},
		{"escaped text", svgWith(ob3NS, `<openbadges:credential>`+strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(ob3JSON)+`</openbadges:credential>`), ob3JSON, OB3Achievement, ""},
		{"half a character where nothing is a reference", svgWith(ob3NS, "<!--&#xD800;-->"+element+cdata("&#xD800;")+"&#xD7FF;&#57344;&#x1D800;"), ob3InXML, OB3Achievement, ""},
		{"comment and instruction inside", svgWith(ob3NS, `<openbadges:credential><!-- x --><?y z?>`+cdata(ob3InXML)+`</openbadges:credential>`), ob3InXML, OB3Achievement, ""},
		{"prefixed svg", `<s:svg xmlns:s="http://www.w3.org/2000/svg" ` + ob3NS + `>` + element + `</s:svg>`, ob3InXML, OB3Achievement, ""},
		{"UTF-16, little endian", wide(`<?xml version="1.0" encoding="UTF-16"?>`+svgWith(ob3NS, element), binary.LittleEndian), ob3InXML, OB3Achievement, ""},
		{"UTF-16, big endian", wide(svgWith(ob3NS, element), binary.BigEndian), ob3InXML, OB3Achievement, ""},
		{"byte-order mark", "\ufeff" + svgWith(ob3NS, element), ob3InXML, OB3Achievement, ""},
		{"ISO-8859-1 that is ASCII", `<?xml version="1.0" encoding="ISO-8859-1"?>` + svgWith(ob2NS, `<openbadges:assertion>`+cdata(ob2JSON)+`</openbadges:assertion>`), ob2JSON, OB2Assertion, ""},
		{"Open Badges 2.0 with both", svgWith(ob2NS, `<openbadges:assertion verify="https://example.org/1">`+cdata(ob2JSON)+`</openbadges:assertion>`), ob2JSON, OB2Assertion, ""},
		{"Open Badges 2.0 with both, signed", svgWith(ob2NS, `<openbadges:assertion verify="eyJhbGciOiJFZERTQSJ9.e30.AA">`+cdata(ob2JSON)+`</openbadges:assertion>`), ob2JSON, OB2Assertion, ""},
		{"Open Badges 2.0 URL", svgWith(ob2NS, `<openbadges:assertion verify="https://example.org/1"/>`), "https://example.org/1", OB2URL, ""},
		{"OB 3.0 in the place of 2.0", svgWith(ob2NS, `<openbadges:assertion>`+cdata(ob3InXML)+`</openbadges:assertion>`), ob3InXML, OB3Achievement, "note payload_wrong_place"},
		{"body and verify", svgWith(ob3NS, `<openbadges:credential verify="x">`+cdata(ob3InXML)+`</openbadges:credential>`), ob3InXML, OB3Achievement, "warning svg_verify_beside_body"},
		{"nested", svgWith(ob3NS, "<g>"+element+"</g>"), ob3InXML, OB3Achievement, "warning svg_badge_nested"},
		{"document type", `<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">` + svgWith(ob3NS, element), ob3InXML, OB3Achievement, "note svg_doctype_ignored"},
		{"CLR", svgWith(`xmlns:c="https://purl.imsglobal.org/clr/v2p0"`, `<c:credential>`+cdata(clrJSON)+`</c:credential>`), clrJSON, CLR, ""},
		{"two families", svgWith(ob3NS+` xmlns:o2="http://openbadges.org"`, `<o2:assertion>`+cdata(ob2JSON)+`</o2:assertion>`+element), ob3InXML, OB3Achievement, "warning other_badge"},
		{"prefix bound to another namespace", svgWith(`xmlns:openbadges="https://example.org/"`, `<openbadges:credential>{}</openbadges:credential><b:credential xmlns:b="https://purl.imsglobal.org/ob/v3p0">`+cdata(ob3InXML)+`</b:credential>`), ob3InXML, OB3Achievement, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Unbake(strings.NewReader(tt.image))
			if err != nil {
				t.Fatal(err)
			}
			if string(got.Payload.Bytes) != tt.payload || got.Kind != tt.kind {
				t.Errorf("found kind %q, payload %s", got.Kind, got.Payload.Bytes)
			}
			if codes(got.Findings) != tt.findings {
				t.Errorf("expected findings %q, found %q", tt.findings, codes(got.Findings))
			}
		})
	}
}

func TestUnbakeSVGRefuses(t *testing.T) {
	element := "<openbadges:credential>" + cdata(ob3InXML) + "</openbadges:credential>"
	bomb := `<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>`
	for _, tt := range []struct{ name, image, code string }{
		{"no badge", plainSVG, "no_badge"},
		{"entity bomb", bomb + svgWith(ob3NS, "<openbadges:credential>&b;</openbadges:credential>"), "svg_doctype"},
		{"external entity", `<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + svgWith(ob3NS, "<openbadges:credential>&x;</openbadges:credential>"), "svg_doctype"},
		{"empty subset", `<!DOCTYPE svg []>` + svgWith(ob3NS, element), "svg_doctype"},
		{"parameter entity", `<!DOCTYPE svg SYSTEM "x" [%y;]>` + svgWith(ob3NS, element), "svg_doctype"},
		{"entity without declaration", svgWith(ob3NS, "<openbadges:credential>&x;</openbadges:credential>"), "svg_entity"},
		{"entity of HTML", svgWith(ob3NS, "<openbadges:credential>&nbsp;</openbadges:credential>"), "svg_entity"},
		{"declaration inside", svgWith(ob3NS, `<!DOCTYPE svg>`+element), "svg_syntax"},
		{"doubled", svgWith(ob3NS, element+element), "duplicate_badge"},
		{"doubled under other prefix", svgWith(ob3NS+` xmlns:y="https://purl.imsglobal.org/ob/v3p0"`, element+`<y:credential verify="x"/>`), "duplicate_badge"},
		{"JWS beside a body", svgWith(ob3NS, `<openbadges:credential verify=" eyJhbGciOiJFZERTQSJ9.e30.AA">`+cdata(ob3InXML)+`</openbadges:credential>`), "duplicate_badge"},
		{"nested badges", svgWith(ob3NS, `<openbadges:credential><openbadges:credential>{}</openbadges:credential></openbadges:credential>`), "svg_badge_children"},
		{"element in the badge", svgWith(ob3NS, `<openbadges:credential><g/>`+cdata(ob3InXML)+`</openbadges:credential>`), "svg_badge_children"},
		{"empty badge", svgWith(ob3NS, `<openbadges:credential/>`), "payload_empty"},
		{"empty verify", svgWith(ob3NS, `<openbadges:credential verify=" "/>`), "payload_empty"},
		{"prefix without declaration", svgWith("", element), "svg_namespace"},
		{"attribute prefix without declaration", svgWith(ob3NS, `<a xlink:href="x"/>`+element), "svg_namespace"},
		{"relative namespace name", svgWith(`xmlns:x="openbadges"`, element), "svg_namespace"},
		{"badge as root", `<credential xmlns="https://purl.imsglobal.org/ob/v3p0">` + cdata(ob3InXML) + `</credential>`, "svg_root"},
		{"no namespace", `<svg ` + ob3NS + `>` + element + `</svg>`, "svg_root"},
		{"HTML", `<html xmlns="http://www.w3.org/1999/xhtml"><body/></html>`, "svg_root"},
		{"behind the root", svgWith(ob3NS, "") + element, "svg_syntax"},
		{"text behind the root", svgWith(ob3NS, element) + "x", "svg_syntax"},
		{"cut", svgWith(ob3NS, element)[:300], "svg_syntax"},
		{"unclosed CDATA", svgWith(ob3NS, "<openbadges:credential><![CDATA["+ob3InXML), "svg_syntax"},
		{"wrong nesting", svgWith(ob3NS, "<g><a></g></a>"+element), "svg_syntax"},
		{"duplicate attribute", svgWith(ob3NS, `<openbadges:credential verify="a" verify="b"/>`), "svg_syntax"},
		{"declaration not at the beginning", " <?xml version=\"1.0\"?>" + svgWith(ob3NS, element), "svg_syntax"},
		{"half a character", svgWith(ob3NS, `<openbadges:credential>{"type":"OpenBadgeCredential","name":"&#xD800;"}</openbadges:credential>`), "svg_syntax"},
		{"half a character, in decimals", svgWith(ob3NS, `<openbadges:credential>{"type":"OpenBadgeCredential","name":"&#057343;"}</openbadges:credential>`), "svg_syntax"},
		{"half a character in an attribute", svgWith(ob3NS+` a="&#x00dfFf;"`, element), "svg_syntax"},
		{"control character", svgWith(ob3NS, "\x01"+element), "svg_syntax"},
		{"invalid UTF-8", svgWith(ob3NS, "\xff"+element), "svg_encoding"},
		{"Latin-1", `<?xml version="1.0" encoding="ISO-8859-1"?>` + svgWith(ob3NS, "<title>caf\xe9</title>"+element), "svg_encoding"},
		{"Latin-1 declared over UTF-8", `<?xml version="1.0" encoding='iso-8859-1'?>` + svgWith(ob3NS, "<title>café</title>"+element), "svg_encoding"},
		{"UTF-16 declared over UTF-8", `<?xml version="1.0" encoding="UTF-16"?>` + svgWith(ob3NS, element), "svg_encoding"},
		{"UTF-8 declared over UTF-16", wide(`<?xml version="1.0" encoding="UTF-8"?>`+svgWith(ob3NS, element), binary.LittleEndian), "svg_encoding"},
		{"half a UTF-16 unit", wide(svgWith(ob3NS, element), binary.LittleEndian) + "x", "svg_encoding"},
		{"lone surrogate in UTF-16", wide(svgWith(ob3NS, element), binary.LittleEndian) + "\x00\xd8", "svg_encoding"},
		{"deep", svgWith(ob3NS, strings.Repeat("<g>", 100_000)), "svg_too_deep"},
		{"too large", svgWith(ob3NS, strings.Repeat(" ", maxSVGBytes)), "image_too_large"},
		{"many elements", svgWith(ob3NS, strings.Repeat("<g/>", 600_000)), "svg_too_many_tokens"},
		{"many attributes", svgWith(ob3NS, "<g"+strings.Repeat(` a=""`, 100_000)+"/>"), "svg_too_many_attributes"},
		{"duplicate names", svgWith(ob3NS, "<openbadges:credential>{\"a\":1,\"a\":2}</openbadges:credential>"), "json_duplicate_name"},
		{"no JSON", svgWith(ob3NS, "<openbadges:credential>hello</openbadges:credential>"), "payload_unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Now()
			got, err := Unbake(strings.NewReader(tt.image))
			if took := time.Since(start); took > time.Second {
				t.Errorf("refusal took %v", took)
			}
			if got != nil {
				t.Error("expected no result beside the error")
			}
			wantRefusal(t, err, tt.code)
		})
	}
}

func TestBakeSVG(t *testing.T) {
	for name, image := range map[string]string{
		"plain":             plainSVG,
		"self-closing":      `<svg xmlns="http://www.w3.org/2000/svg" />`,
		"prefixed":          `<s:svg xmlns:s="http://www.w3.org/2000/svg"/>` + "\n<!-- end -->",
		"prefix taken":      svgWith(`xmlns:openbadges="https://example.org/" xmlns:ob3="urn:x" xmlns:badge1="urn:y"`, "<g/>"),
		"namespace there":   svgWith(`xmlns:zz="https://purl.imsglobal.org/ob/v3p0"`, "<g/>"),
		"end in attribute":  svgWith(`aria-label="a > b"`, "<g/>"),
		"document type":     `<!DOCTYPE svg PUBLIC "a" "b">` + svgWith("", "<g/>"),
		"UTF-16":            wide(`<?xml version="1.0" encoding="utf-16"?>`+svgWith("", "<title>😀</title>"), binary.BigEndian),
		"byte-order mark":   "\ufeff" + plainSVG,
		"instruction first": `<?xml version="1.0"?><?xml-stylesheet href="a.css"?>` + svgWith("", ""),
	} {
		t.Run(name, func(t *testing.T) {
			for _, payload := range []string{ob3JSON, jwsOf(ob3JSON), clrJSON} {
				baked := roundTrip(t, []byte(image), payload)
				got, err := Unbake(bytes.NewReader(baked))
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range got.Findings {
					if f.Code != "svg_doctype_ignored" {
						t.Errorf("found %v", f)
					}
				}
				text, _, err := svgText(baked)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Count(string(text), "<![CDATA[") > 1 || strings.Contains(string(text), "]]><![CDATA[") {
					t.Error("expected one CDATA section at most")
				}
			}
		})
	}
}

func TestBakeSVGKeepsTheRest(t *testing.T) {
	baked := string(roundTrip(t, []byte(plainSVG), ob3JSON))
	want := strings.Replace(plainSVG, `viewBox="0 0 2 2">`, `viewBox="0 0 2 2" xmlns:openbadges="https://purl.imsglobal.org/ob/v3p0"><openbadges:credential>`+cdata(ob3InXML)+`</openbadges:credential>`, 1)
	if baked != want {
		t.Errorf("expected %s, found %s", want, baked)
	}
	old := svgWith(ob2NS, "a"+`<openbadges:assertion verify="https://example.org/1"/>`+"b<g>"+`<openbadges:assertion>{}</openbadges:assertion></g>`)
	var dst bytes.Buffer
	if err := Bake(&dst, strings.NewReader(old), secured(jwsOf(ob3JSON)), BakeOptions{Overwrite: true}); err != nil {
		t.Fatal(err)
	}
	if want := svgWith(ob2NS+` xmlns:ob3="https://purl.imsglobal.org/ob/v3p0"`, `<ob3:credential verify="`+jwsOf(ob3JSON)+`"></ob3:credential>ab<g></g>`); dst.String() != want {
		t.Errorf("expected %s, found %s", want, dst.String())
	}
}

// TestBakeSVGForeignEncoding: an ASCII image that declares another encoding takes an
// ASCII badge only.
func TestBakeSVGForeignEncoding(t *testing.T) {
	image := `<?xml version="1.0" encoding="ISO-8859-1"?>` + svgWith("", "<g/>")
	roundTrip(t, []byte(image), clrJSON)
	wantRefusal(t, Bake(new(bytes.Buffer), strings.NewReader(image), secured(ob3JSON), BakeOptions{}), "svg_encoding")
}

func TestSVGRoundTripAnyJSON(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.OneOf(rapid.String(), rapid.StringMatching(`[\]>&<"'a]{0,12}`)).Draw(rt, "name")
		payload := `{"type":["OpenBadgeCredential"],"proof":{},"name":` + quote(name) + `}`
		var dst bytes.Buffer
		if err := Bake(&dst, strings.NewReader(plainSVG), secured(payload), BakeOptions{}); err != nil {
			rt.Fatal(err)
		}
		got, err := Unbake(&dst)
		if err != nil || !sameJSON(t, string(got.Payload.Bytes), payload) {
			rt.Fatalf("found %v, %v", got, err)
		}
	})
}

func TestSVGTools(t *testing.T) {
	for name, image := range map[string]string{"plain": plainSVG, "wide": wide(svgWith("", "<g/>"), binary.LittleEndian)} {
		t.Run("xmllint "+name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "badge.svg")
			if err := os.WriteFile(file, roundTrip(t, []byte(image), ob3JSON), 0o600); err != nil {
				t.Fatal(err)
			}
			out := tool(t, "xmllint", "--nonet", "--xpath", `string(/*/*[local-name()="credential" and namespace-uri()="https://purl.imsglobal.org/ob/v3p0"][1])`, file)
			if strings.TrimSpace(out) != ob3InXML {
				t.Errorf("found %s", out)
			}
		})
	}
}

func FuzzUnbakeSVG(f *testing.F) {
	f.Add([]byte(plainSVG))
	f.Add([]byte(svgWith(ob3NS, `<openbadges:credential>`+cdata(ob3InXML)+`</openbadges:credential>`)))
	f.Add([]byte(svgWith(ob2NS, `<openbadges:assertion verify="https://example.org/1"/>`)))
	f.Add([]byte(wide(svgWith("", "<title>😀</title>"), binary.BigEndian)))
	f.Add([]byte(`<!DOCTYPE svg PUBLIC "a" "b"><s:svg xmlns:s="http://www.w3.org/2000/svg"/>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := Unbake(bytes.NewReader(b))
		if (got == nil) == (err == nil) {
			t.Fatalf("found %v and %v", got, err)
		}
		var dst bytes.Buffer
		if Bake(&dst, bytes.NewReader(b), secured(ob3JSON), BakeOptions{Overwrite: true}) != nil {
			return
		}
		again, err := Unbake(&dst)
		if err != nil || !sameJSON(t, string(again.Payload.Bytes), ob3JSON) {
			t.Fatalf("the badge changed: %v", err)
		}
	})
}

// BenchmarkUnbakeLargeSVG: 3 MB of dots with a badge in it.
func BenchmarkUnbakeLargeSVG(b *testing.B) {
	image := svgWith(ob3NS, `<path d="`+strings.Repeat(".", maxSVGBytes-2000)+`"/><openbadges:credential>`+cdata(ob3InXML)+`</openbadges:credential>`)
	b.SetBytes(int64(len(image)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Unbake(strings.NewReader(image)); err != nil {
			b.Fatal(err)
		}
	}
}
