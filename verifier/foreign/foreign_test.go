package foreign_test

import (
	"bytes"
	"crypto/ed25519"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/proof/blockcerts"
	"github.com/chancery-dev/chancery/testvectors"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/foreign"
)

func contexts(url string) *ldcontext.Version {
	if v := ldcontext.Default().Versions(url); len(v) > 0 {
		return v[0]
	}
	return nil
}

// TestSamples: the published proofs by others without any trust that confirms them.
// None is valid; those that contradict themselves are invalid.
func TestSamples(t *testing.T) {
	want := map[string]verifier.Reason{
		"ots": verifier.EvidenceDocumentMissing, "truestamp": verifier.EvidenceDocumentMissing,
		"truestamp/fixture-block": verifier.ForeignAnchorUnconfirmed, "truestamp/truestamp-beacon": verifier.ForeignAnchorUnconfirmed,
		"blockcerts/example-3.0": verifier.SignatureInvalid, "blockcerts/sample_valid-2.1": verifier.SignatureInvalid,
		"blockcerts/example.3.1.multisigned": verifier.ProofTypeUnknown,
	}
	judged := 0
	for _, folder := range []string{"ots", "truestamp", "blockcerts"} {
		files, err := filepath.Glob(filepath.Join(testvectors.Shared(t, "anchor", folder), "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			name := folder + "/" + filepath.Base(file)
			reason := want[folder]
			for prefix, r := range want {
				if strings.HasPrefix(name, prefix) && strings.Contains(prefix, "/") {
					reason = r
				}
			}
			r := scene{file: testvectors.ReadShared(t, "anchor", folder, filepath.Base(file))}.judge(t)
			if r.Reason != reason || r.Outcome != reason.Outcome() || r.Outcome == verifier.Valid {
				t.Errorf("%s: expected %s\n%s", name, string(reason), explain(r))
			}
			for _, c := range r.Checks {
				if c.Result == verifier.Pass && (c.ID == verifier.CheckAnchor || c.ID == verifier.CheckTimestamp || c.ID == verifier.CheckIssuerTrust) {
					t.Errorf("%s: %s passed without trust", name, c.ID)
				}
			}
			judged++
		}
	}
	if judged != 24 {
		t.Errorf("judged %d samples", judged)
	}
}

// TestSampleDocuments: with the file they are about, published .ots files still want a
// header; with another file they are about something else.
func TestSampleDocuments(t *testing.T) {
	s := scene{file: testvectors.ReadShared(t, "anchor", "ots", "hello-world.txt.ots"), h: foreign.Handler{Document: []byte("Hello World!\n")}}
	r := s.judge(t)
	if c, _ := r.Check(foreign.CheckSubject); c.Result != verifier.Pass || r.Reason != verifier.ForeignAnchorUnconfirmed {
		t.Errorf("hello-world.txt\n%s", explain(r))
	}
	s.h.Document = []byte("Hello World?\n")
	if r := s.judge(t); r.Reason != verifier.EvidenceDocumentMismatch || r.Outcome != verifier.Invalid {
		t.Errorf("another file\n%s", explain(r))
	}
	s = scene{file: testvectors.ReadShared(t, "anchor", "ots", "empty.ots"), h: foreign.Handler{Document: []byte{}}}
	if c, _ := s.judge(t).Check(foreign.CheckSubject); c.Result != verifier.Pass {
		t.Error("expected the empty file to be a document")
	}
}

// TestValid: with all that it takes, each format is valid, and says what that rests on.
func TestValid(t *testing.T) {
	for name, s := range map[string]scene{
		"OpenTimestamps":       otsScene(t),
		"Chainpoint":           chainpointScene(t),
		"Truestamp":            truestampScene(t, nil),
		"Blockcerts 2":         blockcerts2Scene(t),
		"Blockcerts 3, text":   blockcertsScene(t, blockcerts.TextHex, nil),
		"Blockcerts 3, binary": blockcertsScene(t, blockcerts.Binary, nil),
	} {
		r := s.judge(t)
		if r.Outcome != verifier.Valid {
			t.Errorf("%s: expected it to be valid\n%s", name, explain(r))
			continue
		}
		c, _ := r.Check(verifier.CheckTimestamp)
		if !slices.ContainsFunc(c.Evidence, func(f verifier.Fact) bool { return f.Name == "existedBefore" && f.Value != "" }) || !slices.ContainsFunc(c.Evidence, func(f verifier.Fact) bool { return f.Name == "restsOn" }) {
			t.Errorf("%s: expected a time and what it rests on\n%s", name, explain(r))
		}
		if !slices.ContainsFunc(r.Findings, func(f verifier.Finding) bool { return f.Code == "unbound" }) {
			t.Errorf("%s: expected to be told what is unbound", name)
		}
		private := strings.Contains(explain(r), "regtest")
		if private != slices.ContainsFunc(r.Insecure, func(s string) bool { return strings.Contains(s, "private test network") }) {
			t.Errorf("%s: insecure %q", name, r.Insecure)
		}
		// Without the pinned header it is not.
		bare := s
		bare.trust.Documents = without(without(s.trust.Documents, verifier.KindBitcoinHeader), verifier.KindEthereumHeader)
		if r := bare.judge(t); r.Outcome != verifier.Indeterminate || r.Reason != verifier.ForeignAnchorUnconfirmed {
			t.Errorf("%s without headers\n%s", name, explain(r))
		}
	}
}

// TestNeverShown: what nothing covers appears in no check.
func TestNeverShown(t *testing.T) {
	s := truestampScene(t, func(p map[string]string) { p["cxts"] = "1999-09-09T09:09:09Z" })
	s.trust.Documents = nil
	for _, c := range s.judge(t).Checks {
		if text := c.Detail; strings.Contains(text, "1999") || strings.Contains(text, "12834") {
			t.Errorf("%s shows what is unbound: %s", c.ID, text)
		}
		for _, f := range c.Evidence {
			if strings.Contains(f.Value, "1999") || strings.Contains(f.Value, "12834") {
				t.Errorf("%s shows what is unbound: %v", c.ID, f)
			}
		}
	}
	for _, c := range chainpointScene(t).judge(t).Checks {
		for _, f := range c.Evidence {
			if strings.Contains(f.Value, "calendar.example") || strings.Contains(f.Value, "2009-01-01") {
				t.Errorf("%s shows what is unbound: %v", c.ID, f)
			}
		}
	}
}

// forgery is a scene that must not be valid, and why.
type forgery struct {
	name string
	s    scene
	want verifier.Reason
}

func checkForged(t *testing.T, cases []forgery, least int) {
	t.Helper()
	if len(cases) < least {
		t.Errorf("only %d cases", len(cases))
	}
	for _, c := range cases {
		r := c.s.judge(t)
		if r.Reason != c.want || r.Outcome != c.want.Outcome() || r.Outcome == verifier.Valid {
			t.Errorf("%s: expected %s\n%s", c.name, string(c.want), explain(r))
		}
	}
}

// replaced changes the file of a scene, which must hold old.
func replaced(tb testing.TB, s scene, old, new string) scene {
	tb.Helper()
	if !bytes.Contains(s.file, []byte(old)) {
		tb.Fatalf("nothing to change: %q", old)
	}
	s.file = bytes.Replace(s.file, []byte(old), []byte(new), 1)
	return s
}

func with(s scene, change func(*scene)) scene {
	s.h.Digests = cloned(s.h.Digests)
	s.trust.Documents = slices.Clone(s.trust.Documents)
	s.trust.Issuers = slices.Clone(s.trust.Issuers)
	change(&s)
	return s
}

func TestForgedOpenTimestamps(t *testing.T) {
	good := otsScene(t)
	digest := string(good.h.Digests["sha-256"])
	checkForged(t, []forgery{
		{"no document", with(good, func(s *scene) { s.h.Digests = nil }), verifier.EvidenceDocumentMissing},
		{"another document", with(good, func(s *scene) { s.h.Document = []byte("x") }), verifier.EvidenceDocumentMismatch},
		{"digest by another algorithm", with(good, func(s *scene) { s.h.Digests = map[string][]byte{"sha-512": make([]byte, 64)} }), verifier.EvidenceDocumentMissing},
		{"no header", with(good, func(s *scene) { s.trust.Documents = nil }), verifier.ForeignAnchorUnconfirmed},
		{"header at another height", with(good, func(s *scene) { s.trust.Documents[0].URL = "bitcoin:1" }), verifier.ForeignAnchorUnconfirmed},
		{"header without work", with(good, func(s *scene) {
			s.trust.Documents[0].Document = []byte(strings.Replace(genesisHeader, "1dac2b7c", "1dac2b7d", 1))
		}), verifier.ForeignAnchorUnconfirmed},
		{"header of the test network", with(good, func(s *scene) { s.trust.Documents[0].URL = "bitcoin-testnet:0" }), verifier.ForeignAnchorUnconfirmed},
		{"file's digest changed", with(replaced(t, good, digest, strings.Repeat("x", 32)), func(s *scene) { s.h.Digests["sha-256"] = []byte(strings.Repeat("x", 32)) }), verifier.ForeignAnchorRefuted},
		{"height changed", replaced(t, good, "\x05\x88\x96\x0d\x73\xd7\x19\x01\x01\x00", "\x05\x88\x96\x0d\x73\xd7\x19\x01\x01\x07"), verifier.ForeignAnchorUnconfirmed},
		{"Ethereum in place of Bitcoin", replaced(t, good, "\x05\x88\x96\x0d\x73\xd7\x19\x01", "\x30\xfe\x80\x87\xb5\xc7\xea\xd7"), verifier.ForeignAnchorUnconfirmed},
		{"attestation not known", replaced(t, good, "\x05\x88\x96\x0d\x73\xd7\x19\x01", "\x05\x88\x96\x0d\x73\xd7\x19\x02"), verifier.ForeignAnchorUnconfirmed},
		{"operand changed", replaced(t, good, "\xf1\x3c\x01", "\xf1\x3c\x02"), verifier.ForeignAnchorRefuted},
		{"cut", with(good, func(s *scene) { s.file = s.file[:len(s.file)-1] }), verifier.ProofMalformed},
		{"more after the end", with(good, func(s *scene) { s.file = append(slices.Clone(s.file), 0) }), verifier.ProofMalformed},
		{"version 2", replaced(t, good, "\x94\x01\x08", "\x94\x02\x08"), verifier.ProofTypeUnknown},
	}, 8)
}

func TestForgedChainpoint(t *testing.T) {
	good := chainpointScene(t)
	checkForged(t, []forgery{
		{"no document", with(good, func(s *scene) { s.h.Digests = nil }), verifier.EvidenceDocumentMissing},
		{"another document", with(good, func(s *scene) { s.h.Document = []byte("x") }), verifier.EvidenceDocumentMismatch},
		{"no header", with(good, func(s *scene) { s.trust.Documents = nil }), verifier.ForeignAnchorUnconfirmed},
		{"hash changed", replaced(t, good, `"hash":"`+genesisCoinbase[120:122], `"hash":"ff`), verifier.EvidenceDocumentMismatch},
		{"height changed", replaced(t, good, `"anchor_id":"0"`, `"anchor_id":"1"`), verifier.ForeignAnchorUnconfirmed},
		{"operand changed", replaced(t, good, `{"l":"01`, `{"l":"02`), verifier.ForeignAnchorRefuted},
		{"single hash", replaced(t, good, `sha-256-x2`, `sha-256`), verifier.ForeignAnchorRefuted},
		{"on the test network", replaced(t, good, `"btc"`, `"tbtc"`), verifier.ForeignAnchorUnconfirmed},
		{"calendar only", replaced(t, good, `"btc"`, `"cal"`), verifier.ForeignAnchorUnconfirmed},
		{"operation not known", replaced(t, good, `sha-256-x2`, `sha-256-x3`), verifier.ProofTypeUnknown},
		{"member added", replaced(t, good, `"proof_id"`, `"time":"2001-01-01","proof_id"`), verifier.ProofTypeUnknown},
		{"version 5", replaced(t, good, `chainpoint/v4`, `chainpoint/v5`), verifier.ProofTypeUnknown},
		{"a hash by SHA-1", with(replaced(t, replaced(t, good, genesisCoinbase[120:184], genesisCoinbase[120:160]), `{"r":"`, `{"r":"`+genesisCoinbase[160:184]), func(s *scene) {
			s.h.Digests = map[string][]byte{"sha-1": unhex(t, genesisCoinbase[120:160])}
		}), verifier.ForeignWeakHash},
	}, 8)
}

func TestForgedTruestamp(t *testing.T) {
	good := truestampScene(t, nil)
	fresh := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, 32))
	scratch := good
	var header []byte
	scratch.file, header = tsBundle(t, fresh, true, nil)
	scratch.trust.Documents = []verifier.PinnedDocument{pinRegtest(12834, header)}
	retired := func(change func(*verifier.TrustedKey)) scene {
		return with(good, func(s *scene) {
			s.trust.Issuers = pinnedIssuer("https://stamper.example", tsKey.Public())
			change(&s.trust.Issuers[0].Keys[0])
		})
	}
	changed := func(name, value string) scene {
		return truestampScene(t, func(p map[string]string) { p[name] = value })
	}
	checkForged(t, []forgery{
		{"made from nothing, even with a real block", scratch, verifier.IssuerSelfAsserted},
		{"made from nothing, anyone trusted", with(scratch, func(s *scene) { s.trust.Any, s.trust.Issuers = true, nil }), verifier.IssuerSelfAsserted},
		{"key not pinned", with(good, func(s *scene) { s.trust.Issuers = pinnedIssuer("https://stamper.example", fresh.Public()) }), verifier.IssuerSelfAsserted},
		{"key retired before", retired(func(k *verifier.TrustedKey) { k.Until = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) }), verifier.KeyOutsideValidity},
		{"key revoked after the block", retired(func(k *verifier.TrustedKey) { k.Revoked = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC) }), verifier.KeyRevoked},
		{"key pinned under another id", retired(func(k *verifier.TrustedKey) { k.Method = "00000000" }), verifier.IssuerSelfAsserted},
		{"key for another purpose", retired(func(k *verifier.TrustedKey) { k.Purposes = []string{"authentication"} }), verifier.KeyPurpose},
		{"time of the bundle", changed("ts", "2025-04-22T23:38:56Z"), verifier.SignatureInvalid},
		{"claimed hash", with(changed("hash", strings.Repeat("00", 32)), func(s *scene) { s.h.Document = nil; s.h.Digests = map[string][]byte{"sha-256": make([]byte, 32)} }), verifier.EvidenceNotIncluded},
		{"another document", with(good, func(s *scene) { s.h.Document = []byte("x") }), verifier.EvidenceDocumentMismatch},
		{"no document", with(good, func(s *scene) { s.h.Document = nil }), verifier.EvidenceDocumentMissing},
		{"shorter path", changed("ip", "AA"), verifier.EvidenceNotIncluded},
		{"shorter epoch path", changed("ep", "AA"), verifier.EvidenceNotIncluded},
		{"height", changed("h", "12835"), verifier.ForeignAnchorRefuted},
		{"network", changed("net", "mainnet"), verifier.ForeignAnchorRefuted},
		{"transaction id", changed("tx", strings.Repeat("00", 32)), verifier.ForeignAnchorRefuted},
		{"block root", changed("bmr", strings.Repeat("00", 32)), verifier.ForeignAnchorRefuted},
		{"header not pinned", with(good, func(s *scene) { s.trust.Documents = nil }), verifier.ForeignAnchorUnconfirmed},
		{"member added", replaced(t, good, `{"v"`, `{"verified":true,"v"`), verifier.ProofTypeUnknown},
	}, 8)
	// The commitment's own time is covered by nothing: changing it changes no verdict,
	// and no check shows it.
	if r := changed("cxts", "2016-01-01T00:00:00Z").judge(t); r.Outcome != verifier.Valid || strings.Contains(explain(r), "2016") {
		t.Errorf("unbound time\n%s", explain(r))
	}
}

