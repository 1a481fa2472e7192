//go:build pkcs11

package pkcs11

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ThalesGroup/crypto11"
	raw "github.com/miekg/pkcs11"
)

// Token is an open token. It may be used by several goroutines at once. When its sessions are
// gone, because it was pulled out or its connection was cut, the next call opens it anew, once.
type Token struct {
	config Config

	mu     sync.RWMutex      // held for reading while the module works
	ctx    *crypto11.Context // nil: closed, or could not be opened anew
	opened int               // how often opening was tried
	last   error             // of opening
	final  error             // why it is never tried again

	known atomic.Pointer[string] // label of a key that was found since the token was opened
}

var errClosed = errors.New("pkcs11: the token is closed")

// Open loads the library and logs in. The caller closes the Token.
func Open(c Config) (*Token, error) {
	if c.Module == "" {
		return nil, errors.New("pkcs11: Config.Module is empty, the path of a PKCS#11 library is needed")
	}
	t := &Token{config: c}
	if err := t.connect(); err != nil {
		return nil, err
	}
	return t, nil
}

// connect opens the token. The caller holds mu, or is alone.
func (t *Token) connect() error {
	t.opened++
	t.known.Store(nil)
	c := t.config
	t.ctx, t.last = crypto11.Configure(&crypto11.Config{Path: c.Module, TokenLabel: c.Token, TokenSerial: c.Serial, SlotNumber: c.Slot, Pin: c.PIN,
		MaxSessions: c.MaxSessions})
	if t.last == nil {
		return nil
	}
	t.ctx = nil
	if isOneOf(t.last, pinErrors) { // some more tries would lock it
		t.final = t.last
	}
	t.last = fmt.Errorf("pkcs11: opening the token: %w", t.last)
	return t.last
}

// reopen opens the token anew, unless that was tried since the call that failed began: then
// what came of that counts.
func (t *Token) reopen(opened int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.final != nil:
		return fmt.Errorf("pkcs11: the token is not opened again: %w", t.final)
	case t.opened != opened:
		return t.last
	case t.ctx != nil:
		t.ctx.Close() // of what is lost, whose errors tell nothing
	}
	return t.connect()
}

// use runs f with the open token; where the token is lost, f is run once more after it was
// opened anew. opened tells one opening from another: handles of objects are of one.
func (t *Token) use(f func(ctx *crypto11.Context, opened int) error) error {
	for again := false; ; again = true {
		opened, err := t.once(f, again)
		if again || !isOneOf(err, lostErrors) && !errors.Is(err, errLost) {
			return err
		}
		if cause := t.reopen(opened); cause != nil {
			return cause
		}
	}
}

// errLost is met where the token could not be opened anew.
var errLost = errors.New("pkcs11: the token is away")

func (t *Token) once(f func(ctx *crypto11.Context, opened int) error, anew bool) (opened int, err error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.ctx == nil {
		return t.opened, errLost
	}
	err = f(t.ctx, t.opened)
	if errors.Is(err, ErrNotFound) && !anew && !t.loggedIn() {
		err = errLost
	}
	return t.opened, err
}

// loggedIn reports whether a key that was found before is found now: to who is not logged in any
// more, there are no private keys. Where none was found, nobody is disturbed when the token is
// opened anew.
func (t *Token) loggedIn() bool {
	label := t.known.Load()
	if label == nil {
		return false
	}
	_, err := find(t.ctx, *label)
	return err == nil
}

// Close logs out and unloads the library. Keys of the token can no longer be used.
func (t *Token) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.final = errClosed
	if t.ctx == nil {
		return nil
	}
	err := t.ctx.Close()
	if t.ctx = nil; err != nil {
		return fmt.Errorf("pkcs11: closing the token: %w", err)
	}
	return nil
}

// lostErrors say that sessions, login or handles are those of a token that was there before.
var lostErrors = []raw.Error{
	raw.CKR_SESSION_HANDLE_INVALID, raw.CKR_SESSION_CLOSED, raw.CKR_USER_NOT_LOGGED_IN, raw.CKR_OBJECT_HANDLE_INVALID, raw.CKR_KEY_HANDLE_INVALID,
	raw.CKR_TOKEN_NOT_PRESENT, raw.CKR_TOKEN_NOT_RECOGNIZED, raw.CKR_DEVICE_REMOVED, raw.CKR_DEVICE_ERROR, raw.CKR_SLOT_ID_INVALID,
	raw.CKR_CRYPTOKI_NOT_INITIALIZED, raw.CKR_GENERAL_ERROR, raw.CKR_FUNCTION_FAILED,
}

// pinErrors say that the PIN is not the token's, or does not open it any more.
var pinErrors = []raw.Error{
	raw.CKR_PIN_INCORRECT, raw.CKR_PIN_INVALID, raw.CKR_PIN_LEN_RANGE, raw.CKR_PIN_EXPIRED, raw.CKR_PIN_LOCKED, raw.CKR_USER_PIN_NOT_INITIALIZED,
}

func isOneOf(err error, codes []raw.Error) bool {
	var code raw.Error
	return errors.As(err, &code) && slices.Contains(codes, code)
}
