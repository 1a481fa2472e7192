package truestamp

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof/bitcoin"
	"github.com/chancery-dev/chancery/testvectors"
)

// TestSamples reads every published file in both forms. All of them are sound, and
// none is more than that: the key is not pinned, and no block is.
func TestSamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testvectors.Shared(t, "anchor/truestamp"), "*"))
	if err != nil || len(files) != 8 {
		t.Fatalf("expected 8 files, found %d (%v)", len(files), err)
	}
	type hashes struct{ subject, block [32]byte }
	seen := map[string]hashes{}
	for _, file := range files {
		name := filepath.Base(file)
		raw := testvectors.ReadShared(t, "anchor/truestamp", name)
		b, err := Parse(raw)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		r := b.Check(Trust{})
		if !r.Sound() || r.KeyPinned || r.KeyID != "4ceefa4a" || len(r.Unbound) == 0 || !Is(raw) {
			t.Errorf("%s: found %+v", name, r)
		}
		for _, c := range r.Commitments {
			if c.Verdict != Undecided || !c.Time.IsZero() {
				t.Errorf("%s: %s decided without headers", name, c.Type)
			}
		}
		if r := b.Check(Trust{Keys: []ed25519.PublicKey{b.PublicKey}}); !r.KeyPinned {
			t.Errorf("%s: expected the pinned key to be found", name)
		}
		stem := strings.TrimSuffix(strings.TrimSuffix(name, ".json"), ".cbor")
		// The two forms were made seconds apart, so that their times differ.
		h := hashes{b.SubjectHash(), b.BlockHash()}
		if other, twice := seen[stem]; twice && other != h {
			t.Errorf("%s: JSON and CBOR differ", stem)
		}
		seen[stem] = h
	}
}

// TestSamplePinned: with the private test network's header pinned, which comes with the
// sample, the Bitcoin commitment holds; at another height or network it does not.
func TestSamplePinned(t *testing.T) {
	b, err := Parse(testvectors.ReadShared(t, "anchor/truestamp", "fixture-item.json"))
	if err != nil {
		t.Fatal(err)
	}
	var c *Commitment
	for i := range b.Commitments {
		if b.Commitments[i].Type == BitcoinCommit {
			c = &b.Commitments[i]
		}
	}
	for name, at := range map[string]struct {
		height uint64
		want   Verdict
	}{"as it says": {uint64(c.Height), Confirmed}, "another height": {7, Refuted}} {
		k := bitcoin.NewKnown()
		if _, err := k.Add(bitcoin.Regtest, at.height, c.TxOutProof[:80]); err != nil {
			t.Fatal(err)
		}
		r := b.Check(Trust{Bitcoin: k})
		i := slices.IndexFunc(r.Commitments, func(c Committed) bool { return c.Type == BitcoinCommit })
		if r.Commitments[i].Verdict != at.want || (at.want == Confirmed) != r.Sound() {
			t.Errorf("%s: found %+v", name, r.Commitments[i])
		}
	}
	k := bitcoin.NewKnown()
	if _, err := k.Add(bitcoin.Mainnet, 1, c.TxOutProof[:80]); err == nil {
		t.Error("a block of the private network counts on mainnet")
	}
}

// maker makes bundles.
type maker struct {
	key   ed25519.PrivateKey
	nodes [][32]byte // the path of the subject
}

func newMaker() *maker {
	return &maker{key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)), nodes: [][32]byte{{1}, {2}, {3}}}
}

