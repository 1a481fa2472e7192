package serving_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
)

// TestOwnChain: a stamp on the chain of this installation, which no trust file names, is
// judged alike by its hash and by its evidence.
func TestOwnChain(t *testing.T) {
	n := newNode(t)
	f := newFort(t, func(p *serving.Parts) {
		p.Chain, p.BatchAge, p.BatchEvery = n.open(t), 20*time.Millisecond, 30*time.Millisecond
	})
	start(t, f.s)
	id := f.stamp("a thesis")
	until(t, "the stamp is anchored", time.Minute, func() bool { return f.stampState(id) == "anchored" })
	bundle := f.ok("north/test", "GET", "/v1/stamps/"+id+"/proof", nil, "Accept", "application/cbor").body
	sum := sha256.Sum256([]byte("a thesis"))
	if got := f.ok("", "POST", "/v1/verify", map[string]any{"hash": map[string]any{"alg": "sha-256", "value": hex.EncodeToString(sum[:])}}); got.text("outcome") != "valid" {
		t.Errorf("by hash: %s", got.body)
	}
	if got := f.upload("", "/v1/verify", bundle, []byte("a thesis")); got.text("outcome") != "valid" {
		t.Errorf("by evidence: %s", got.body)
	}
}
