package pades_test

import (
	"fmt"
	"testing"

	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/signer/pades"
)

func TestLevelsAndKeys(t *testing.T) {
	for _, kind := range []keyKind{rsa2048, pss2048, p256, p384, ed} {
		w := newWorld(t, kind)
		for level := pades.LevelB; level <= pades.LevelLTA; level++ {
			for _, in := range []sample{{}, {Streams: true}, {Form: "direct"}, {Streams: true, Form: "indirect"}} {
				t.Run(fmt.Sprint(kind, level, in), func(t *testing.T) {
					out, r := sign(t, w.Pades(level, kind), in.Build(t), pades.Request{Reason: "Verliehen", Location: "Grünau"})
					sigs := w.signatures(t, out, "")
					want := 1
					if level == pades.LevelLTA {
						want = 2
					}
					if len(sigs) != want || sigs[0].verified == nil {
						t.Fatalf("%d signatures, expected %d", len(sigs), want)
					}
					if !w.isSigner(sigs[0].verified.Certificate) {
						t.Fatal("signed with another certificate")
					}
					if n := len(sigs[0].verified.Signer.Timestamps()); n != min(1, int(level)-1) {
						t.Fatalf("%d signature timestamps", n)
					}
					if spare := r.Reserved - r.Used; spare > 80 {
						t.Fatalf("%d bytes reserved, %d used", r.Reserved, r.Used)
					}
					if want == 2 && sigs[1].token == nil {
						t.Fatal("no document timestamp")
					}
					cat, err := opened(t, out, "").Latest().Catalog()
					check(t, err)
					if cat.Has("DSS") != (level >= pades.LevelLT) {
						t.Fatalf("DSS present: %v", cat.Has("DSS"))
					}
					if _, ok := cat.Get("Lang").(pdf.String); !ok {
						t.Fatal("a key of the catalog is lost")
					}
				})
			}
		}
	}
}
