package service

import (
	"context"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"

	"github.com/go-json-experiment/json"
)

// installation holds the secrets of the installation itself, all derived from one seed,
// which is sealed in the store.
type installation struct {
	key     ed25519.PrivateKey // signs access tokens, and what the installation says
	links   []byte             // authenticates links to artefacts
	persons []byte             // makes ids of recipients
}

const (
	installationRecord  = "installation"
	installationContext = "installation"
)

type storedInstallation struct {
	Sealed []byte `json:"sealed"`
}

// installation returns the secrets, which the first process that asks makes.
func (s *Service) installation(ctx context.Context) (*installation, error) {
	if in := s.installed.Load(); in != nil {
		return in, nil
	}
	s.installMu.Lock()
	defer s.installMu.Unlock()
	if in := s.installed.Load(); in != nil {
		return in, nil
	}
	seed, err := s.seed(ctx)
	if err != nil {
		return nil, err
	}
	in, err := derive(seed)
	if err == nil {
		s.installed.Store(in)
	}
	return in, err
}

// SignerReady signs and verifies something with the installation's own key: it can be had
// where the secrets of the database open under the master key.
func (s *Service) SignerReady(ctx context.Context) error {
	in, err := s.installation(ctx)
	if err != nil {
		return err
	}
	text := make([]byte, 32)
	rand.Read(text)
	if !ed25519.Verify(in.key.Public().(ed25519.PublicKey), text, ed25519.Sign(in.key, text)) {
		return errors.New("service: the installation's key does not sign")
	}
	return nil
}

func (s *Service) seed(ctx context.Context) ([]byte, error) {
	var stored storedInstallation
	read := func() error {
		return s.view(ctx, func(tx Tx) error {
			_, value, err := Get[storedInstallation](ctx, tx, Scope{}, KindSetting, installationRecord)
			stored = value
			return err
		})
	}
	err := read()
	if errors.Is(err, ErrNotFound) {
		seed := make([]byte, 32)
		rand.Read(seed)
		sealed, sealErr := s.c.Sealer.Seal(seed, installationContext)
		if sealErr != nil {
			return nil, sealErr
		}
		now := s.now()
		err = s.update(ctx, func(tx Tx) error {
			return Put(ctx, tx, Scope{}, Record{Kind: KindSetting, ID: installationRecord, Created: now, Updated: now}, storedInstallation{Sealed: sealed})
		})
		if errors.Is(err, ErrExists) || err == nil { // another process may have been first
			err = read()
		}
	}
	if err != nil {
		return nil, err
	}
	return s.c.Sealer.Open(stored.Sealed, installationContext)
}

func derive(seed []byte) (*installation, error) {
	part := func(name string) ([]byte, error) { return hkdf.Key(sha256.New, seed, nil, "chancery "+name, 32) }
	key, err1 := part("token key")
	links, err2 := part("links")
	persons, err3 := part("persons")
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	return &installation{key: ed25519.NewKeyFromSeed(key), links: links, persons: persons}, nil
}

// SubjectID is the id of a recipient by address within a scope, the same each time. It
// tells nothing of the address to who does not hold the installation's secrets.
func (s *Service) SubjectID(ctx context.Context, scope Scope, email string) (string, error) {
	in, err := s.installation(ctx)
	if err != nil {
		return "", err
	}
	return in.person(scope, "email", email), nil
}

func (in *installation) person(scope Scope, kind, value string) string {
	mac := hmac.New(sha256.New, in.persons)
	for _, part := range []string{scope.Tenant, string(scope.Environment), kind, value} {
		mac.Write([]byte(part))
		mac.Write([]byte{0})
	}
	return hexOf(mac.Sum(nil)[:16])
}

// decode reads the body of a record that this package has written.
func decode(body []byte, value any) error { return json.Unmarshal(body, value) }
