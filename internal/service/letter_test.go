package service_test

import (
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/service"
)

// TestLetter: both forms say the same, and the HTML is fit for phones, other directions of
// writing, and names without spaces.
func TestLetter(t *testing.T) {
	l := service.Letter{
		Lang: "ar", Title: "T", From: "جامعة <النيلين>", Test: "TEST: of <it>", Link: "https://uni.example/c?a=1&b=2",
		Body: "Dear " + strings.Repeat("W", 80) + ",\n\nhere:\nhttps://uni.example/c?a=1&b=2", Foot: "Sent by <us>",
	}
	text, page := l.Text(), l.HTML()
	if want := l.Test + "\n\n" + l.Body + "\n\n-- \n" + l.Foot + "\n"; text != want {
		t.Errorf("found %q, expected %q", text, want)
	}
	for _, want := range []string{
		`<html lang="ar">`, `name="viewport"`, `prefers-color-scheme:dark`, "overflow-wrap:anywhere", ">جامعة &lt;النيلين&gt;<", ">TEST: of &lt;it&gt;<", ">Sent by &lt;us&gt;<",
		`here:<br><a dir="ltr" href="https://uni.example/c?a=1&amp;b=2" style="color:#8A1C1C">https://uni.example/c?a=1&amp;b=2</a></p>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the HTML has no %s", want)
		}
	}
	if n := strings.Count(page, "<p") - strings.Count(page, `<p class="test"`); n != 4 || strings.Count(page, `<p dir="auto"`) != n {
		t.Errorf("a paragraph does not find its own direction: %s", page)
	}
	l.Lang, l.Test, l.Link = "", "", ""
	if page = l.HTML(); strings.Contains(page, "lang=") || strings.Contains(page, `<p class="test"`) || strings.Contains(page, "<a ") {
		t.Errorf("what is not said is in it: %s", page)
	}
}

func TestSiteName(t *testing.T) {
	for base, want := range map[string]string{
		"https://uni.example":              "uni.example",
		"https://uni.example/credentials/": "uni.example/credentials",
		"http://127.0.0.1:8080":            "127.0.0.1:8080",
		"https://[::1]:8443/a/b":           "[::1]:8443/a/b",
	} {
		if got := service.SiteName(base); got != want {
			t.Errorf("%s: %q, expected %q", base, got, want)
		}
	}
}
