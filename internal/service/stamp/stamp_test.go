package stamp_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/ethclient/simulated"
	gethlog "github.com/ethereum/go-ethereum/log"
	"github.com/ethereum/go-ethereum/node"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/anchor/ethereum"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/memstore"
	"github.com/chancery-dev/chancery/internal/service/stamp"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
)

const issuer = "did:web:university.example"

var (
	scope = service.Scope{Tenant: "academy", Environment: service.Live}
	other = service.Scope{Tenant: "other", Environment: service.Live}
	key   = ed25519.NewKeyFromSeed(make([]byte, 32))
)

// keys are those of one issuer, in one scope.
type keys struct{}

func (keys) AnchorKey(_ context.Context, s service.Scope, did string) (signer.Key, string, error) {
	if s != scope || did != "" && did != issuer {
		return signer.Key{}, "", service.NotFound("issuer")
	}
	return signer.Key{Signer: key, Method: issuer + "#k1"}, issuer, nil
}

type fixture struct {
	*testing.T
	store  *memstore.Store
	stamps *stamp.Stamps
	now    atomic.Int64
	tsa    *padestest.World
	caller service.Caller
	faults atomic.Int32
}

func (f *fixture) clock() time.Time { return time.UnixMicro(f.now.Load()).UTC() }

func (f *fixture) pass(d time.Duration) {
	f.now.Add(d.Microseconds())
	f.tsa.Now = f.clock()
}

// authority is a timestamping authority in the process.
func (f *fixture) authority() anchor.Timestamper {
	return anchor.TimestamperFunc(func(ctx context.Context, hash crypto.Hash, digest []byte) ([]byte, error) {
		ts, err := f.tsa.TSA.Timestamp(ctx, hash, digest)
		if err != nil {
			return nil, err
		}
		return ts.Token, nil
	})
}

func setUp(t *testing.T, edit func(*fixture, *stamp.Config)) *fixture {
	t.Helper()
	f := &fixture{T: t, tsa: padestest.New(t, padestest.P256), caller: service.System(scope)}
	f.now.Store(f.tsa.Now.UnixMicro())
	f.store = memstore.New(f.clock)
	c := stamp.Config{
		Store: f.store, Signers: keys{}, Timestamper: f.authority(), Clock: f.clock, MaxAge: time.Minute, Every: time.Second,
		OnError: func(service.Scope, error) { f.faults.Add(1) },
	}
	if edit != nil {
		edit(f, &c)
	}
	var err error
	if f.stamps, err = stamp.New(c); err != nil {
		t.Fatal(err)
	}
	err = f.store.Update(t.Context(), func(tx service.Tx) error {
		hook := service.StoredWebhook{URL: "https://client.example", Events: []string{"*"}, Active: true, Algorithm: "v1"}
		return service.Put(t.Context(), tx, scope, service.Record{Kind: service.KindWebhook, ID: "hook", Created: f.clock(), Updated: f.clock()}, hook)
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// run does a job, as a worker would, by several workers at once.
func (f *fixture) run(kind string) {
	f.Helper()
	handlers, _ := f.stamps.Jobs()
	args, _ := service.EncodeArgs(service.ScopedID{Tenant: scope.Tenant, Environment: scope.Environment})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := handlers[kind](f.Context(), service.Run{Kind: kind, Args: args, Attempt: 1, Attempts: 25}); err != nil {
				f.Errorf("%s: %v", kind, err)
			}
		})
	}
	wg.Wait()
}

func (f *fixture) create(in ...service.NewStamp) []service.Stamp {
	f.Helper()
	res, err := f.stamps.CreateStamps(f.Context(), f.caller, in, service.Idempotency{})
	if err != nil {
		f.Fatal(err)
	}
	return res.Value
}

func (f *fixture) state(id, want string) service.Stamp {
	f.Helper()
	s, err := f.stamps.GetStamp(f.Context(), f.caller, id)
	if err != nil || s.State != want {
		f.Fatalf("expected %s, found %+v, %v", want, s, err)
	}
	return s
}

func sum(text string) string { d := sha256.Sum256([]byte(text)); return hex.EncodeToString(d[:]) }

