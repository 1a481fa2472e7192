package httpapi

import (
	"archive/zip"
	"bytes"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/blob"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/memstore"
)

// TestPrivateUpload: of a person's file that is handed in beside others, or in a ZIP, neither
// content nor name is in the answer, with the whole report, or in any log.
func TestPrivateUpload(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	clock := func() time.Time { return clockTime }
	store := memstore.New(clock)
	ring := sure(service.NewKeyRing(service.GenerateMasterKey()))
	core := sure(service.New(service.Config{Store: store, Blobs: blob.NewMemory(0), Sealer: ring, Clock: clock, BaseURL: exampleHost, Logger: logger}))
	h := sure(New(Config{Keys: core, Issuers: core, Types: core, Credentials: core, Verifying: core, Public: core, BaseURL: exampleHost, Clock: clock, Logger: logger}))
	const name, secret = "Wilhelmina-Quist-payslip", "salary-of-Wilhelmina-Quist-4711"
	pack := func(files ...[2]string) string {
		var out bytes.Buffer
		w := zip.NewWriter(&out)
		for _, f := range files {
			entry := sure(w.Create(f[0]))
			sure(entry.Write([]byte(f[1])))
		}
		w.Close()
		return out.String()
	}
	private := map[string]string{
		"text": secret, "json": `{"` + secret + `":"` + secret + `"}`, "broken json": `{"a":"` + secret + `",`, "twice": `{"a":"` + secret + `","a":"` + secret + `"}`,
		"pdf": "%PDF-1.7\n% " + secret, "png": "\x89PNG\r\n\x1a\n" + secret, "svg": "<svg xmlns='http://www.w3.org/2000/svg'><desc>" + secret + "</desc></svg>",
		"evidence": "\xd9\xd9\xf7\xa1" + secret, "table": "index,state,id,url,errors\n0,issued," + secret + ",,\n", "zip": pack([2]string{name, secret}),
	}
	credential := string(sure(json.Marshal(exampleVC)))
	other := [3]string{"file", "a.json", credential}
	for kind, content := range private {
		file := [3]string{"files[]", name + "." + kind, content}
		for how, parts := range map[string][][3]string{
			"alone": {file}, "beside another": {other, file}, "in a ZIP": {{"file", name + ".zip", pack([2]string{file[1], content}, [2]string{"a.json", credential})}},
			"in a ZIP alone": {{"file", name + ".zip", pack([2]string{name + "/" + file[1], content})}}, "twice": {file, file},
			"under another name of a part": {{name, file[1], content}}, "too large": {{"file", file[1], content + strings.Repeat("x", 10<<20)}},
			"in a bomb": {{"file", name + ".zip", pack([2]string{file[1], content}, [2]string{name, strings.Repeat("0", 9<<20)})}},
		} {
			log.Reset()
			body, ct := form(t, parts...)
			r := httptest.NewRequest("POST", "/v1/verify?report=true", strings.NewReader(body))
			r.Header.Set("Content-Type", ct)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != 200 && w.Code != 413 && w.Code != 422 {
				t.Errorf("%s, %s: %d %s", kind, how, w.Code, w.Body)
			}
			for _, word := range []string{name, secret, "Wilhelmina", "4711"} {
				if strings.Contains(w.Body.String(), word) {
					t.Errorf("%s, %s: %s is in the answer: %.1000s", kind, how, word, w.Body)
				}
				if strings.Contains(log.String(), word) {
					t.Errorf("%s, %s: %s is in the log: %s", kind, how, word, log.String())
				}
			}
			if log.Len() == 0 {
				t.Fatalf("%s, %s: nothing is logged: the test sees nothing", kind, how)
			}
		}
	}
}
