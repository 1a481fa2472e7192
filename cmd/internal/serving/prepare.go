package serving

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/sha512"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/chancery-dev/chancery/internal/config"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/vcalm"
	"github.com/chancery-dev/chancery/signer"
)

// planeTenant holds the issuers of the configuration's own instances of the W3C plane.
const planeTenant = "w3c"

// prepare makes what the configuration wants to be there.
func (in *Installation) prepare(ctx context.Context) error {
	if q, ok := in.parts.Quota.(*monthly); ok {
		q.store = in.parts.Store
	}
	if in.parts.NoAPI {
		return nil
	}
	for _, c := range in.Config.VCALM {
		made, err := in.instance(ctx, c)
		if err != nil {
			return fmt.Errorf("vcalm %s: %w", c.Name, err)
		}
		in.parts.Instances = append(in.parts.Instances, made)
	}
	if len(in.parts.Instances) == 0 {
		return nil
	}
	return in.serve() // again, now with them
}

// instance makes an issuer for an instance, or finds the one that an earlier start made.
func (in *Installation) instance(ctx context.Context, c config.Instance) (*vcalm.Instance, error) {
	scope := service.Scope{Tenant: planeTenant, Environment: service.Test}
	if in.Config.Profile != "conformance" {
		scope.Environment = service.Live
	}
	if _, err := in.Core.CreateTenant(ctx, planeTenant, "W3C plane"); err != nil && !isDuplicate(err) {
		return nil, err
	}
	out := &vcalm.Instance{Name: c.Name, Scope: scope, Suite: c.Suite, FailureStatus: c.FailureStatus, Open: c.Open, NoStatus: c.NoStatus}
	key, err := instanceKey(c)
	if err != nil {
		return nil, err
	}
	wanted := service.NewIssuer{Key: "plane-" + strings.ToLower(c.Name), Name: c.Name, Method: "did:key", KeyType: c.KeyType}
	if key != nil {
		wanted.KeyRef = in.parts.KeyProvider.(*providers).add(planeTenant, c.Name, key)
	}
	known, err := in.Core.GetIssuer(ctx, service.System(scope), wanted.Key)
	if service.IsNotFound(err) {
		var made service.Result[service.Issuer]
		made, err = in.Core.CreateIssuer(ctx, service.System(scope), wanted, service.Idempotency{})
		known = made.Value
		if isDuplicate(err) { // a process that starts at the same time was first
			known, err = in.Core.GetIssuer(ctx, service.System(scope), wanted.Key)
		}
	}
	out.Issuer = known.ID
	return out, err
}

func isDuplicate(err error) bool {
	var known *service.Error
	return errors.As(err, &known) && known.Code == service.CodeDuplicate
}

// providers opens keys by their references: those of the configuration, then those of the
// token.
type providers struct {
	own   map[string]crypto.Signer
	token service.KeyProvider // nil: none
}

// add gives a key a reference of a tenant.
func (p *providers) add(tenant, name string, key crypto.Signer) string {
	ref := tenant + "/" + name
	p.own[ref] = key
	return ref
}

// Signer implements service.KeyProvider.
func (p *providers) Signer(ctx context.Context, ref string) (crypto.Signer, error) {
	if key := p.own[ref]; key != nil {
		return key, nil
	}
	if p.token == nil {
		return nil, errors.New("no key of that name is held here")
	}
	return p.token.Signer(ctx, ref)
}

// instanceKey reads the key of an instance, or makes it from a seed; nil: a new one is drawn.
func instanceKey(c config.Instance) (crypto.Signer, error) {
	if c.KeyFile != "" {
		text, err := os.ReadFile(c.KeyFile)
		if err != nil {
			return nil, err
		}
		return signer.ReadKey(text, func() ([]byte, error) { return []byte(c.KeyPassword.Reveal()), nil })
	}
	if !c.Seed.Set() {
		return nil, nil
	}
	curves := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384()}
	curve := curves[c.KeyType]
	size := ed25519.SeedSize
	if curve != nil {
		size = (curve.Params().BitSize + 7) / 8
	}
	for n := range 64 { // a scalar that is not below the order is drawn again
		b, err := hkdf.Key(sha512.New, []byte(c.Seed.Reveal()), nil, fmt.Sprintf("chancery conformance key %s %d", c.KeyType, n), size)
		if err != nil {
			return nil, err
		}
		if curve == nil {
			return ed25519.NewKeyFromSeed(b), nil
		}
		if key, err := ecdsa.ParseRawPrivateKey(curve, b); err == nil {
			return key, nil
		}
	}
	return nil, errors.New("expected a seed that makes a key")
}

// FirstKey makes an institution to try out, with an issuer and an API key, where there is
// no tenant yet: secret is "" otherwise.
func (in *Installation) FirstKey(ctx context.Context) (secret string, err error) {
	var scopes []service.Scope
	err = in.parts.Store.View(ctx, func(tx service.Tx) error {
		scopes, err = tx.Scopes(ctx, service.KindTenant)
		return err
	})
	if err != nil || len(slices.DeleteFunc(scopes, func(s service.Scope) bool { return s.Tenant == planeTenant })) != 0 {
		return "", err
	}
	tenant, err := in.Core.CreateTenant(ctx, "dev", "Development Institution")
	if isDuplicate(err) { // a process that starts at the same time makes it, and shows the key
		return "", nil
	}
	if err != nil {
		return "", err
	}
	scope := service.Scope{Tenant: tenant.ID, Environment: service.Test}
	if offered := in.parts.Environments; len(offered) != 0 && !slices.Contains(offered, service.Test) {
		scope.Environment = offered[0]
	}
	if _, err := in.Core.CreateIssuer(ctx, service.System(scope), service.NewIssuer{Key: "academy", Name: "Development Academy"}, service.Idempotency{}); err != nil {
		return "", err
	}
	key, err := in.Core.CreateFirstKey(ctx, scope, service.NewKey{Name: "first key", Scopes: service.Permissions()})
	return key.Secret, err
}
