package pades_test

import (
	"fmt"
	"testing"

	"github.com/chancery-dev/chancery/signer/pades"
)

// TestInputs signs every kind of input up to three times, visibly and not, certified first or not.
func TestInputs(t *testing.T) {
	for _, kind := range []keyKind{rsa2048, p256} {
		w := newWorld(t, kind)
		for _, in := range w.Inputs(t) {
			for _, certify := range []pades.Permission{0, pades.FormFilling} {
				for _, visible := range []bool{false, true} {
					if certify != 0 && in.Signatures > 0 {
						continue
					}
					t.Run(fmt.Sprint(kind, in.Name, certify, visible), func(t *testing.T) {
						file := in.Bytes
						for n, level := range []pades.Level{pades.LevelB, pades.LevelT, pades.LevelLTA} {
							req := pades.Request{Password: in.Password, Reason: "Grund"}
							if n == 0 {
								req.Certify = certify
							}
							if visible && (certify == 0 || n == 0) {
								req.Visible = &pades.Appearance{Rect: [4]float64{60, 60 + 100*float64(n), 260, 140 + 100*float64(n)}}
							}
							file, _ = sign(t, w.Pades(level, kind), file, req)
						}
						if got, want := len(w.signatures(t, file, in.Password)), in.Signatures+4; got != want {
							t.Fatalf("%d signatures, expected %d", got, want)
						}
					})
				}
			}
		}
	}
}