func TestForgedBlockcerts(t *testing.T) {
	good := blockcertsScene(t, blockcerts.Binary, nil)
	receipt := func(change func(*blockcerts.Receipt)) scene { return blockcertsScene(t, blockcerts.TextHex, change) }
	profile := func(old, new string) scene {
		return with(good, func(s *scene) {
			i := slices.IndexFunc(s.trust.Documents, func(d verifier.PinnedDocument) bool { return d.Kind == verifier.KindBadge })
			text := string(s.trust.Documents[i].Document)
			if !strings.Contains(text, old) {
				t.Fatalf("nothing to change: %s", old)
			}
			s.trust.Documents[i].Document = []byte(strings.Replace(text, old, new, 1))
		})
	}
	btc := blockcerts2Scene(t)
	checkForged(t, []forgery{
		{"subject changed", replaced(t, good, "did:example:ebfeb1", "did:example:ebfeb2"), verifier.SignatureInvalid},
		{"issuer changed", replaced(t, good, `"issuer":"https://academy`, `"issuer":"https://akademy`), verifier.SignatureInvalid},
		{"member that no context defines", replaced(t, good, `"id":"urn`, `"grade":"A","id":"urn`), verifier.UndefinedTerm},
		{"term of its own", replaced(t, good, `"@context":[`, `"@context":[{"grade":"https://example.com/grade"},`), verifier.UnsupportedJSONLD},
		{"context not known", replaced(t, good, "https://w3id.org/blockcerts/v3.1", "https://w3id.org/blockcerts/v9"), verifier.UnknownContext},
		{"target hash of another", receipt(func(r *blockcerts.Receipt) { r.TargetHash[0] ^= 1 }), verifier.SignatureInvalid},
		{"shorter path", receipt(func(r *blockcerts.Receipt) { r.Path = r.Path[:1] }), verifier.EvidenceNotIncluded},
		{"side changed", receipt(func(r *blockcerts.Receipt) { r.Path[0].Left = false }), verifier.EvidenceNotIncluded},
		{"another root", receipt(func(r *blockcerts.Receipt) { r.MerkleRoot[0] ^= 1 }), verifier.EvidenceNotIncluded},
		{"leaf as root", receipt(func(r *blockcerts.Receipt) { r.Path, r.MerkleRoot = nil, r.TargetHash }), verifier.ForeignAnchorRefuted},
		{"another transaction", receipt(func(r *blockcerts.Receipt) { r.Anchors[0].TxID[0] ^= 1 }), verifier.ForeignAnchorUnconfirmed},
		{"another chain", receipt(func(r *blockcerts.Receipt) { r.Anchors[0].Network = "mainnet" }), verifier.ForeignAnchorUnconfirmed},
		{"on Bitcoin", receipt(func(r *blockcerts.Receipt) {
			r.Anchors[0] = blockcerts.Anchor{Chain: "btc", Network: "mainnet", TxID: r.Anchors[0].TxID}
		}), verifier.ForeignAnchorUnconfirmed},
		{"no transaction", with(good, func(s *scene) { s.h.EthereumTransactions = nil }), verifier.ForeignAnchorUnconfirmed},
		{"transaction at another index", with(good, func(s *scene) {
			tx := s.h.EthereumTransactions[0]
			tx.Index = 1
			s.h.EthereumTransactions = []blockcerts.EthereumTransaction{tx}
		}), verifier.ForeignAnchorUnconfirmed},
		{"header not pinned", with(good, func(s *scene) { s.trust.Documents = without(s.trust.Documents, verifier.KindEthereumHeader) }), verifier.ForeignAnchorUnconfirmed},
		{"profile not pinned", with(good, func(s *scene) { s.trust.Documents = without(s.trust.Documents, verifier.KindBadge) }), verifier.EvidenceSenderUnknown},
		{"sent by another", profile(ethSender(), "0x"+strings.Repeat("00", 20)), verifier.MethodNotFound},
		{"key of later", profile("2020-01-01", "2024-01-01"), verifier.KeyOutsideValidity},
		{"key revoked before", profile(`"created"`, `"revoked":"2021-01-01T00:00:00Z","created"`), verifier.KeyRevoked},
		{"issuer not trusted", with(good, func(s *scene) { s.trust.Issuers = nil }), verifier.IssuerNotTrusted},
		{"Bitcoin, script of another", with(btc, func(s *scene) {
			tx := s.h.BitcoinTransactions[0]
			tx.Previous = nil
			s.h.BitcoinTransactions = []blockcerts.BitcoinTransaction{tx}
		}), verifier.EvidenceSenderUnknown},
		{"Bitcoin, previous of another", with(btc, func(s *scene) {
			tx := s.h.BitcoinTransactions[0]
			tx.Previous = pay(make([]byte, 20))
			s.h.BitcoinTransactions = []blockcerts.BitcoinTransaction{tx}
		}), verifier.EvidenceSenderUnknown},
		{"Bitcoin, on another network", replaced(t, btc, "bitcoinRegtest", "bitcoinMainnet"), verifier.ForeignAnchorRefuted},
		{"Bitcoin, name changed", replaced(t, btc, `"name":"x"`, `"name":"y"`), verifier.SignatureInvalid},
		{"mocknet", replaced(t, btc, "bitcoinRegtest", "mocknet"), verifier.ForeignAnchorUnconfirmed},
	}, 8)
}

