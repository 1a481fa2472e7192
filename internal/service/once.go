package service

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"time"

	"github.com/go-json-experiment/json"
)

// AnswersKept is how long answers are kept for calls that repeat an Idempotency-Key.
const AnswersKept = 24 * time.Hour

// Once runs f in an Update unless an earlier call of the same scope, route and key has an
// answer, which it then returns. The answer is stored in the transaction of the effect.
// seal is nil where the value holds no secret. f may run more than once.
func Once[T any](ctx context.Context, st Store, now time.Time, s Scope, i Idempotency, seal Sealer, f func(Tx) (Result[T], error)) (Result[T], error) {
	if err := i.Check(); err != nil {
		return Result[T]{}, err
	}
	for attempt := 0; ; attempt++ {
		var out Result[T]
		err := st.Update(ctx, func(tx Tx) error {
			if i.Key != "" {
				found, err := recall(ctx, tx, now, s, i, seal, &out)
				if err != nil || found {
					return err
				}
			}
			var err error
			if out, err = f(tx); err != nil || i.Key == "" {
				return err
			}
			return remember(ctx, tx, now, s, i, seal, kept[T]{out.Value, out.Created})
		})
		// Two calls at once: the other one has committed in between, and has the answer. A
		// conflict of another kind is found again and reported.
		if attempt < 3 && i.Key != "" && (errors.Is(err, ErrExists) || errors.Is(err, ErrConflict)) {
			continue
		}
		if err != nil && !errors.Is(err, ErrUnavailable) {
			return orReplayed[T](ctx, st, now, s, i, seal, err)
		}
		return out, err
	}
}

// orReplayed is for a call that failed: where another one with its key was under way in
// another process, and what this one has met is what that one did, it is the answer of that
// one.
func orReplayed[T any](ctx context.Context, st Store, now time.Time, s Scope, i Idempotency, seal Sealer, err error) (Result[T], error) {
	if again, found, fault := Replayed[T](ctx, st, now, s, i, seal); fault == nil && found {
		return again, nil
	}
	return Result[T]{}, err
}

// Replayed returns the answer of an earlier call, if there is one: for calls that do much
// work before their transaction.
func Replayed[T any](ctx context.Context, st Store, now time.Time, s Scope, i Idempotency, seal Sealer) (out Result[T], found bool, err error) {
	if err := i.Check(); err != nil || i.Key == "" {
		return out, false, err
	}
	err = st.View(ctx, func(tx Tx) error {
		found, err = recall(ctx, tx, now, s, i, seal, &out)
		return err
	})
	return out, found, err
}

func recall[T any](ctx context.Context, tx Tx, now time.Time, s Scope, i Idempotency, seal Sealer, out *Result[T]) (bool, error) {
	a, err := tx.Recall(ctx, s, i.Route, i.Key, now)
	switch {
	case errors.Is(err, ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	case a.Digest != i.Digest:
		return false, &Error{Code: CodeMismatch, Detail: "this Idempotency-Key was used with another request"}
	}
	body := a.Body
	if seal != nil {
		sealed, err := base64.StdEncoding.DecodeString(string(body))
		if err != nil {
			return false, err
		}
		if body, err = seal.Open(sealed, answerContext(s, i)); err != nil {
			return false, err
		}
	}
	var k kept[T]
	if err := json.Unmarshal(body, &k); err != nil {
		return false, err
	}
	*out = Result[T]{Value: k.Value, Created: k.Created, Replayed: true}
	if v, ok := any(&out.Value).(personal); ok {
		return true, v.forget(ctx, tx, s)
	}
	return true, nil
}

// kept is what is stored of an answer: with it, whether the call created something, which
// is told again.
type kept[T any] struct {
	Value   T    `json:"value"`
	Created bool `json:"created"`
}

func remember[T any](ctx context.Context, tx Tx, now time.Time, s Scope, i Idempotency, seal Sealer, answer kept[T]) error {
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	if seal != nil {
		sealed, err := seal.Seal(body, answerContext(s, i))
		if err != nil {
			return err
		}
		body = []byte(base64.StdEncoding.EncodeToString(sealed))
	}
	return tx.Remember(ctx, s, i.Route, i.Key, Answer{Digest: i.Digest, Body: body, Expires: now.Add(AnswersKept)}, now)
}

func answerContext(s Scope, i Idempotency) string {
	return "answer\x00" + s.Tenant + "\x00" + string(s.Environment) + "\x00" + i.Route + "\x00" + i.Key
}

// PublicID draws an id that nobody can guess: 132 random bits, 22 characters.
func PublicID() string {
	var b [18]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])[:22]
}
