package beacon

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/golang/snappy"

	"github.com/chancery-dev/chancery/testvectors"
)

// store is LightClientStore of the specification with its two entry points,
// process_light_client_update and process_light_client_store_force_update. The package
// itself follows no head; the store is here so that the specification's own vectors run
// over the package's containers, branches, execution checks and signatures.
type store struct {
	n                     *Network
	finalized, optimistic LightClientHeader
	current, next         *SyncCommittee // next is nil while unknown
	best                  *Update
	previousMax, max      int
}

var errStore = errors.New("store: update refused")

func must(ok bool) error {
	if !ok {
		return errStore
	}
	return nil
}

func newStore(n *Network, fork string, trusted Root, b *Bootstrap) (*store, error) {
	ru, err := rulesOf(fork)
	if err != nil {
		return nil, err
	}
	ok := b.Header.Beacon.Root() == trusted &&
		checkBranch(b.Committee.Root(), b.CommitteeBranch, ru.current, b.Header.Beacon.StateRoot)
	if err := errors.Join(must(ok), n.checkExecution(&b.Header)); err != nil {
		return nil, err
	}
	return &store{n: n, finalized: b.Header, optimistic: b.Header, current: &b.Committee}, nil
}

func isSync(u *Update) bool     { return !allZero(u.NextCommitteeBranch) }
func isFinality(u *Update) bool { return !allZero(u.FinalityBranch) }

func (s *store) period(h *LightClientHeader) uint64 { return s.n.period(h.Beacon.Slot) }

// validate is validate_light_client_update.
func (s *store) validate(u *Update, now uint64) error {
	if countBits(u.Aggregate.Bits) < 1 {
		return errStore
	}
	if err := s.n.checkExecution(&u.Attested); err != nil {
		return err
	}
	attested, finalized := u.Attested.Beacon.Slot, u.Finalized.Beacon.Slot
	if now < u.SignatureSlot || u.SignatureSlot <= attested || attested < finalized {
		return errStore
	}
	storePeriod, sigPeriod := s.period(&s.finalized), s.n.period(u.SignatureSlot)
	if sigPeriod != storePeriod && (s.next == nil || sigPeriod != storePeriod+1) {
		return errStore
	}
	hasNext := s.next == nil && isSync(u) && s.period(&u.Attested) == storePeriod
	if attested <= s.finalized.Beacon.Slot && !hasNext {
		return errStore
	}
	_, ru, err := s.n.forkAt(attested)
	if err != nil {
		return err
	}
	if isFinality(u) {
		root := u.Finalized.Beacon.Root()
		if finalized == 0 {
			root = Root{}
		} else if err := s.n.checkExecution(&u.Finalized); err != nil {
			return err
		}
		if !checkBranch(root, u.FinalityBranch, ru.finalized, u.Attested.Beacon.StateRoot) {
			return errStore
		}
	} else if f := &u.Finalized; f.Beacon != (Header{}) || !allZero(f.ExecutionBranch) || f.Execution != nil && !f.Execution.isZero() {
		return errStore
	}
	if isSync(u) {
		if s.next != nil && s.period(&u.Attested) == storePeriod && u.NextCommittee.Root() != s.next.Root() {
			return errStore
		}
		if !checkBranch(u.NextCommittee.Root(), u.NextCommitteeBranch, ru.next, u.Attested.Beacon.StateRoot) {
			return errStore
		}
	} else if len(bytes.Trim(u.NextCommittee.appendSSZ(nil), "\x00")) > 0 {
		return errStore
	}
	c := s.current
	if sigPeriod != storePeriod {
		c = s.next
	}
	return s.n.checkAggregate(newCommittee(c, c.Root()), &u.Attested.Beacon, &u.Aggregate, u.SignatureSlot, true)
}

// process is process_light_client_update.
func (s *store) process(u *Update, now uint64) error {
	if err := s.validate(u, now); err != nil {
		return err
	}
	signers := countBits(u.Aggregate.Bits)
	if s.best == nil || s.better(u, s.best) {
		s.best = u
	}
	s.max = max(s.max, signers)
	if signers > max(s.previousMax, s.max)/2 && u.Attested.Beacon.Slot > s.optimistic.Beacon.Slot {
		s.optimistic = u.Attested
	}
	finalizedNext := s.next == nil && isSync(u) && isFinality(u) && s.period(&u.Finalized) == s.period(&u.Attested)
	if signers*3 >= len(u.Aggregate.Bits)*8*2 && (u.Finalized.Beacon.Slot > s.finalized.Beacon.Slot || finalizedNext) {
		s.best = nil
		return s.apply(u)
	}
	return nil
}

