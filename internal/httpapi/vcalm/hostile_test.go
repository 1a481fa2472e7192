package vcalm_test

import (
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/service"
)

// operation is one of the plane, with a good body.
type operation struct {
	name, path, body string
	open             bool // needs no key: whoever knows its address may
	bare             bool // takes no body
}

// operations are all that take a body, at the instance of the tenant north.
func (w *world) operations(key string) []operation {
	w.t.Helper()
	did := must(w.core.GetIssuer(w.ctx, w.north, w.issuer))(w.t).DID
	vc := w.issue("eddsa")
	base64 := w.want(201, "POST", "/vc/p256-sd/credentials/issue", `{"credential":`+unsigned(w.dids["p256-sd"])+`}`).raw(w.t, "verifiableCredential")
	exchange := w.asks(key, `"verifiablePresentationRequest":{"query":`+byExample+`}`)
	in := "/vc/" + w.issuer + "/"
	return []operation{
		{"issue", in + "credentials/issue", `{"credential":` + unsigned(did) + `,"options":{"credentialId":"c"}}`, false, false},
		{"verify", in + "credentials/verify", `{"verifiableCredential":` + vc + `,"options":{"returnResults":true}}`, false, false},
		{"derive", in + "credentials/derive", `{"verifiableCredential":` + base64 + `,"options":{"selectivePointers":["/credentialSubject"]}}`, false, false},
		{"status", in + "credentials/status", statusBody("urn:uuid:n", "revocation", "true"), false, false},
		{"present", in + "presentations/verify", `{"verifiablePresentation":{"type":["VerifiablePresentation"]},"options":{"challenge":"c"}}`, false, false},
		{"challenge", in + "challenges", `{}`, false, true},
		{"list", in + "status-lists", `{"statusPurpose":"revocation","id":"hostile","options":{}}`, false, false},
		{"claim", in + "workflows/claim/exchanges", `{"variables":{"credential":"` + w.claimable().ID + `"}}`, false, false},
		{"ask", in + "workflows/verify/exchanges", `{"variables":{"verifiablePresentationRequest":{"query":` + byExample + `}}}`, false, false},
		{"participate", exchange, `{"verifiablePresentation":{"type":["VerifiablePresentation"]}}`, true, false},
		{"invited", exchange + "/invite-request/response", `{"url":"https://wallet.example/","purpose":"p","referenceId":"r"}`, true, false},
	}
}

// kept counts all that the plane stores, and the lists of north's issuer.
func (w *world) kept() (n int) {
	w.t.Helper()
	must(0, w.store.View(w.ctx, func(tx service.Tx) error {
		for _, k := range []service.Kind{service.KindChallenge, service.KindExchange, "vcalm-credential", "vcalm-presentation"} {
			scopes, err := tx.Scopes(w.ctx, k)
			if err != nil {
				return err
			}
			for _, s := range scopes {
				list, err := tx.List(w.ctx, s, k, nil, service.Page{Limit: service.MaxLimit})
				if err != nil {
					return err
				}
				n += len(list.Items)
			}
		}
		lines, err := tx.Unchained(w.ctx, w.north.Scope, 1000)
		n += len(lines)
		return err
	}))(w.t)
	return n + w.lists(w.north)
}

const secretText = "Aina-Rahman-900101"

