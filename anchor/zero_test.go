package anchor_test

import (
	"errors"
	"testing"

	"github.com/chancery-dev/chancery/anchor"
)

// TestProverWithoutStore: a Prover without its store says so.
func TestProverWithoutStore(t *testing.T) {
	p := &anchor.Prover{}
	if _, err := p.Bundle(t.Context(), "letter-17", nil); !errors.Is(err, anchor.ErrConfig) {
		t.Error(err)
	}
	if _, err := p.Batch(t.Context(), 0); !errors.Is(err, anchor.ErrConfig) {
		t.Error(err)
	}
	for _, err := range p.All(t.Context(), 0) {
		if !errors.Is(err, anchor.ErrConfig) {
			t.Error(err)
		}
	}
}
