package signature

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"pgregory.net/rapid"
)

var at = time.Unix(1_614_265_330, 0)

// The example of the specification and of its reference libraries.
const (
	exampleID     = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	exampleBody   = `{"test": 2432232314}`
	exampleSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	exampleSign   = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

func secret(t testing.TB, s string) Secret {
	t.Helper()
	out, err := ParseSecret(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func key(t testing.TB, s string) Key {
	t.Helper()
	out, err := ParseKey(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestExampleOfTheSpecification(t *testing.T) {
	got, err := Sign(exampleID, at, []byte(exampleBody), secret(t, exampleSecret))
	if err != nil || got != exampleSign {
		t.Fatalf("%s, %v", got, err)
	}
}

// The v1a vector: RFC 8032 gives the key (7.1, TEST 3); the signature over
// "msg_1.1614265330.{}" is deterministic
// and was made by OpenSSL too.
func TestEd25519(t *testing.T) {
	seed := []byte{0xc5, 0xaa, 0x8d, 0xf4, 0x3f, 0x9f, 0x83, 0x7b, 0xed, 0xb7, 0x44, 0x2f, 0x31, 0xdc, 0xb7, 0xb1, 0x66, 0xd3, 0x85, 0x35, 0x07, 0x6f, 0x09, 0x4b, 0x85, 0xce, 0x3a, 0x2e, 0x0b, 0x44, 0x58, 0xf7}
	s := secret(t, "whsk_"+base64.StdEncoding.EncodeToString(seed))
	if want := "whpk_/FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU="; s.Public() != want {
		t.Fatalf("%s", s.Public())
	}
	long := secret(t, s.Reveal())
	if len(long.Reveal()) != len("whsk_")+88 || long.Public() != s.Public() {
		t.Error("the long form is another key")
	}
	got, err := Sign("msg_1", at, []byte("{}"), s)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(got, "v1a,"))
	if err != nil || !ed25519.Verify(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey), []byte("msg_1.1614265330.{}"), raw) {
		t.Fatalf("%s: %v", got, err)
	}
	if want := "v1a,GnaKLXBUd3xwqjbYVFhf7vqmCeigpZCVjLmHVB3VjgMxbNvye6kGhGxCD+X1sdVM6iWtAmwLPSaP1GKs3f0xBA=="; want != got {
		t.Errorf("expected %s, found %s", want, got)
	}
}

// TestOracle: the reference library accepts ours and we accept its, on drawn messages.
func TestOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 24, 64).Draw(t, "secret")
		id := rapid.StringMatching(`[A-Za-z0-9_-]{1,40}`).Draw(t, "id")
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		now := time.Unix(rapid.Int64Range(1, 4_000_000_000).Draw(t, "time"), 0)
		text := "whsec_" + base64.StdEncoding.EncodeToString(raw)
		peer, err := standardwebhooks.NewWebhook(text)
		if err != nil {
			t.Fatal(err)
		}
		s, err := ParseSecret(text)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := Sign(id, now, body, s)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := peer.Sign(id, now, body)
		if err != nil || ours != theirs {
			t.Fatalf("%s, theirs %s, %v", ours, theirs, err)
		}
		k, err := ParseKey(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := Verify(Headers{id, fmt.Sprint(now.Unix()), theirs}, body, now, 0, k); err != nil {
			t.Fatal(err)
		}
		h := http.Header{}
		h.Set(HeaderID, id)
		h.Set(HeaderTimestamp, fmt.Sprint(now.Unix()))
		h.Set(HeaderSignature, ours)
		if err := peer.VerifyIgnoringTimestamp(body, h); err != nil {
			t.Fatal(err)
		}
		// Any change of id, time or body is seen by both.
		changed := append(bytes.Clone(body), 0)
		if err := Verify(Headers{id, fmt.Sprint(now.Unix()), theirs}, changed, now, 0, k); !errors.Is(err, ErrSignature) {
			t.Fatal(err)
		}
		if peer.VerifyIgnoringTimestamp(changed, h) == nil {
			t.Fatal("the reference library accepts a changed body")
		}
	})
}

