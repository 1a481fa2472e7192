package verifier_test

import (
	"context"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/verifier"
)

// mutations changes every leaf of a document, one at a time, in several ways each.
func mutations(tb testing.TB, text string) map[string]string {
	tb.Helper()
	d := parseJSON(tb, text)
	out := map[string]string{}
	put := func(n strictjson.Node, kind, value string) {
		at := d.Offset(n)
		out[d.Pointer(n)+" "+kind] = text[:at] + value + text[at+len(d.Raw(n)):]
	}
	for n := range strictjson.Node(d.Size()) {
		switch d.Kind(n) {
		case strictjson.String:
			s := d.String(n)
			put(n, "appended", strictjson.Quote(s+"x"))
			put(n, "first changed", strictjson.Quote("q"+strings.TrimPrefix(s, s[:min(1, len(s))])))
			put(n, "number", "1")
			put(n, "null", "null")
		case strictjson.Number:
			put(n, "changed", "77")
			put(n, "string", `"77"`)
		case strictjson.Bool:
			v, _ := d.Bool(n)
			put(n, "flipped", fmt.Sprint(!v))
		case strictjson.Object:
			if n != 0 {
				put(n, "emptied", "{}")
				put(n, "null", "null")
			}
			if d.Len(n) > 0 {
				put(n, "new member", strings.Replace(d.Raw(n), "{", `{"surprise":"x",`, 1))
			}
		}
		if p := d.Parent(n); d.Kind(p) == strictjson.Object {
			at := d.Offset(p)
			out[d.Pointer(n)+" left out"] = text[:at] + string(d.Rewrite(p, nil, d.Name(n))) + text[at+len(d.Raw(p)):]
		}
	}
	return out
}

// TestEveryLeafMatters: whatever is changed in a document that is valid, it is valid
// no more. The few changes that leave its meaning as it is are named.
func TestEveryLeafMatters(t *testing.T) {
	for _, g := range goldens(t) {
		if !strings.HasPrefix(g.text, "{") || strings.Contains(g.name, "enveloped") {
			continue
		}
		t.Run(g.name, func(t *testing.T) {
			v := g.verifier(t)
			count := 0
			for what, text := range mutations(t, g.text) {
				r := judge(t, v, chancery.Secured{MediaType: g.media, Bytes: []byte(text)})
				if r.Outcome == verifier.Valid && !means(g.name, what) {
					t.Errorf("%s: still valid", what)
				}
				count++
			}
			if count < 50 {
				t.Errorf("only %d changes", count)
			}
		})
	}
}

// means tells of a change that it changes no meaning.
func means(golden, what string) bool {
	pointer, kind, _ := strings.Cut(what, " ")
	switch {
	case golden == "proof set" && strings.HasPrefix(pointer, "/proof"):
		// Taking a whole proof out of a set leaves a good document with fewer proofs.
		return kind == "left out" && strings.Count(pointer, "/") == 2
	case strings.HasPrefix(golden, "Ed25519Signature2020") && pointer == "/@context/2" && false:
		return true
	}
	return false
}

// TestEveryCharacterOfAToken: a JWT with one character changed is not valid.
func TestEveryCharacterOfAToken(t *testing.T) {
	for _, g := range goldens(t) {
		if strings.HasPrefix(g.text, "{") {
			continue
		}
		t.Run(g.name, func(t *testing.T) {
			v := g.verifier(t)
			for i := range len(g.text) {
				b := []byte(g.text)
				if b[i]++; b[i] == '{' || b[i] == '[' || b[i] == '`' || b[i] == ':' {
					b[i] = 'A'
				}
				if r := judge(t, v, chancery.Secured{MediaType: g.media, Bytes: b}); r.Outcome == verifier.Valid {
					t.Fatalf("still valid with character %d changed", i)
				}
			}
		})
	}
}

