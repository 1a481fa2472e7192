package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestTour runs the whole tour, expects every expectation to hold, and looks at what it
// leaves running.
func TestTour(t *testing.T) {
	tour := &tour{ctx: context.Background(), dir: t.TempDir(), listen: "127.0.0.1:0", serve: true, started: time.Now(), now: time.Now().UTC().Truncate(time.Second)}
	looked := false
	tour.linger = func() error {
		looked = true
		look(t, tour)
		return nil
	}
	if err := tour.run(); err != nil {
		t.Fatal(err)
	}
	if tour.failed > 0 {
		t.Errorf("%d expectations did not hold", tour.failed)
	}
	if len(tour.expected) < 15 {
		t.Errorf("judged %d files only", len(tour.expected))
	}
	if !looked {
		t.Error("nothing was left running")
	}
	if _, err := http.Get(tour.office.url + "/livez"); err == nil {
		t.Error("the service still runs")
	}
}

// look visits what the summary of "--serve" names.
func look(t *testing.T, tour *tour) {
	o := tour.office
	all := o.credentials
	valid, revoked := all[0].VerificationURL, all[len(all)-1].VerificationURL
	for _, c := range []struct{ url, holds string }{
		{o.url + "/", "<html"}, {valid, ">Valid</p>"}, {revoked, ">Revoked</p>"}, {valid + "?lang=ar", `dir="rtl"`}, {o.url + "/verify", `id="drop"`},
		{o.url + "/docs", "issueCredential"}, {o.url + "/verify/trust.json", university}, {o.url + "/metrics", "chancery_http_requests_total"},
	} {
		if status, _, body := fetch(t, c.url); status != http.StatusOK || !bytes.Contains(body, []byte(c.holds)) {
			t.Errorf("%s: %d, expected %s in %.300s", c.url, status, c.holds, body)
		}
	}
	// The picture that a badge names is found where it says.
	text, err := os.ReadFile(filepath.Join(tour.dir, "service", "diploma-1.json"))
	if err != nil {
		t.Fatal(err)
	}
	var badge struct {
		CredentialSubject struct {
			Achievement struct{ Image struct{ ID string } }
		}
	}
	if err := json.Unmarshal(text, &badge); err != nil {
		t.Fatal(err)
	}
	picture := badge.CredentialSubject.Achievement.Image.ID
	status, header, body := fetch(t, picture)
	if !strings.HasPrefix(picture, o.url+"/pictures/") || status != http.StatusOK || len(body) == 0 || !strings.HasPrefix(header.Get("Content-Type"), "image/") || !strings.Contains(header.Get("Cache-Control"), "immutable") {
		t.Errorf("the picture %q: %d %v, %d bytes", picture, status, header, len(body))
	}
}

func fetch(t *testing.T, url string) (int, http.Header, []byte) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Errorf("%q: %v", url, err)
		return 0, nil, nil
	}
	r.Header.Set("Accept-Language", "en")
	res, err := (&http.Client{Timeout: 10 * time.Second}).Do(r)
	if err != nil {
		t.Errorf("%q: %v", url, err)
		return 0, nil, nil
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Errorf("%q: %v", url, err)
	}
	return res.StatusCode, res.Header, body
}
