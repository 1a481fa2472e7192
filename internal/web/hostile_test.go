package web

import (
	"bytes"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/verifier"
)

var payloads = []string{
	`"><script>alert(1)</script>`, `'"><img src=x onerror=alert(1)>`, `javascript:alert(1)`, `</title></style></script><svg onload=alert(1)>`, "data:text/html,<script>alert(1)</script>",
	`{{.}}`, "--><iframe src=//evil.example>", "\u202e\u2066evil\u0000\ufffe", `https://evil.example/" onmouseover="alert(1)`, "//evil.example", "JaVaScRiPt:alert(1)", "https://user:pass@evil.example/", `\x3cscript\x3e`,
}

// fill puts a payload into every string of a value.
func fill(v reflect.Value, payload string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(payload)
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		fill(v.Elem(), payload)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), payload)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		if v.Len() == 0 && v.Type().Elem() != reflect.TypeFor[verifier.SubReport]() {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		for i := range v.Len() {
			fill(v.Index(i), payload)
		}
	}
}

// TestHostile: no member of what the service answers becomes an element, an attribute
// or an address that a page of ours would not have.
func TestHostile(t *testing.T) {
	checked := 0
	for _, payload := range payloads {
		for _, outcome := range []verifier.Outcome{verifier.Valid, verifier.Invalid, verifier.Indeterminate} {
			v := exampleView("x")
			fill(reflect.ValueOf(&v).Elem(), payload)
			v.Verdict.Hidden, v.Test = false, outcome == verifier.Valid
			v.Verdict.Report.Outcome, v.Image, v.Kind = outcome, "svg", "diploma"
			for _, c := range []string{"vc", "png", payload} {
				v.Artifacts[c] = service.Artifact{MediaType: payload, URL: payload, Digest: payload, Size: 10}
			}
			f := examples()
			f.views["x"] = v
			f.portfolios["x"] = service.PublicPortfolioView{Slug: payload, Title: payload, URL: payload, Items: []service.PublicView{v}}
			var in service.Invited
			fill(reflect.ValueOf(&in).Elem(), payload)
			in.Signature.State, in.Document.MediaType = "invited", "application/pdf"
			f.invited["x"] = in
			f.judged = v.Verdict
			f.judged.Report.Sub = []verifier.SubReport{{Relation: "file", Pointer: payload, Report: v.Verdict.Report}} // and so on
			h := handler(f, base)
			examine(t, "POST /verify", payload, upload(t, h, "/verify", "file", []byte(payload), "Origin", base).Body.Bytes())
			f.views["x"].Verdict.Report.Sub = nil
			for _, path := range []string{"/c/x", "/c/x/embed", "/p/x", "/sign/x", "/c/x?lang=ar", "/c/x?lang=" + url.QueryEscape(payload), "/" + url.PathEscape(payload), "/c/" + url.PathEscape(payload), "/c?id=" + url.QueryEscape(payload)} {
				w := get(t, h, path)
				if w.Code >= 500 {
					t.Errorf("%s with %q: %d", path, payload, w.Code)
				}
				examine(t, path, payload, w.Body.Bytes())
				checked++
			}
		}
	}
	if checked < 300 {
		t.Errorf("%d pages only", checked)
	}
}

var ownLink = regexp.MustCompile(`^(/[A-Za-z0-9_~.%?=&-]|/$|#content$|https://gruenau\.example|https://www\.linkedin\.com/profile/add\?|https://evil\.example/%22|data:image/svg\+xml,%3Csvg xmlns='http://www.w3.org/2000/svg')`)

// examine looks for what no page of ours has.
func examine(t *testing.T, path, payload string, b []byte) {
	t.Helper()
	known := strings.Fields("html head meta title link script body a header svg path nav main section div p strong span time h1 h2 article img dl dt dd bdi ul ol li em details summary code small button footer g circle rect iframe form label input textarea")
	for _, n := range nodes(t, b, func(*html.Node) bool { return true }) {
		if !slices.Contains(known, n.Data) {
			t.Errorf("%s with %q: element %s", path, payload, n.Data)
		}
		if n.Data == "script" && !strings.HasPrefix(attr(n, "src"), "/assets/page.") || n.Data == "iframe" && !strings.HasPrefix(attr(n, "src"), "/sign/x/file") {
			t.Errorf("%s with %q: %s from %q", path, payload, n.Data, attr(n, "src"))
		}
		if n.Data == "script" && n.FirstChild != nil {
			t.Errorf("%s with %q: script in the page", path, payload)
		}
		for _, a := range n.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc":
				t.Errorf("%s with %q: attribute %s", path, payload, a.Key)
			case (a.Key == "href" || a.Key == "src" || a.Key == "action") && !ownLink.MatchString(a.Val):
				t.Errorf("%s with %q: %s leads to %q", path, payload, n.Data, a.Val)
			}
			if strings.ContainsAny(a.Val, "\u202e\u2066\x00") {
				t.Errorf("%s with %q: attribute %s turns the direction", path, payload, a.Key)
			}
		}
	}
	if bytes.ContainsAny(b, "\u202e\u2066\x00") {
		t.Errorf("%s with %q: turns the direction of writing", path, payload)
	}
}
