package serving_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/internal/httpapi"
	"github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
)

// invited is a fort whose jobs run, with a document that somebody is asked to sign.
type invited struct {
	*fort
	post     *letters
	base     []byte
	document string // its path
	link     string // the token
	id       string // of the signature
}

func invite(t *testing.T) *invited {
	t.Helper()
	in := &invited{post: &letters{}, base: padestest.Sample{Pages: 1}.Build(t)}
	in.fort = newFort(t, func(p *serving.Parts) {
		p.Mailer = in.post
		p.KeyRate, p.AddressRate = httpapi.Rate{PerSecond: 1e6, Burst: 1e6}, httpapi.Rate{PerSecond: 1e6, Burst: 1e6}
	})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- in.s.Run(ctx) }()
	t.Cleanup(func() {
		if stop(); <-done != nil {
			t.Error("the jobs ended with a fault")
		}
	})
	in.document = in.upload("north/live", "/v1/documents", in.base).header.Get("Location")[len(in.url):]
	in.id, in.link = in.ask(in.document, "falk@example.com")
	return in
}

// ask asks somebody to sign, and returns his link.
func (in *invited) ask(document, email string) (id, link string) {
	in.t.Helper()
	a := in.ok("north/live", "POST", document+"/signatures", map[string]any{"kind": "thirdParty", "signer": map[string]any{"name": "Prof. Dr. Ida Falk", "email": email}})
	t := in.t.(*testing.T)
	_, rest, ok := strings.Cut(in.post.to(t, email).Text, in.url+"/sign/")
	if !ok {
		in.t.Fatal("the letter has no link")
	}
	return a.text("id"), strings.Fields(rest)[0]
}

func signedBy(t *testing.T, base []byte, more ...func(*pades.Request)) []byte {
	t.Helper()
	var out bytes.Buffer
	var r pades.Request
	for _, f := range more {
		f(&r)
	}
	s := padestest.NewAt(t, padestest.P256, time.Now()).Pades(pades.LevelB, padestest.P256)
	s.Clock = time.Now
	if _, err := s.Sign(context.Background(), bytes.NewReader(base), int64(len(base)), &out, r); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestInvitationLink: what looks at a link does not use it up, as programs do that look for
// malware in mail; nobody is told of it; and it is good for one file.
func TestInvitationLink(t *testing.T) {
	in := invite(t)
	page, plain := "/sign/"+in.link, "/v1/invitations/"+in.link
	for range 3 {
		for _, method := range []string{"HEAD", "GET"} {
			for _, path := range []string{page, page + "/file", page + "/file?inline=1", plain, plain + "/file"} {
				a := in.call("", method, path, nil, "Accept", "*/*", "Origin", "https://scanner.example", "Purpose", "prefetch")
				if a.status != 200 || a.header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s %s: %d %v", method, path, a.status, a.header)
				}
				if strings.HasPrefix(path, page) && (a.header.Get("Referrer-Policy") != "no-referrer" || a.header.Get("ETag") != "") {
					t.Errorf("%s %s: %v", method, path, a.header)
				}
				if method == "GET" && strings.HasSuffix(path, "/file") && !bytes.Equal(a.body, in.base) {
					t.Errorf("%s: another file", path)
				}
			}
		}
	}
	for _, c := range [][2]string{{"OPTIONS", plain + "/file"}, {"POST", page}, {"POST", plain + "/file"}, {"GET", page + "/decline"}, {"HEAD", plain + "/decline"}, {"DELETE", plain}, {"PUT", plain + "/file"}} {
		if a := in.call("", c[0], c[1], nil); a.status < 400 && c[0] != "OPTIONS" {
			t.Errorf("%s %s: %d", c[0], c[1], a.status)
		}
	}
	// Another site's page neither signs nor declines with it.
	for _, path := range []string{page, page + "/decline"} {
		if a := in.call("", "POST", path, []byte("reason=x"), "Content-Type", "application/x-www-form-urlencoded", "Origin", "https://scanner.example", "Sec-Fetch-Site", "cross-site"); a.status != 403 {
			t.Errorf("%s from another site: %d", path, a.status)
		}
	}
	file := signedBy(t, in.base)
	if a := in.upload("", plain+"/file", file); a.status != 200 || a.text("state") != "signed" || a.text("signedBy") == "" {
		t.Fatalf("signing: %d %s", a.status, a.body)
	}
	for _, path := range []string{page, page + "/file", plain, plain + "/file"} {
		if a := in.call("", "GET", path, nil, "Accept", "*/*"); a.status != 404 && a.status != 410 || bytes.Contains(a.body, []byte("%PDF")) || bytes.Contains(a.body, []byte("Falk")) {
			t.Errorf("%s afterwards: %d %s", path, a.status, a.body)
		}
	}
	if a := in.upload("", plain+"/file", signedBy(t, file)); a.status != 404 {
		t.Errorf("a second time: %d %s", a.status, a.body)
	}
	// Neither link nor address is anywhere where others read.
	sum := sha256.Sum256([]byte(in.link))
	for name, text := range map[string][]byte{
		"log": in.log.bytes(), "audit log": in.ok("north/live", "GET", "/v1/audit", nil).body, "document": in.ok("north/live", "GET", in.document, nil).body,
		"export": in.ok("north/live", "GET", "/v1/export", nil, "Accept", "*/*").body, "deliveries": in.ok("north/live", "GET", "/v1/webhooks", nil).body,
	} {
		for _, secret := range []string{in.link, in.link[:20], hex.EncodeToString(sum[:])} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("the link is in the %s", name)
			}
		}
		if name != "document" && bytes.Contains(text, []byte("falk@")) {
			t.Errorf("the address is in the %s", name)
		}
	}
}