// TestBlockcertsLife: period and revocation of certificates.
func TestBlockcertsLife(t *testing.T) {
	good := blockcerts2Scene(t)
	list := "https://academy.example/revoked.json"
	pinned := func(text string) scene {
		return with(good, func(s *scene) {
			i := slices.IndexFunc(s.trust.Documents, func(d verifier.PinnedDocument) bool { return d.Kind == verifier.KindBadge })
			s.trust.Documents[i].Document = bytes.Replace(s.trust.Documents[i].Document, []byte(`"type":"Profile"`), []byte(`"type":"Profile","revocationList":"`+list+`"`), 1)
			if text != "" {
				s.trust.Documents = append(s.trust.Documents, pin(verifier.KindStatusList, list, []byte(text)))
			}
		})
	}
	if r := pinned(`{"revokedAssertions":[{"id":"urn:uuid:other"}]}`).judge(t); r.Outcome != verifier.Valid {
		t.Errorf("another one is revoked\n%s", explain(r))
	}
	checkForged(t, []forgery{
		{"revoked", pinned(`{"revokedAssertions":[{"id":"urn:uuid:1e10c8e5-6a8e-4a83-9d06-a2d1b0a7e2d3"}]}`), verifier.CredentialRevoked},
		{"revoked, by its id alone", pinned(`{"revokedAssertions":["urn:uuid:1e10c8e5-6a8e-4a83-9d06-a2d1b0a7e2d3"]}`), verifier.CredentialRevoked},
		{"a list that cannot be read whole", pinned(`{"revokedAssertions":[{"id":["urn:uuid:1e10c8e5-6a8e-4a83-9d06-a2d1b0a7e2d3"]}]}`), verifier.StatusListMalformed},
		{"list not pinned", pinned(""), verifier.StatusUnreachable},
		{"list of something else", pinned(`{}`), verifier.StatusListMalformed},
	}, 3)
}

