package document_test

import (
	"bytes"
	"encoding/pem"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/document"
	"github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
)

// everyKind is what can be asked for, each with the fixture's certificate.
func (f *fixture) everyKind() []service.NewSignature {
	var chain bytes.Buffer
	for _, c := range f.world.Chain() {
		pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	return []service.NewSignature{
		{Kind: "institutional"}, {Kind: "remote", Level: "B-B", Certificate: chain.String()}, f.person("a@example.com"),
	}
}

// TestNotWhole: nobody is asked to sign, and nobody signs, what would be called broken with
// his signature.
func TestNotWhole(t *testing.T) {
	f := setUp(t, nil)
	house := f.world.Pades(pades.LevelB, padestest.P256)
	base := padestest.Sample{Pages: 1, Form: "indirect"}.Build(t)
	signed := sign(t, house, base, pades.Request{})
	flip := func(b []byte, was, is string) []byte {
		out := bytes.Replace(b, []byte(was), []byte(is), 1)
		if bytes.Equal(out, b) {
			t.Fatalf("no %q to change", was)
		}
		return out
	}
	for name, b := range map[string][]byte{
		"no page":                     flip(flip(base, "/Count 1", "/Count 0"), "/Kids [", "/Kidz ["),
		"pages counted wrongly":       flip(base, "/Count 1", "/Count 9"),
		"an earlier signature broken": flip(signed, "Diploma", "Doctors"),
		"changed since it was signed": edit(t, signed),
	} {
		doc := f.add(b)
		for _, in := range f.everyKind() {
			_, err := f.docs.AddSignature(t.Context(), f.caller, doc.ID, in, service.Idempotency{})
			if codeOf(err) != service.CodeState {
				t.Errorf("%s, %s: expected to be refused, found %v", name, in.Kind, err)
			}
		}
		f.run()
		if got, _ := f.docs.GetDocument(t.Context(), f.caller, doc.ID); len(got.Signatures) != 0 || !bytes.Equal(f.file(doc.ID), b) {
			t.Errorf("%s: %+v", name, got.Signatures)
		}
	}
	if f.token("a@example.com") != "" {
		t.Error("somebody was asked")
	}
	doc := f.add(signed)
	for _, in := range f.everyKind() {
		if _, err := f.docs.AddSignature(t.Context(), f.caller, doc.ID, in, service.Idempotency{}); err != nil {
			t.Errorf("whole, %s: %v", in.Kind, err)
		}
	}
}

// TestAbandoned: preparations that nobody ended are forgotten, and do not keep a document
// from being signed.
func TestAbandoned(t *testing.T) {
	f := setUp(t, func(c *document.Config) { c.PreparedFor = time.Minute })
	doc := f.add(padestest.Sample{Pages: 1}.Build(t))
	remote := f.everyKind()[1]
	begin := func() error {
		_, err := f.docs.AddSignature(t.Context(), f.caller, doc.ID, remote, service.Idempotency{})
		return err
	}
	for n := range 48 {
		if err := begin(); err != nil {
			t.Fatalf("preparation %d: %v", n, err)
		}
	}
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			if err := begin(); err != nil && codeOf(err) != service.CodeState {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got, err := f.docs.GetDocument(t.Context(), f.caller, doc.ID); err != nil || len(got.Signatures) != 50 {
		t.Fatalf("%d signatures are begun, expected 50: %v", len(got.Signatures), err)
	}
	if err := begin(); codeOf(err) != service.CodeState {
		t.Errorf("the next one: %v", err)
	}
	// When their time is over, there is place, though no job has run.
	f.skew.Store(int64(2 * time.Minute))
	for n := range 3 {
		if err := begin(); err != nil {
			t.Errorf("afterwards, %d: %v", n, err)
		}
	}
	if got, err := f.docs.GetDocument(t.Context(), f.caller, doc.ID); err != nil || len(got.Signatures) != 50 {
		t.Errorf("%d signatures are listed: %v", len(got.Signatures), err)
	}
	f.run()
	kept := 0
	err := f.store.View(t.Context(), func(tx service.Tx) error {
		l, err := tx.List(t.Context(), scope, service.KindSignature, nil, service.Page{Limit: 1000})
		for _, r := range l.Items {
			if bytes.Contains(r.Body, []byte(`"state":"expired"`)) && (bytes.Contains(r.Body, []byte(`"prepared":"`)) || bytes.Contains(r.Body, []byte(`"chain":"`))) {
				t.Errorf("kept of a preparation that has ended: %s", r.Body)
			}
			if bytes.Contains(r.Body, []byte(`"state":"prepared"`)) {
				kept++
			}
		}
		return err
	})
	if err != nil || kept != 3 {
		t.Errorf("%d preparations are open, expected 3: %v", kept, err)
	}
	if _, err := f.docs.AddSignature(t.Context(), f.caller, doc.ID, service.NewSignature{Kind: "institutional"}, service.Idempotency{}); err != nil {
		t.Errorf("the institution cannot sign any more: %v", err)
	}
}
