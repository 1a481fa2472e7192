package blockcerts

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/chancery-dev/chancery/internal/jsonld"
	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/testvectors"
)

func contexts(url string) *ldcontext.Version {
	if v := ldcontext.Default().Versions(url); len(v) > 0 {
		return v[0]
	}
	return nil
}

// TestSamples: the published examples. Two of the three were edited after issuing, as
// their target hash shows; all three paths hold.
func TestSamples(t *testing.T) {
	for _, c := range []struct {
		file    string
		version int
		proof   int
		anchor  string
		covered Verdict
		method  string
	}{
		{"example-3.0.json", 3, 0, "blink:eth:ropsten:0xcd1cf1c87d969b2fa964ff410601dcf2fa84015a9db9deab0a513d7e98ba35e3", Refuted, "ecdsa-koblitz-pubkey:0x7e30a37763e6Ba1fFeDE1750bBeFB4c60b17a1B3"},
		{"example.3.1.multisigned.json", 3, 1, "blink:btc:testnet:42844423ba0bc50eeff5ba19c4cf675e65cecdca1c9dd4de528e3dedf7c4a86a", Confirmed, "did:ion:EiA_Z6LQILbB2zj_eVrqfQ2xDm4HNqeJUw5Kj2Z7bFOOeQ#key-1"},
		{"sample_valid-2.1.json", 2, 0, "blink:btc:unknown:08e205566662b97f149ad677649bbb94ebc2f46c0ac72bc7c9b57d2d207015f4", Refuted, "ecdsa-koblitz-pubkey:msBCHdwaQ7N2ypBYupkp6uNxtr9Pg76imj"},
	} {
		cert, err := Parse(testvectors.ReadShared(t, "anchor/blockcerts", c.file))
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		p := cert.Proofs[c.proof]
		r := cert.Check(c.proof, Input{Contexts: contexts})
		if cert.Version != c.version || r.Covered != c.covered || r.DigestErr != nil || !r.Included || !r.Chained || p.Method != c.method {
			t.Errorf("%s: found %+v of %q", c.file, r, p.Method)
		}
		if len(r.Anchors) != 1 || r.Anchors[0].String() != c.anchor || r.Anchors[0].Verdict != Undecided || r.Anchors[0].Sender != "" {
			t.Errorf("%s: found %+v", c.file, r.Anchors)
		}
		if c.version == 3 {
			if p.Receipt.Encoding != TextHex {
				t.Errorf("%s: encoding %d", c.file, p.Receipt.Encoding)
			}
			if back, err := p.Receipt.ProofValue(TextHex); err != nil || !strings.Contains(cert.Document().Text(), `"`+back+`"`) {
				t.Errorf("%s: expected the same proofValue, %v", c.file, err)
			}
		}
	}
}

// TestBothEncodings: one receipt in either encoding reads alike.
func TestBothEncodings(t *testing.T) {
	places := [][2]string{}
	for _, row := range networkTable {
		if row.chain != "mocknet" {
			places = append(places, [2]string{row.chain, row.network})
		}
	}
	digest := rapid.Custom(func(t *rapid.T) [32]byte { return [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "digest")) })
	rapid.Check(t, func(rt *rapid.T) {
		r := &Receipt{TargetHash: digest.Draw(rt, "target")}
		for range rapid.IntRange(0, 20).Draw(rt, "steps") {
			r.Path = append(r.Path, Step{Left: rapid.Bool().Draw(rt, "left"), Sibling: digest.Draw(rt, "sibling")})
		}
		r.MerkleRoot = r.Root()
		for range rapid.IntRange(1, 3).Draw(rt, "anchors") {
			p := rapid.SampledFrom(places).Draw(rt, "place")
			a := Anchor{Chain: p[0], Network: p[1], TxID: digest.Draw(rt, "transaction"), prefixed: rapid.Bool().Draw(rt, "0x")}
			if back, err := ParseAnchor(a.String()); err != nil || back.String() != a.String() {
				rt.Fatalf("%s: %v", a, err)
			}
			r.Anchors = append(r.Anchors, a)
		}
		for _, e := range []Encoding{TextHex, Binary} {
			s, err := r.ProofValue(e)
			if err != nil {
				rt.Fatal(err)
			}
			back, err := DecodeProofValue(s)
			if err != nil || !back.Equal(r) || back.Encoding != e || back.Root() != r.MerkleRoot {
				rt.Fatalf("%v: %+v", err, back)
			}
			if again, err := back.ProofValue(e); err != nil || again != s {
				rt.Fatalf("expected the same text, %v", err)
			}
		}
	})
}

