package evidence

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"slices"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/core/types"
	ethcrypto "github.com/ethereum/go-ethereum/crypto"

	"github.com/chancery-dev/chancery/proof/merkle"
)

// forgery is evidence with one lie in it. Whatever a forger can make again, signatures by
// his own keys included, is made again.
type forgery struct {
	name  string
	want  Outcome
	code  Code
	make  func() *Bundle
	trust func(t *Trust) // nil: the world's
	in    *Input         // nil: the plan's document
}

// forgeries are the forged bundles. Without stamps they hold no timestamps, which are
// made with randomness; those that are about them are then left out by name.
func forgeries(t testing.TB, w *world, stamps bool) []forgery {
	tsa := []func([32]byte, []byte) Anchor{w.tsaAnchor(t)}
	if !stamps {
		tsa = nil
	}
	otherKey := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32))
	otherSender, err := ethcrypto.ToECDSA(bytes.Repeat([]byte{10}, 32))
	if err != nil {
		t.Fatal(err)
	}
	signAs := func(key ed25519.PrivateKey, method string) func(h *Header) Signature {
		return func(h *Header) Signature {
			in, err := h.SigningInput()
			if err != nil {
				t.Fatal(err)
			}
			return Signature{"Ed25519", method, ed25519.Sign(key, in)}
		}
	}
	eth := func(p ethPlan) func([32]byte, []byte) Anchor { return w.ethAnchor(t, p) }
	good := func() *Bundle {
		return w.bundle(t, plan{n: 1000, index: 417}, append([]func([32]byte, []byte) Anchor{eth(ethPlan{headers: 2})}, tsa...)...)
	}
	// changed is the good bundle with a change made afterwards.
	changed := func(change func(b *Bundle)) func() *Bundle {
		return func() *Bundle {
			b := good()
			b.Anchors = slices.Clone(b.Anchors)
			change(b)
			return b
		}
	}
	changedEth := func(change func(e *Eth)) func() *Bundle {
		return changed(func(b *Bundle) {
			e := *b.Anchors[0].Eth
			change(&e)
			b.Anchors[0].Eth = &e
		})
	}
	// changedTx also makes the digest of the changed part anew.
	changedTx := func(change func(p *TxProof)) func() *Bundle {
		return changed(func(b *Bundle) {
			e, p := *b.Anchors[0].Eth, *minedIn(t, b)
			p.Nodes = slices.Clone(p.Nodes)
			change(&p)
			e.Tx = *partOf(t, &p)
			b.Anchors[0].Eth = &e
		})
	}
	with := func(p plan, e ethPlan) func() *Bundle { return func() *Bundle { return w.bundle(t, p, eth(e)) } }
	foreign := w.bundle(t, plan{n: 8, index: 3}, eth(ethPlan{headers: 2, at: worldTime.Add(time.Hour)}), w.tsaAnchor(t))

	doc417, doc0 := &Input{Document: document(417)}, &Input{Document: document(0)}
	return append(partForgeries(t, w), []forgery{
		{"the document changed", Invalid, DocumentMismatch, good, nil, &Input{Document: document(416)}},
		{"another digest asked about", Invalid, DocumentMismatch, good, nil, &Input{Digest: saltOf(1)}},
		{"no document at all", Indeterminate, DocumentMissing, good, nil, &Input{}},
		{"content that is another document", Invalid, DocumentMismatch, changed(func(b *Bundle) { b.Content = document(1) }), nil, doc417},
		{"subject and document of someone else", Invalid, NotIncluded, changed(func(b *Bundle) { b.Subject.Digest, _ = SumDigest("sha-256", document(5000)) }), nil, &Input{Document: document(5000)}},

		{"made from nothing: fresh key under a fresh name", Invalid, SenderWrong, func() *Bundle {
			return w.bundle(t, plan{n: 1, sign: signAs(otherKey, "did:key:forged#forged"), change: func(h *Header) { h.Issuer = "did:key:forged" }}, eth(ethPlan{key: otherSender, noPack: true}))
		}, nil, doc0},
		{"fresh key, the issuer's method", Invalid, SignatureWrong, with(plan{sign: signAs(otherKey, worldMethod)}, ethPlan{}), nil, doc0},
		{"fresh key, another method", Indeterminate, IssuerUnknown, with(plan{sign: signAs(otherKey, worldIssuer+"#other")}, ethPlan{}), nil, doc0},
		{"another issuer", Indeterminate, IssuerUnknown, with(plan{change: func(h *Header) { h.Issuer = "did:web:other.example" }}, ethPlan{}), nil, doc0},
		{"another issuer written over a signed header", Invalid, TransactionWrong, changed(func(b *Bundle) { b.Header.Issuer = "did:web:other.example" }), nil, doc417},
		{"signature without the prefix", Invalid, SignatureWrong, with(plan{sign: func(h *Header) Signature {
			enc, _ := h.Encode()
			return Signature{"Ed25519", worldMethod, ed25519.Sign(w.issuer, enc)}
		}}, ethPlan{}), nil, doc0},
		{"signature of another batch", Invalid, TransactionWrong, changed(func(b *Bundle) { b.Signature = foreign.Signature }), nil, doc417},
		{"algorithm that is not the key's", Invalid, SignatureWrong, with(plan{sign: func(h *Header) Signature {
			s := w.sign(t, h)
			s.Alg = "ES256"
			return s
		}}, ethPlan{}), nil, doc0},

		{"time of the header changed", Invalid, TransactionWrong, changed(func(b *Bundle) { b.Header.Time = b.Header.Time.Add(-24 * time.Hour) }), nil, doc417},
		{"time of the header after its block", Invalid, TimeWrong, with(plan{change: func(h *Header) { h.Time = worldTime.Add(48 * time.Hour) }}, ethPlan{}), nil, doc0},
		{"chain id changed", Invalid, TransactionWrong, changedEth(func(e *Eth) { e.ChainID = 1 }), nil, doc417},
		{"chain id changed to one that is trusted", Invalid, TransactionWrong, changedEth(func(e *Eth) { e.ChainID = 1 }), func(t *Trust) {
			other := t.Chains[0]
			other.ChainID = 1
			t.Chains = append(t.Chains, other)
		}, doc417},
		{"development chain with the same id", Invalid, ChainMismatch, changedEth(func(e *Eth) { e.GenesisHash[0] ^= 1 }), nil, doc417},
		{"transaction of another chain", Invalid, TransactionWrong, with(plan{}, ethPlan{chainID: 5}), nil, doc0},
		{"transaction for all chains", Invalid, TransactionWrong, func() *Bundle {
			b := w.bundle(t, plan{}, eth(ethPlan{}))
			b.Anchors[0].Eth.ChainID = 0
			return b
		}, func(t *Trust) { t.Chains[0].ChainID = 0 }, doc0},
		{"another transaction of the block", Invalid, TransactionWrong, changedTx(func(p *TxProof) { p.Index++ }), nil, doc417},
		{"transaction with other calldata", Invalid, TransactionWrong, with(plan{}, ethPlan{data: func(d [32]byte) []byte { d[0] ^= 1; return d[:] }}), nil, doc0},
		{"calldata that only contains the digest", Invalid, TransactionWrong, with(plan{}, ethPlan{data: func(d [32]byte) []byte { return append(d[:], 0) }}), nil, doc0},
		{"calldata with the digest after a selector", Invalid, TransactionWrong, with(plan{}, ethPlan{data: func(d [32]byte) []byte { return append([]byte{1, 2, 3, 4}, d[:]...) }}), nil, doc0},
		{"calldata that is the tree's root", Invalid, TransactionWrong, func() *Bundle {
			root := w.batch(t, &plan{}).Header.Roots[0].Root
			return w.bundle(t, plan{}, eth(ethPlan{data: func([32]byte) []byte { return root }}))
		}, nil, doc0},
		{"transaction of a type that is not known", Indeterminate, Unsupported, with(plan{}, ethPlan{raw: func(tx []byte) []byte { return append([]byte{5}, tx[1:]...) }}), nil, doc0},
		{"transaction that creates a contract", Invalid, TransactionWrong, with(plan{}, ethPlan{create: true}), nil, doc0},
		{"transaction by a stranger", Invalid, SenderWrong, with(plan{}, ethPlan{key: otherSender}), nil, doc0},
		{"trie node left out", Invalid, TransactionWrong, changedTx(func(p *TxProof) { p.Nodes = p.Nodes[1:] }), nil, doc417},
		{"trie node added", Invalid, TransactionWrong, changedTx(func(p *TxProof) { p.Nodes = append(p.Nodes, p.Nodes[0]) }), nil, doc417},

		{"path of depth 0, size 1", Invalid, NotIncluded, changed(func(b *Bundle) {
			leaf, _ := LeafData(merkle.SHA256, b.Subject, b.Salt, nil)
			b.Tree = TreeProof{"sha-256", 1, 0, nil, merkle.SHA256.LeafHash(leaf)}
		}), nil, doc417},
		{"path of depth 0, root and size of the header changed with it", Invalid, TransactionWrong, changed(func(b *Bundle) {
			leaf, _ := LeafData(merkle.SHA256, b.Subject, b.Salt, nil)
			b.Tree = TreeProof{"sha-256", 1, 0, nil, merkle.SHA256.LeafHash(leaf)}
			b.Header.Size, b.Header.Roots = 1, []Root{{"sha-256", b.Tree.Root}}
		}), nil, doc417},
		{"a node passed off as a leaf", Invalid, NotIncluded, changed(func(b *Bundle) {
			b.Tree.Path, b.Tree.Size, b.Tree.Index = b.Tree.Path[32:], 500, 208
		}), nil, doc417},
		{"path cut", Invalid, NotIncluded, changed(func(b *Bundle) { b.Tree.Path = b.Tree.Path[32:] }), nil, doc417},
		{"path longer", Invalid, NotIncluded, changed(func(b *Bundle) { b.Tree.Path = append(b.Tree.Path, b.Tree.Path[:32]...) }), nil, doc417},
		{"wrong index", Invalid, NotIncluded, changed(func(b *Bundle) { b.Tree.Index = 416 }), nil, doc417},
		{"wrong size in the proof", Invalid, NotIncluded, changed(func(b *Bundle) { b.Tree.Size = 1001 }), nil, doc417},
		{"wrong size in proof and header", Invalid, TransactionWrong, changed(func(b *Bundle) { b.Tree.Size, b.Header.Size = 1001, 1001 }), nil, doc417},
		{"root that is not in the header", Invalid, NotIncluded, changed(func(b *Bundle) { b.Tree.Root = foreign.Tree.Root }), nil, doc417},
		{"salt changed", Invalid, NotIncluded, changed(func(b *Bundle) { b.Salt = saltOf(1) }), nil, doc417},
		{"second tree over other leaves", Invalid, NotIncluded, func() *Bundle {
			b := w.bundle(t, plan{n: 7, index: 2, second: true}, eth(ethPlan{}))
			o := w.bundle(t, plan{n: 7, index: 3, second: true}, eth(ethPlan{}))
			b.Second = o.Second
			return b
		}, nil, &Input{Document: document(2)}},
		{"second tree that the header does not have", Invalid, NotIncluded, func() *Bundle {
			b := w.bundle(t, plan{n: 7, index: 2}, eth(ethPlan{}))
			b.Second = w.bundle(t, plan{n: 7, index: 2, second: true}, eth(ethPlan{})).Second
			return b
		}, nil, &Input{Document: document(2)}},

		{"type confusion: a stamp passed off as a credential", Invalid, NotIncluded, changed(func(b *Bundle) { b.Subject.Type = SubjectCredential }), nil, doc417},
		{"type confusion: another digest of the same length", Invalid, NotIncluded, changed(func(b *Bundle) { b.Subject.DigestAlg = "sha3-256" }), nil, &Input{Digest: good().Subject.Digest}},

		{"foreign batch header", Invalid, NotIncluded, changed(func(b *Bundle) { b.Header, b.Signature = foreign.Header, foreign.Signature }), nil, doc417},
		{"foreign anchor", Invalid, TransactionWrong, changed(func(b *Bundle) { b.Anchors[0] = foreign.Anchors[0] }), nil, doc417},
		{"removed entry: the tree without one document", Invalid, NotIncluded, changed(func(b *Bundle) {
			o := w.bundle(t, plan{n: 999, index: 417}, eth(ethPlan{}))
			b.Tree = o.Tree
		}), nil, doc417},
		{"wrong tenant", Invalid, NotIncluded, changed(func(b *Bundle) { b.Header.Tenant = saltOf(77) }), nil, doc417},
		{"tenant taken away", Invalid, NotIncluded, func() *Bundle {
			b := w.bundle(t, plan{tenant: saltOf(77)}, eth(ethPlan{}))
			b.Header.Tenant = nil
			return b
		}, nil, doc0},
		{"wrong sequence number", Invalid, TransactionWrong, changed(func(b *Bundle) { b.Header.Seq, b.Header.Prev = 4, saltOf(1) }), nil, doc417},
		{"two batches with one number", Invalid, SplitHistory, good, func(t *Trust) { t.Known = []KnownBatch{{Issuer: worldIssuer, Seq: 0, Digest: [32]byte{1}}} }, doc417},
		{"predecessor changed", Invalid, TransactionWrong, func() *Bundle {
			b := w.bundle(t, plan{seq: 3, prev: saltOf(3)}, eth(ethPlan{}))
			b.Header.Prev = saltOf(4)
			return b
		}, nil, doc0},

		{"foreign block header", Invalid, TransactionWrong, changedTx(func(p *TxProof) { p.Header = minedIn(t, foreign).Header }), nil, doc417},
		{"block time changed", Invalid, "", changedTx(func(p *TxProof) {
			p.Header = bytes.Clone(p.Header)
			at := []byte{0x84, 0, 0, 0, 0}
			unix := uint32(worldTime.Add(10 * time.Minute).Unix())
			at[1], at[2], at[3], at[4] = byte(unix>>24), byte(unix>>16), byte(unix>>8), byte(unix)
			i := bytes.Index(p.Header, at)
			if i < 0 {
				t.Fatal("no timestamp in the header")
			}
			p.Header[i+4] ^= 1
		}), nil, doc417},
		{"link with a gap", Invalid, LinkWrong, changedEth(func(e *Eth) {
			l, _ := ParseLink(e.Link.Bytes)
			l.Headers = l.Headers[1:]
			e.Link = partOf(t, l)
		}), nil, doc417},
		{"link left out", Invalid, FinalityWrong, changedEth(func(e *Eth) { e.Link = nil }), nil, doc417},
		{"history of another block", Invalid, LinkWrong, func() *Bundle {
			b := w.bundle(t, plan{}, eth(ethPlan{history: true}))
			o := w.bundle(t, plan{}, eth(ethPlan{history: true, at: worldTime.Add(time.Hour)}))
			b.Anchors[0].Eth.Link, b.Anchors[0].Eth.Pack = o.Anchors[0].Eth.Link, o.Anchors[0].Eth.Pack
			return b
		}, nil, doc0},
		{"foreign finality pack", Invalid, FinalityWrong, changedEth(func(e *Eth) { e.Pack = foreign.Anchors[0].Eth.Pack }), nil, doc417},
		{"pack by a committee of the forger", Invalid, FinalityWrong, with(plan{}, ethPlan{forge: func(f *finalPlan) { f.committee = newCommittee(1, len(w.committee.secrets)) }}), nil, doc0},
		{"wrong fork", Invalid, FinalityWrong, with(plan{}, ethPlan{forge: func(f *finalPlan) { f.version = [4]byte{1, 9} }}), nil, doc0},
		{"stale committee: signed by that of another period", Invalid, FinalityWrong, with(plan{}, ethPlan{forge: func(f *finalPlan) { f.attested, f.finalized = w.slot(11, 40), w.slot(11, 8) }}),
			func(t *Trust) {
				t.Chains[0].Beacon.Committees[11] = newCommittee(2, len(w.committee.secrets)).public.Root()
			}, doc0},
		{"stale table: a period that is not in it", Indeterminate, FinalityUndecided, with(plan{}, ethPlan{forge: func(f *finalPlan) { f.attested, f.finalized = w.slot(11, 40), w.slot(11, 8) }}), nil, doc0},
		{"too few signers", Invalid, FinalityWrong, with(plan{}, ethPlan{forge: func(f *finalPlan) { f.signers = len(f.committee.secrets) * 2 / 3 }}), nil, doc0},
		{"finalized after attested", Invalid, FinalityWrong, with(plan{}, ethPlan{forge: func(f *finalPlan) { f.finalized = f.attested + 1 }}), nil, doc0},
		{"pack about another block of the same number", Invalid, FinalityWrong, with(plan{}, ethPlan{forge: func(f *finalPlan) {
			f.final = types.CopyHeader(f.final)
			f.final.Extra = []byte("other")
		}}), nil, doc0},
		{"pack without its digest", Invalid, PartMismatch, changedEth(func(e *Eth) { e.Pack = &Part{SHA256: e.Pack.SHA256, Bytes: foreign.Anchors[0].Eth.Pack.Bytes} }), nil, doc417},
		{"pack taken away", Indeterminate, FinalityUndecided, changedEth(func(e *Eth) { e.Pack = nil }), nil, doc417},

		{"timestamp of another batch", Invalid, TimestampWrong, changed(func(b *Bundle) { b.Anchors[1] = foreign.Anchors[1] }), nil, doc417},
		{"timestamp by an authority that is not trusted", Indeterminate, TimestampOpen, good, func(t *Trust) { t.Timestamping = nil }, doc417},
		{"promised anchor dropped", Indeterminate, AnchorMissing, func() *Bundle {
			b := w.bundle(t, plan{promise: []string{PromiseTimestamp}}, eth(ethPlan{}), w.tsaAnchor(t))
			b.Anchors = b.Anchors[:1]
			return b
		}, nil, doc0},
		{"required anchor dropped", Indeterminate, AnchorMissing, changed(func(b *Bundle) { b.Anchors = b.Anchors[:1] }), func(t *Trust) { t.Require = []string{PromiseTimestamp} }, doc417},
		{"all anchors dropped", Indeterminate, AnchorMissing, changed(func(b *Bundle) { b.Anchors = nil }), nil, doc417},
		{"all anchors dropped, none required", Indeterminate, AnchorMissing, changed(func(b *Bundle) { b.Anchors = nil }), func(t *Trust) { t.Require = []string{} }, doc417},

		{"key rotated out before the batch claims to be made", Invalid, KeyOutside, good, func(t *Trust) { setKey(t, func(k *PinnedKey) { k.Until = worldTime.Add(-time.Hour) }) }, doc417},
		{"backdated with a key that was rotated out", Indeterminate, KeyTimeUnproven, good, func(t *Trust) { setKey(t, func(k *PinnedKey) { k.Until = worldTime.Add(time.Minute) }) }, doc417},
		{"backdated with a key that was revoked", Indeterminate, KeyRevoked, good, func(t *Trust) { setKey(t, func(k *PinnedKey) { k.Revoked = worldTime.Add(time.Minute) }) }, doc417},
		{"key not in use yet", Invalid, KeyOutside, good, func(t *Trust) { setKey(t, func(k *PinnedKey) { k.From = worldTime.Add(time.Hour) }) }, doc417},
		{"material swapped", Invalid, PartMismatch, func() *Bundle {
			b := w.bundle(t, plan{mat: []Material{NewMaterial("statusList", "https://registry.example.edu/status/1", []byte("list"))}}, eth(ethPlan{}))
			b.Material = slices.Clone(b.Material)
			b.Material[0].Bytes = []byte("another list")
			return b
		}, nil, doc0},
		{"material moved to another address", Invalid, PartMismatch, func() *Bundle {
			b := w.bundle(t, plan{mat: []Material{NewMaterial("statusList", "https://registry.example.edu/status/1", []byte("list"))}}, eth(ethPlan{}))
			b.Material = slices.Clone(b.Material)
			b.Material[0].URL = "https://registry.example.edu/status/2"
			return b
		}, nil, doc0},
		{"OpenTimestamps file over something else", Invalid, OTSWrong, changed(func(b *Bundle) {
			b.Anchors = append(b.Anchors, Anchor{Type: AnchorOTS, OTS: &OTS{NewPart(append([]byte(otsMagic), saltOf(1)...))}})
		}), nil, doc417},
		{"checkpoint of another log", Invalid, CheckpointWrong, changed(func(b *Bundle) {
			later := w.batch(t, &plan{seq: 9, prev: saltOf(1), log: saltOf(2)})
			b.Anchors = append(b.Anchors, Anchor{Type: AnchorCheckpoint, Checkpoint: &Checkpoint{later.SignedHeader, bytes.Repeat(saltOf(3), 4)}})
		}), nil, doc417},
		{"renewal of another token", Invalid, TimestampWrong, changed(func(b *Bundle) {
			b.Renewals = []Renewal{{Type: RenewTimestamp, Anchor: 1, Token: NewPart(w.token(t, worldTime.Add(time.Hour), crypto.SHA256, []byte("other")))}}
		}), nil, doc417},
		{"renewal of an anchor that is no timestamp", Invalid, RenewalWrong, changed(func(b *Bundle) {
			b.Renewals = []Renewal{{Type: RenewTimestamp, Anchor: 0, Token: NewPart(w.token(t, worldTime.Add(time.Hour), crypto.SHA256, b.Anchors[1].Timestamp.Token.Bytes))}}
		}), nil, doc417},
		{"renewals out of order", Invalid, "", changed(func(b *Bundle) {
			first := w.token(t, worldTime.Add(48*time.Hour), crypto.SHA256, b.Anchors[1].Timestamp.Token.Bytes)
			b.Renewals = []Renewal{{Type: RenewTimestamp, Anchor: 1, Token: NewPart(first)}, {Type: RenewTimestamp, Token: NewPart(w.token(t, worldTime.Add(24*time.Hour), crypto.SHA512, first))}}
		}), nil, doc417},
	}...)
}

