package httpapi

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/service"
)

// FuzzRows: whatever a batch's body is, its rows end, and every fault is one of the
// caller's.
func FuzzRows(f *testing.F) {
	for _, s := range []string{`{"type":"t","items":[{"recipient":{"name":"A"}}]}`, `[{"id":"a"},{}]`, "recipient.name,claims.x\nA,\"b\"\"\n\"\n", "\xef\xbb\xbfid\n1\n", "{}\n\n{\"x\":1}\n", `{"items":[],"items":[]}`, "[", `{"items":{}}`} {
		f.Add(s)
	}
	h, err := New(fakeConfig(&fake{calls: map[string]int{}}))
	if err != nil {
		f.Fatal(err)
	}
	a := h.(*api)
	f.Fuzz(func(t *testing.T, s string) {
		_, headErr := a.batchHead(strings.NewReader(s))
		callersFault(t, headErr)
		_ = checkArray(strings.NewReader(s))
		fromJSON, err := a.jsonRows(strings.NewReader(s))
		callersFault(t, err)
		fromCSV, err := csvRows(strings.NewReader(s), map[string]string{"x": "number"})
		callersFault(t, err)
		for _, next := range []rows{fromJSON, a.ndjsonRows(strings.NewReader(s)), fromCSV} {
			if next == nil {
				continue
			}
			for n := 0; ; n++ {
				_, err := next()
				if err == io.EOF {
					break
				}
				callersFault(t, err)
				var e *service.Error
				if errors.As(err, &e) && e.Code == service.CodeBody {
					break // the service stops there
				}
				if n > len(s)+1 {
					t.Fatal("rows do not end")
				}
			}
		}
	})
}

func callersFault(t *testing.T, err error) {
	t.Helper()
	var e *service.Error
	if err != nil && (!errors.As(err, &e) || e.Code != service.CodeBody && e.Code != service.CodeValidation) {
		t.Fatalf("%v", err)
	}
}

// FuzzHeaders: no header makes a panic or an internal error, and nothing but a well-formed
// token reaches the use case.
func FuzzHeaders(f *testing.F) {
	for _, s := range []string{"Bearer sk_test_a", "application/json;q=0.5, */*", `"abc", W/"x"`, "application/json; charset=utf-8", "1.2.3.4, ::1", "multipart/form-data; boundary=x"} {
		f.Add(s)
	}
	h, err := New(fakeConfig(&fake{calls: map[string]int{}}))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, name := range []string{"Authorization", "Accept", "Content-Type", "If-None-Match", "Idempotency-Key", "X-Tenant", "Origin", "X-Forwarded-For"} {
			w := ask(h, "POST", "/v1/credentials", `{"type":"x"}`, append(jsonA(), name, s)...)
			if w.Code >= 500 {
				t.Fatalf("%s: %q: %d %s", name, s, w.Code, w.Body)
			}
		}
		if token, err := bearer([]string{s}); err == nil && strings.ContainsAny(token, " \"',\r\n") {
			t.Fatalf("%q is a token", token)
		}
	})
}
