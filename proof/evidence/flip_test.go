package evidence

import (
	"bytes"
	"crypto"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/proof/merkle"
)

// renewed adds renewals of every kind to a bundle that has a timestamp as anchor 1: one
// of its token, one of the whole, and one of that.
func renewed(tb testing.TB, w *world, b *Bundle, document []byte) *Bundle {
	tb.Helper()
	year := 365 * 24 * time.Hour / 10
	out := *b
	first := w.token(tb, worldTime.Add(year/10), crypto.SHA384, b.Anchors[1].Timestamp.Token.Bytes)
	out.Renewals = []Renewal{{Type: RenewTimestamp, Anchor: 1, Token: NewPart(first)}}
	statement, digest, err := out.RenewalStatement("sha-512", document)
	if err != nil {
		tb.Fatal(err)
	}
	second := w.token(tb, worldTime.Add(year/5), crypto.SHA512, statement)
	out.Renewals = append(out.Renewals, Renewal{Type: RenewBundle, Alg: "sha-512", Digest: digest, Token: NewPart(second)})
	third := w.token(tb, worldTime.Add(year/2), crypto.SHA256, second)
	out.Renewals = append(out.Renewals, Renewal{Type: RenewTimestamp, Token: NewPart(third)})
	return &out
}

// listed makes a later batch whose log lists the bundle's.
func listed(tb testing.TB, w *world, b *Bundle) Anchor {
	tb.Helper()
	mine := SignedHeader{b.Header, b.Signature}
	d, err := mine.Digest()
	if err != nil {
		tb.Fatal(err)
	}
	log := make([][32]byte, 9)
	for i := range log {
		log[i] = [32]byte{byte(i)}
	}
	log[b.Header.Seq] = d
	tree, err := LogTree(log)
	if err != nil {
		tb.Fatal(err)
	}
	path, err := tree.Inclusion(int(b.Header.Seq))
	if err != nil {
		tb.Fatal(err)
	}
	later := w.batch(tb, &plan{seq: 9, prev: log[8][:], log: tree.Root(), tenant: b.Header.Tenant})
	return Anchor{Type: AnchorCheckpoint, Checkpoint: &Checkpoint{later.SignedHeader, path.Path}}
}

// flipBundles are three bundles that hold every member of the format between them.
func flipBundles(tb testing.TB) map[string]*Bundle {
	w := smallWorld()
	ots := func(d [32]byte, _ []byte) Anchor {
		return Anchor{Type: AnchorOTS, OTS: &OTS{NewPart(append(append([]byte(otsMagic), d[:]...), 0xf0, 1, 2))}}
	}
	list := NewMaterial("statusList", "https://registry.example.edu/status/1", []byte("list"))
	whole := w.bundle(tb, plan{n: 9, index: 8, seq: 4, prev: saltOf(3), log: saltOf(4), kind: SubjectCredential, content: true, mat: []Material{list},
		change: func(h *Header) { h.Material = [][]byte{list.SHA256[:]} }, promise: []string{PromiseChain(worldChain), PromiseTimestamp}},
		w.ethAnchor(tb, ethPlan{txs: 1, headers: 1}), w.tsaAnchor(tb), ots)
	whole.Anchors = append(whole.Anchors, listed(tb, w, whole))
	return map[string]*Bundle{
		"stamp":      w.bundle(tb, plan{n: 100, index: 33, tenant: saltOf(5)}, w.ethAnchor(tb, ethPlan{txs: 9, index: 4, headers: 1})),
		"two trees":  w.bundle(tb, plan{n: 21, index: 20, second: true, alg: "sha-512"}, w.ethAnchor(tb, ethPlan{txs: 3, index: 2, history: true}), w.tsaAnchor(tb)),
		"everything": renewed(tb, w, whole, document(8)),
	}
}

