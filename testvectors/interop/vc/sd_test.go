package vc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/verifier"
)

// TestSelectiveDisclosure: issuer, holder and verifier of ecdsa-sd-2023, each of them we or
// the peer, in every combination.
func TestSelectiveDisclosure(t *testing.T) {
	p := startPeer(t)
	v := newVerifier(t)
	key, multi := newKey(t, signer.P256)
	list := drafts(multi["controller"])
	// The peer gives an identifier to the list in what it skolemises, which is then none.
	ordered := list["Open Badge"]
	list["Open Badge"] = strings.Replace(ordered, `,"allowedValue":["A","B","C"],"requiredValue":"C"`, "", 1)
	mandatory := []string{"/issuer", "/type"}
	cells := 0
	for name, draft := range list {
		selected := []string{"/credentialSubject/alumniOf", "/name"}
		if strings.Contains(draft, "achievement") {
			selected = []string{"/credentialSubject", "/name", "/validFrom"}
		}
		if name == "VC 1.1" {
			selected[2] = "/issuanceDate"
		}
		issue := map[string]func() []byte{
			"us": func() []byte { return oursSD(t, key, draft, mandatory...) },
			"them": func() []byte {
				return p.ask(t, map[string]any{"op": "issue", "suite": proof.ECDSASD2023, "key": multi, "created": at.Add(-time.Hour).Format(time.RFC3339), "document": json.RawMessage(draft), "pointers": mandatory}).Document
			},
		}
		derive := map[string]func([]byte) []byte{
			"us": func(base []byte) []byte {
				out, err := (&signer.Disclosure{Pointers: selected}).Derive(context.Background(), chancery.Secured{MediaType: chancery.MediaVC, Bytes: base})
				if err != nil {
					t.Fatal(err)
				}
				return out.Bytes
			},
			"them": func(base []byte) []byte {
				return p.ask(t, map[string]any{"op": "derive", "document": json.RawMessage(base), "pointers": selected}).Document
			},
		}
		for issuer, issue := range issue {
			base := issue()
			for holder, derive := range derive {
				t.Run(fmt.Sprintf("%s issued by %s derived by %s", name, issuer, holder), func(t *testing.T) {
					shown := derive(base)
					request := map[string]any{"op": "verify", "suite": proof.ECDSASD2023, "now": at.Format(time.RFC3339), "document": json.RawMessage(shown)}
					if a := p.ask(t, request); !a.Verified {
						t.Errorf("the peer refuses it: %s\n%s", a.Error, shown)
					}
					if got, why := outcome(t, v, shown); got != verifier.Valid {
						t.Errorf("we refuse it: %s\n%s", why, shown)
					}
					bad := tampered(t, shown)
					request["document"] = json.RawMessage(bad)
					if a := p.ask(t, request); a.Verified {
						t.Error("the peer accepts it, tampered")
					}
					if got, _ := outcome(t, v, bad); got != verifier.Invalid {
						t.Errorf("tampered: expected invalid, found %v", got)
					}
					cells += 4
				})
			}
			if got, why := outcome(t, v, base); got != verifier.Invalid || !strings.Contains(why, "base proof") {
				t.Errorf("base proof issued by %s: expected invalid, found %v %s", issuer, got, why)
			}
		}
	}
	// What the peer cannot disclose, it can verify.
	t.Run("ordered list", func(t *testing.T) {
		base := oursSD(t, key, ordered, mandatory...)
		for _, pointers := range [][]string{{"/credentialSubject"}, {"/credentialSubject/identifier", "/credentialSubject/achievement"}} {
			shown, err := (&signer.Disclosure{Pointers: pointers}).Derive(context.Background(), chancery.Secured{MediaType: chancery.MediaVC, Bytes: base})
			if err != nil {
				t.Fatal(err)
			}
			if a := p.ask(t, map[string]any{"op": "verify", "suite": proof.ECDSASD2023, "now": at.Format(time.RFC3339), "document": json.RawMessage(shown.Bytes)}); !a.Verified {
				t.Errorf("%q: the peer refuses it: %s", pointers, a.Error)
			}
			if got, why := outcome(t, v, shown.Bytes); got != verifier.Valid {
				t.Errorf("%q: we refuse it: %s", pointers, why)
			}
			cells += 2
		}
	})
	t.Logf("%d checks", cells)
}

func oursSD(t *testing.T, key signer.Key, draft string, mandatory ...string) []byte {
	t.Helper()
	c, err := chancery.Parse([]byte(draft))
	if err != nil {
		t.Fatal(err)
	}
	s := &signer.DataIntegrity{Key: key, Suite: proof.ECDSASD2023, Created: at.Add(-time.Hour), MandatoryPointers: mandatory}
	out, err := s.Sign(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newVerifier(t).Verify(context.Background(), out); !errors.Is(err, verifier.BaseProof) {
		t.Errorf("expected the base proof to be refused, found %v", err)
	}
	return out.Bytes
}
