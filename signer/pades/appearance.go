package pades

import (
	"time"

	"github.com/chancery-dev/chancery/internal/pdf"
)

// Appearance places a visible signature.
type Appearance struct {
	Page int
}

func (s *slot) position(v *Appearance) error {
	return fail(BadAppearance, "visible signatures are not drawn")
}

func (in *input) show(up *pdf.Update, widget *pdf.Dict, s *Signer, req *Request, sl *slot, name string, now time.Time) error {
	return nil
}