// TestReceiptsRefused: proof values that are not read.
func TestReceiptsRefused(t *testing.T) {
	r := &Receipt{Anchors: []Anchor{{Chain: "eth", Network: "sepolia"}}, Path: []Step{{}}}
	good, err := r.ProofValue(TextHex)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := decodeBase58(good[1:])
	text := func(s string) string { return "z" + encodeBase58([]byte(s)) }
	change := func(old, new string) string {
		if !strings.Contains(string(raw), old) {
			t.Fatalf("nothing to change: %x", old)
		}
		return text(strings.Replace(string(raw), old, new, 1))
	}
	zeros := strings.Repeat("0", 64)
	binary, err := r.ProofValue(Binary)
	if err != nil {
		t.Fatal(err)
	}
	rawBinary, _ := decodeBase58(binary[1:])
	for name, c := range map[string]struct {
		value string
		want  error
	}{
		"empty":               {"", ErrMalformed},
		"another multibase":   {"u" + good[1:], ErrMalformed},
		"not base58":          {"z0OIl", ErrMalformed},
		"too long":            {"z" + strings.Repeat("2", MaxProofValue), ErrMalformed},
		"nothing":             {"z", ErrMalformed},
		"a map":               {text("\xa0"), ErrMalformed},
		"no members":          {text("\x80"), ErrMalformed},
		"data after the end":  {text(string(raw) + "\x00"), ErrMalformed},
		"cut":                 {text(string(raw[:len(raw)-1])), ErrMalformed},
		"member not known":    {change("\x82\x00\x58\x42", "\x82\x04\x58\x42"), ErrMalformed},
		"member twice":        {change("\x82\x00\x58\x42", "\x82\x01\x58\x42"), ErrMalformed},
		"chain not known":     {change("\x83\x82\x00\x01", "\x83\x82\x00\x09"), ErrUnsupported},
		"network not known":   {change("\x1a\x00\xaa\x36\xa7", "\x1a\x00\xaa\x36\xa8"), ErrUnsupported},
		"network as a text":   {change("\x82\x01\x1a\x00\xaa\x36\xa7", "\x82\x01\x61x"), ErrMalformed},
		"network missing":     {change("\x83\x82\x00\x01\x82\x01\x1a\x00\xaa\x36\xa7", "\x82\x82\x00\x01"), ErrMalformed},
		"side not known":      {change("\x81\x82\x01\x58\x42", "\x81\x82\x02\x58\x42"), ErrMalformed},
		"upper case":          {change("\x82\x00\x58\x42\x78\x40"+zeros, "\x82\x00\x58\x42\x78\x40"+strings.Repeat("A", 64)), ErrMalformed},
		"digits that are not": {change("\x82\x00\x58\x42\x78\x40"+zeros, "\x82\x00\x58\x42\x78\x40"+strings.Repeat("g", 64)), ErrMalformed},
		"0x within the path":  {change("\x58\x42\x78\x40"+zeros, "\x58\x44\x78\x420x"+zeros), ErrMalformed},
		"digest not nested":   {change("\x82\x00\x58\x42\x78\x40", "\x82\x00\x78\x42\x78\x40"), ErrMalformed},
		"mixed encodings":     {text(strings.Replace(string(rawBinary), "\x58\x22\x58\x20"+strings.Repeat("\x00", 32), "\x58\x42\x78\x40"+zeros, 1)), ErrMalformed},
		"bytes of 31":         {text(strings.Replace(string(rawBinary), "\x58\x22\x58\x20\x00", "\x58\x21\x58\x1f", 1)), ErrMalformed},
		"length overlong":     {change("\x58\x42\x78\x40", "\x59\x00\x42\x78\x40"), ErrMalformed},
		"no end":              {text("\x9f\xff"), ErrMalformed},
		"tagged":              {text("\xc1" + string(raw)), ErrMalformed},
	} {
		if _, err := DecodeProofValue(c.value); !errors.Is(err, c.want) {
			t.Errorf("%s: expected %v, found %v", name, c.want, err)
		}
	}
	many := &Receipt{Anchors: r.Anchors, Path: make([]Step, MaxPath+1)}
	if s, err := many.ProofValue(Binary); err != nil {
		t.Error(err)
	} else if _, err := DecodeProofValue(s); !errors.Is(err, ErrMalformed) {
		t.Errorf("a path too long: %v", err)
	}
	if _, err := r.ProofValue(JSON); !errors.Is(err, ErrUnsupported) {
		t.Error("written as JSON")
	}
}