func TestForged(t *testing.T) {
	w := theWorld()
	for _, f := range forgeries(t, w, true) {
		t.Run(f.name, func(t *testing.T) {
			b, trust := f.make(), w.trust()
			if f.trust != nil {
				f.trust(trust)
			}
			check := func(b *Bundle) {
				r, err := b.Verify(*f.in, trust)
				if err == nil || r.Outcome != f.want || f.code != "" && r.Code != f.code {
					t.Fatalf("expected %s %s, found %s", f.want, f.code, describe(r))
				}
				if r.Outcome == Invalid && (r.Facts.Signed != nil || r.Facts.Included != nil || len(r.Facts.OnChain) > 0 || !r.Facts.Proven.IsZero()) {
					t.Errorf("facts about invalid evidence: %+v", r.Facts)
				}
			}
			check(b)
			if enc, err := b.Encode(); err == nil {
				p, err := Parse(enc)
				if err != nil {
					t.Fatal(err)
				}
				check(p)
			}
		})
	}
}

func setKey(t *Trust, change func(k *PinnedKey)) {
	k := t.Keys.(PinnedKeys)[0]
	change(&k)
	t.Keys = PinnedKeys{k}
}

// TestProvenTime: a time proven before a key's end keeps its signatures good.
func TestProvenTime(t *testing.T) {
	w := theWorld()
	b := w.bundle(t, plan{}, w.ethAnchor(t, ethPlan{}), w.tsaAnchor(t))
	for name, change := range map[string]func(k *PinnedKey){
		"rotated after the timestamp": func(k *PinnedKey) { k.Until = worldTime.Add(5 * time.Minute) },
		"revoked after the timestamp": func(k *PinnedKey) { k.Revoked = worldTime.Add(5 * time.Minute) },
	} {
		trust := w.trust()
		setKey(trust, change)
		if r, err := b.Verify(Input{Document: document(0)}, trust); err != nil {
			t.Errorf("%s: %s", name, describe(r))
		}
		// The block came later than that: without the timestamp nothing is proven.
		alone := *b
		alone.Anchors = b.Anchors[:1]
		if r, err := alone.Verify(Input{Document: document(0)}, trust); err == nil || r.Outcome != Indeterminate {
			t.Errorf("%s, block alone: %s", name, describe(r))
		}
		trust.Timestamping = nil
		if r, err := b.Verify(Input{Document: document(0)}, trust); err == nil || r.Outcome != Indeterminate {
			t.Errorf("%s, authority not trusted: %s", name, describe(r))
		}
	}
	// One key for two periods: the one that counts is found.
	trust := w.trust()
	k := trust.Keys.(PinnedKeys)[0]
	early := k
	early.Until = worldTime.Add(-100 * time.Hour)
	k.From = early.Until
	trust.Keys = PinnedKeys{early, k}
	if r, err := b.Verify(Input{Document: document(0)}, trust); err != nil {
		t.Error(describe(r))
	}
}
