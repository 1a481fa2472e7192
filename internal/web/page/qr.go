package page

import (
	"fmt"
	"html/template"
	"strings"

	"rsc.io/qr"
)

// quiet is the width of the light border in modules (ISO/IEC 18004, 9.1).
const quiet = 4

// maxQR bounds what is put into a code: longer ones are too fine to scan from paper.
const maxQR = 512

// qrCode draws a QR code as an inline SVG, dark on light in every theme, since not all
// readers take it the other way round. The label is for those who cannot see it. A text
// that does not fit gives "".
func qrCode(text, label string) template.HTML {
	if text == "" || len(text) > maxQR {
		return ""
	}
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return ""
	}
	var b strings.Builder
	n := code.Size + 2*quiet
	fmt.Fprintf(&b, `<svg class="qr" viewBox="0 0 %d %d" role="img" aria-label="%s" shape-rendering="crispEdges"><path class="qr-light" d="M0 0h%dv%dH0z"/><path class="qr-dark" d="`, n, n, template.HTMLEscapeString(label), n, n)
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			if !code.Black(x, y) {
				continue
			}
			run := 1
			for x+run < code.Size && code.Black(x+run, y) {
				run++
			}
			fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, run, run)
			x += run
		}
	}
	b.WriteString(`"/></svg>`)
	return template.HTML(b.String())
}