func TestVerify(t *testing.T) {
	pair, err := Generate(V1A, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	old, err := Generate(V1, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := secret(t, exampleSecret)
	body := []byte(exampleBody)
	sign := func(id string, secrets ...Secret) string {
		out, err := Sign(id, at, body, secrets...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	good := Headers{exampleID, "1614265330", exampleSign}
	k, pub := key(t, exampleSecret), key(t, pair.Public())
	both := sign(exampleID, old, s, pair)
	flip := func(h string) string { return h[:5] + string(rune(h[5]^1)) + h[6:] }
	many := strings.Repeat("v1,AAAA ", maxSigns) + exampleSign
	for _, c := range []struct {
		name string
		h    Headers
		body []byte
		now  time.Time
		keys []Key
		want error
	}{
		{"good", good, body, at, []Key{k}, nil},
		{"second of two", Headers{good.ID, good.Timestamp, both}, body, at, []Key{k}, nil},
		{"third, by Ed25519", Headers{good.ID, good.Timestamp, both}, body, at, []Key{pub}, nil},
		{"one key of two", good, body, at, []Key{pub, k}, nil},
		{"unknown version beside", Headers{good.ID, good.Timestamp, "v9,xx v1 , " + exampleSign}, body, at, []Key{k}, nil},
		{"at the edge", good, body, at.Add(Tolerance), []Key{k}, nil},
		{"early by the edge", good, body, at.Add(-Tolerance), []Key{k}, nil},
		{"no key", good, body, at, nil, ErrSignature},
		{"zero key", good, body, at, []Key{{}}, ErrSignature},
		{"other key", good, body, at, []Key{key(t, old.Reveal())}, ErrSignature},
		{"other body", good, []byte("{}"), at, []Key{k}, ErrSignature},
		{"other id", Headers{"msg_2", good.Timestamp, exampleSign}, body, at, []Key{k}, ErrSignature},
		{"other time", Headers{good.ID, "1614265331", exampleSign}, body, at, []Key{k}, ErrSignature},
		{"changed signature", Headers{good.ID, good.Timestamp, flip(exampleSign)}, body, at, []Key{k}, ErrSignature},
		{"cut signature", Headers{good.ID, good.Timestamp, "v1,g0hM"}, body, at, []Key{k}, ErrSignature},
		{"empty signature", Headers{good.ID, good.Timestamp, "v1,"}, body, at, []Key{k}, ErrSignature},
		{"empty v1a signature", Headers{good.ID, good.Timestamp, "v1a,"}, body, at, []Key{pub}, ErrSignature},
		{"v1 called v1a", Headers{good.ID, good.Timestamp, strings.Replace(exampleSign, "v1,", "v1a,", 1)}, body, at, []Key{k, pub}, ErrSignature},
		{"v1a called v1", Headers{good.ID, good.Timestamp, strings.Replace(sign(exampleID, pair), "v1a,", "v1,", 1)}, body, at, []Key{k, pub}, ErrSignature},
		{"without padding", Headers{good.ID, good.Timestamp, strings.TrimSuffix(exampleSign, "=")}, body, at, []Key{k}, ErrSignature},
		{"two versions in one", Headers{good.ID, good.Timestamp, "v1," + exampleSign}, body, at, []Key{k}, ErrSignature},
		{"a line end inside", Headers{good.ID, good.Timestamp, exampleSign[:10] + "\n" + exampleSign[10:]}, body, at, []Key{k}, ErrSignature},
		{"after too many", Headers{good.ID, good.Timestamp, many}, body, at, []Key{k}, ErrSignature},
		{"too old", good, body, at.Add(Tolerance + time.Second), []Key{k}, ErrTooOld},
		{"of the future", good, body, at.Add(-Tolerance - time.Second), []Key{k}, ErrTooNew},
		{"too long", Headers{good.ID, good.Timestamp, strings.Repeat("v", maxHeader+1)}, body, at, []Key{k}, ErrHeaders},
		{"no id", Headers{"", good.Timestamp, exampleSign}, body, at, []Key{k}, ErrHeaders},
		{"no time", Headers{good.ID, "", exampleSign}, body, at, []Key{k}, ErrHeaders},
		{"no signature", Headers{good.ID, good.Timestamp, ""}, body, at, []Key{k}, ErrHeaders},
		{"time with a sign", Headers{good.ID, "+1614265330", exampleSign}, body, at, []Key{k}, ErrHeaders},
		{"time with zeros", Headers{good.ID, "01614265330", exampleSign}, body, at, []Key{k}, ErrHeaders},
		{"negative time", Headers{good.ID, "-1", exampleSign}, body, at, []Key{k}, ErrHeaders},
		{"a date", Headers{good.ID, "2021-02-25T15:02:10Z", exampleSign}, body, at, []Key{k}, ErrHeaders},
		{"time beyond 64 bits", Headers{good.ID, "99999999999999999999", exampleSign}, body, at, []Key{k}, ErrHeaders},
		{"id with a dot", Headers{"msg.1614265330", good.Timestamp, exampleSign}, body, at, []Key{k}, ErrHeaders},
		{"id with a line end", Headers{"msg\n", good.Timestamp, exampleSign}, body, at, []Key{k}, ErrHeaders},
	} {
		if err := Verify(c.h, c.body, c.now, 0, c.keys...); !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
			t.Errorf("%s: expected %v, found %v", c.name, c.want, err)
		}
	}
	// The largest time there is does not wrap around into the tolerance.
	far, err := Sign("m", time.Unix(1<<62, 0), nil, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := Verify(Headers{"m", fmt.Sprint(int64(1 << 62)), far}, nil, at, 0, k); !errors.Is(err, ErrTooNew) {
		t.Error(err)
	}
	if err := Verify(good, body, at.Add(time.Minute), time.Second, k); !errors.Is(err, ErrTooOld) {
		t.Error("a narrow tolerance is not kept: ", err)
	}
}

func TestSignRefuses(t *testing.T) {
	s := secret(t, exampleSecret)
	for _, id := range []string{"", "a.b", "a b", "a\r\nwebhook-id: b", "é", strings.Repeat("a", maxID+1)} {
		if _, err := Sign(id, at, nil, s); !errors.Is(err, ErrMessage) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if _, err := Sign("a", time.Time{}, nil, s); !errors.Is(err, ErrMessage) {
		t.Error(err)
	}
	if _, err := Sign("a", at, nil); !errors.Is(err, ErrSecret) {
		t.Error(err)
	}
	if _, err := Sign("a", at, nil, s, Secret{}); !errors.Is(err, ErrSecret) {
		t.Error(err)
	}
	if _, err := Sign("a", at, nil, make([]Secret, maxSigns+1)...); !errors.Is(err, ErrSecret) {
		t.Error(err)
	}
}

func TestSecrets(t *testing.T) {
	b := func(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }
	for _, text := range []string{
		"", "whsec_", "whsec_" + b(23), "whsec_" + b(65), b(32), "WHSEC_" + b(32), "whsec_" + b(32) + "\n", "whsec_" + strings.TrimRight(b(32), "="), "whsec_?",
		"whsk_" + b(31), "whsk_" + b(33), "whsk_" + b(64), "whsk_", "whpk_" + b(32), "whsec_" + b(25)[:35] + "B",
	} {
		if _, err := ParseSecret(text); !errors.Is(err, ErrSecret) {
			t.Errorf("secret %q: %v", text, err)
		}
	}
	for _, text := range []string{"", "whpk_", "whpk_" + b(31), "whpk_" + b(33), "whsk_" + b(32), "whsec_" + b(23), b(32)} {
		if _, err := ParseKey(text); !errors.Is(err, ErrSecret) {
			t.Errorf("key %q: %v", text, err)
		}
	}
	for _, algorithm := range []string{V1, V1A} {
		s, err := Generate(algorithm, rand.Reader)
		if err != nil || s.Algorithm() != algorithm {
			t.Fatal(err)
		}
		if back := secret(t, s.Reveal()); back.Reveal() != s.Reveal() || back.Public() != s.Public() {
			t.Error("a secret is not read as it was written")
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if out := fmt.Sprintf(verb, s); out != "(secret)" {
				t.Errorf("%s prints %s", verb, out)
			}
		}
	}
	if _, err := Generate("v2", rand.Reader); !errors.Is(err, ErrSecret) {
		t.Error(err)
	}
	if _, err := Generate(V1, strings.NewReader("short")); err == nil {
		t.Error("a short source was accepted")
	}
}

func FuzzVerify(f *testing.F) {
	k := key(f, exampleSecret)
	f.Add(exampleID, "1614265330", exampleSign, []byte(exampleBody))
	f.Add("a.b", "-1", "v1, v1a,", []byte(nil))
	f.Fuzz(func(t *testing.T, id, stamp, sign string, body []byte) {
		if err := Verify(Headers{id, stamp, sign}, body, at, 0, k); err == nil && (id != exampleID || string(body) != exampleBody) {
			t.Fatal("a message was accepted that was never signed")
		}
	})
}
