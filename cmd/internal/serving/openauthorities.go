package serving

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/anchor/ethereum"
	"github.com/chancery-dev/chancery/internal/config"
	"github.com/chancery-dev/chancery/internal/httpapi"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/proof/beacon"
	"github.com/chancery-dev/chancery/signer/pades"
)

func (op *opener) tsa() error {
	c := op.c.TSA
	switch c.URL {
	case "":
		return nil
	case "dev":
		authority, root, err := openDevAuthority(op.c.Data, op.o.Now)
		op.p.TSA, op.p.TSARoots = authority, []*x509.Certificate{root}
		return err
	}
	roots, err := certificates(c.Roots)
	if err != nil {
		return err
	}
	op.p.TSARoots = roots
	op.p.TSA = &pades.TSAClient{URL: c.URL, HTTP: httpClient(), Anchors: roots, Policy: c.Policy, Clock: op.o.Now, Timeout: c.Timeout, User: c.User, Password: c.Password.Reveal()}
	op.p.Revocation = &pades.Fetcher{HTTP: httpClient(), Clock: op.o.Now, KeepFor: 10 * time.Minute}
	return nil
}

func certificates(name string) ([]*x509.Certificate, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var out []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, cert)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: expected certificates (PEM)", name)
	}
	return out, nil
}

func (op *opener) chain() error {
	c := op.c.Chain
	if len(c.RPC) == 0 {
		return nil
	}
	genesis, err := hex.DecodeString(strings.TrimPrefix(c.Genesis, "0x"))
	if err != nil || len(genesis) != 32 {
		return errors.New("genesis: expected 0x and 64 digits")
	}
	file, err := os.ReadFile(c.Keystore)
	if err != nil {
		return err
	}
	key, err := ethereum.ParseKeystore(file, c.Password.Reveal())
	if err != nil {
		return err
	}
	e := ethereum.Config{ChainID: c.ID, Genesis: [32]byte(genesis), Key: key, Agree: c.Agree, Clock: op.o.Now, MaxFee: wei(c.MaxFeeGwei), MaxTip: wei(c.MaxTipGwei)}
	for i, address := range c.RPC {
		rpc, err := ethereum.Dial(address.Reveal(), httpClient())
		if err != nil {
			return fmt.Errorf("rpc[%d]: %w", i, err)
		}
		e.Endpoints = append(e.Endpoints, ethereum.Endpoint{Name: "rpc[" + strconv.Itoa(i) + "]", RPC: rpc})
	}
	if c.Beacon != "" {
		if c.ID != 1 {
			return errors.New("beacon: expected chain 1, whose forks are known")
		}
		e.Beacon = &ethereum.Beacon{URL: c.Beacon, HTTP: httpClient(), Network: beacon.Mainnet()}
	}
	if op.p.Chain, err = ethereum.New(e); err != nil {
		return err
	}
	// The chain goes on where one of several nodes is away. Each is tried by itself.
	if e.Beacon != nil {
		op.try("chain", e.Beacon.Check)
	}
	nodes := e.Endpoints
	e.Agree, e.Beacon = 1, nil
	for i := range nodes {
		e.Endpoints = nodes[i : i+1]
		node, err := ethereum.New(e)
		if err != nil {
			return err
		}
		op.try("chain", func(ctx context.Context) error { return second(node.NextNonce(ctx)) })
	}
	return nil
}

func wei(gwei float64) *big.Int { return config.Wei(gwei) }

func (op *opener) token() error {
	p := &providers{own: map[string]crypto.Signer{}}
	op.p.KeyProvider = p
	if op.c.PKCS11.Module == "" {
		return nil
	}
	var err error
	p.token, err = openToken(op.c.PKCS11)
	return err
}

func (op *opener) oidc() error {
	if len(op.c.OIDC) == 0 {
		return nil
	}
	var list []httpapi.OIDCIssuer
	for _, o := range op.c.OIDC {
		rule := httpapi.OIDCRule{Claim: o.Claim, Value: o.Value, Tenant: o.Tenant, Environment: service.Environment(o.Environment)}
		for _, scope := range o.Scopes {
			rule.Permissions = append(rule.Permissions, service.Permission(scope))
		}
		same := slices.IndexFunc(list, func(i httpapi.OIDCIssuer) bool {
			return i.Issuer == o.Issuer && i.Audience == o.Audience && i.JWKS == o.JWKS && string(i.Tokens) == o.Tokens
		})
		if same < 0 {
			same = len(list)
			list = append(list, httpapi.OIDCIssuer{Issuer: o.Issuer, Audience: o.Audience, JWKS: o.JWKS, Tokens: httpapi.TokenKind(o.Tokens)})
		}
		list[same].Rules = append(list[same].Rules, rule)
	}
	oidc := httpapi.OIDCConfig{Issuers: list, Clock: op.o.Now, Client: httpClient()}
	op.try("oidc", oidc.Check)
	if !op.o.Serve || op.p.NoAPI {
		return nil // no token comes here: a provider that is away stops no backup and no worker
	}
	oidc.Later = func(issuer string, err error) { // who has a key is served meanwhile
		op.in.Logger.Warn("OpenID provider cannot be reached", "issuer", issuer, "error", err)
	}
	oidc.Tenant = func(ctx context.Context, id string) (bool, error) {
		_, err := op.in.Core.Tenant(ctx, id)
		if service.IsNotFound(err) {
			return false, nil
		}
		return err == nil, err
	}
	var err error
	op.p.OIDC, err = httpapi.NewOIDC(op.ctx, oidc)
	return err
}

// tenantsOfTokens warns of rules for tokens that give a tenant which nobody has made: they
// let nobody in until it is. A misspelt one would otherwise be told to those refused only.
func (in *Installation) tenantsOfTokens(ctx context.Context) {
	warned := map[string]bool{}
	for _, o := range in.Config.OIDC {
		if _, err := in.Core.Tenant(ctx, o.Tenant); service.IsNotFound(err) && !warned[o.Tenant] {
			warned[o.Tenant] = true
			in.Logger.Warn("no tokens of OpenID providers are taken for a tenant that is not there: make it with 'chancery tenants create'", "tenant", o.Tenant, "issuer", o.Issuer)
		}
	}
}
