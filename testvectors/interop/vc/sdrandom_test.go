package vc_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/verifier"
)

// claim returns a random value of a claim, without lists in lists.
func claim(r *rand.Rand, depth int, inList bool) any {
	switch k := r.IntN(14); {
	case k == 0:
		return r.IntN(1000)
	case k == 1:
		return float64(r.IntN(1000)) + 0.5
	case k == 2:
		return r.IntN(2) == 0
	case k == 3:
		return []string{"ümlaut 数学", "with \"quotes\"", "", "2026-01-01T00:00:00Z"}[r.IntN(4)]
	case k == 4:
		return object{"@value": "v", "@language": "en"}
	case k == 5:
		return object{"@value": "5", "@type": "urn:t:d"}
	case k == 6:
		return object{"id": []string{"urn:a:1", "urn:a:2", "did:example:x"}[r.IntN(3)]}
	case k == 7:
		return object{"@type": "@json", "@value": object{"b": []any{1, nil, "x"}, "a": object{}}}
	case k < 10 && depth < 3 && !inList:
		list := []any{}
		for range 2 + r.IntN(2) {
			list = append(list, claim(r, depth+1, true))
		}
		return list
	case k < 13 && depth < 4:
		o := object{}
		if r.IntN(2) == 0 {
			o["type"] = []any{"Thing", []any{"Thing", "Other"}}[r.IntN(2)]
		}
		for range 1 + r.IntN(3) {
			o["p"+strconv.Itoa(r.IntN(6))] = claim(r, depth+1, false)
		}
		return o
	}
	return "t" + strconv.Itoa(r.IntN(5))
}

// pointersTo returns pointers to all values below one, but for what only JSON-LD names.
func pointersTo(v any, at string) []string {
	out := []string{at}
	switch v := v.(type) {
	case object:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if name[0] != '@' {
				out = append(out, pointersTo(v[name], at+"/"+name)...)
			}
		}
	case []any:
		for i, e := range v {
			out = append(out, pointersTo(e, at+"/"+strconv.Itoa(i))...)
		}
	}
	return out
}

// TestSelectiveDisclosureOfRandomDocuments: what we disclose of any document verifies for
// both, whoever issued it, and of what the peer discloses both say the same.
func TestSelectiveDisclosureOfRandomDocuments(t *testing.T) {
	p, v := startPeer(t), newVerifier(t)
	key, multi := newKey(t, signer.P256)
	cells := 0
	for seed := range 25 {
		r := rand.New(rand.NewPCG(uint64(seed), 9))
		text := encoded(object{
			"@context": []any{"https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/examples/v2"}, "type": []any{"VerifiableCredential", "ExampleAlumniCredential"},
			"issuer": multi["controller"], "validFrom": "2026-01-01T00:00:00Z", "evidence": []any{object{"type": "E", "x": claim(r, 1, false)}, object{"type": "E", "x": claim(r, 1, false)}},
			"credentialSubject": object{"id": "did:example:s", "q": claim(r, 0, false), "r": claim(r, 0, false), "s": claim(r, 0, false)},
		})
		all := pointersTo(decoded(text), "")[1:]
		pick := func(n int, and ...string) []string {
			for range n {
				and = append(and, all[r.IntN(len(all))])
			}
			return and
		}
		mandatory, selected := pick(r.IntN(3), "/issuer", "/type", "/validFrom"), pick(1+r.IntN(4), "/credentialSubject/q")
		theirs := p.try(t, map[string]any{"op": "issue", "suite": proof.ECDSASD2023, "key": multi, "created": at.Add(-time.Hour).Format(time.RFC3339), "document": json.RawMessage(text), "pointers": mandatory})
		for issuer, base := range map[string][]byte{"us": oursSD(t, key, string(text), mandatory...), "them": theirs.Document} {
			if base == nil {
				continue
			}
			ours, err := (&signer.Disclosure{Pointers: selected}).Derive(context.Background(), chancery.Secured{MediaType: chancery.MediaVC, Bytes: base})
			if err != nil {
				t.Fatalf("%d issued by %s: %v\n%s %q %q", seed, issuer, err, text, mandatory, selected)
			}
			derived := p.try(t, map[string]any{"op": "derive", "document": json.RawMessage(base), "pointers": selected})
			for holder, shown := range map[string][]byte{"us": ours.Bytes, "them": derived.Document} {
				if shown == nil {
					continue
				}
				what := fmt.Sprintf("%d issued by %s, derived by %s", seed, issuer, holder)
				a := p.try(t, map[string]any{"op": "verify", "suite": proof.ECDSASD2023, "now": at.Format(time.RFC3339), "document": json.RawMessage(shown)})
				got, why := outcome(t, v, shown)
				if (got == verifier.Valid) != a.Verified || holder == "us" && got != verifier.Valid {
					t.Errorf("%s: we say %v %s, the peer %v %s%s\n%s", what, got, why, a.Verified, a.Error, a.Failed, shown)
				}
				cells++
			}
		}
	}
	t.Logf("%d disclosures", cells)
	if cells < 60 {
		t.Errorf("expected at least 60 disclosures, found %d", cells)
	}
}
