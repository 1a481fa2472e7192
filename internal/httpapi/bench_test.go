package httpapi

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/chancery-dev/chancery/internal/httpapi/verdict"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// benchAPI is a handler as it is run: with a log, metrics and limits.
func benchAPI(b *testing.B) (http.Handler, *fake) {
	a, f := start(b, func(c *Config) {
		c.Logger = slog.New(slog.NewJSONHandler(io.Discard, nil))
		c.Metrics = prometheus.NewRegistry()
		c.KeyRate, c.AddressRate = Rate{1e9, 1e9}, Rate{1e9, 1e9}
		c.Clock = time.Now
	})
	f.noCopy = true
	return a, f
}

// bareGet is the least that answers the same bytes: a mux, the use case, the encoder.
func bareGet(f *fake) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/credentials/{id}", func(w http.ResponseWriter, r *http.Request) {
		c, _ := f.Authenticate(r.Context(), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		v, _ := f.GetCredential(r.Context(), c, r.PathValue("id"))
		w.Header().Set("Content-Type", jsonType)
		json.MarshalWrite(w, envelope[service.Credential]{Data: v}, answerJSON)
	})
	return mux
}

// bareVerify does the same decoding and encoding as ours does.
func bareVerify(f *fake) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/verify", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		d, err := strictjson.Parse(body, strictjson.Limits{})
		if err != nil {
			http.Error(w, err.Error(), 400)
			return
		}
		n := d.Get(0, "credential")
		v, _ := f.VerifyFiles(context.Background(), []service.Upload{{Bytes: body[d.Offset(n) : d.Offset(n)+len(d.Raw(n))]}}, "")
		w.Header().Set("Content-Type", jsonType)
		json.MarshalWrite(w, envelope[verdict.Verdict]{Data: verdict.Of(v, false)}, answerJSON)
	})
	return mux
}

// discard is a ResponseWriter that costs nothing.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// rounds of two handlers that take turns: the medians of the time of each and of the
// ratio of neighbours, which a machine that is busy at times disturbs least.
func turns(rounds, each int, send func(i int)) (bare, ours time.Duration, ratio float64) {
	var times [2][]time.Duration
	var ratios []float64
	for range rounds {
		var took [2]time.Duration
		for i := range 2 {
			begin := time.Now()
			for range each {
				send(i)
			}
			took[i] = time.Since(begin) / time.Duration(each)
			times[i] = append(times[i], took[i])
		}
		ratios = append(ratios, float64(took[1])/float64(took[0]))
	}
	slices.Sort(times[0])
	slices.Sort(times[1])
	slices.Sort(ratios)
	return times[0][rounds/2], times[1][rounds/2], ratios[rounds/2]
}

// inProcess takes turns without a connection.
func inProcess(make func() *http.Request, handlers [2]http.Handler) (bare, ours time.Duration) {
	bare, ours, _ = turns(41, 200, func(i int) { handlers[i].ServeHTTP(discard{http.Header{}}, make()) })
	return bare, ours
}

// overLoopback takes turns with a server and eight clients that keep their connections:
// what is compared is how many requests are answered in a time, on a machine that is busy.
func overLoopback(b *testing.B, send func(c *http.Client, url string) error, handlers [2]http.Handler) float64 {
	const clients, each = 8, 40
	var servers [2]*httptest.Server
	for i, h := range handlers {
		servers[i] = httptest.NewServer(h)
		defer servers[i].Close()
		servers[i].Client().Transport.(*http.Transport).MaxIdleConnsPerHost = clients
	}
	_, _, ratio := turns(41, 1, func(i int) {
		var wg sync.WaitGroup
		for range clients {
			wg.Go(func() {
				for range each {
					if err := send(servers[i].Client(), servers[i].URL); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
	})
	return ratio
}

func do(c *http.Client, r *http.Request, want int) error {
	r.Header.Set("Authorization", "Bearer "+keyA)
	res, err := c.Do(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, res.Body)
	res.Body.Close()
	if err == nil && res.StatusCode != want {
		err = http.ErrNotSupported
	}
	return err
}

// BenchmarkTargetHandlerGet: reading a resource costs at most 1.2 of a bare mux, as a
// request over a connection; and at most 60 µs more in process.
func BenchmarkTargetHandlerGet(b *testing.B) {
	ours, f := benchAPI(b)
	bare := bareGet(f)
	mk := func() *http.Request {
		r := httptest.NewRequest("GET", "/v1/credentials/CX-1", nil)
		r.Header.Set("Authorization", "Bearer "+keyA)
		return r
	}
	for b.Loop() {
		raw, full := inProcess(mk, [2]http.Handler{bare, ours})
		ratio := overLoopback(b, func(c *http.Client, url string) error {
			r, _ := http.NewRequest("GET", url+"/v1/credentials/CX-1", nil)
			return do(c, r, 200)
		}, [2]http.Handler{bare, ours})
		b.ReportMetric(ratio, "x_raw")
		b.ReportMetric(1.2, "x_limit")
		b.ReportMetric(float64(full-raw)/1e3, "us_op")
		b.ReportMetric(60, "us_limit")
	}
}

// BenchmarkTargetHandlerVerify: what HTTP costs beside a verification, with a credential
// of usual size: all of the handler, as the use case here costs nothing.
func BenchmarkTargetHandlerVerify(b *testing.B) {
	ours, f := benchAPI(b)
	bare := bareVerify(f)
	body := []byte(`{"credential":` + benchCredential() + `}`)
	mk := func() *http.Request {
		r := httptest.NewRequest("POST", "/v1/verify", bytes.NewReader(body))
		r.Header.Set("Content-Type", jsonType)
		return r
	}
	for b.Loop() {
		raw, full := inProcess(mk, [2]http.Handler{bare, ours})
		b.ReportMetric(float64(raw)/1e3, "us_bare")
		b.ReportMetric(float64(full)/1e3, "us_op")
		b.ReportMetric(60, "us_limit")
	}
}

// benchCredential is a credential of about 2 kB.
func benchCredential() string {
	v := map[string]any{"@context": []string{"https://www.w3.org/ns/credentials/v2", "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"}, "id": "https://chancery.example/c/" + examplePublic, "type": []string{"VerifiableCredential", "OpenBadgeCredential"},
		"issuer": map[string]any{"id": exampleDID, "name": "Academy", "type": "Profile"}, "validFrom": "2026-05-10T08:00:00Z",
		"credentialSubject": map[string]any{"type": "AchievementSubject", "name": "Aina Rahman", "achievement": map[string]any{"id": "urn:uuid:" + exampleUUID, "type": "Achievement", "name": "Safety", "description": strings.Repeat("What was learnt. ", 20), "criteria": map[string]any{"narrative": strings.Repeat("How. ", 40)}}},
		"credentialStatus":  []any{map[string]any{"type": "BitstringStatusListEntry", "statusPurpose": "revocation", "statusListIndex": "94567", "statusListCredential": exampleHost + "/status/7"}},
		"proof":             map[string]any{"type": "DataIntegrityProof", "cryptosuite": "eddsa-rdfc-2022", "created": "2026-05-10T08:00:00Z", "verificationMethod": exampleDID + "#k1", "proofPurpose": "assertionMethod", "proofValue": "z" + strings.Repeat("5", 88)}}
	b, _ := json.Marshal(v)
	return string(b)
}
