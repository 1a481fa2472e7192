package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/layout"
)

var update = flag.Bool("update", false, "write docs/pictures anew")

// TestPicture keeps the picture in the README true: it is what the program draws.
func TestPicture(t *testing.T) {
	renderer, err := layout.New(layout.Config{})
	if err != nil {
		t.Fatal(err)
	}
	template, err := layout.Builtin(layout.Diploma, "A4-landscape")
	if err != nil {
		t.Fatal(err)
	}
	fields := layout.Fields{Text: map[string]string{
		"institution": university, "recipient": "Zoë Ångström", "achievement": "Bachelor of Science", "date": "30 June 2026",
		"description": "with a thesis on the lichens of the northern fells", "signatory1.name": "Prof. Dr. Ida Falk", "signatory1.title": "Rector",
		"signatory2.name": "Dr. Jonas Weir", "signatory2.title": "Registrar",
	}}
	got, err := renderer.Preview(context.Background(), template, fields, layout.Options{
		VerifyURL: "https://gruenau.example/c/Zk3rW8", ID: "GRN20260001", Lang: "en", Title: "Diploma", Author: university,
		Created: time.Date(2026, 6, 30, 12, 0, 0, 0, time.UTC),
	}, layout.PreviewOptions{DPI: 80})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "..", "docs", "pictures", "diploma.png")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/pictures/diploma.png is not what the program draws: run with -update")
	}
}
