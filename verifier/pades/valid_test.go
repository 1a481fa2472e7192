package pades_test

import (
	"testing"

	sign "github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
	"github.com/chancery-dev/chancery/verifier"
)

func TestSmoke(t *testing.T) {
	w := newWorld(t)
	in := padestest.Sample{Form: "indirect"}.Build(t)
	for _, l := range []sign.Level{sign.LevelB, sign.LevelT, sign.LevelLT, sign.LevelLTA} {
		b := w.sign(l, in, sign.Request{})
		r := validate(t, b, w.config())
		if r.Outcome != verifier.Valid {
			t.Errorf("%v\n%s", l, explain(r))
		}
		r = validate(t, b, w.offline())
		t.Logf("%v\n%s", l, explain(r))
	}
}
