package evidence

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	ethcrypto "github.com/ethereum/go-ethereum/crypto"

	"github.com/chancery-dev/chancery/proof/merkle"
)

var update = flag.Bool("update", false, "write the example of the document, and the cases of the second verifier")

// jsonTrust is the trust in the form that the second verifier reads.
func jsonTrust(t *Trust) map[string]any {
	day := func(at time.Time) any {
		if at.IsZero() {
			return nil
		}
		return at.UTC().Format(timeLayout)
	}
	keys := []any{}
	for _, k := range t.Keys.(PinnedKeys) {
		keys = append(keys, map[string]any{"issuer": k.Issuer, "method": k.Method, "ed25519": hex.EncodeToString(k.Key.(ed25519.PublicKey)),
			"from": day(k.From), "until": day(k.Until), "revoked": day(k.Revoked)})
	}
	chains := []any{}
	for _, c := range t.Chains {
		senders, final, committees := []any{}, []any{}, map[string]any{}
		for _, s := range c.Senders {
			senders = append(senders, hex.EncodeToString(s[:]))
		}
		for _, b := range c.Final {
			final = append(final, map[string]any{"number": b.Number, "hash": hex.EncodeToString(b.Hash[:])})
		}
		for period, root := range c.Beacon.Committees {
			committees[jsonNumber(period)] = hex.EncodeToString(root[:])
		}
		forks := []any{}
		for _, f := range c.Beacon.Network.Forks {
			forks = append(forks, map[string]any{"name": f.Name, "epoch": f.Epoch, "version": hex.EncodeToString(f.Version[:])})
		}
		n := c.Beacon.Network
		chains = append(chains, map[string]any{"chainId": c.ChainID, "genesisHash": hex.EncodeToString(c.GenesisHash[:]), "senders": senders, "final": final,
			"beacon": map[string]any{"genesisValidatorsRoot": hex.EncodeToString(n.GenesisValidatorsRoot[:]), "slotsPerEpoch": n.Preset.SlotsPerEpoch,
				"epochsPerPeriod": n.Preset.EpochsPerPeriod, "committeeSize": n.Preset.CommitteeSize, "forks": forks, "committees": committees}})
	}
	known := []any{}
	for _, k := range t.Known {
		known = append(known, map[string]any{"issuer": k.Issuer, "seq": k.Seq, "digest": hex.EncodeToString(k.Digest[:])})
	}
	return map[string]any{"now": day(t.Now), "keys": keys, "chains": chains, "require": t.Require, "known": known}
}

func jsonNumber(n uint64) string {
	b, _ := json.Marshal(n)
	return string(b)
}

// goldenFile compares a file with what it should be, or writes it.
func goldenFile(t *testing.T, path string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what the tests make: run go test ./proof/evidence -update (%v)", path, err)
	}
}

// aboutStamps are the forgeries and bundles that the second verifier does not judge.
var aboutStamps = regexp.MustCompile(`timestamp|renewal|required anchor|rotated out$|was revoked|OpenTimestamps|checkpoint|authority`)