// credentials stamps n credentials, as the core does.
func (f *fixture) credentials(n int) (ids []string) {
	f.Helper()
	for k := range n {
		id := service.NewID()
		ids = append(ids, id)
		digest := sha256.Sum256(fmt.Appendf(nil, "credential %d", k))
		err := f.store.Update(f.Context(), func(tx service.Tx) error {
			return f.stamps.Stamp(f.Context(), tx, scope, id, fmt.Sprintf("CX-%d", k), evidence.Subject{Type: evidence.SubjectCredential, DigestAlg: "sha-256", Digest: digest[:]})
		})
		if err != nil {
			f.Fatal(err)
		}
	}
	return ids
}

// told counts events about anchored credentials.
func (f *fixture) told() map[string]int {
	f.Helper()
	out := map[string]int{}
	err := f.store.View(f.Context(), func(tx service.Tx) error {
		for p := (service.Page{Limit: 1000}); ; {
			l, err := tx.List(f.Context(), scope, service.KindDelivery, nil, p)
			if err != nil {
				return err
			}
			for _, r := range l.Items {
				_, rest, _ := strings.Cut(string(r.Body), `\"id\":\"`)
				id, _, _ := strings.Cut(rest, `\"`)
				out[id]++
			}
			if p.Cursor = l.Next; p.Cursor == "" {
				return nil
			}
		}
	})
	if err != nil {
		f.Fatal(err)
	}
	return out
}