// TestZero: what claims nothing is not valid.
func TestZero(t *testing.T) {
	var o verifier.Outcome
	var r verifier.Report
	if o != verifier.Indeterminate || o.String() != "indeterminate" || r.Outcome != verifier.Indeterminate {
		t.Error("the zero outcome is not indeterminate")
	}
	r.Decide()
	if r.Outcome != verifier.Indeterminate {
		t.Error("a report without checks was decided")
	}
	r.Add(verifier.Check{ID: "x", Result: verifier.Pass})
	if r.Decide(); r.Outcome != verifier.Indeterminate {
		t.Error("a check that is not required decided")
	}
	r.Add(verifier.Check{ID: "y", Required: true})
	if r.Decide(); r.Outcome != verifier.Indeterminate {
		t.Error("the zero result passed")
	}
	r = verifier.Report{}
	r.Add(verifier.Check{ID: "x", Result: verifier.Pass, Required: true})
	r.Add(verifier.Check{ID: "y", Result: verifier.Skipped, Required: true})
	if r.Decide(); r.Outcome != verifier.Indeterminate {
		t.Error("a required check that was skipped passed")
	}
	r.Add(verifier.Check{ID: "z", Result: verifier.Pass, Required: true, Reason: verifier.NoProof})
	if r.Decide(); r.Outcome != verifier.Invalid || r.Reason != verifier.NoProof {
		t.Error("a reason did not decide")
	}
	if verifier.Reason("made_up").Outcome() != verifier.Indeterminate {
		t.Error("an unknown reason decides")
	}
}

func TestNewRefuses(t *testing.T) {
	clock := clockAt(now)
	for name, c := range map[string]verifier.Config{
		"no trust":          {Clock: clock},
		"empty trust":       {Clock: clock, Trust: &verifier.Trust{}},
		"no clock":          {Trust: verifier.TrustAny()},
		"unknown profile":   {Trust: verifier.TrustAny(), Clock: clock, Policy: verifier.Policy{Profile: 9}},
		"skew of a day":     {Trust: verifier.TrustAny(), Clock: clock, Policy: verifier.Policy{ClockSkew: 24 * time.Hour}},
		"negative skew":     {Trust: verifier.TrustAny(), Clock: clock, Policy: verifier.Policy{ClockSkew: -1}},
		"issuer twice":      {Trust: &verifier.Trust{Issuers: []verifier.TrustedIssuer{{ID: "x"}, {ID: "x"}}}, Clock: clock},
		"issuer without id": {Trust: &verifier.Trust{Issuers: []verifier.TrustedIssuer{{}}}, Clock: clock},
		"key of no type":    {Trust: &verifier.Trust{Issuers: []verifier.TrustedIssuer{{ID: "x", Keys: []verifier.TrustedKey{{Key: "x"}}}}}, Clock: clock},
		"document twice":    {Trust: &verifier.Trust{Any: true, Documents: []verifier.PinnedDocument{{URL: "a"}, {URL: "a"}}}, Clock: clock},
	} {
		if _, err := verifier.New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestDependencies: the verifying side opens no sockets, because it cannot, and builds
// for browsers.
func TestDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Skipf("go list: %v", err)
	}
	for _, p := range strings.Fields(string(out)) {
		if p == "net/http" || p == "crypto/tls" || p == "os/exec" {
			t.Errorf("verifier depends on %s", p)
		}
	}
	cmd := exec.Command("go", "build", "-o", os.DevNull, ".")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("wasm: %v\n%s", err, out)
	}
}

func TestVerifyAll(t *testing.T) {
	k := newKey(t, "issuer")
	good := sign(t, draft(t, k.did), k, proofOf{})
	bad := strings.Replace(good, "Aina", "Anna", 1)
	in := func(n int) iter.Seq[chancery.Secured] {
		return func(yield func(chancery.Secured) bool) {
			for i := range n {
				text := good
				if i%3 == 0 {
					text = bad
				}
				if !yield(vc(text)) {
					return
				}
			}
		}
	}
	v := setup(t, verifier.Policy{})
	i := 0
	for verified, err := range v.VerifyAll(context.Background(), in(50)) {
		if (err == nil) == (i%3 == 0) || (verified == nil) == (err == nil) {
			t.Errorf("%d: %v", i, err)
		}
		i++
	}
	if i != 50 {
		t.Errorf("%d results", i)
	}
	before := runtime.NumGoroutine()
	taken := 0
	endless := func(yield func(chancery.Secured) bool) {
		for yield(vc(good)) {
			taken++
		}
	}
	i = 0
	for range v.VerifyAll(context.Background(), endless) {
		if i++; i == 5 {
			break
		}
	}
	if taken > 5+2*runtime.GOMAXPROCS(0)+1 {
		t.Errorf("took %d documents", taken)
	}
	ctx, cancel := context.WithCancel(context.Background())
	i = 0
	for _, err := range v.VerifyAll(ctx, endless) {
		if i++; i == 3 {
			cancel()
		}
		_ = err
	}
	// One that has said that it is done may not have ended yet.
	for until := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Errorf("%d goroutines before, %d after", before, runtime.NumGoroutine())
			break
		}
	}
	for range v.VerifyAll(context.Background(), in(0)) {
		t.Error("a result for no document")
	}
	cancel()
}
