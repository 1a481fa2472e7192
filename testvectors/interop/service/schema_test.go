package service_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/signer/pades/padestest"
	"github.com/chancery-dev/chancery/testvectors/interop"
)

// checks are those that schemathesis makes of every answer. One is left out:
// positive_data_acceptance, which wants that whatever fits the schema is accepted. JSON
// Schema cannot say that limit and pageSize exclude one another, that a document to be
// bound is a PDF, that a recipient is known, or that the bytes of a hash are as many as
// its algorithm makes; such requests are 400 or 422, and the document says so.
const checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,negative_data_rejection,missing_required_header,unsupported_method,allow_header_conformance,ignored_auth"

// TestSchema: schemathesis makes requests from the document, good and bad, and judges the
// answers by it: with a key and things that are there, and without a key.
func TestSchema(t *testing.T) {
	bin := interop.Python(t, ".")
	hooks, err := filepath.Abs("hooks.py")
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, freePort(t), nil, "--data", t.TempDir())
	dir := t.TempDir()
	conf := filepath.Join(dir, "schemathesis.toml")
	var b strings.Builder
	// X-Tenant is an assertion: with any other value than this all is 404.
	fmt.Fprintf(&b, "hooks = %q\n[parameters]\n\"header.X-Tenant\" = \"dev\"\n", hooks)
	for path, values := range s.furnish() {
		fmt.Fprintf(&b, "[[operations]]\ninclude-path-regex = %q\n[operations.parameters]\n", path)
		for name, v := range values {
			fmt.Fprintf(&b, "%q = %q\n", "path."+name, v)
		}
	}
	if err := os.WriteFile(conf, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		examples string
		args     []string
	}{
		{"without a key", "8", nil},
		{"with a key", "30", []string{"-H", "Authorization: Bearer " + s.key}},
	} {
		t.Run(c.name, func(t *testing.T) {
			// One thread each: hypothesis has races, and with one the cases are the same every time.
			args := append([]string{"--config-file", conf, "--no-color", "run", s.base + "/openapi.json", "--checks", checks, "--phases", "examples,coverage,fuzzing",
				"--max-examples", c.examples, "--seed", "22", "--workers", "1", "--continue-on-failure", "--request-timeout", "20", "--suppress-health-check", "all", "--warnings", "off"}, c.args...)
			began := time.Now()
			// In a folder of its own: what it remembers of runs is not to change later ones.
			out, err := run(t, []string{"HYPOTHESIS_STORAGE_DIRECTORY=" + dir}, "env", append([]string{"-C", dir, filepath.Join(bin, "schemathesis")}, args...)...)
			name := filepath.Join(dir, strings.ReplaceAll(c.name, " ", "-"))
			if err != nil {
				const most = 20_000
				t.Fatalf("schemathesis %s: %v\n%s\n%.2000s", name, err, out[:min(len(out), most)], s.log)
			}
			cases := regexp.MustCompile(`(\d+) generated, (\d+) passed`).FindStringSubmatch(out)
			if len(cases) == 0 || cases[1] != cases[2] || !strings.Contains(out, "No issues found") {
				t.Fatalf("expected that all cases pass:\n%s", out)
			}
			t.Logf("%s cases in %v", cases[1], time.Since(began).Round(time.Second))
		})
	}
	s.reached()
	if strings.Contains(s.log.String(), "level=ERROR") {
		t.Errorf("errors in the log:\n%.4000s", s.log)
	}
	if status, b := s.ask("GET", "/v1/me", s.key, "", nil); status != 200 {
		t.Errorf("the key does not work any more: %d %s", status, b)
	}
}

// unreached are operations that no request of schemathesis can succeed at: their bodies
// or secrets are made by others.
var unreached = []string{
	"GET /v1/anchors/{number}",                                // there is no chain
	"POST /v1/batches/{id}/resume",                            // of a batch that a fault has halted
	"GET /v1/stamps/{id}/proof",                               // nor an anchored stamp
	"GET /v1/invitations/{token}",                             // the token is in a mail
	"GET /v1/invitations/{token}/file",                        //
	"POST /v1/invitations/{token}/file",                       //
	"POST /v1/invitations/{token}/decline",                    //
	"POST /v1/documents/{id}/signatures/{signature}/complete", // a signature over our digest
	"DELETE /v1/documents/{id}/signatures/{signature}",        // of an invitation, or of what only a signing service ends
	"POST /v1/oauth/token",                                    // the key's secret
	"POST /vc/{issuer}/credentials/issue",                     // names the issuer's DID
	"POST /vc/{issuer}/credentials/derive",                    // a base proof
	"POST /vc/{issuer}/credentials/status",                    // of what issue answered
}