// TestTimestamped takes hashes and credentials to final evidence by timestamps alone.
func TestTimestamped(t *testing.T) {
	f := setUp(t, nil)
	salt := strings.Repeat("0a", 32)
	raw, _ := hex.DecodeString(sum("third"))
	made := f.create(
		service.NewStamp{Alg: "sha-256", Value: sum("first"), Salt: salt, Meta: map[string]string{"name": "contract"}},
		service.NewStamp{Alg: "sha-256", Value: strings.ToUpper(sum("second"))},
		service.NewStamp{Alg: "sha-256", Value: base64.StdEncoding.EncodeToString(raw)},
		service.NewStamp{Alg: "sha-256", Value: sum("first")}, // again, within one call
		service.NewStamp{Alg: "sha-512", Value: strings.Repeat("ab", 64)},
		service.NewStamp{Alg: "sha3-256", Value: strings.Repeat("cd", 32)},
	)
	if made[2].Value != sum("third") || made[0].State != "pending" || made[0].Anchor != nil || made[0].Meta["name"] != "contract" {
		t.Fatalf("found %+v", made)
	}
	creds := f.credentials(450)
	var e *service.Error
	if _, err := f.stamps.StampProof(t.Context(), f.caller, made[0].ID, false); !errors.As(err, &e) || e.Code != service.CodeState || e.RetryAfter <= 0 {
		t.Fatalf("a proof before there is one: %v", err)
	}
	f.run(stamp.JobAdd)
	f.run(stamp.JobRun)
	f.state(made[0].ID, "pending") // not old enough
	f.pass(time.Minute)
	f.run(stamp.JobRun)
	s := f.state(made[0].ID, "anchored")
	if s.Anchor == nil || *s.Anchor.Batch != 0 {
		t.Fatalf("found %+v", s.Anchor)
	}
	a, err := f.stamps.GetAnchor(t.Context(), f.caller, 0)
	if err != nil || a.State != "anchored" || a.Size != 456 || !a.Timestamped || a.Chain != "" || len(a.Root) != 64 {
		t.Fatalf("found %+v, %v", a, err)
	}
	trust := &evidence.Trust{
		Now:  f.clock().Add(time.Hour),
		Keys: evidence.PinnedKeys{{Issuer: issuer, Key: key.Public(), Name: "University", Method: issuer + "#k1"}}, Timestamping: f.tsa.TSARoot.Chain(),
	}
	for n, m := range made[:4] {
		file, err := f.stamps.StampProof(t.Context(), f.caller, m.ID, false)
		if err != nil {
			t.Fatal(err)
		}
		view, err := f.stamps.StampProof(t.Context(), f.caller, m.ID, true)
		if err != nil {
			t.Fatal(err)
		}
		b, err := evidence.Parse(file.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		fromView, err := evidence.FromJSON(view.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := fromView.Encode(); err != nil || !bytes.Equal(again, file.Bytes) {
			t.Error("the view is of other evidence")
		}
		text := []string{"first", "second", "third", "first"}[n]
		if _, err := b.Verify(evidence.Input{Document: []byte(text)}, trust); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if _, err := b.Verify(evidence.Input{Document: []byte("another")}, trust); err == nil {
			t.Errorf("%s proves another text", text)
		}
		if own := hex.EncodeToString(b.Salt) == salt; own != (n == 0) {
			t.Errorf("%s: the caller's salt: %t", text, own)
		}
		if d := sha256.Sum256(file.Bytes); hex.EncodeToString(d[:]) != file.Digest {
			t.Error("the digest is not that of the file")
		}
	}
	bundle, err := f.stamps.Evidence(t.Context(), scope, creds[7], []byte("credential 7"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bundle.Verify(evidence.Input{}, trust); err != nil {
		t.Error(err)
	}
	f.run(stamp.JobRun)
	events := f.told()
	for k := range creds {
		if n := events[fmt.Sprintf("CX-%d", k)]; n != 1 {
			t.Fatalf("CX-%d was told %d times", k, n)
		}
	}
	if len(events) != len(creds) {
		t.Errorf("events about %d things", len(events))
	}
	// The second batch follows the first.
	f.create(service.NewStamp{Alg: "sha-256", Value: sum("later")})
	f.run(stamp.JobAdd)
	f.pass(2 * time.Minute)
	f.run(stamp.JobRun)
	if a, err := f.stamps.GetAnchor(t.Context(), f.caller, 1); err != nil || a.State != "anchored" || a.Size != 1 {
		t.Errorf("found %+v, %v", a, err)
	}
	// The salt of the caller is kept in one place only, and found by its hash.
	err = f.store.View(t.Context(), func(tx service.Tx) error {
		_, r, err := tx.Find(t.Context(), service.KindStamp, "sha-256:"+sum("first"))
		if err == nil && (r.ID != made[0].ID || bytes.Contains(r.Body, []byte(salt))) {
			t.Error("found another record, or the salt in it")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if f.faults.Load() != 0 {
		t.Errorf("%d faults", f.faults.Load())
	}
}

func TestRefuse(t *testing.T) {
	f := setUp(t, nil)
	good := sum("x")
	for name, in := range map[string][]service.NewStamp{
		"none": {}, "too many": make([]service.NewStamp, 1001), "no algorithm": {{Value: good}}, "unknown algorithm": {{Alg: "md5", Value: strings.Repeat("ab", 16)}},
		"no value": {{Alg: "sha-256"}}, "too short": {{Alg: "sha-256", Value: good[:62]}}, "too long": {{Alg: "sha-256", Value: good + "00"}}, "of another hash": {{Alg: "sha-512", Value: good}},
		"no hex": {{Alg: "sha-256", Value: strings.Repeat("zz", 32)}}, "blank": {{Alg: "sha-256", Value: " " + good[1:]}}, "base64 with bits left": {{Alg: "sha-256", Value: strings.Repeat("A", 42) + "B"}},
		"base64 with lines": {{Alg: "sha-256", Value: strings.Repeat("A", 20) + "\n" + strings.Repeat("A", 23)}},
		"salt too short":    {{Alg: "sha-256", Value: good, Salt: "00"}}, "salt no hex": {{Alg: "sha-256", Value: good, Salt: strings.Repeat("x", 64)}},
		"meta with a line": {{Alg: "sha-256", Value: good, Meta: map[string]string{"a": "b\nc"}}}, "meta too long": {{Alg: "sha-256", Value: good, Meta: map[string]string{"a": strings.Repeat("x", 513)}}},
		"one bad among good": {{Alg: "sha-256", Value: good}, {Alg: "sha-256", Value: "x"}},
	} {
		var e *service.Error
		if _, err := f.stamps.CreateStamps(t.Context(), f.caller, in, service.Idempotency{}); !errors.As(err, &e) || e.Code != service.CodeValidation {
			t.Errorf("%s: %v", name, err)
		}
	}
	made := f.create(service.NewStamp{Alg: "sha-256", Value: good})
	stranger := service.System(other)
	if _, err := f.stamps.GetStamp(t.Context(), stranger, made[0].ID); !service.IsNotFound(err) {
		t.Errorf("a stranger: %v", err)
	}
	if _, err := f.stamps.StampProof(t.Context(), stranger, made[0].ID, false); !service.IsNotFound(err) {
		t.Errorf("a stranger: %v", err)
	}
	for _, n := range []int64{-1, 0, 5} {
		if _, err := f.stamps.GetAnchor(t.Context(), f.caller, n); !service.IsNotFound(err) {
			t.Errorf("anchor %d: %v", n, err)
		}
	}
	var e *service.Error
	if _, err := f.stamps.CreateStamps(t.Context(), stranger, []service.NewStamp{{Alg: "sha-256", Value: good}}, service.Idempotency{}); !errors.As(err, &e) || e.Code != service.CodeState {
		t.Errorf("without an issuer: %v", err)
	}
	if s, err := f.stamps.State(t.Context(), scope, "nothing"); err != nil || s != nil {
		t.Errorf("the state of nothing: %+v, %v", s, err)
	}
	bare, err := stamp.New(stamp.Config{Store: f.store, Signers: keys{}, Clock: f.clock})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bare.CreateStamps(t.Context(), f.caller, []service.NewStamp{{Alg: "sha-256", Value: good}}, service.Idempotency{}); !errors.As(err, &e) || e.Code != service.CodeUnavailable {
		t.Errorf("with nothing to anchor with: %v", err)
	}
	err = f.store.Update(t.Context(), func(tx service.Tx) error {
		return bare.Stamp(t.Context(), tx, scope, "id", "CX", evidence.Subject{Type: evidence.SubjectCredential, DigestAlg: "sha-256", Digest: make([]byte, 32)})
	})
	if !errors.As(err, &e) || e.Code != service.CodeUnavailable {
		t.Errorf("with nothing to anchor with: %v", err)
	}
}

// TestIdempotent: many identical calls at once make one stamp; an authority that is away
// keeps the batch waiting, and nothing is said to be anchored.
func TestIdempotent(t *testing.T) {
	var away atomic.Bool
	f := setUp(t, func(f *fixture, c *stamp.Config) {
		real := c.Timestamper
		c.Timestamper = anchor.TimestamperFunc(func(ctx context.Context, h crypto.Hash, d []byte) ([]byte, error) {
			if away.Load() {
				return nil, errors.New("no answer")
			}
			return real.Timestamp(ctx, h, d)
		})
	})
	var wg sync.WaitGroup
	ids := sync.Map{}
	for range 20 {
		wg.Go(func() {
			res, err := f.stamps.CreateStamps(t.Context(), f.caller, []service.NewStamp{{Alg: "sha-256", Value: sum("x")}}, service.Idempotency{Key: "k", Route: "r"})
			if err != nil {
				t.Error(err)
				return
			}
			ids.Store(res.Value[0].ID, true)
		})
	}
	wg.Wait()
	var id string
	n := 0
	ids.Range(func(k, _ any) bool { id = k.(string); n++; return true })
	if n != 1 {
		t.Fatalf("expected one stamp, found %d", n)
	}
	away.Store(true)
	f.run(stamp.JobAdd)
	f.pass(time.Hour)
	f.run(stamp.JobRun)
	f.state(id, "batched")
	if f.faults.Load() == 0 {
		t.Error("nobody was told that the authority does not answer")
	}
	if a, err := f.stamps.GetAnchor(t.Context(), f.caller, 0); err != nil || a.Problem != "timestamp" || a.State != "sealed" {
		t.Errorf("found %+v, %v", a, err)
	}
	if _, err := f.stamps.StampProof(t.Context(), f.caller, id, false); err == nil {
		t.Error("a proof without an anchor")
	}
	away.Store(false)
	f.run(stamp.JobRun)
	f.state(id, "anchored")
}

// TestChain takes a batch through sealed, submitted and final on a development chain.
func TestChain(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	secret := sha256.Sum256([]byte{1})
	account, err := ethereum.SoftKey(secret[:])
	if err != nil {
		t.Fatal(err)
	}
	gethlog.SetDefault(gethlog.NewLogger(gethlog.DiscardHandler()))
	ether := new(big.Int).Exp(big.NewInt(10), big.NewInt(20), nil)
	backend := simulated.NewBackend(types.GenesisAlloc{common.Address(account.Address()): {Balance: ether}}, func(nc *node.Config, ec *ethconfig.Config) {
		rules := *ec.Genesis.Config
		rules.BogotaTime = nil
		ec.Genesis.Config = &rules
		nc.HTTPHost, nc.HTTPPort, nc.HTTPModules = "127.0.0.1", port, []string{"eth"}
	})
	t.Cleanup(func() { backend.Close() })
	rpc, err := ethereum.Dial(fmt.Sprintf("http://127.0.0.1:%d", port), &http.Client{})
	if err != nil {
		t.Fatal(err)
	}
	_, genesis, err := ethereum.Identify(t.Context(), rpc)
	if err != nil {
		t.Fatal(err)
	}
	f := setUp(t, func(f *fixture, c *stamp.Config) {
		c.Chain, err = ethereum.New(ethereum.Config{ChainID: 1337, Genesis: genesis, Key: account, Clock: f.clock, Endpoints: []ethereum.Endpoint{{Name: "sim", RPC: rpc}}})
		if err != nil {
			t.Fatal(err)
		}
	})
	id := f.create(service.NewStamp{Alg: "sha-256", Value: sum("deed")})[0].ID
	f.credentials(5)
	f.run(stamp.JobAdd)
	f.pass(time.Minute)
	f.run(stamp.JobRun)
	if s := f.state(id, "submitted"); s.Anchor.Transaction == "" || s.Anchor.Chain != "eip155:1337" {
		t.Fatalf("found %+v", s.Anchor)
	}
	backend.Commit()
	f.run(stamp.JobRun)
	if s := f.state(id, "submitted"); s.Anchor.Block != 1 {
		t.Fatalf("mined and not final: found %+v", s.Anchor)
	}
	if _, err := f.stamps.StampProof(t.Context(), f.caller, id, false); err == nil {
		t.Fatal("a proof before the block is final")
	}
	if n := len(f.told()); n != 0 {
		t.Fatalf("%d events before the block is final", n)
	}
	for range 32 {
		backend.Commit()
	}
	f.run(stamp.JobRun)
	f.state(id, "anchored")
	a, err := f.stamps.GetAnchor(t.Context(), f.caller, 0)
	if err != nil || a.State != "anchored" || a.Block != 1 || a.FinalAt == nil || !a.Timestamped || len(a.BlockHash) != 66 {
		t.Fatalf("found %+v, %v", a, err)
	}
	file, err := f.stamps.StampProof(t.Context(), f.caller, id, false)
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := evidence.Parse(file.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.store.Anchors(scope).Record(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	now := f.clock().Add(time.Hour)
	if real := time.Now().Add(time.Hour); real.After(now) {
		now = real // which the chain's blocks have, whatever the clock of the test says
	}
	trust := &evidence.Trust{
		Now: now, Timestamping: f.tsa.TSARoot.Chain(),
		Keys:   evidence.PinnedKeys{{Issuer: issuer, Key: key.Public(), Name: "University", Method: issuer + "#k1"}},
		Chains: []evidence.Chain{{ChainID: 1337, GenesisHash: genesis, Senders: [][20]byte{account.Address()}, Final: []evidence.Block{*r.FinalBy}}},
	}
	res, err := bundle.Verify(evidence.Input{Document: []byte("deed")}, trust)
	if err != nil || len(res.Facts.OnChain) != 1 {
		t.Fatalf("found %+v, %v", res, err)
	}
	if n := len(f.told()); n != 5 {
		t.Errorf("expected five events, found %d", n)
	}
}