// TestInvitationFiles: a link takes the document that it is for with one signature added, and
// of many at once one.
func TestInvitationFiles(t *testing.T) {
	in := invite(t)
	at := "/v1/invitations/" + in.link + "/file"
	other := in.upload("north/live", "/v1/documents", padestest.Sample{Pages: 2}.Build(t)).header.Get("Location")[len(in.url):]
	_, second := in.ask(other, "weir@example.com")
	good := signedBy(t, in.base)
	flipped := bytes.Clone(good)
	flipped[len(in.base)/2] ^= 1
	for name, file := range map[string][]byte{
		"as it was":                in.base,
		"another document":         signedBy(t, padestest.Sample{Pages: 2}.Build(t)),
		"a page more":              signedBy(t, padestest.Sample{Pages: 2, Bulk: 10}.Build(t)),
		"signed twice":             signedBy(t, good),
		"changed, then signed":     flipped,
		"changed after signing":    append(bytes.Clone(good), "\n1 0 obj\n<<>>\nendobj\n"...),
		"certified":                signedBy(t, in.base, func(r *pades.Request) { r.Certify = pades.FormFilling }),
		"cut off":                  good[:len(good)-20],
		"no PDF":                   []byte("hello"),
		"nothing":                  nil,
		"something before it":      append([]byte("\n"), good...),
		"another header before it": append([]byte("%PDF-1.7\n"), good...),
	} {
		if a := in.upload("", at, file); a.status != 422 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := in.upload("", "/v1/invitations/"+second+"/file", good); a.status != 422 {
		t.Errorf("what another link is for: %d %s", a.status, a.body)
	}
	if a := in.upload("", at, good, good); a.status != 422 {
		t.Errorf("two files: %d %s", a.status, a.body)
	}
	const many = 8
	answers := make([]answer, many)
	files := make([][]byte, many)
	for n := range files {
		files[n] = signedBy(t, in.base)
	}
	var wg sync.WaitGroup
	for n := range answers {
		wg.Go(func() { answers[n] = in.upload("", at, files[n]) })
	}
	wg.Wait()
	taken := -1
	for n, a := range answers {
		switch {
		case a.status == http.StatusOK && taken < 0:
			taken = n
		case a.status != http.StatusNotFound && a.status != http.StatusConflict && a.status != 422:
			t.Errorf("at once: %d %s", a.status, a.body)
		}
	}
	if taken < 0 {
		t.Fatal("none of those at once was taken")
	}
	if got := in.ok("north/live", "GET", in.document+"/file", nil, "Accept", "*/*"); !bytes.Equal(got.body, files[taken]) {
		t.Error("the document is not the file that was taken")
	}
}

// TestInvitationWithdrawn: over HTTP, by who may, and nobody else.
func TestInvitationWithdrawn(t *testing.T) {
	in := invite(t)
	at := in.document + "/signatures/" + in.id
	for who, want := range map[string]int{"south/live": 404, "north/test": 404, "": 401} {
		if a := in.call(who, "DELETE", at, nil); a.status != want {
			t.Errorf("by %q: %d %s", who, a.status, a.body)
		}
	}
	in.ok("", "GET", "/v1/invitations/"+in.link, nil)
	for range 2 {
		if a := in.call("north/live", "DELETE", at, nil); a.status != 204 {
			t.Fatalf("withdrawing: %d %s", a.status, a.body)
		}
	}
	for _, path := range []string{"/sign/" + in.link, "/v1/invitations/" + in.link, "/v1/invitations/" + in.link + "/file"} {
		if a := in.call("", "GET", path, nil, "Accept", "*/*"); a.status != 404 && a.status != 410 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	if a := in.upload("", "/v1/invitations/"+in.link+"/file", signedBy(t, in.base)); a.status != 404 {
		t.Errorf("signing: %d %s", a.status, a.body)
	}
	var doc struct {
		Data struct {
			Signatures []struct{ State string }
		}
	}
	json.Unmarshal(in.ok("north/live", "GET", in.document, nil).body, &doc)
	if len(doc.Data.Signatures) != 1 || doc.Data.Signatures[0].State != "withdrawn" {
		t.Errorf("found %+v", doc)
	}
}

// TestRemoteSignature: what a signing service elsewhere signs, over HTTP: the value of another
// preparation, of another key or of another hash is refused, of several preparations the
// first counts, an end is repeated and not made twice, and nothing is ended of what is gone.
func TestRemoteSignature(t *testing.T) {
	f := newSurface(t)
	w, stranger := padestest.NewAt(t, padestest.P256, time.Now()), padestest.NewAt(t, padestest.P256, time.Now())
	var chain bytes.Buffer
	for _, c := range w.Chain() {
		pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	at := f.upload("north/live", "/v1/documents", padestest.Sample{Pages: 1}.Build(t)).header.Get("Location")[len(f.url):]
	begin := func(reason string) (id, digest string) {
		a := f.ok("north/live", "POST", at+"/signatures", map[string]any{"kind": "remote", "level": "B-B", "reason": reason, "certificate": chain.String()})
		return a.text("id"), a.text("digest")
	}
	value := func(by *padestest.World, digest string) map[string]any {
		b, err := base64.StdEncoding.DecodeString(digest)
		if err != nil || len(b) != 32 {
			t.Fatalf("found the digest %q", digest)
		}
		v, err := by.Signer.Key.Sign(rand.Reader, b, crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		return map[string]any{"value": base64.StdEncoding.EncodeToString(v)}
	}
	one, digest := begin("Issued")
	two, digest2 := begin("Approved")
	end := func(who, id string, in map[string]any) answer {
		return f.call(who, "POST", at+"/signatures/"+id+"/complete", in)
	}
	sum := sha256.Sum256([]byte("something else"))
	for name, in := range map[string]map[string]any{
		"of the other preparation": value(w, digest2), "by another key": value(stranger, digest), "of another hash": value(w, base64.StdEncoding.EncodeToString(sum[:])),
		"nothing": {"value": ""}, "no base64": {"value": "*"}, "zeros": {"value": base64.StdEncoding.EncodeToString(make([]byte, 70))},
	} {
		if a := end("north/live", one, in); a.status != 422 {
			t.Errorf("a value %s: %d %s", name, a.status, a.body)
		}
	}
	for who, want := range map[string]int{"south/live": 404, "north/test": 404, "": 401} {
		if a := end(who, one, value(w, digest)); a.status != want {
			t.Errorf("by %q: %d", who, a.status)
		}
	}
	var wg sync.WaitGroup
	answers := make([]answer, 8)
	for n := range answers {
		id, in := one, value(w, digest)
		if n%2 == 1 {
			id, in = two, value(w, digest2)
		}
		wg.Go(func() { answers[n] = end("north/live", id, in) })
	}
	wg.Wait()
	ended := map[string]bool{}
	for n, a := range answers {
		switch a.status {
		case 200:
			ended[[]string{one, two}[n%2]] = true
		case 409:
		default:
			t.Errorf("at once: %d %s", a.status, a.body)
		}
	}
	if len(ended) != 1 {
		t.Fatalf("%d of two preparations of one file were ended", len(ended))
	}
	signed := f.ok("north/live", "GET", at+"/file", nil, "Accept", "*/*").body
	if n := bytes.Count(signed, []byte("/ByteRange")); n != 1 {
		t.Errorf("%d signatures in the file", n)
	}
	for id := range ended {
		in := value(w, map[string]string{one: digest, two: digest2}[id])
		if a := end("north/live", id, in); a.status != 200 {
			t.Errorf("the same once more: %d %s", a.status, a.body)
		}
		if again := f.ok("north/live", "GET", at+"/file", nil, "Accept", "*/*").body; !bytes.Equal(again, signed) {
			t.Error("the same once more has changed the file")
		}
	}
	last, digest3 := begin("Again")
	f.ok("north/live", "DELETE", at, nil)
	if a := end("north/live", last, value(w, digest3)); a.status != 404 {
		t.Errorf("of a document that is gone: %d %s", a.status, a.body)
	}
}