// path writes a compact path with every sibling on the right.
func path(nodes [][32]byte) string {
	b := []byte{byte(len(nodes))}
	if len(nodes) > 0 {
		b = append(b, byte(1<<len(nodes)-1))
	}
	for _, n := range nodes {
		b = append(b, n[:]...)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func up(content [32]byte, nodes [][32]byte) [32]byte {
	at := domain(domainLeaf, content[:])
	for _, n := range nodes {
		at = domain(domainNode, at[:], n[:])
	}
	return at
}

// item makes a bundle about claims, with a Stellar commitment. change alters the parts
// before the whole is signed.
func (m *maker) item(tb testing.TB, claims string, change func(map[string]string)) string {
	tb.Helper()
	public := m.key.Public().(ed25519.PublicKey)
	id := KeyID(public)
	canonical, err := strictjson.Canonicalize([]byte(claims))
	if err != nil {
		tb.Fatal(err)
	}
	ulid, uuid, ts := "01KPVAP639RSVPZCW2CBS51CTV", "019db6b9-72c4-71ed-9a32-7cf51a77b161", "2026-04-22T23:38:56Z"
	hash := domain(domainClaims, canonical)
	meta := [32]byte{9}
	subject := domain(domainItem, lengths([]byte(ulid), hash[:], meta[:], id[:]))
	mr := up(subject, m.nodes)
	var ph [32]byte
	block := domain(domainBlock, lengths([]byte(uuid), ph[:], mr[:], meta[:], id[:]))
	epoch := [][32]byte{{5}}
	root := up(block, epoch)
	at, err := time.Parse(time.RFC3339, ts)
	if err != nil {
		tb.Fatal(err)
	}
	p := append([]byte{1, 0, 20}, id[:]...)
	p = binary.BigEndian.AppendUint64(p, uint64(at.UnixMilli()))
	p = append(append(p, subject[:]...), block[:]...)
	p = append(append(p, 0, 1), root[:]...)
	digest := domain(domainProof, p)
	parts := map[string]string{
		"kid": hex.EncodeToString(id[:]), "pk": base64.StdEncoding.EncodeToString(public),
		"sig": base64.StdEncoding.EncodeToString(ed25519.Sign(m.key, digest[:])),
		"mh":  hex.EncodeToString(meta[:]), "mr": hex.EncodeToString(mr[:]), "ph": hex.EncodeToString(ph[:]),
		"ip": path(m.nodes), "ep": path(epoch), "memo": hex.EncodeToString(root[:]), "ts": ts, "cxts": "2026-04-22T19:50:01Z",
		"l": "2176348", "net": "public", "tx": strings.Repeat("ab", 32), "d": claims, "ulid": ulid, "uuid": uuid, "t": "20", "v": "1",
	}
	if change != nil {
		change(parts)
	}
	return fmt.Sprintf(`{"v":%s,"t":%s,"ts":%q,"pk":%q,"sig":%q,"ip":%q,"s":{"id":%q,"d":%s,"mh":%q,"kid":%q},"b":{"id":%q,"ph":%q,"mr":%q,"mh":%q,"kid":%q},"cx":[{"t":40,"net":%q,"ep":%q,"tx":%q,"memo":%q,"l":%s,"ts":%q}]}`,
		parts["v"], parts["t"], parts["ts"], parts["pk"], parts["sig"], parts["ip"], parts["ulid"], parts["d"], parts["mh"], parts["kid"], parts["uuid"], parts["ph"], parts["mr"], parts["mh"], parts["kid"],
		parts["net"], parts["ep"], parts["tx"], parts["memo"], parts["l"], parts["cxts"])
}

const claims = `{"name":"x","hash":"dccbe78cd07920c3ef007bd2ef857185eaaa32d1eca6cb090e73e3a87fadd7c0","hash_type":"sha256"}`

// TestMade: a bundle made here, by formulas written down twice, is sound.
func TestMade(t *testing.T) {
	m := newMaker()
	b, err := Parse([]byte(m.item(t, claims, nil)))
	if err != nil {
		t.Fatal(err)
	}
	r := b.Check(Trust{Keys: []ed25519.PublicKey{b.PublicKey}})
	if !r.Sound() || !r.KeyPinned || hex.EncodeToString(b.Subject.Hash)[:4] != "dccb" {
		t.Fatalf("found %+v", r)
	}
	if r.SubjectTime.Format(time.RFC3339) != "2026-04-22T19:29:19Z" {
		t.Errorf("submitted %v", r.SubjectTime)
	}
}

// TestForged: what is changed after signing is found, where the signature covers it;
// where it covers nothing, the member is listed as unbound and decides nothing.
func TestForged(t *testing.T) {
	for name, c := range map[string]struct {
		change func(map[string]string)
		sound  bool
	}{
		"claims":              {func(p map[string]string) { p["d"] = strings.Replace(claims, "x", "y", 1) }, false},
		"claimed hash":        {func(p map[string]string) { p["d"] = strings.Replace(claims, "dccb", "dccc", 1) }, false},
		"time of the bundle":  {func(p map[string]string) { p["ts"] = "2016-04-22T23:38:56Z" }, false},
		"milliseconds":        {func(p map[string]string) { p["ts"] = "2026-04-22T23:38:56.001Z" }, false},
		"item for entropy":    {func(p map[string]string) { p["t"] = "30" }, false},
		"item's identifier":   {func(p map[string]string) { p["ulid"] = "01KPVAP639RSVPZCW2CBS51CTW" }, false},
		"block's identifier":  {func(p map[string]string) { p["uuid"] = "019db6b9-72c4-71ed-9a32-7cf51a77b162" }, false},
		"block's Merkle root": {func(p map[string]string) { p["mr"] = strings.Repeat("00", 32) }, false},
		"block before":        {func(p map[string]string) { p["ph"] = strings.Repeat("11", 32) }, false},
		"metadata":            {func(p map[string]string) { p["mh"] = strings.Repeat("11", 32) }, false},
		"key id":              {func(p map[string]string) { p["kid"] = "00000000" }, false},
		"shorter path":        {func(p map[string]string) { p["ip"] = path([][32]byte{{1}, {2}}) }, false},
		"no path":             {func(p map[string]string) { p["ip"] = path(nil) }, false},
		"memo":                {func(p map[string]string) { p["memo"] = strings.Repeat("11", 32) }, false},
		"epoch path":          {func(p map[string]string) { p["ep"] = path(nil) }, false},
		"another's signature": {func(p map[string]string) {
			p["pk"] = base64.StdEncoding.EncodeToString(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32)).Public().(ed25519.PublicKey))
		}, false},
		"younger than its block":   {func(p map[string]string) { p["ulid"] = "02KPVAP639RSVPZCW2CBS51CTV" }, false},
		"unbound: ledger":          {func(p map[string]string) { p["l"] = "1" }, true},
		"unbound: commitment time": {func(p map[string]string) { p["cxts"] = "2016-01-01T00:00:00Z" }, true},
		"unbound: network":         {func(p map[string]string) { p["net"] = "testnet" }, true},
		"unbound: transaction":     {func(p map[string]string) { p["tx"] = strings.Repeat("cd", 32) }, true},
	} {
		b, err := Parse([]byte(newMaker().item(t, claims, c.change)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		r := b.Check(Trust{Keys: []ed25519.PublicKey{newMaker().key.Public().(ed25519.PublicKey)}})
		if r.Sound() != c.sound {
			t.Errorf("%s: expected %v, found %+v", name, c.sound, r)
		}
		if c.sound && (r.Commitments[0].Verdict != Undecided || len(r.Unbound) != 4) {
			t.Errorf("%s: expected it to be listed as unbound, found %v", name, r.Unbound)
		}
	}
}

// TestFromNothing: a bundle with a fresh key and paths of no length contradicts
// nothing, and its key is nobody's.
func TestFromNothing(t *testing.T) {
	m := &maker{key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32))}
	b, err := Parse([]byte(m.item(t, claims, nil)))
	if err != nil {
		t.Fatal(err)
	}
	r := b.Check(Trust{Keys: []ed25519.PublicKey{newMaker().key.Public().(ed25519.PublicKey)}})
	if !r.Sound() || r.KeyPinned || !strings.Contains(strings.Join(r.Unbound, ";"), "size of the block's tree") {
		t.Errorf("found %+v", r)
	}
}