func TestBase58(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(rt, "bytes")
		if got, ok := decodeBase58(encodeBase58(b)); !ok || !bytes.Equal(got, b) {
			rt.Fatalf("%x came back as %x", b, got)
		}
	})
	for text, want := range map[string]string{"": "", "1": "00", "11": "0000", "2g": "61", "StV1DL6CwTryKyV": "68656c6c6f20776f726c64"} {
		if got, ok := decodeBase58(text); !ok || hex.EncodeToString(got) != want {
			t.Errorf("%s: found %x", text, got)
		}
	}
}

// TestMethods compares public keys as Blockcerts write them with senders.
func TestMethods(t *testing.T) {
	const hash = "7fda5ea4a18f7af4a12b95b5d4d0d1d6ad9d0e29"
	address := func(version byte) string {
		b, _ := hex.DecodeString(hash)
		b = append([]byte{version}, b...)
		once := sha256.Sum256(b)
		sum := sha256.Sum256(once[:])
		return encodeBase58(append(b, sum[:4]...))
	}
	for name, c := range map[string]struct {
		method, sender string
		want           bool
	}{
		"Ethereum":            {"ecdsa-koblitz-pubkey:0x7e30A37763e6Ba1fFeDE1750bBeFB4c60b17a1B3", "0x7e30a37763e6ba1ffede1750bbefb4c60b17a1b3", true},
		"without prefix":      {"0x7e30a37763e6ba1ffede1750bbefb4c60b17a1b3", "0x7e30a37763e6ba1ffede1750bbefb4c60b17a1b3", true},
		"another":             {"ecdsa-koblitz-pubkey:0x7e30A37763e6Ba1fFeDE1750bBeFB4c60b17a1B4", "0x7e30a37763e6ba1ffede1750bbefb4c60b17a1b3", false},
		"short":               {"0x7e30", "0x7e30", false},
		"Bitcoin":             {"ecdsa-koblitz-pubkey:" + address(0), hash, true},
		"test network":        {address(111), hash, true},
		"script hash":         {address(5), hash, false},
		"checksum":            {strings.Replace(address(0), address(0)[5:6], "z", 1), hash, false},
		"nobody":              {"", "", false},
		"unknown and unknown": {"did:ion:x", "", false},
	} {
		if MethodIs(c.method, c.sender) != c.want {
			t.Errorf("%s: expected %v", name, c.want)
		}
	}
}