// TestBlockOfLater: a block that was made after the time to judge at proves nothing then; the
// clocks of those who make blocks may be ahead by a little.
func TestBlockOfLater(t *testing.T) {
	s := otsScene(t)
	made := time.Date(2009, 1, 3, 18, 15, 5, 0, time.UTC)
	for at, want := range map[time.Time]verifier.Reason{
		made.Add(time.Hour): "", made.Add(-time.Hour): "", made.Add(-3 * time.Hour): verifier.ForeignAnchorUnconfirmed, made.AddDate(-1, 0, 0): verifier.ForeignAnchorUnconfirmed,
	} {
		if r := with(s, func(s *scene) { s.at = at }).judge(t); r.Reason != want {
			t.Errorf("judged at %s: expected %q\n%s", at, string(want), explain(r))
		}
	}
}

// TestExpected: what these formats hold nothing to compare with is not let pass.
func TestExpected(t *testing.T) {
	s := otsScene(t)
	as, _ := foreign.Detect(s.file)
	for name, c := range map[string]struct {
		e    verifier.Expect
		want verifier.Reason
	}{
		"domain":    {verifier.Expect{Domain: "a.example"}, verifier.DomainMismatch},
		"challenge": {verifier.Expect{Challenge: "x"}, verifier.ChallengeMismatch},
		"recipient": {verifier.Expect{Recipient: verifier.Recipient{Identity: "a@example.com"}}, verifier.RecipientMismatch},
	} {
		if r := s.judgeAs(t, as, c.e); r.Reason != c.want || r.Outcome != verifier.Invalid {
			t.Errorf("%s: expected %s\n%s", name, string(c.want), explain(r))
		}
	}
}

