package chainpoint

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof/bitcoin"
)

const genesisHeader = "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c"
const genesisCoinbase = "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000"

// members4 and members3 stand before the branches.
const (
	members4 = `"@context":"https://w3id.org/chainpoint/v4","type":"Chainpoint","proof_id":"3e994e00-3d6f-11ea-b567-0108a5a8cdb0","hash_received":"2020-01-22T23:30:58Z",`
	members3 = `"@context":"https://w3id.org/chainpoint/v3","type":"Chainpoint","hash_id_node":"a","hash_submitted_node_at":"b","hash_id_core":"c","hash_submitted_core_at":"d",`
)

// proofOf writes a proof of a hash with one branch of operations.
func proofOf(members, hash, ops string) string {
	return `{` + members + `"hash":"` + hash + `","branches":[{"label":"btc_anchor_branch","ops":[` + ops + `]}]}`
}

// genesis leads from 32 bytes of the first block's transaction to its root.
func genesis(members string) string {
	tx := genesisCoinbase
	ops := fmt.Sprintf(`{"l":%q},{"r":%q},{"op":"sha-256-x2"},{"anchors":[{"type":"btc","anchor_id":"0","uris":["http://a.example/"]}]}`, tx[:120], tx[184:])
	return proofOf(members, tx[120:184], ops)
}

func known(tb testing.TB) *bitcoin.Known {
	tb.Helper()
	b, err := hex.DecodeString(genesisHeader)
	if err != nil {
		tb.Fatal(err)
	}
	k := bitcoin.NewKnown()
	if _, err := k.Add(bitcoin.Mainnet, 0, b); err != nil {
		tb.Fatal(err)
	}
	return k
}

// pack writes JSON as MessagePack; strings of any length, small arrays and maps.
func pack(tb testing.TB, text string) []byte {
	tb.Helper()
	doc, err := strictjson.Parse([]byte(text), strictjson.Limits{})
	if err != nil {
		tb.Fatal(err)
	}
	var value func(out []byte, n strictjson.Node) []byte
	str := func(out []byte, s string) []byte {
		switch {
		case len(s) < 32:
			out = append(out, 0xa0|byte(len(s)))
		case len(s) < 256:
			out = append(out, 0xd9, byte(len(s)))
		default:
			out = binary.BigEndian.AppendUint16(append(out, 0xda), uint16(len(s)))
		}
		return append(out, s...)
	}
	value = func(out []byte, n strictjson.Node) []byte {
		switch doc.Kind(n) {
		case strictjson.String:
			return str(out, doc.String(n))
		case strictjson.Array:
			out = append(out, 0x90|byte(doc.Len(n)))
		case strictjson.Object:
			out = append(out, 0x80|byte(doc.Len(n)))
		default:
			tb.Fatal("not in proofs")
		}
		for c := doc.First(n); c != strictjson.None; c = doc.Next(c) {
			if doc.Kind(n) == strictjson.Object {
				out = str(out, doc.Name(c))
			}
			out = value(out, c)
		}
		return out
	}
	return value(nil, 0)
}