// TestEveryBitFlip: no single bit of these files can change without being noticed.
func TestEveryBitFlip(t *testing.T) {
	w := smallWorld()
	for name, b := range flipBundles(t) {
		in := Input{Document: document(int(b.Tree.Index))}
		if name == "two trees" { // as a batch hands it out: what is shared lies in another file
			b, in.Parts = b.Detach()
		}
		enc, err := b.Encode()
		if err != nil {
			t.Fatal(err)
		}
		p, err := Parse(enc)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := p.Verify(in, w.trust()); err != nil {
			t.Fatalf("%s: %s", name, describe(r))
		}
		parsed := 0
		trust := w.trust()
		for i := range len(enc) * 8 {
			enc[i/8] ^= 1 << (i % 8)
			if p, err := Parse(enc); err == nil {
				parsed++
				if r, err := p.Verify(in, trust); err == nil || r.Outcome == Valid {
					t.Errorf("%s: accepted with bit %d of byte %d flipped", name, i%8, i/8)
				}
			}
			enc[i/8] ^= 1 << (i % 8)
		}
		t.Logf("%s: %d bytes, %d flips, %d of them read, none accepted", name, len(enc), len(enc)*8, parsed)
	}
}

// TestFlippedParts flips bits in links, packs and tokens and makes their digests anew, so
// that what is inside has to be noticed. CMS leaves some octets of a token unsigned (the
// list of digest algorithms, RFC 5652, 5.1, is a hint): where only these change, the token
// must say the same.
func TestFlippedParts(t *testing.T) {
	w := smallWorld()
	for name, b := range flipBundles(t) {
		in, flips, hints := Input{Document: document(int(b.Tree.Index))}, 0, 0
		base, err := b.Verify(in, w.trust())
		if err != nil {
			t.Fatal(describe(base))
		}
		for k := range b.parts() {
			c := b.clone()
			part := c.parts()[k]
			if bytes.HasPrefix(part.Bytes, []byte(otsMagic)) {
				continue // not looked into
			}
			original := part.Bytes
			step := 1 + len(original)/25
			for i := k % step; i < len(original); i += step {
				part.Bytes = bytes.Clone(original)
				part.Bytes[i] ^= 1 << (i % 8)
				part.SHA256 = NewPart(part.Bytes).SHA256
				flips++
				r, err := c.Verify(in, w.trust())
				if err == nil && original[0] == 0x30 && reflect.DeepEqual(r.Facts, base.Facts) {
					hints++
				} else if err == nil || r.Outcome == Valid {
					t.Errorf("%s: part %d of %d bytes accepted with byte %d changed", name, k, len(original), i)
				}
			}
		}
		if hints > flips/20 {
			t.Errorf("%s: %d of %d flips are not noticed", name, hints, flips)
		}
		t.Logf("%s: %d flips, %d of them in unsigned octets of tokens", name, flips, hints)
	}
}

