package pades_test

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/signer/pades"
)

// batchKey counts its calls.
type batchKey struct {
	crypto.Signer
	calls int
}

func (k *batchKey) SignDigest(_ context.Context, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.Sign(nil, digest, opts)
}

func (k *batchKey) SignDigests(ctx context.Context, digests [][]byte, opts crypto.SignerOpts) ([][]byte, error) {
	k.calls++
	var out [][]byte
	for _, d := range digests {
		s, err := cms.KeySigner(k.Signer).SignDigest(ctx, d, opts)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func TestTwoPhases(t *testing.T) {
	for _, kind := range []keyKind{rsa2048, pss2048, p256, ed} {
		for level := pades.LevelB; level <= pades.LevelLTA; level++ {
			t.Run(string(kind)+level.String(), func(t *testing.T) {
				w := newWorld(t, kind)
				s := w.Pades(level, kind)
				s.Key = nil // it is elsewhere
				var prepared []*pades.Prepared
				var inputs [][]byte
				for n := range 3 {
					in := sample{Pages: n + 1}.Build(t)
					p, err := s.Prepare(t.Context(), bytes.NewReader(in), int64(len(in)), pades.Request{Reason: "batch"})
					check(t, err)
					state, err := p.MarshalBinary()
					check(t, err)
					p, err = pades.UnmarshalPrepared(state)
					check(t, err)
					prepared, inputs = append(prepared, p), append(inputs, in)
				}
				key := &batchKey{Signer: w.Signer.Key}
				values, err := pades.SignBatch(t.Context(), key, prepared)
				check(t, err)
				if key.calls != 1 {
					t.Fatalf("%d calls for a batch", key.calls)
				}
				for i, p := range prepared {
					var out bytes.Buffer
					r, err := s.Embed(t.Context(), bytes.NewReader(inputs[i]), &out, p, values[i])
					check(t, err)
					sigs := w.signatures(t, out.Bytes(), "")
					if !w.isSigner(sigs[0].verified.Certificate) || r.Size != int64(out.Len()) {
						t.Fatal("wrong result")
					}
				}
				first := inputs[0]
				wrong := slices.Clone(values[0])
				wrong[len(wrong)-1] ^= 1
				embed := func(in []byte, sig []byte, s *pades.Signer, want pades.Reason) {
					t.Helper()
					if _, err := s.Embed(t.Context(), bytes.NewReader(in), io.Discard, prepared[0], sig); !errors.Is(err, want) {
						t.Fatalf("got %v, expected %s", err, want)
					}
				}
				embed(first, wrong, s, pades.BadSignature)
				embed(first, values[1], s, pades.BadSignature)
				embed(first, nil, s, pades.BadSignature)
				changed := slices.Clone(first)
				changed[20] ^= 1
				embed(changed, values[0], s, pades.InputChanged)
				other := *s
				other.Level = pades.LevelB + (level % 4)
				if other.Level >= pades.LevelT {
					other.TSA, other.Revocation = w.TSA, w
				}
				embed(first, values[0], &other, pades.BadConfig)
			})
		}
	}
}

// TestState reads damaged state: refused or still a state, never a panic.
func TestState(t *testing.T) {
	w := newWorld(t, p256)
	in := sample{}.Build(t)
	p, err := w.Pades(pades.LevelB, p256).Prepare(t.Context(), bytes.NewReader(in), int64(len(in)), pades.Request{})
	check(t, err)
	state, err := p.MarshalBinary()
	check(t, err)
	for i := range state {
		if i%7 == 0 {
			if _, err := pades.UnmarshalPrepared(state[:i]); err == nil {
				t.Fatal("state cut short was taken")
			}
		}
		damaged := slices.Clone(state)
		damaged[i] ^= 0x41
		if p, err := pades.UnmarshalPrepared(damaged); err == nil {
			_, _ = w.Pades(pades.LevelB, p256).Embed(t.Context(), bytes.NewReader(in), io.Discard, p, []byte{1})
		}
	}
}

// failing keys.
type badKey struct {
	crypto.Signer
	sig []byte
	err error
}

func (k badKey) SignDigest(context.Context, []byte, crypto.SignerOpts) ([]byte, error) {
	return k.sig, k.err
}

func TestRemoteKeys(t *testing.T) {
	w := newWorld(t, rsa2048)
	in := sample{}.Build(t)
	gone := errors.New("token removed")
	for name, key := range map[string]badKey{
		"error":           {w.Signer.Key, nil, gone},
		"wrong signature": {w.Signer.Key, make([]byte, 256), nil},
		"wrong length":    {w.Signer.Key, make([]byte, 3), nil},
		"nothing":         {w.Signer.Key, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := w.Pades(pades.LevelB, rsa2048)
			s.Remote = key
			_, err := s.Sign(t.Context(), bytes.NewReader(in), int64(len(in)), io.Discard, pades.Request{})
			if !errors.Is(err, pades.SigningFailed) || key.err != nil && !errors.Is(err, gone) {
				t.Fatalf("got %v", err)
			}
		})
	}
	s := w.Pades(pades.LevelB, rsa2048)
	s.Remote = badKey{newKeyOf(t), nil, nil}
	refused(t, s, in, pades.Request{}, pades.BadConfig)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Pades(pades.LevelB, rsa2048).Sign(ctx, bytes.NewReader(in), int64(len(in)), io.Discard, pades.Request{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}