func deflate(tb testing.TB, b []byte) []byte {
	tb.Helper()
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// TestForms: JSON, binary, base64 and hex of both versions say the same, and the real
// header confirms it.
func TestForms(t *testing.T) {
	for _, m := range []string{members3, members4} {
		text := genesis(m)
		binary := deflate(t, pack(t, text))
		for name, b := range map[string][]byte{"JSON": []byte(text), "binary": binary, "base64": []byte(base64.StdEncoding.EncodeToString(binary)), "hex": []byte(hex.EncodeToString(binary))} {
			p, err := Parse(b)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			j := p.Check(known(t))
			if len(j) != 1 || j[0].Verdict != Confirmed || j[0].Time.Unix() != 1231006505 || j[0].Network != "bitcoin" || !Is(b) {
				t.Errorf("%s: found %+v", name, j)
			}
			if j := p.Check(nil); j[0].Verdict != Undecided || !j[0].Time.IsZero() {
				t.Errorf("%s: decided without headers", name)
			}
		}
	}
}

// TestOperations checks values against what other implementations compute.
func TestOperations(t *testing.T) {
	hash := strings.Repeat("00", 32)
	for ops, want := range map[string]string{
		`{"op":"sha-256"}`:                 "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925",
		`{"op":"sha-256-x2"}`:              "2b32db6c2c0a6235fb1397e8225ea85e0f0e6e8c7b126d0016ccbde0e667151e",
		`{"op":"sha-224"}`:                 "b338c76bcffa1a0b3ead8de58dfbff47b63ab1150e10d8f17f2bafdf",
		`{"op":"sha3-256"}`:                "9e6291970cb44dd94008c79bcaf9d86f18b4b49ba5b2a04781db7199ed3b9e4e",
		`{"l":"ab"},{"r":"CD"}`:            "ab" + hash + "cd",
		`{"l":"abc"}`:                      hex.EncodeToString([]byte("abc")) + hash, // odd: a text
		`{"l":"nistv2:1:ff"}`:              hex.EncodeToString([]byte("nistv2:1:ff")) + hash,
		`{"anchors":[]},{"op":"sha3-384"}`: "4bdaabf788d3ad1ad83d6d93c7e44937c2e6496af23be3354d756987f45160fc4023bda95ecdcb3c7e31a62f726d702c",
	} {
		p, err := Parse([]byte(proofOf(members4, hash, ops+`,{"anchors":[{"type":"cal","anchor_id":"x"}]}`)))
		if err != nil {
			t.Errorf("%s: %v", ops, err)
			continue
		}
		got := hex.EncodeToString(p.Check(nil)[0].Value)
		if got != want {
			t.Errorf("%s: expected %s, found %s", ops, want, got)
		}
	}
}

// TestBranches: a branch begins where the one it grows on ends.
func TestBranches(t *testing.T) {
	anchor := func(id string) string { return `{"anchors":[{"type":"cal","anchor_id":"` + id + `"}]}` }
	text := `{` + members4 + `"hash":"` + strings.Repeat("00", 32) + `","branches":[
		{"ops":[{"l":"01"},` + anchor("a") + `,{"l":"02"}],"branches":[{"ops":[{"l":"03"},` + anchor("b") + `]},{"ops":[{"l":"04"},` + anchor("c") + `]}]},
		{"ops":[` + anchor("d") + `]}]}`
	p, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	zero := strings.Repeat("00", 32)
	want := map[string]string{"a": "01" + zero, "b": "030201" + zero, "c": "040201" + zero, "d": zero}
	found := p.Check(nil)
	for _, j := range found {
		if hex.EncodeToString(j.Value) != want[j.ID] || j.Bound {
			t.Errorf("%s: found %x", j.ID, j.Value)
		}
	}
	if len(found) != len(want) {
		t.Errorf("found %d anchors", len(found))
	}
}

// TestForged: what must not be confirmed.
func TestForged(t *testing.T) {
	good := genesis(members4)
	if p, err := Parse([]byte(good)); err != nil || p.Check(known(t))[0].Verdict != Confirmed {
		t.Fatal("the base of these cases does not hold")
	}
	root := "3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a"
	change := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("nothing to change: %s", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for name, c := range map[string]struct {
		text string
		want Verdict
	}{
		"another hash":            {change(`"hash":"`+genesisCoinbase[120:122], `"hash":"ff`), Refuted},
		"operand changed":         {change(`"l":"01`, `"l":"02`), Refuted},
		"operand as text":         {change(`"l":"01`, `"l":"x01`), Refuted},
		"single hash":             {change(`sha-256-x2`, `sha-256`), Refuted},
		"another height":          {change(`"anchor_id":"0"`, `"anchor_id":"1"`), Undecided},
		"test network":            {change(`"type":"btc"`, `"type":"tbtc"`), Undecided},
		"calendar anchor":         {change(`"type":"btc"`, `"type":"cal"`), Undecided},
		"Ethereum anchor":         {change(`"type":"btc"`, `"type":"eth"`), Undecided},
		"hash is the root":        {proofOf(members4, root, `{"anchors":[{"type":"btc","anchor_id":"0"}]}`), Undecided},
		"anchor before the hash":  {proofOf(members4, root[2:]+"00", `{"anchors":[{"type":"btc","anchor_id":"0"}]},{"op":"sha-256"}`), Refuted},
		"operands left and right": {change(`"l":"01`, `"r":"01`), Refuted},
	} {
		p, err := Parse([]byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if j := p.Check(known(t)); len(j) != 1 || j[0].Verdict != c.want || !j[0].Time.IsZero() {
			t.Errorf("%s: expected %v, found %+v", name, c.want, j)
		}
	}
}

// TestRefused: what is not read, and by which error.
func TestRefused(t *testing.T) {
	hash := strings.Repeat("00", 32)
	anchor := `{"anchors":[{"type":"cal","anchor_id":"x"}]}`
	many := func(s string, n int) string { return strings.TrimSuffix(strings.Repeat(s+",", n), ",") }
	deep := strings.Repeat(`{"ops":[],"branches":[`, MaxDepth+1) + strings.Repeat(`]}`, MaxDepth+1)
	good := genesis(members4)
	packed := deflate(t, pack(t, good))
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"empty":                {"", ErrMalformed},
		"array":                {`[]`, ErrMalformed},
		"version 5":            {strings.Replace(good, "v4", "v5", 1), ErrUnsupported},
		"no context":           {`{}`, ErrUnsupported},
		"another type":         {strings.Replace(good, `"type":"Chainpoint"`, `"type":"X"`, 1), ErrMalformed},
		"member missing":       {strings.Replace(good, `"proof_id":"3e994e00-3d6f-11ea-b567-0108a5a8cdb0",`, ``, 1), ErrMalformed},
		"member added":         {strings.Replace(good, `{`, `{"time":"1999",`, 1), ErrUnsupported},
		"members of version 3": {genesis(strings.Replace(members3, "v3", "v4", 1)), ErrMalformed},
		"hash not hex":         {proofOf(members4, "zz", anchor), ErrMalformed},
		"hash short":           {proofOf(members4, "00", anchor), ErrMalformed},
		"hash long":            {proofOf(members4, strings.Repeat("00", 65), anchor), ErrMalformed},
		"operation not known":  {proofOf(members4, hash, `{"op":"md5"},`+anchor), ErrUnsupported},
		"operation upper case": {proofOf(members4, hash, `{"op":"SHA-256"},`+anchor), ErrUnsupported},
		"two in one":           {proofOf(members4, hash, `{"l":"00","op":"sha-256"},`+anchor), ErrMalformed},
		"none in one":          {proofOf(members4, hash, `{},`+anchor), ErrMalformed},
		"another operator":     {proofOf(members4, hash, `{"x":"00"},`+anchor), ErrUnsupported},
		"empty operand":        {proofOf(members4, hash, `{"l":""},`+anchor), ErrMalformed},
		"operand a number":     {proofOf(members4, hash, `{"l":7},`+anchor), ErrMalformed},
		"no anchor":            {proofOf(members4, hash, `{"op":"sha-256"}`), ErrMalformed},
		"anchor not known":     {proofOf(members4, hash, `{"anchors":[{"type":"doge","anchor_id":"1"}]}`), ErrUnsupported},
		"height signed":        {proofOf(members4, hash, `{"anchors":[{"type":"btc","anchor_id":"-1"}]}`), ErrMalformed},
		"height with zeros":    {proofOf(members4, hash, `{"anchors":[{"type":"btc","anchor_id":"007"}]}`), ErrMalformed},
		"height too large":     {proofOf(members4, hash, `{"anchors":[{"type":"btc","anchor_id":"4294967296"}]}`), ErrMalformed},
		"anchor without id":    {proofOf(members4, hash, `{"anchors":[{"type":"cal"}]}`), ErrMalformed},
		"anchor with time":     {proofOf(members4, hash, `{"anchors":[{"type":"cal","anchor_id":"1","time":"x"}]}`), ErrUnsupported},
		"too many operations":  {proofOf(members4, hash, many(`{"op":"sha-256"}`, MaxOps+1)), ErrTooLarge},
		"too many anchors":     {proofOf(members4, hash, many(anchor, MaxAnchors+1)), ErrTooLarge},
		"value too long":       {proofOf(members4, hash, many(`{"l":"`+strings.Repeat("00", 30000)+`"}`, 3)+","+anchor), ErrTooLarge},
		"too much work":        {proofOf(members4, hash, `{"l":"`+strings.Repeat("00", 30000)+`"},`+many(`{"l":"00"}`, 2000)+","+anchor), ErrTooLarge},
		"too deep":             {`{` + members4 + `"hash":"` + hash + `","branches":[` + deep + `]}`, ErrTooLarge},
		"branch not an object": {`{` + members4 + `"hash":"` + hash + `","branches":[1]}`, ErrMalformed},
		"branches not a list":  {`{` + members4 + `"hash":"` + hash + `","branches":{}}`, ErrMalformed},
		"zlib cut off":         {string(packed[:len(packed)-5]), ErrMalformed},
		"zlib and more":        {string(packed) + "x", ErrMalformed},
		"zlib of nothing":      {string(deflate(t, nil)), ErrMalformed},
		"zlib of two values":   {string(deflate(t, append(pack(t, good), 0xc0))), ErrMalformed},
		"zlib bomb":            {string(deflate(t, make([]byte, MaxText+1))), ErrTooLarge},
		"binary with floats":   {string(deflate(t, []byte{0x81, 0xa1, 'a', 0xcb, 0, 0, 0, 0, 0, 0, 0, 0})), ErrMalformed},
		"binary nested deeply": {string(deflate(t, bytes.Repeat([]byte{0x91}, 1000))), ErrMalformed},
		"binary key a number":  {string(deflate(t, []byte{0x81, 1, 1})), ErrMalformed},
		"binary long claims":   {string(deflate(t, []byte{0xdd, 0xff, 0xff, 0xff, 0xff})), ErrMalformed},
		"base64 with a space":  {"eJ xx", ErrMalformed},
		"too many bytes":       {strings.Repeat(" ", MaxBytes+1), ErrTooLarge},
	} {
		if p, err := Parse([]byte(c.text)); !errors.Is(err, c.want) {
			t.Errorf("%s: expected %v, found %v %v", name, c.want, err, p != nil)
		}
	}
	var je *strictjson.Error
	if _, err := Parse([]byte(strings.Replace(good, `{`, `{"hash":"00",`, 1))); !errors.As(err, &je) || je.Code != strictjson.DuplicateName {
		t.Errorf("a name twice: %v", err)
	}
	if _, err := Parse(deflate(t, append([]byte{0x82, 0xa1, 'a', 1}, 0xa1, 'a', 2))); !errors.As(err, &je) {
		t.Errorf("a name twice in binary: %v", err)
	}
}

// TestBits: no bit of hash or operands can be changed.
func TestBits(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p, err := Parse([]byte(genesis(members4)))
		if err != nil {
			rt.Fatal(err)
		}
		ops := p.Branches[0].Ops
		target := rapid.SampledFrom([][]byte{p.Hash, ops[0].Operand, ops[1].Operand}).Draw(rt, "part")
		bit := rapid.IntRange(0, 8*len(target)-1).Draw(rt, "bit")
		target[bit/8] ^= 1 << (bit % 8)
		if p.Check(known(t))[0].Verdict != Refuted {
			rt.Fatal("a bit changes nothing")
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(genesis(members4)))
	f.Add([]byte(genesis(members3)))
	f.Add(deflate(f, pack(f, genesis(members4))))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err != nil {
			return
		}
		j := p.Check(nil)
		if len(j) == 0 || slices.ContainsFunc(j, func(j Judged) bool { return j.Verdict != Undecided }) {
			t.Error("decided without headers")
		}
	})
}