// TestRenewals: renewals keep a timestamp alive after its authority has ended, and only
// while they cover it.
func TestRenewals(t *testing.T) {
	w := smallWorld()
	plain := w.bundle(t, plan{n: 9, index: 8}, w.ethAnchor(t, ethPlan{}), w.tsaAnchor(t))
	b := renewed(t, w, plain, document(8))
	in := Input{Document: document(8)}
	r, err := b.Verify(in, w.trust())
	if err != nil {
		t.Fatal(describe(r))
	}
	if len(r.Facts.Existed) != 5 || !r.Facts.Proven.Equal(worldTime.Add(2*time.Minute+time.Second)) {
		t.Errorf("found %+v", r.Facts.Existed)
	}
	// Without the document, the renewal of the whole is open.
	if r, err := b.Verify(Input{Digest: b.Subject.Digest}, w.trust()); err == nil || r.Outcome != Indeterminate || r.Code != DocumentMissing {
		t.Error(describe(r))
	}
	// With SHA-3, should SHA-2 weaken.
	for alg, h := range map[string]crypto.Hash{"sha3-256": crypto.SHA3_256, "sha3-384": crypto.SHA3_384, "sha3-512": crypto.SHA3_512} {
		c := plain.clone()
		statement, digest, err := c.RenewalStatement(alg, document(8))
		if err != nil {
			t.Fatal(err)
		}
		token := w.token(t, worldTime.Add(time.Hour), h, statement)
		c.Renewals = []Renewal{{Type: RenewBundle, Alg: alg, Digest: digest, Token: NewPart(token)}}
		if r, err := reparse(t, c).Verify(in, w.trust()); err != nil {
			t.Errorf("%s: %s", alg, describe(r))
		}
		c.Renewals[0].Alg, c.Renewals[0].Digest = "sha-256", b.Subject.Digest
		if r, err := c.Verify(in, w.trust()); err == nil || r.Outcome != Invalid {
			t.Errorf("%s passed off as SHA-256: %s", alg, describe(r))
		}
	}
	if _, _, err := plain.RenewalStatement("sha3-224", document(8)); !errors.Is(err, ErrUnsupported) {
		t.Errorf("found %v", err)
	}
	for name, change := range map[string]func(b *Bundle){
		"whole renewed, then an anchor added": func(b *Bundle) { b.Anchors = append(b.Anchors, b.Anchors[1]) },
		"first renewal taken out":             func(b *Bundle) { b.Renewals = b.Renewals[1:] },
		"second renewal taken out":            func(b *Bundle) { b.Renewals = []Renewal{b.Renewals[0], b.Renewals[2]} },
		"order changed":                       func(b *Bundle) { b.Renewals[0], b.Renewals[2] = b.Renewals[2], b.Renewals[0] },
		"digest of the renewal changed":       func(b *Bundle) { b.Renewals[1].Digest = bytes.Repeat([]byte{1}, 64) },
		"hash of the renewal changed":         func(b *Bundle) { b.Renewals[1].Alg, b.Renewals[1].Digest = "sha-256", b.Subject.Digest },
	} {
		c := b.clone()
		change(c)
		if r, err := c.Verify(in, w.trust()); err == nil || r.Outcome != Invalid {
			t.Errorf("%s: %s", name, describe(r))
		}
	}
	// The last may go: it covers nothing but what stands on its own.
	c := b.clone()
	c.Renewals = c.Renewals[:2]
	if r, err := c.Verify(in, w.trust()); err != nil {
		t.Error(describe(r))
	}
}

// TestRenewalNotAskedFor: a reader who asks for the chain alone is not held up by renewals of
// timestamps that he cannot judge; what is wrong stays wrong.
func TestRenewalNotAskedFor(t *testing.T) {
	w := smallWorld()
	plain := w.bundle(t, plan{n: 9, index: 8}, w.ethAnchor(t, ethPlan{}), w.tsaAnchor(t))
	b := renewed(t, w, plain, document(8))
	in := Input{Document: document(8)}
	trust := w.trust()
	trust.Timestamping = nil
	if r, err := b.Verify(in, trust); err == nil || r.Outcome != Indeterminate || r.Code != TimestampOpen {
		t.Error(describe(r))
	}
	trust.Require = []string{PromiseChain(worldChain), PromiseTimestamp}
	if r, err := b.Verify(in, trust); err == nil || r.Outcome != Indeterminate {
		t.Error(describe(r))
	}
	trust.Require = trust.Require[:1]
	r, err := b.Verify(in, trust)
	if err != nil || len(r.Facts.Existed) != 1 || r.Facts.Existed[0].Source != "block" {
		t.Error(describe(r))
	}
	b.Renewals[2].Token = b.Renewals[0].Token
	if r, err := b.Verify(in, trust); err == nil || r.Outcome != Invalid {
		t.Error(describe(r))
	}
}

// TestRenewalOutlivesAuthority: after the certificate of an authority has ended, its
// token is open; with a renewal made before that, it holds.
func TestRenewalOutlivesAuthority(t *testing.T) {
	w := smallWorld()
	b := w.bundle(t, plan{n: 9, index: 8}, w.tsaAnchor(t))
	in := Input{Document: document(8)}
	trust := w.trust()
	late := trust.Now.Add(50 * 365 * 24 * time.Hour)
	trust.Now = late
	if r, err := b.Verify(in, trust); err == nil || r.Outcome != Indeterminate || r.Code != TimestampOpen {
		t.Fatal(describe(r))
	}
	// An authority of later days renews it while the first one's certificate lasts.
	next := newWorld(w.network.Preset)
	renewal := w.token(t, worldTime.Add(30*24*time.Hour), crypto.SHA512, b.Anchors[0].Timestamp.Token.Bytes)
	b.Renewals = []Renewal{{Type: RenewTimestamp, Token: NewPart(renewal)}}
	trust.Timestamping = append(trust.Timestamping, next.tsaRoot)
	r, err := b.Verify(in, trust)
	if err == nil || r.Outcome != Indeterminate {
		t.Fatal(describe(r)) // the renewal's own certificate has ended, too
	}
	trust.Now = worldTime.Add(60 * 24 * time.Hour)
	if r, err := b.Verify(in, trust); err != nil {
		t.Fatal(describe(r))
	}
}