// reached reports operations that never answered well, by the log: that they were tried
// says little otherwise.
func (s *service) reached() {
	s.t.Helper()
	var document struct{ Paths map[string]map[string]any }
	_, b := s.ask("GET", "/openapi.json", "", "", nil)
	if err := json.Unmarshal(b, &document); err != nil {
		s.t.Fatal(err)
	}
	good, all := map[string]bool{}, 0
	for _, m := range regexp.MustCompile(`method=(\S+) route=(\S+) status=[23]`).FindAllStringSubmatch(s.log.String(), -1) {
		good[m[1]+" "+m[2]] = true
	}
	for path, item := range document.Paths {
		for method := range item {
			all++
			if o := strings.ToUpper(method) + " " + path; !good[o] && !slices.Contains(unreached, o) {
				s.t.Errorf("%s never answered well", o)
			}
		}
	}
	s.t.Logf("%d of %d operations answered well", len(good), all)
}

// furnish makes one of each thing, and returns which values parameters have, by the paths
// that they are in, so that most requests meet something.
func (s *service) furnish() map[string]object {
	type made struct {
		ID, PublicID, StatusList string
		Recipient                struct{ ID string }
	}
	post := func(path string, in any) (m made) {
		s.t.Helper()
		s.data("POST", path, in, &m)
		return m
	}
	post("/v1/credential-types", object{"key": "safety-training", "from": "starter/classic", "displayName": "Safety Training", "outputs": []string{"vc", "pdf", "badge"},
		"fields": []object{{"key": "trainerName", "label": "Trainer", "type": "text", "required": true, "visibility": "public"}, {"key": "identificationNo", "label": "Identification No.", "type": "text", "visibility": "private"}}})
	hook := post("/v1/webhooks", object{"url": "https://client.example.com/hook", "events": []string{"credential.issued"}})
	// Each with a recipient of its own: one of them is erased.
	issue := func(id string, publish bool) made {
		return post("/v1/credentials", object{"id": id, "type": "safety-training", "recipient": object{"name": "Person " + id, "email": id + "@example.com"}, "claims": object{"trainerName": "Academy"}, "publish": publish})
	}
	shown, gone := issue("CX-1", true), issue("CX-2", true)
	for _, id := range []string{"revoked", "suspended", "reinstated", "expiring", "superseded"} {
		issue("CX-"+id, true)
	}
	post("/v1/credentials/CX-reinstated/suspend", object{"reason": "looked into"})
	issue("CX-draft", false)
	issue("CX-published", false)
	batch := post("/v1/batches", object{"type": "safety-training", "items": []object{{"recipient": object{"name": "Row One"}, "claims": object{"trainerName": "T"}}}})
	var deliveries []made
	for range 100 {
		if s.data("GET", "/v1/webhooks/"+hook.ID+"/deliveries", nil, &deliveries); len(deliveries) > 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if len(deliveries) == 0 {
		s.t.Fatal("no delivery is in the log")
	}
	picture := regexp.MustCompile(`/pictures/([^"]+)`).FindSubmatch(s.file("/v1/credentials/CX-1/artifacts/vc"))
	if picture == nil {
		s.t.Fatal("the credential has no picture")
	}
	spare := post("/v1/api-keys", object{"name": "spare", "scopes": []string{"read"}})
	var stamps []made
	s.data("POST", "/v1/stamps", object{"hashes": []object{{"alg": "sha-256", "value": strings.Repeat("9f", 32)}}}, &stamps)
	var issuers []made
	s.data("GET", "/v1/issuers", nil, &issuers)
	var types []made
	s.data("GET", "/v1/credential-types", nil, &types)
	s.data("PUT", "/v1/portfolios/aina-rahman", object{"title": "Aina Rahman", "subjectId": shown.Recipient.ID, "public": true, "items": []object{{"credential": "CX-1", "visible": true}}}, &object{})

	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", "page.pdf")
	if err != nil {
		s.t.Fatal(err)
	}
	part.Write(padestest.Sample{Pages: 1}.Build(s.t)) // a page with a credential inside takes no other signature
	w.Close()
	status, answer := s.ask("POST", "/v1/documents", s.key, w.FormDataContentType(), form.Bytes())
	var documents struct{ Data []made }
	if status != 201 || json.Unmarshal(answer, &documents) != nil {
		s.t.Fatalf("documents: %d %s", status, answer)
	}
	status, answer = s.ask("GET", "/contexts", "", "", nil)
	digest := regexp.MustCompile(`"jcsSha256": *"([0-9a-f]{64})"`).FindSubmatch(answer)
	if status != 200 || digest == nil {
		s.t.Fatalf("contexts: %d %s", status, answer)
	}
	var exchange made // of the W3C plane, whose answers are bare
	plane := "/vc/" + issuers[0].ID + "/workflows/verify/exchanges"
	status, answer = s.ask("POST", plane, s.key, "application/json", []byte(`{"variables":{"verifiablePresentationRequest":{"query":{"type":"DIDAuthentication"}}},"expires":"`+time.Now().Add(20*time.Hour).Format(time.RFC3339)+`"}`))
	if status != 201 || json.Unmarshal(answer, &exchange) != nil {
		s.t.Fatalf("%s: %d %s", plane, status, answer)
	}
	list := shown.StatusList[strings.LastIndexByte(shown.StatusList, '/')+1:]
	return map[string]object{
		`^/v1/credentials/\{id\}(/artifacts/\{name\}|/send)$`: {"id": shown.ID},
		`^/v1/credentials/\{id\}/revoke$`:                     {"id": "CX-revoked"},
		`^/v1/credentials/\{id\}/suspend$`:                    {"id": "CX-suspended"},
		`^/v1/credentials/\{id\}/reinstate$`:                  {"id": "CX-reinstated"},
		`^/v1/credentials/\{id\}/expiry$`:                     {"id": "CX-expiring"},
		`^/v1/credentials/\{id\}/supersede$`:                  {"id": "CX-superseded"},
		`^/v1/credentials/\{id\}/publish$`:                    {"id": "CX-published"},
		`^/v1/credentials/\{id\}$`:                            {"id": "CX-draft"},
		`^/v1/webhooks/deliveries/\{id\}`:                     {"id": deliveries[0].ID},
		`^/contexts/`:                                         {"digest": string(digest[1])},
		`^/pictures/`:                                         {"picture": string(picture[1])},
		`^/v1/subjects/\{id\}`:                                {"id": gone.Recipient.ID},
		`^/v1/batches/\{id\}`:                                 {"id": batch.ID},
		`^/v1/webhooks/\{id\}`:                                {"id": hook.ID},
		`^/v1/api-keys/\{id\}`:                                {"id": spare.ID}, // never the key of the run
		`^/v1/stamps/\{id\}`:                                  {"id": stamps[0].ID},
		`^/v1/documents/\{id\}`:                               {"id": documents.Data[0].ID},
		`^/v1/issuers/\{id\}|^/i/\{id\}`:                      {"id": issuers[0].ID},
		`^/v1/credential-types/\{id\}`:                        {"id": "safety-training"},
		`^/schemas/\{id\}`:                                    {"id": types[0].ID + ".1"},
		`^/status/\{list\}`:                                   {"list": list},
		`^/v1/portfolios/\{slug\}`:                            {"slug": "aina-rahman"},
		`^/v1/verify/\{publicId\}`:                            {"publicId": shown.PublicID},
		`^/c/\{publicId\}/\{name\}`:                           {"publicId": shown.PublicID},
		`^/interactions/\{id\}`:                               {"id": exchange.ID},
		`^/vc/\{issuer\}/(credentials|presentations)/`:        {"issuer": issuers[0].ID},
		`^/vc/\{issuer\}/(challenges|status-lists)$`:          {"issuer": issuers[0].ID},
		`^/vc/\{issuer\}/status-lists/\{id\}$`:                {"issuer": issuers[0].ID, "id": list},
		`^/vc/\{issuer\}/workflows/\{workflow\}/exchanges$`:   {"issuer": issuers[0].ID, "workflow": "verify"},
		`^/vc/\{issuer\}/workflows/\{workflow\}/exchanges/`:   {"issuer": issuers[0].ID, "workflow": "verify", "id": exchange.ID},
	}
}

// TestDocument: the OpenAPI document is valid in the eyes of two validators.
func TestDocument(t *testing.T) {
	interop.Require(t, "python3", "node", "npm")
	s := serve(t, freePort(t), nil, "--data", t.TempDir())
	status, document := s.ask("GET", "/openapi.json", "", "", nil)
	if status != 200 {
		t.Fatalf("openapi.json: %d", status)
	}
	dir := t.TempDir()
	name := filepath.Join(dir, "openapi.json")
	broken := filepath.Join(dir, "broken.json")
	wrong := bytes.Replace(document, []byte(`"in": "path"`), []byte(`"in": "paths"`), 1)
	if bytes.Equal(wrong, document) {
		t.Fatal("nothing to break")
	}
	for file, text := range map[string][]byte{name: document, broken: wrong} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	redocly := filepath.Join(interop.NPM(t, ".", "peer.mjs"), "node_modules", ".bin", "redocly")
	quiet := []string{"REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true"}
	for _, c := range []struct {
		program string
		args    []string
	}{
		{filepath.Join(interop.Python(t, "."), "openapi-spec-validator"), nil},
		{redocly, []string{"lint", "--extends", "recommended"}},
	} {
		out, err := run(t, quiet, c.program, append(c.args, name)...)
		if err != nil {
			t.Errorf("%s: %v\n%s", filepath.Base(c.program), err, out)
		}
		t.Logf("%s: %s", filepath.Base(c.program), out)
		if out, err := run(t, quiet, c.program, append(c.args, broken)...); err == nil {
			t.Errorf("%s takes a broken document:\n%s", filepath.Base(c.program), out)
		}
	}
}