// TestBitcoinForged changes the Bitcoin commitment of a real sample; none of it is
// signed but the root, so that it must contradict itself.
func TestBitcoinForged(t *testing.T) {
	good := string(testvectors.ReadShared(t, "anchor/truestamp", "fixture-item.json"))
	value := func(name string) string {
		_, rest, _ := strings.Cut(good, `"`+name+`": "`)
		v, _, _ := strings.Cut(rest, `"`)
		return v
	}
	for name, c := range map[string][2]string{
		"transaction id":     {`"tx": "a612`, `"tx": "a613`},
		"block root":         {`"bmr": "68da`, `"bmr": "68db`},
		"raw transaction":    {`"rtx": "02`, `"rtx": "03`},
		"OP_RETURN":          {`"op": "d6d2`, `"op": "d6d3`},
		"flags of the proof": {value("txp"), value("txp")[:len(value("txp"))-2] + "01"},
		"no proof left":      {value("txp"), value("txp")[:160]},
		"transaction cut":    {value("rtx"), value("rtx")[:len(value("rtx"))-2]},
	} {
		forged := strings.Replace(good, c[0], c[1], 1)
		b, err := Parse([]byte(forged))
		if forged == good || err != nil {
			t.Errorf("%s: nothing was changed, or it cannot be read: %v", name, err)
			continue
		}
		if r := b.Check(Trust{}); r.Sound() {
			t.Errorf("%s: expected a contradiction", name)
		}
	}
}

