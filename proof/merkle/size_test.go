package merkle

import (
	"errors"
	"math"
	"testing"
)

// More leaves than an int can count the bytes of are refused before anything is made for
// them: with an int of 32 bits that is 2^26, far below MaxSize.
func TestBuildTooLarge(t *testing.T) {
	for _, h := range []Hash{SHA256, SHA512} {
		n := math.MaxInt/h.Size() + 1
		for _, n := range []int{n, 2 * n, math.MaxInt} {
			_, err := Build(h, n, func(int) []byte { t.Fatal("a leaf was asked for"); return nil })
			if !errors.Is(err, ErrSize) {
				t.Errorf("%d leaves: %v", n, err)
			}
		}
	}
}
