package verify_test

import (
	"encoding/json"
	"io/fs"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/testvectors"
	"github.com/chancery-dev/chancery/verifier"
)

// vector is one of testvectors, as the page takes it.
type vector struct {
	Path     string
	File     []byte
	Trust    []byte
	At       string
	Profile  string
	Insecure []string
	Expect   struct {
		Domain        string `json:"domain"`
		Challenge     string `json:"challenge"`
		Recipient     string `json:"recipient"`
		RecipientType string `json:"recipientType"`
	}
	outcome, reason string
}

func loadVectors(t *testing.T) []vector {
	t.Helper()
	var out []vector
	err := fs.WalkDir(testvectors.FS, "vectors", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := testvectors.FS.ReadFile(path)
		if err != nil {
			return err
		}
		var f struct {
			At          string
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
		if err := json.Unmarshal(b, &f); err != nil {
			return err
		}
		v := vector{Path: path, File: f.Input.Base64, Trust: f.Trust, At: f.At, Profile: f.Profile, Insecure: f.Insecure, outcome: f.Expect.Outcome, reason: f.Expect.Reason}
		if v.File == nil {
			v.File = []byte(f.Input.Text)
		}
		if f.Expectation != nil {
			if err := json.Unmarshal(f.Expectation, &v.Expect); err != nil {
				return err
			}
		}
		out = append(out, v)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 100 {
		t.Fatalf("found %d vectors only", len(out))
	}
	return out
}

// config is how the library judges the vector.
func (v *vector) config(t *testing.T) verifier.Config {
	t.Helper()
	trust, err := verifier.ParseTrust(v.Trust)
	if err != nil {
		t.Fatalf("%s: %v", v.Path, err)
	}
	at, err := time.Parse(time.RFC3339, v.At)
	if err != nil {
		t.Fatal(err)
	}
	c := verifier.Config{Trust: trust, Clock: func() time.Time { return at }}
	if v.Profile != "" {
		if c.Policy.Profile, err = verifier.ParseProfile(v.Profile); err != nil {
			t.Fatal(err)
		}
	}
	c.Policy.Expect = verifier.Expect{Domain: v.Expect.Domain, Challenge: v.Expect.Challenge, Recipient: verifier.Recipient{Identity: v.Expect.Recipient, Type: v.Expect.RecipientType}}
	for _, name := range v.Insecure {
		switch name {
		case "InsecureAnyProof":
			c.Policy.InsecureAnyProof = true
		case "InsecureNoIssuerBinding":
			c.Policy.InsecureNoIssuerBinding = true
		case "InsecureAcceptStaleStatus":
			c.Policy.InsecureAcceptStaleStatus = true
		case "InsecureNoStatus":
			c.Policy.InsecureNoStatus = true
		default:
			t.Fatalf("%s: unknown switch %s", v.Path, name)
		}
	}
	return c
}