// TestRefused: what Parse does not read.
func TestRefused(t *testing.T) {
	good := newMaker().item(t, claims, nil)
	change := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("nothing to change: %s", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"version 2":            {change(`"v":1`, `"v":2`), ErrUnsupported},
		"type not known":       {change(`"t":20`, `"t":12`), ErrUnsupported},
		"commitment as type":   {change(`"t":20`, `"t":40`), ErrUnsupported},
		"member added":         {change(`{"v"`, `{"x":1,"v"`), ErrUnsupported},
		"member of subject":    {change(`"s":{`, `"s":{"x":1,`), ErrUnsupported},
		"member of block":      {change(`"b":{`, `"b":{"x":1,`), ErrUnsupported},
		"member of cx":         {change(`"cx":[{`, `"cx":[{"x":1,`), ErrUnsupported},
		"Bitcoin in Stellar":   {change(`"cx":[{`, `"cx":[{"h":1,`), ErrUnsupported},
		"commitment not known": {change(`"t":40`, `"t":42`), ErrUnsupported},
		"block with subject":   {change(`"t":20`, `"t":10`), ErrUnsupported},
		"no commitments":       {good[:strings.Index(good, `"cx"`)] + `"cx":[]}`, ErrMalformed},
		"upper case":           {change(`"mr":"`, `"mr":"AB`), ErrMalformed},
		"key short":            {change(`"pk":"`, `"pk":"AAAA`), ErrMalformed},
		"key of small order": {newMaker().item(t, claims, func(p map[string]string) {
			p["pk"] = base64.StdEncoding.EncodeToString(append([]byte{1}, make([]byte, 31)...))
		}), ErrMalformed},
		"signature short":    {change(`"sig":"`, `"sig":"AAAA`), ErrMalformed},
		"time without zone":  {change(`56Z"`, `56"`), ErrMalformed},
		"path not base64url": {change(`"ip":"`, `"ip":"+`), ErrMalformed},
		"path cut":           {newMaker().item(t, claims, func(p map[string]string) { p["ip"] = p["ip"][:20] }), ErrMalformed},
		"path without depth": {newMaker().item(t, claims, func(p map[string]string) { p["ip"] = "" }), ErrMalformed},
		"path too deep": {newMaker().item(t, claims, func(p map[string]string) {
			p["ip"] = base64.RawURLEncoding.EncodeToString(append([]byte{65}, make([]byte, 9+65*32)...))
		}), ErrMalformed},
		"directions beyond": {newMaker().item(t, claims, func(p map[string]string) {
			p["ip"] = base64.RawURLEncoding.EncodeToString(append([]byte{1, 3}, make([]byte, 32)...))
		}), ErrMalformed},
		"claims a text":     {newMaker().item(t, claims, func(p map[string]string) { p["d"] = `"x"` }), ErrMalformed},
		"claims null":       {newMaker().item(t, claims, func(p map[string]string) { p["d"] = `null` }), ErrMalformed},
		"not an object":     {`[]`, ErrMalformed},
		"CBOR of nothing":   {"\xd9\xd9\xf7", ErrMalformed},
		"CBOR an array":     {"\xd9\xd9\xf7\x80", ErrMalformed},
		"CBOR and more":     {string(testvectors.ReadShared(t, "anchor/truestamp", "fixture-item.cbor")) + "\x00", ErrMalformed},
		"CBOR key a number": {"\xd9\xd9\xf7\xa1\x01\x01", ErrMalformed},
		"CBOR infinite":     {"\xd9\xd9\xf7\xa1\x61a\xf9\x7c\x00", ErrMalformed},
		"CBOR of no end":    {"\xd9\xd9\xf7\xbf\xff", ErrMalformed},
		"CBOR name twice":   {"\xd9\xd9\xf7\xa2\x61a\x01\x61a\x01", ErrMalformed},
	} {
		if _, err := Parse([]byte(c.text)); !errors.Is(err, c.want) {
			t.Errorf("%s: expected %v, found %v", name, c.want, err)
		}
	}
	if _, err := Parse([]byte(change(`{"v"`, `{"v":1,"v"`))); err == nil {
		t.Error("a name twice was read")
	}
}

// TestBits flips bits of a sample in CBOR: what is still sound differs only where
// nothing is covered.
func TestBits(t *testing.T) {
	good := testvectors.ReadShared(t, "anchor/truestamp", "fixture-item.cbor")
	base, err := Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	sound := 0
	rapid.Check(t, func(rt *rapid.T) {
		bit := rapid.IntRange(0, 8*len(good)-1).Draw(rt, "bit")
		c := slices.Clone(good)
		c[bit/8] ^= 1 << (bit % 8)
		b, err := Parse(c)
		if err != nil || !b.Check(Trust{}).Sound() {
			return
		}
		sound++
		if b.Signed() != base.Signed() || !bytes.Equal(b.Subject.Claims, base.Subject.Claims) || !b.Time.Equal(base.Time) {
			rt.Fatalf("bit %d changes what is signed", bit)
		}
	})
	t.Logf("%d of the flips were in what nothing covers", sound)
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(newMaker().item(f, claims, nil)))
	f.Add([]byte("\xd9\xd9\xf7\xa1\x61v\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err != nil {
			return
		}
		if r := p.Check(Trust{}); r.KeyPinned {
			t.Error("a key is pinned without trust")
		}
	})
}