// apply is apply_light_client_update.
func (s *store) apply(u *Update) error {
	storePeriod, period := s.period(&s.finalized), s.period(&u.Finalized)
	next := &u.NextCommittee
	if !isSync(u) {
		next = nil
	}
	if s.next == nil {
		if period != storePeriod {
			return errStore
		}
		s.next = next
	} else if period == storePeriod+1 {
		s.current, s.next = s.next, next
		s.previousMax, s.max = s.max, 0
	}
	if u.Finalized.Beacon.Slot > s.finalized.Beacon.Slot {
		s.finalized = u.Finalized
		if s.finalized.Beacon.Slot > s.optimistic.Beacon.Slot {
			s.optimistic = s.finalized
		}
	}
	return nil
}

// force is process_light_client_store_force_update.
func (s *store) force(now uint64) error {
	u := s.best
	if u == nil || now <= s.finalized.Beacon.Slot+s.n.Preset.SlotsPerEpoch*s.n.Preset.EpochsPerPeriod {
		return nil
	}
	s.best = nil
	if u.Finalized.Beacon.Slot <= s.finalized.Beacon.Slot {
		c := *u
		c.Finalized = c.Attested
		u = &c
	}
	return s.apply(u)
}

// better is is_better_update.
func (s *store) better(a, b *Update) bool {
	size := len(a.Aggregate.Bits) * 8
	na, nb := countBits(a.Aggregate.Bits), countBits(b.Aggregate.Bits)
	if x, y := na*3 >= size*2, nb*3 >= size*2; x != y {
		return x
	} else if !x && na != nb {
		return na > nb
	}
	relevant := func(u *Update) bool { return isSync(u) && s.period(&u.Attested) == s.n.period(u.SignatureSlot) }
	if x, y := relevant(a), relevant(b); x != y {
		return x
	}
	if x, y := isFinality(a), isFinality(b); x != y {
		return x
	} else if x {
		same := func(u *Update) bool { return s.period(&u.Finalized) == s.period(&u.Attested) }
		if x, y := same(a), same(b); x != y {
			return x
		}
	}
	if na != nb {
		return na > nb
	}
	if x, y := a.Attested.Beacon.Slot, b.Attested.Beacon.Slot; x != y {
		return x < y
	}
	return a.SignatureSlot < b.SignatureSlot
}

// executionRoot is get_lc_execution_root.
func executionRoot(n *Network, h *LightClientHeader) Root {
	_, own, err := n.forkAt(h.Beacon.Slot)
	if err != nil || own.form == noExecution {
		return Root{}
	}
	e := *h.Execution
	e.Blobs = own.form == withBlobs
	return e.Root()
}

// specNetwork reads config.yaml and meta.yaml, whose few keys need no YAML parser.
func specNetwork(t *testing.T, dir string) (n *Network, meta map[string]string) {
	t.Helper()
	config, meta := readPairs(t, filepath.Join(dir, "config.yaml")), readPairs(t, filepath.Join(dir, "meta.yaml"))
	if config["PRESET_BASE"] != "minimal" {
		t.Fatalf("expected the minimal preset, found %q", config["PRESET_BASE"])
	}
	n = &Network{Name: "specification", Preset: MinimalPreset(), GenesisValidatorsRoot: unhex(t, meta["genesis_validators_root"])}
	for _, ru := range knownForks {
		up := strings.ToUpper(ru.name)
		version, ok := config[up+"_FORK_VERSION"]
		if !ok {
			continue
		}
		epoch, err := strconv.ParseUint(config[up+"_FORK_EPOCH"], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		v, err := hex.DecodeString(version[2:])
		if err != nil {
			t.Fatal(err)
		}
		n.Forks = append(n.Forks, Fork{Name: ru.name, Epoch: epoch, Version: [4]byte(v)})
	}
	return n, meta
}

var pair = regexp.MustCompile(`(\w+): *'?([\w.]+)'?`)

func readPairs(t *testing.T, path string) map[string]string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]string)
	for _, m := range pair.FindAllStringSubmatch(string(b), -1) {
		out[m[1]] = m[2]
	}
	return out
}

func unhex(t *testing.T, s string) Root {
	t.Helper()
	return hexRoot(t, strings.TrimPrefix(s, "0x"))
}

// digest is compute_fork_digest up to Electra.
func digest(n *Network, version [4]byte) string {
	var v Root
	copy(v[:], version[:])
	r := hashPair(&v, &n.GenesisValidatorsRoot)
	return "0x" + hex.EncodeToString(r[:4])
}

// forkOf finds the fork of a digest.
func forkOf(t *testing.T, n *Network, d string) string {
	t.Helper()
	for _, f := range n.Forks {
		if digest(n, f.Version) == d {
			return f.Name
		}
	}
	t.Fatalf("no fork has digest %s", d)
	return ""
}

var (
	stepStart = regexp.MustCompile(`(?m)^- (\w+):`)
	headers   = regexp.MustCompile(`(?s)(finalized_header|optimistic_header):.*?slot: (\d+),?\s+beacon_root: '(0x\w+)',?\s+execution_root: '(0x\w+)'`)
	argument  = regexp.MustCompile(`(update|update_fork_digest|current_slot): '?(\w+)'?`)
)

