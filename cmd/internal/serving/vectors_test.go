package serving_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/internal/blob"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/memstore"
	"github.com/chancery-dev/chancery/internal/verifying"
	"github.com/chancery-dev/chancery/testvectors"
	"github.com/chancery-dev/chancery/verifier"
)

// notOverHTTP are the vectors that POST /v1/verify cannot be asked about: what a verifier
// expects (a challenge, a recipient) is the business of the W3C plane, and its profile is strict.
var notOverHTTP = map[string]string{
	"vectors/issuer/for-another-subject.json":                 "expects a recipient",
	"vectors/issuer/for-someone-else.json":                    "expects a recipient",
	"vectors/issuer/presentation-of-nothing-for-someone.json": "expects a recipient",
	"vectors/issuer/ob-2.0-for-someone-else.json":             "expects a recipient",
	"vectors/issuer/key-in-the-fragment-1edtech.json":         "profile 1edtech",
	"vectors/proof/no-domain.json":                            "expects a domain and a challenge",
	"vectors/proof/other-domain.json":                         "expects a domain and a challenge",
	"vectors/proof/other-challenge.json":                      "expects a domain and a challenge",
	"vectors/proof/other-nonce-of-a-jwt.json":                 "expects a domain and a challenge",
	"vectors/proof/other-audience-of-a-jwt.json":              "expects a domain and a challenge",
}

// vector is one of testvectors.
type vector struct {
	path        string
	At          time.Time
	Profile     string
	Insecure    []string
	Expectation json.RawMessage
	Trust       json.RawMessage
	Input       struct {
		Text   string
		Base64 []byte
	}
	Expect struct{ Outcome, Reason string }
}

func (v *vector) file() []byte {
	if v.Input.Base64 != nil {
		return v.Input.Base64
	}
	return []byte(v.Input.Text)
}

// putable reports whether HTTP takes all that the vector asks for.
func (v *vector) putable() bool {
	return len(v.Expectation) <= len("{}") && len(v.Insecure) == 0 && v.Profile == "strict"
}