// TestCases writes the cases of the second verifier: bundles, trust and outcome.
func TestCases(t *testing.T) {
	w := smallWorld()
	var cases []any
	add := func(name string, enc []byte, in Input, trust *Trust, want Outcome, code Code) {
		digest := in.Digest
		if in.Document != nil {
			digest, _ = SumDigest("sha-256", in.Document)
		}
		c := map[string]any{"name": name, "bundle": base64.StdEncoding.EncodeToString(enc), "digest": hex.EncodeToString(digest),
			"trust": jsonTrust(trust), "outcome": want.String(), "code": code}
		if len(in.Parts) > 0 {
			file, err := EncodeParts(in.Parts)
			if err != nil {
				t.Fatal(err)
			}
			c["parts"] = base64.StdEncoding.EncodeToString(file)
		}
		cases = append(cases, c)
	}
	encode := func(b *Bundle) []byte {
		enc, err := b.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return enc
	}
	for name, b := range []*Bundle{
		w.bundle(t, plan{}, w.ethAnchor(t, ethPlan{})),
		w.bundle(t, plan{n: 1}, w.ethAnchor(t, ethPlan{txs: 1, headers: 3})),
		w.bundle(t, plan{n: 1000, index: 999, tenant: saltOf(3), kind: SubjectPDF}, w.ethAnchor(t, ethPlan{txs: 300, index: 256})),
		w.bundle(t, plan{n: 77, index: 64, second: true, seq: 3, prev: saltOf(1), promise: []string{PromiseChain(worldChain)}}, w.ethAnchor(t, ethPlan{history: true})),
	} {
		in := Input{Digest: b.Subject.Digest}
		if r, err := b.Verify(in, w.trust()); err != nil {
			t.Fatal(describe(r))
		}
		add("valid "+jsonNumber(uint64(name)), encode(b), in, w.trust(), Valid, "")
		small, parts := b.Detach()
		in.Parts = parts
		add("valid "+jsonNumber(uint64(name))+", parts beside", encode(small), in, w.trust(), Valid, "")
	}
	for _, f := range forgeries(t, w, false) {
		if aboutStamps.MatchString(f.name) {
			continue
		}
		b, trust := f.make(), w.trust()
		if f.trust != nil {
			f.trust(trust)
		}
		enc, err := b.Encode()
		if err != nil {
			continue // cannot be written at all
		}
		r, _ := b.Verify(*f.in, trust)
		if r.Outcome == Valid {
			t.Fatalf("%s: %s", f.name, describe(r))
		}
		add(f.name, enc, *f.in, trust, r.Outcome, r.Code)
	}
	good := w.bundle(t, plan{n: 3}, w.ethAnchor(t, ethPlan{txs: 1}))
	enc, in := encode(good), Input{Document: document(0)}
	for name, forged := range map[string][]byte{
		"encoding: trailing byte":                   append(bytes.Clone(enc), 0),
		"encoding: no tag":                          enc[3:],
		"encoding: number not in its shortest form": bytes.Replace(enc, []byte("\x67version\x01"), []byte("\x67version\x18\x01"), 1),
		"encoding: indefinite map":                  append(append([]byte{0xd9, 0xd9, 0xf7, 0xbf}, enc[4:]...), 0xff),
		"encoding: unknown critical member":         append(append([]byte{0xd9, 0xd9, 0xf7, enc[3] + 1}, enc[4:]...), []byte("\x78\x20zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\x01")...),
		"encoding: version 2":                       bytes.Replace(enc, []byte("\x67version\x01"), []byte("\x67version\x02"), 2),
		"encoding: unknown member that is true":     append(append([]byte{0xd9, 0xd9, 0xf7, enc[3] + 1}, enc[4:]...), []byte("\x78\x20zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\xf5")...),
		"encoding: unknown signature algorithm":     bytes.Replace(enc, append([]byte("\x67Ed25519\x65value"), appendBytes(nil, good.Signature.Value)...), append([]byte("\x67ML-DSA4\x65value"), appendBytes(nil, make([]byte, 2420))...), 1),
		"encoding: number that is null":             bytes.Replace(enc, []byte("\x63seq\x00"), []byte("\x63seq\xf6"), 1),
	} {
		_, err := Parse(forged)
		if err == nil {
			t.Fatalf("%s: read", name)
		}
		want, code := Invalid, Malformed
		if errors.Is(err, ErrUnsupported) {
			want, code = Indeterminate, Unsupported
		}
		add(name, forged, in, w.trust(), want, code)
	}
	small, parts := good.Detach()
	file, err := EncodeParts(parts)
	if err != nil {
		t.Fatal(err)
	}
	const count = 20 // the octet that says how many parts the file holds
	more := func(b []byte) []byte {
		out := append(bytes.Clone(file), b...)
		out[count]++
		return out
	}
	for name, forged := range map[string][]byte{
		"parts file: a part twice":  more(appendBytes(nil, parts[0])),
		"parts file: an empty part": more([]byte{0x40}),
		"parts file: trailing byte": append(bytes.Clone(file), 0),
		"parts file: no tag":        file[3:],
		"parts file: version 2":     bytes.Replace(file, []byte("-parts\x01"), []byte("-parts\x02"), 1),
		"parts file: a bundle":      enc,
	} {
		_, err := ParseParts(forged)
		if err == nil {
			t.Fatalf("%s: read", name)
		}
		want, code := Invalid, Malformed
		if errors.Is(err, ErrUnsupported) {
			want, code = Indeterminate, Unsupported
		}
		add(name, encode(small), in, w.trust(), want, code)
		cases[len(cases)-1].(map[string]any)["parts"] = base64.StdEncoding.EncodeToString(forged)
	}
	slices.SortFunc(cases, func(a, b any) int {
		return cmp.Compare(a.(map[string]any)["name"].(string), b.(map[string]any)["name"].(string))
	})
	out, err := json.MarshalIndent(map[string]any{"cases": cases}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	goldenFile(t, "../../testvectors/interop/evidence/cases.json", append(out, '\n'))
	t.Logf("%d cases", len(cases))
}

// example is the bundle of the document: the second of three stamps.
func example(tb testing.TB) (*Bundle, *Trust) {
	w := smallWorld()
	b := w.bundle(tb, plan{n: 3, index: 1}, w.ethAnchor(tb, ethPlan{txs: 1, noPack: true}))
	trust := w.trust()
	_, final := w.transaction(tb, ethPlan{txs: 1}, mustDigest(tb, b))
	trust.Chains[0].Final = []Block{{final.Number.Uint64(), final.Hash()}}
	return b, trust
}

func mustDigest(tb testing.TB, b *Bundle) [32]byte {
	s := SignedHeader{b.Header, b.Signature}
	d, err := s.Digest()
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// TestDocument writes the example into docs/formats/evidence.md, reads it back from
// there, and verifies it with the trust that the document gives.
func TestDocument(t *testing.T) {
	const path = "../../docs/formats/evidence.md"
	b, trust := example(t)
	view, err := b.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, view, "", "  "); err != nil {
		t.Fatal(err)
	}
	enc, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	leaf, _ := LeafData(merkle.SHA256, b.Subject, b.Salt, nil)
	d, final, sender := mustDigest(t, b), trust.Chains[0].Final[0], ethcrypto.PubkeyToAddress(smallWorld().sender.PublicKey)
	head, err := b.Header.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	text.WriteString("The second of three stamps. The document is the text `" + string(document(1)) + "`; the JSON view, laid out for reading:\n\n```json\n" + pretty.String() + "\n```\n\n")
	text.WriteString("The same as a file (CBOR, " + jsonNumber(uint64(len(enc))) + " bytes, base64):\n\n```\n" + wrap(base64.StdEncoding.EncodeToString(enc)) + "```\n\n")
	text.WriteString("What it is verified with, and what comes out on the way:\n\n| | |\n|---|---|\n")
	for _, row := range [][2]string{
		{"trust: key of `" + worldMethod + "` (Ed25519)", hex.EncodeToString(smallWorld().issuer.Public().(ed25519.PublicKey))},
		{"trust: genesis of chain 424242", hex.EncodeToString(worldGenesis[:])},
		{"trust: sender", hex.EncodeToString(sender[:])},
		{"trust: block " + jsonNumber(final.Number) + ", known to be final", hex.EncodeToString(final.Hash[:])},
		{"leaf data", hex.EncodeToString(leaf)},
		{"leaf hash", hex.EncodeToString(merkle.SHA256.LeafHash(leaf))},
		{"CBOR of batchHeader", hex.EncodeToString(head)},
		{"batch digest, which is the calldata", hex.EncodeToString(d[:])},
	} {
		text.WriteString("| " + row[0] + " | `" + row[1] + "` |\n")
	}
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const from, to = "the bundle verifies -->\n", "<!-- end of example -->"
	before, rest, ok1 := strings.Cut(string(page), from)
	_, after, ok2 := strings.Cut(rest, to)
	if !ok1 || !ok2 {
		t.Fatal("the document has no place for the example")
	}
	goldenFile(t, path, []byte(before+from+text.String()+to+after))

	_, shown, _ := strings.Cut(string(page), "```json\n")
	shown, _, _ = strings.Cut(shown, "```")
	if *update {
		shown = pretty.String()
	}
	back, err := FromJSON([]byte(shown))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := back.Encode(); err != nil || !bytes.Equal(again, enc) {
		t.Fatal("the example's two views differ")
	}
	if r, err := back.Verify(Input{Document: document(1)}, trust); err != nil {
		t.Fatal(describe(r))
	}
}

func wrap(s string) string {
	var out strings.Builder
	for len(s) > 96 {
		out.WriteString(s[:96] + "\n")
		s = s[96:]
	}
	return out.String() + s + "\n"
}