// TestDetect tells the formats apart from each other and from everything else.
func TestDetect(t *testing.T) {
	cbor := testvectors.ReadShared(t, "anchor", "truestamp", "fixture-item.cbor")
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"ots":            {otsScene(t).file, foreign.MediaOpenTimestamps},
		"chainpoint":     {chainpointScene(t).file, foreign.MediaChainpoint},
		"chainpoint 5":   {[]byte(`{"@context":"https://w3id.org/chainpoint/v5"}`), foreign.MediaChainpoint},
		"truestamp":      {truestampScene(t, nil).file, foreign.MediaTruestamp},
		"truestamp CBOR": {cbor, foreign.MediaTruestamp},
		"blockcerts 3":   {blockcertsScene(t, blockcerts.Binary, nil).file, foreign.MediaBlockcerts},
		"blockcerts 2":   {blockcerts2Scene(t).file, foreign.MediaBlockcerts},
		"evidence":       {[]byte("\xd9\xd9\xf7\xa1\x67version\x01"), ""},
		"credential":     {[]byte(`{"@context":["https://www.w3.org/ns/credentials/v2"],"type":"VerifiableCredential","proof":{"type":"DataIntegrityProof","cryptosuite":"eddsa-rdfc-2022"}}`), ""},
		"JSON":           {[]byte(`{}`), ""},
		"not JSON":       {[]byte(`{`), ""},
		"nothing":        {nil, ""},
		"PNG":            {[]byte("\x89PNG\r\n\x1a\n"), ""},
		"zlib of others": {[]byte("\x78\x9c\x03\x00\x00\x00\x00\x01"), ""},
	} {
		s, ok := foreign.Detect(c.b)
		if ok != (c.want != "") || ok && (s.MediaType != c.want || !bytes.Equal(s.Bytes, c.b)) {
			t.Errorf("%s: found %v %q", name, ok, s.MediaType)
		}
	}
	if s, err := chancery.Detect(cbor); err != nil || s.MediaType != chancery.MediaEvidence {
		t.Errorf("this test is about a clash that is gone: %v %v", s.MediaType, err)
	}
}