// TestSequence: batches in a row, their log, and its continuity.
func TestSequence(t *testing.T) {
	w := smallWorld()
	var signed []*SignedHeader
	var digests [][32]byte
	for i := range 12 {
		p := plan{n: i + 1, seq: uint64(i)}
		if i > 0 {
			log, err := LogRoot(digests)
			if err != nil {
				t.Fatal(err)
			}
			p.prev, p.log = digests[i-1][:], log
		}
		b := w.batch(t, &p)
		d, err := b.Digest()
		if err != nil {
			t.Fatal(err)
		}
		enc, err := b.SignedHeader.Encode()
		if err != nil {
			t.Fatal(err)
		}
		read, err := ReadSignedHeader(enc)
		if err != nil {
			t.Fatal(err)
		}
		signed, digests = append(signed, read), append(digests, d)
	}
	for i := 1; i < len(signed); i++ {
		if err := VerifyNext(signed[i-1], signed[i]); err != nil {
			t.Errorf("%d: %v", i, err)
		}
		if i > 1 {
			if err := VerifyNext(signed[i-2], signed[i]); err == nil {
				t.Errorf("%d: a batch left out is not noticed", i)
			}
		}
	}
	tree, err := LogTree(digests[:11])
	if err != nil {
		t.Fatal(err)
	}
	for m := 1; m < 11; m++ {
		path, err := tree.Consistency(m)
		if err != nil {
			t.Fatal(err)
		}
		if err := VerifyLog(&signed[m].Header, &signed[11].Header, path); err != nil {
			t.Errorf("from %d: %v", m, err)
		}
		forged := signed[m].Header
		forged.Log = saltOf(m)
		if err := VerifyLog(&forged, &signed[11].Header, path); err == nil {
			t.Errorf("from %d: another log is continued", m)
		}
	}
	other := *signed[5]
	other.Header.Issuer = "did:web:other.example"
	if VerifyNext(signed[4], &other) == nil || VerifyLog(&other.Header, &signed[11].Header, nil) == nil || VerifyLog(&signed[0].Header, &signed[11].Header, nil) == nil {
		t.Error("batches of two issuers, or without a log, are in one sequence")
	}
	changed := *signed[5]
	changed.Header.Time = worldTime.Add(-time.Hour)
	if VerifyNext(&changed, signed[6]) == nil {
		t.Error("a changed batch is followed")
	}
}

// TestUnlinkable: leaves say nothing without salt, and differ for the same document.
func TestUnlinkable(t *testing.T) {
	s := Subject{SubjectStamp, "sha-256", saltOf(1)}
	a, _ := LeafData(merkle.SHA256, s, saltOf(2), nil)
	b, _ := LeafData(merkle.SHA256, s, saltOf(3), nil)
	if bytes.Equal(a, b) || bytes.Contains(a, s.Digest) || bytes.Contains(a, saltOf(2)) {
		t.Error("the leaf gives the document away")
	}
	for _, bad := range []func() ([]byte, error){
		func() ([]byte, error) { return LeafData(merkle.SHA256, s, nil, nil) },
		func() ([]byte, error) { return LeafData(merkle.SHA256, s, saltOf(1), []byte{1}) },
		func() ([]byte, error) { return LeafData(9, s, saltOf(1), nil) },
		func() ([]byte, error) {
			return LeafData(merkle.SHA256, Subject{"node", "sha-256", saltOf(1)}, saltOf(1), nil)
		},
		func() ([]byte, error) {
			return LeafData(merkle.SHA256, Subject{SubjectStamp, "sha-512", saltOf(1)}, saltOf(1), nil)
		},
	} {
		if _, err := bad(); err == nil {
			t.Error("a leaf was made of the wrong parts")
		}
	}
}