// TestSpecificationVectors runs every step of the light-client sync vectors of
// ethereum/consensus-spec-tests that are present. upgrade_store does not occur in them:
// the store of this package has one form for all forks.
func TestSpecificationVectors(t *testing.T) {
	root := testvectors.Shared(t, "anchor", "ethereum", "consensus-core", "testdata")
	dirs, err := filepath.Glob(filepath.Join(root, "*", "*", "steps.yaml"))
	if err != nil || len(dirs) < 6 {
		t.Fatalf("expected at least 6 vectors, found %d, %v", len(dirs), err)
	}
	total := 0
	for _, path := range dirs {
		dir := filepath.Dir(path)
		name := filepath.Join(filepath.Base(filepath.Dir(dir)), filepath.Base(dir))
		t.Run(name, func(t *testing.T) { total += runVector(t, dir) })
	}
	if total != 32 {
		t.Errorf("expected 32 steps, ran %d", total)
	}
}

func runVector(t *testing.T, dir string) (ran int) {
	n, meta := specNetwork(t, dir)
	fork := forkOf(t, n, meta["bootstrap_fork_digest"])
	boot, err := n.DecodeBootstrap(fork, readSnappy(t, filepath.Join(dir, "bootstrap.ssz_snappy")))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(boot.AppendSSZ(nil), readSnappy(t, filepath.Join(dir, "bootstrap.ssz_snappy"))) {
		t.Error("bootstrap does not encode as it was")
	}
	s, err := newStore(n, fork, unhex(t, meta["trusted_block_root"]), boot)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "steps.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	starts := stepStart.FindAllStringSubmatchIndex(text, -1)
	for i, at := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		runStep(t, s, dir, text[at[2]:at[3]], text[at[0]:end])
		ran++
	}
	return ran
}

func runStep(t *testing.T, s *store, dir, kind, text string) {
	t.Helper()
	args := make(map[string]string)
	for _, m := range argument.FindAllStringSubmatch(text, -1) {
		args[m[1]] = m[2]
	}
	now, err := strconv.ParseUint(args["current_slot"], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	switch kind {
	case "process_update":
		raw := readSnappy(t, filepath.Join(dir, args["update"]+".ssz_snappy"))
		fork := forkOf(t, s.n, args["update_fork_digest"])
		u, err := s.n.DecodeUpdate(fork, raw)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(u.AppendSSZ(nil), raw) {
			t.Error("update does not encode as it was")
		}
		checkDamage(t, s, fork, raw, now)
		if err := s.process(u, now); err != nil {
			t.Fatalf("%s: %v", args["update"], err)
		}
	case "force_update":
		if err := s.force(now); err != nil {
			t.Fatal(err)
		}
	default:
		t.Fatalf("unknown step %q", kind)
	}
	found := headers.FindAllStringSubmatch(text, -1)
	if len(found) != 2 {
		t.Fatalf("expected two headers to check, found %d", len(found))
	}
	for _, m := range found {
		h := &s.finalized
		if m[1] == "optimistic_header" {
			h = &s.optimistic
		}
		if strconv.FormatUint(h.Beacon.Slot, 10) != m[2] || h.Beacon.Root() != unhex(t, m[3]) || executionRoot(s.n, h) != unhex(t, m[4]) {
			t.Errorf("%s at slot %d differs from the vector's at %s", m[1], h.Beacon.Slot, m[2])
		}
	}
}

// checkDamage: one bit flipped, one byte more or less is refused by decoding or by
// validation. The low bits of the signature slot are not signed and left out.
func checkDamage(t *testing.T, s *store, fork string, raw []byte, now uint64) {
	t.Helper()
	for _, bad := range [][]byte{raw[:len(raw)-1], append(bytes.Clone(raw), 0), nil, raw[:7]} {
		// One byte more or less at the end may still be SSZ, with other extra_data.
		u, err := s.n.DecodeUpdate(fork, bad)
		if err == nil && s.validate(u, now) == nil || err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("expected damage of %d bytes to be refused, found %v", len(bad)-len(raw), err)
		}
	}
	// The fixed part begins with an offset; the signature slot ends it.
	slotAt := 4 + 33*48 + 32*len(must2(s.n.DecodeUpdate(fork, raw)).NextCommitteeBranch) + 4 +
		32*len(must2(s.n.DecodeUpdate(fork, raw)).FinalityBranch) + 4 + 96
	for i := 0; i < len(raw)*8; i += 701 {
		if i/8 >= slotAt && i/8 < slotAt+8 {
			continue
		}
		bad := bytes.Clone(raw)
		bad[i/8] ^= 1 << (i % 8)
		if u, err := s.n.DecodeUpdate(fork, bad); err == nil && s.validate(u, now) == nil {
			t.Errorf("bit %d flipped and accepted", i)
		}
	}
}

func must2(u *Update, err error) *Update {
	if err != nil {
		return &Update{}
	}
	return u
}

func readSnappy(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out, err := snappy.Decode(nil, b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