// TestPins: a header in the trust file that is none decides nothing for anyone.
func TestPins(t *testing.T) {
	for name, d := range map[string]verifier.PinnedDocument{
		"not hex":                 pin(verifier.KindBitcoinHeader, "bitcoin:5", []byte("x")),
		"short":                   pin(verifier.KindBitcoinHeader, "bitcoin:5", []byte("00")),
		"network not known":       pin(verifier.KindBitcoinHeader, "dogecoin:5", []byte(genesisHeader)),
		"no height":               pin(verifier.KindBitcoinHeader, "bitcoin", []byte(genesisHeader)),
		"height spelled twice":    pin(verifier.KindBitcoinHeader, "bitcoin:00", []byte(genesisHeader)),
		"one header, two heights": pin(verifier.KindBitcoinHeader, "bitcoin:5", []byte(genesisHeader)),
		"Ethereum, not RLP":       pin(verifier.KindEthereumHeader, "eip155:1:5", []byte("00")),
		"Ethereum, no chain":      pin(verifier.KindEthereumHeader, "5", []byte("00")),
	} {
		s := with(otsScene(t), func(s *scene) { s.trust.Documents = append(s.trust.Documents, d) })
		if r := s.judge(t); r.Outcome != verifier.Indeterminate {
			t.Errorf("%s\n%s", name, explain(r))
		}
	}
	header, _, _ := ethBlock(t, 1, 7, nil)
	s := with(otsScene(t), func(s *scene) { s.trust.Documents = append(s.trust.Documents, pinEth(1, 8, header)) })
	if r := s.judge(t); r.Outcome != verifier.Indeterminate {
		t.Errorf("header of another number\n%s", explain(r))
	}
}

func FuzzExamine(f *testing.F) {
	for _, s := range []scene{otsScene(f), chainpointScene(f), truestampScene(f, nil), blockcertsScene(f, blockcerts.Binary, nil), blockcerts2Scene(f)} {
		f.Add(s.file)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, media := range []string{foreign.MediaOpenTimestamps, foreign.MediaChainpoint, foreign.MediaTruestamp, foreign.MediaBlockcerts} {
			if r := (scene{}).judgeAs(t, chancery.Secured{MediaType: media, Bytes: b}, verifier.Expect{}); r.Outcome == verifier.Valid {
				t.Fatalf("valid without trust\n%s", explain(r))
			}
		}
	})
}