func loadVectors(t *testing.T) []*vector {
	t.Helper()
	var out []*vector
	err := fs.WalkDir(testvectors.FS, "vectors", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := testvectors.FS.ReadFile(path)
		if err != nil {
			return err
		}
		v := &vector{path: path}
		out = append(out, v)
		return json.Unmarshal(b, v)
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 250 {
		t.Fatalf("found %d vectors only", len(out))
	}
	return out
}

// report is a report of docs/formats/report.md, as far as the test looks into it.
type report struct {
	Outcome, Reason string
	all             map[string]any
}

func readReport(t *testing.T, path string, text []byte) report {
	t.Helper()
	var r report
	if err := json.Unmarshal(text, &r.all); err != nil {
		t.Fatalf("%s: %v: %s", path, err, text)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatalf("%s: %v: %s", path, err, text)
	}
	return r
}

// TestVectors: every vector gets the same report over HTTP as from the library, in all of
// its members. The command and the browser are compared with the library beside their own code.
func TestVectors(t *testing.T) {
	vectors := loadVectors(t)
	groups := map[string][]*vector{} // by what the service is configured with
	skipped := 0
	for _, v := range vectors {
		if why, known := notOverHTTP[v.path]; known == v.putable() {
			t.Errorf("%s: can it be put to HTTP? %q", v.path, why)
		} else if known {
			skipped++
			t.Logf("skipped %s: %s", v.path, why)
			continue
		}
		key := v.At.String() + string(v.Trust)
		groups[key] = append(groups[key], v)
	}
	outcomes := map[string]int{}
	for _, group := range groups {
		server := httptest.NewServer(vectorService(t, group[0]))
		for _, v := range group {
			compare(t, server.URL, v)
			outcomes[v.Expect.Outcome]++
		}
		server.Close()
	}
	t.Logf("%d vectors over HTTP in %d services: %v; %d skipped", len(vectors)-skipped, len(groups), outcomes, skipped)
	if skipped != len(notOverHTTP) || len(vectors)-skipped < 250 || outcomes["valid"] == 0 || outcomes["invalid"] == 0 || outcomes["indeterminate"] == 0 {
		t.Errorf("expected %d skipped, found %d of %d; %v", len(notOverHTTP), skipped, len(vectors), outcomes)
	}
}

// vectorService is a service that judges as a vector says.
func vectorService(t *testing.T, v *vector) http.Handler {
	t.Helper()
	trust, err := verifier.ParseTrust(v.Trust)
	if err != nil {
		t.Fatalf("%s: %v", v.path, err)
	}
	clock := func() time.Time { return v.At }
	blobs, err := blob.OpenDir(blob.DirConfig{Path: t.TempDir(), Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := service.NewKeyRing(service.GenerateMasterKey())
	if err != nil {
		t.Fatal(err)
	}
	s, err := serving.New(serving.Parts{Store: memstore.New(clock), Blobs: blobs, Sealer: sealer, Trust: trust, TrustFile: v.Trust, BaseURL: "https://chancery.example", Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	return s.Handler
}

// compare puts a vector to the service, as a file and, where it is one, as a JSON document.
func compare(t *testing.T, url string, v *vector) {
	t.Helper()
	trust, err := verifier.ParseTrust(v.Trust)
	if err != nil {
		t.Fatal(err)
	}
	judged, err := verifying.Judge(t.Context(), verifier.Config{Trust: trust, Clock: func() time.Time { return v.At }}, verifying.Input{File: verifying.Bytes("document", v.file())})
	if err != nil {
		t.Fatalf("%s: %v", v.path, err)
	}
	text, err := judged.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	want := readReport(t, v.path, text)
	if v.Expect.Reason != string(verifier.UnsupportedMediaType) && (want.Outcome != v.Expect.Outcome || want.Reason != v.Expect.Reason) {
		t.Errorf("%s: expected %s %s, the library says %s %s", v.path, v.Expect.Outcome, v.Expect.Reason, want.Outcome, want.Reason)
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", "document")
	if err != nil {
		t.Fatal(err)
	}
	part.Write(v.file())
	w.Close()
	status, answer := post(t, url, w.FormDataContentType(), form.Bytes())
	if status != http.StatusOK {
		t.Errorf("%s: %d %s", v.path, status, answer)
		return
	}
	same(t, v, want, answer)
	if v.Input.Text == "" || !strings.HasPrefix(v.Input.Text, "{") {
		return
	}
	// A document that is not sound JSON is refused before it is judged.
	if status, answer := post(t, url, "application/vc", v.file()); status == http.StatusOK {
		same(t, v, want, answer)
	} else if status != http.StatusBadRequest || want.Outcome != "invalid" {
		t.Errorf("%s as a body: %d %s", v.path, status, answer)
	}
}

func post(t *testing.T, url, mediaType string, body []byte) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url+"/v1/verify?report=true", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", mediaType)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, b
}

// same fails where the service says another thing than the library.
func same(t *testing.T, v *vector, want report, answer []byte) {
	t.Helper()
	var envelope struct {
		Data struct {
			Outcome string
			Reason  *string
			Report  json.RawMessage
		}
	}
	if err := json.Unmarshal(answer, &envelope); err != nil {
		t.Fatalf("%s: %v: %s", v.path, err, answer)
	}
	got := readReport(t, v.path, envelope.Data.Report)
	reason := ""
	if envelope.Data.Reason != nil {
		reason = *envelope.Data.Reason
	}
	if envelope.Data.Outcome != want.Outcome || reason != want.Reason || got.Outcome != want.Outcome || got.Reason != want.Reason {
		t.Errorf("%s: the library says %s %s, the answer %s %s, its report %s %s", v.path, want.Outcome, want.Reason, envelope.Data.Outcome, reason, got.Outcome, got.Reason)
	}
	for _, name := range slices.Sorted(keysOf(want.all, got.all)) {
		if !reflect.DeepEqual(want.all[name], got.all[name]) {
			t.Errorf("%s: %s differs:\nlibrary %v\nHTTP    %v", v.path, name, want.all[name], got.all[name])
		}
	}
}

func keysOf(a, b map[string]any) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range a {
			if !yield(k) {
				return
			}
		}
		for k := range b {
			if _, both := a[k]; !both && !yield(k) {
				return
			}
		}
	}
}
