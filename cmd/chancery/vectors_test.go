package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/testvectors"
	"github.com/chancery-dev/chancery/verifier"
)

// TestVectors runs every vector through the command: same outcome, same Reason, and the
// exit status that goes with it.
func TestVectors(t *testing.T) {
	status := map[string]int{"valid": 0, "invalid": 1, "indeterminate": 3}
	flags := map[string]string{
		"InsecureAcceptStaleStatus": "--insecure-accept-stale-status",
		"InsecureNoStatus":          "--insecure-no-status",
	}
	dir := t.TempDir()
	ran := 0
	err := fs.WalkDir(testvectors.FS, "vectors", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := testvectors.FS.ReadFile(path)
		if err != nil {
			return err
		}
		var v struct {
			At          time.Time
			Profile     string
			Insecure    []string
			Expectation struct{ Domain, Challenge, Recipient, RecipientType string }
			Trust       json.RawMessage
			Input       struct {
				Text   string
				Base64 []byte
			}
			Expect struct{ Outcome, Reason string }
		}
		if err := json.Unmarshal(b, &v); err != nil {
			return err
		}
		if v.Expect.Reason == "unsupported_media_type" {
			return nil // the command has handlers that the bare library has not
		}
		input := v.Input.Base64
		if input == nil {
			input = []byte(v.Input.Text)
		}
		trust, file := filepath.Join(dir, "trust.json"), filepath.Join(dir, "input")
		if err := os.WriteFile(trust, v.Trust, 0o600); err != nil {
			return err
		}
		if err := os.WriteFile(file, input, 0o600); err != nil {
			return err
		}
		args := []string{"verify", "--json", "--trust", trust, "--at", v.At.Format(time.RFC3339), "--profile", v.Profile}
		for _, name := range v.Insecure {
			if flags[name] == "" {
				return nil // a switch that the command does not offer
			}
			args = append(args, flags[name])
		}
		for flag, value := range map[string]string{"--domain": v.Expectation.Domain, "--challenge": v.Expectation.Challenge, "--recipient": v.Expectation.Recipient, "--recipient-type": v.Expectation.RecipientType} {
			if value != "" {
				args = append(args, flag, value)
			}
		}
		var out, errs bytes.Buffer
		c := &cli{stdin: bytes.NewReader(nil), stdout: &out, stderr: &errs, now: time.Now}
		got := c.run(context.Background(), append(args, file))
		var report verifier.Report
		if err := json.Unmarshal(out.Bytes(), &report); err != nil {
			t.Errorf("%s: %v: %s%s", path, err, out.Bytes(), errs.Bytes())
			return nil
		}
		outcome, reason := report.Outcome.String(), string(report.Reason)
		if outcome != v.Expect.Outcome || reason != v.Expect.Reason || got != status[v.Expect.Outcome] {
			t.Errorf("%s: expected %s %q, found %s %q, exit status %d", path, v.Expect.Outcome, v.Expect.Reason, outcome, reason, got)
		}
		ran++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if ran < 100 {
		t.Errorf("ran %d vectors only", ran)
	}
}