// TestForged changes a certificate in every way that its digest must notice.
func TestForged(t *testing.T) {
	good := string(testvectors.ReadShared(t, "anchor/blockcerts", "example.3.1.multisigned.json"))
	for name, c := range map[string]struct {
		old, new string
		covered  Verdict
		chained  bool
	}{
		"nothing":             {"", "", Confirmed, true},
		"subject":             {"Julien Fraichot", "Julien Fraichet", Refuted, true},
		"issuer":              {`"issuer": "did:key:z6Mkj`, `"issuer": "did:key:z6Mkk`, Refuted, true},
		"display":             {"<div>Yo</div>", "<div>Ho</div>", Refuted, true},
		"date":                {`"issuanceDate": "2022-05-02`, `"issuanceDate": "2021-05-02`, Refuted, true},
		"type":                {`"BlockcertsCredential"`, `"VerifiableCredential"`, Refuted, true},
		"member not defined":  {`"id": "urn:uuid:bbba`, `"grade": "A", "id": "urn:uuid:bbba`, Refuted, true},
		"member defined":      {`"id": "urn:uuid:bbba`, `"nonce": "A", "id": "urn:uuid:bbba`, Refuted, true},
		"earlier proof":       {`"proofValue": "zAvF`, `"proofValue": "zAvG`, Refuted, false},
		"earlier proof, time": {`"created": "2022-05-02T16:36:22.933Z"`, `"created": "2021-05-02T16:36:22.933Z"`, Refuted, false},
		"context not known":   {`"https://w3id.org/blockcerts/v3.1"`, `"https://example.com/v1"`, Undecided, true},
	} {
		forged := strings.Replace(good, c.old, c.new, 1)
		if c.old != "" && forged == good {
			t.Errorf("%s: nothing was changed", name)
		}
		cert, err := Parse([]byte(forged))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r := cert.Check(1, Input{Contexts: contexts}); r.Covered != c.covered || r.Chained != c.chained {
			t.Errorf("%s: found %v, %v, %v", name, r.Covered, r.Chained, r.DigestErr)
		}
	}
	// Taking the earlier proof away leaves the later one without what it covers.
	start := strings.Index(good, `{
      "type": "Ed25519Signature2020"`)
	end := strings.Index(good, `{
      "type": "ChainedProof2021"`)
	cert, err := Parse([]byte(good[:start] + good[end:]))
	if err != nil {
		t.Fatal(err)
	}
	if r := cert.Check(0, Input{Contexts: contexts}); r.Covered != Refuted || r.Chained {
		t.Errorf("without the earlier proof: %+v", r)
	}
}