// TestHostile: whatever is wrong with the body of any operation, the answer is a problem
// with the right 4xx, nothing of what was sent is repeated, and nothing is stored.
func TestHostile(t *testing.T) {
	w := newWorld(t)
	key := w.key(w.north)
	operations := w.operations(key)
	before := w.kept()
	for _, o := range operations {
		inner := strings.TrimSuffix(strings.TrimPrefix(o.body, "{"), "}")
		member, rest, _ := strings.Cut(inner, ":")
		with := func(more string) string {
			if inner == "" {
				return "{" + more + "}"
			}
			return "{" + inner + "," + more + "}"
		}
		cases := map[string]struct {
			body, media string
			want        int
		}{
			"cut":             {o.body[:len(o.body)-1], "", 400},
			"no object":       {`["` + secretText + `"]`, "", 400},
			"text":            {`"` + secretText + `"`, "", 400},
			"null":            {`null`, "", 400},
			"number":          {`1e400`, "", 400},
			"trailing":        {o.body + `{"a":"` + secretText + `"}`, "", 400},
			"another member":  {with(`"` + secretText + `":1`), "", 400},
			"another in case": {strings.Replace(with(`"x":1`), `"x"`, `"`+strings.ToUpper(strings.Trim(member, `"`))+`x"`, 1), "", 400},
			"__proto__":       {with(`"__proto__":{"a":1}`), "", 400},
			"not UTF-8":       {with("\"a\":\"\xff" + secretText + "\""), "", 400},
			"half a rune":     {with(`"a":"\ud800` + secretText + `"`), "", 400},
			"BOM":             {"\uFEFF" + o.body, "", 400},
			"deep":            {with(`"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000)), "", 400},
			"deep objects":    {with(`"a":` + strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000)), "", 400},
			"large":           {with(`"a":"` + strings.Repeat("x", 10<<20) + `"`), "", 413},
			"text/plain":      {o.body, "text/plain", 415},
			"a form":          {"a=" + secretText, "application/x-www-form-urlencoded", 415},
			"multipart":       {o.body, "multipart/form-data; boundary=x", 415},
			"CBOR":            {"\xa1\x61\x61\x01", "application/cbor", 415},
			"no type":         {o.body, " ", 415},
			"another charset": {o.body, "application/json; charset=utf-16", 415},
			"a bad type":      {o.body, "application/json;;;=", 415},
		}
		if !o.bare {
			cases["twice"] = struct {
				body, media string
				want        int
			}{with(member + ":" + rest), "", 400}
			cases["twice, escaped"] = struct {
				body, media string
				want        int
			}{with(`"\u` + "00" + hex2(member[1]) + member[2:] + ":1"), "", 400}
			for _, wrong := range []string{`null`, `5`, `true`, `"` + secretText + `"`, `[]`, `["` + secretText + `"]`, `[[{"a":"` + secretText + `"}]]`} {
				if o.name == "status" && strings.HasPrefix(wrong, `"`) || o.name == "invited" && strings.HasPrefix(wrong, `"`) || o.name == "list" && strings.HasPrefix(wrong, `"`) {
					continue // it is a text
				}
				cases["first member "+wrong] = struct {
					body, media string
					want        int
				}{"{" + member + ":" + wrong + "}", "", 400}
			}
		}
		if strings.Contains(o.body, `"options"`) {
			for _, wrong := range []string{`null`, `5`, `"` + secretText + `"`, `[]`, `{"` + secretText + `":1}`, `{"constructor":{}}`} {
				cases["options "+wrong] = struct {
					body, media string
					want        int
				}{o.body[:strings.Index(o.body, `"options"`)] + `"options":` + wrong + `}`, "", 400}
			}
		}
		for name, tt := range cases {
			headers := []string{"key", key}
			if tt.media != "" {
				headers = append(headers, "Content-Type", strings.TrimSpace(tt.media))
			}
			a := w.do("POST", o.path, tt.body, headers...)
			if a.status != tt.want {
				t.Errorf("%s, %s: %d, expected %d: %.300s", o.name, name, a.status, tt.want, a.text)
				continue
			}
			w.problem(a)
			if strings.Contains(a.text, secretText) || strings.Contains(a.text, "xxxx") {
				t.Errorf("%s, %s: echoes %.300s", o.name, name, a.text)
			}
		}
		if a := w.do("POST", o.path, o.body, "key", key, "Content-Encoding", "gzip"); a.status != 415 {
			t.Errorf("%s, said to be packed: %d %s", o.name, a.status, a.text)
		}
		if o.open {
			continue
		}
		w.want(404, "POST", o.path, o.body, "key", w.key(w.south))
		w.want(401, "POST", o.path, o.body)
		w.want(401, "POST", o.path, `{"`+secretText, "key", key+"0")
		w.want(406, "POST", o.path, o.body, "key", key, "Accept", "image/png")
	}
	if after := w.kept(); after != before {
		t.Errorf("%d things are stored, %d before", after, before)
	}
	if strings.Contains(w.log.String(), secretText) {
		t.Error("the log repeats what was sent")
	}
	// They are the operations that they are taken for: their good bodies are taken.
	for _, o := range operations {
		want := map[string]int{"verify": 200, "status": 404, "present": 200, "challenge": 200, "participate": 400, "invited": 200}[o.name]
		if want == 0 {
			want = 201
		}
		w.want(want, "POST", o.path, o.body, "key", key)
	}
}

// hex2 is a byte in hex digits.
func hex2(b byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[b>>4], digits[b&15]})
}

// TestHostilePaths: names in paths are compared as they are, and never repeated.
func TestHostilePaths(t *testing.T) {
	w := newWorld(t)
	key := w.key(w.north)
	before := w.kept()
	for _, name := range []string{"..%2f..%2fx", "%00", "%ff", strings.Repeat("a", 8000), "'%20OR%201=1", "%3Cscript%3E" + secretText, "urn:uuid:" + secretText, "*", "%7Bissuer%7D", "status-lists", ":revocation", "x:suspension:revocation"} {
		for method, paths := range map[string][]string{
			"GET":  {"/vc/" + name + "/status-lists/a", "/vc/eddsa/status-lists/" + name, "/vc/" + w.issuer + "/workflows/verify/exchanges/" + name, "/vc/eddsa/workflows/" + name + "/exchanges/a/request", "/vc/eddsa/workflows/claim/exchanges/" + name + "/request", "/vc/eddsa/workflows/claim/exchanges/" + name + "/protocols", "/interactions/" + name + "?iuv=1"},
			"POST": {"/vc/" + name + "/credentials/issue", "/vc/" + name + "/challenges", "/vc/eddsa/workflows/" + name + "/exchanges", "/vc/eddsa/workflows/claim/exchanges/" + name, "/vc/eddsa/workflows/verify/exchanges/" + name + "/invite-request/response"},
		} {
			for _, path := range paths {
				body := ""
				if method == "POST" && strings.HasSuffix(path, "/exchanges") {
					body = `{"variables":{}}`
				} else if method == "POST" && strings.HasSuffix(path, "response") {
					body = `{"url":"https://wallet.example/","purpose":"p","referenceId":"r"}`
				}
				a := w.do(method, path, body, "key", key)
				if a.status != 404 {
					t.Errorf("%s %.100s: %d %.300s", method, path, a.status, a.text)
				} else if w.problem(a); strings.Contains(a.str("detail"), secretText) {
					t.Errorf("%s: echoes %s", path, a.text)
				}
			}
		}
	}
	if after := w.kept(); after != before {
		t.Errorf("%d things are stored, %d before", after, before)
	}
}