// TestParseRefused: documents that are not read.
func TestParseRefused(t *testing.T) {
	v2 := func(signature string) string {
		return `{"@context":"https://w3id.org/openbadges/v2","signature":{"type":["MerkleProof2017","Extension"],` + signature + `}}`
	}
	zeros := strings.Repeat("0", 64)
	hashes := `"merkleRoot":"` + zeros + `","targetHash":"` + zeros + `"`
	anchor := `"anchors":[{"sourceId":"` + zeros + `","type":"BTCOpReturn"}]`
	if _, err := Parse([]byte(v2(hashes + `,"proof":[],` + anchor))); err != nil {
		t.Fatalf("the base of these cases: %v", err)
	}
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"array":              {`[]`, ErrMalformed},
		"no proof":           {`{}`, ErrNoProof},
		"another proof":      {`{"proof":{"type":"Ed25519Signature2020"}}`, ErrNoProof},
		"chain of others":    {`{"proof":{"type":"ChainedProof2021","chainedProofType":"X"}}`, ErrNoProof},
		"no proofValue":      {`{"proof":{"type":"MerkleProof2019"}}`, ErrMalformed},
		"proofValue number":  {`{"proof":{"type":"MerkleProof2019","proofValue":1}}`, ErrMalformed},
		"too many proofs":    {`{"proof":[{"type":"MerkleProof2019","proofValue":"z"}` + strings.Repeat(`,{}`, 40) + `]}`, ErrMalformed},
		"hashes missing":     {v2(`"proof":[],` + anchor), ErrMalformed},
		"hash short":         {v2(`"merkleRoot":"00","targetHash":"00","proof":[],` + anchor), ErrMalformed},
		"no path":            {v2(hashes + "," + anchor), ErrMalformed},
		"step of two":        {v2(hashes + `,"proof":[{"left":"` + zeros + `","right":"` + zeros + `"}],` + anchor), ErrMalformed},
		"step of none":       {v2(hashes + `,"proof":[{}],` + anchor), ErrMalformed},
		"step short":         {v2(hashes + `,"proof":[{"left":"00"}],` + anchor), ErrMalformed},
		"path too long":      {v2(hashes + `,"proof":[` + strings.TrimSuffix(strings.Repeat(`{"left":"`+zeros+`"},`, MaxPath+1), ",") + `],` + anchor), ErrMalformed},
		"no anchors":         {v2(hashes + `,"proof":[],"anchors":[]`), ErrMalformed},
		"anchor type":        {v2(hashes + `,"proof":[],"anchors":[{"sourceId":"` + zeros + `","type":"X"}]`), ErrUnsupported},
		"anchor chain":       {v2(hashes + `,"proof":[],"anchors":[{"sourceId":"` + zeros + `","chain":"dogecoin"}]`), ErrUnsupported},
		"anchor transaction": {v2(hashes + `,"proof":[],"anchors":[{"sourceId":"x","type":"BTCOpReturn"}]`), ErrMalformed},
	} {
		if _, err := Parse([]byte(c.text)); !errors.Is(err, c.want) {
			t.Errorf("%s: expected %v, found %v", name, c.want, err)
		}
	}
	for _, s := range []string{"", "blink:eth:mainnet", "blink:eth:mainnet:0x00", "blink:doge:mainnet:" + zeros, "x:eth:mainnet:" + zeros} {
		if _, err := ParseAnchor(s); err == nil {
			t.Errorf("%q was read", s)
		}
	}
}

// TestPath: a step on the wrong side, one less or one more leads elsewhere.
func TestPath(t *testing.T) {
	r := &Receipt{TargetHash: [32]byte{1}, Path: []Step{{true, [32]byte{2}}, {false, [32]byte{3}}}}
	root := r.Root()
	for i := range r.Path {
		c := *r
		c.Path = slices.Clone(r.Path)
		c.Path[i].Left = !c.Path[i].Left
		if c.Root() == root {
			t.Errorf("side of step %d changes nothing", i)
		}
	}
	c := *r
	if c.Path = r.Path[:1]; c.Root() == root {
		t.Error("a shorter path leads to the same root")
	}
}

// TestContextOfErrors: only what is not known leaves a verdict open.
func TestContextOfErrors(t *testing.T) {
	for code, want := range map[jsonld.Code]bool{jsonld.UnknownContext: true, jsonld.UnsupportedThing: true, jsonld.LimitExceeded: true, jsonld.UndefinedTerm: false, jsonld.RelativeIRI: false, jsonld.DroppedValue: false, jsonld.ProtectedTerm: false} {
		if open(fmt.Errorf("x: %w", &jsonld.Error{Code: code})) != want {
			t.Errorf("%s: expected %v", code, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	r := &Receipt{Anchors: []Anchor{{Chain: "eth", Network: "sepolia"}}, Path: []Step{{}}}
	for _, e := range []Encoding{TextHex, Binary} {
		s, err := r.ProofValue(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if r, err := DecodeProofValue(s); err == nil {
			again, err := r.ProofValue(r.Encoding)
			if r.Encoding == JSON {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if back, err := DecodeProofValue(again); err != nil || !back.Equal(r) {
				t.Fatalf("came back otherwise: %v", err)
			}
		}
		if c, err := Parse([]byte(s)); err == nil {
			for i, p := range c.Proofs {
				if p.Receipt != nil && c.Check(i, Input{Contexts: contexts}).Covered == Confirmed && len(s) < 40 {
					t.Error("a certificate of nothing")
				}
			}
		}
	})
}
