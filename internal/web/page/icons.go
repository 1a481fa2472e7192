package page

import "html/template"

// Icons are drawn with the current colour on a field of 24 units. Those of states differ
// in outline as well as in sign, so that they are told apart without colour and small.
var icons = map[string]template.HTML{
	// A seal: the wavy edge of pressed wax, with a tick.
	"valid": draw(`<path d="M12 2.2l2.2 1.7 2.7-.4 1 2.6 2.6 1-.4 2.7 1.7 2.2-1.7 2.2.4 2.7-2.6 1-1 2.6-2.7-.4-2.2 1.7-2.2-1.7-2.7.4-1-2.6-2.6-1 .4-2.7L2.2 12l1.7-2.2-.4-2.7 2.6-1 1-2.6 2.7.4z"/><path d="M8 12.4l2.8 2.7L16 9.4"/>`),
	// An octagon with a cross.
	"invalid": draw(`<path d="M8.1 2.8h7.8l5.3 5.3v7.8l-5.3 5.3H8.1l-5.3-5.3V8.1z"/><path d="M8.8 8.8l6.4 6.4M15.2 8.8l-6.4 6.4"/>`),
	// A ring struck through.
	"revoked": draw(`<circle cx="12" cy="12" r="9.2"/><path d="M5.6 18.4L18.4 5.6"/>`),
	// A square with two bars.
	"suspended": draw(`<rect x="3" y="3" width="18" height="18" rx="2.5"/><path d="M9.5 8v8M14.5 8v8"/>`),
	// An hourglass.
	"expired": draw(`<path d="M5 2.8h14M5 21.2h14M6.8 2.8v3.4c0 2.4 5.2 4 5.2 5.8s-5.2 3.4-5.2 5.8v3.4M17.2 2.8v3.4c0 2.4-5.2 4-5.2 5.8s5.2 3.4 5.2 5.8v3.4"/>`),
	// A leaf behind a newer one.
	"superseded": draw(`<path d="M8.5 6.5h11.7v14.7H8.5z"/><path d="M15 6.5V2.8H3.8v14.7h4.5M11.5 13.8h5.6M14.6 11.2l2.6 2.6-2.6 2.6"/>`),
	// A clock.
	"notyet": draw(`<circle cx="12" cy="12" r="9.2"/><path d="M12 6.5V12l3.6 2.2"/>`),
	// A triangle with a question mark.
	"undecided": draw(`<path d="M12 2.8L22 20.6H2z"/><path d="M9.9 11.2c.2-2.4 4.3-2.3 4.2 0 0 1.6-2.1 1.6-2.1 3.2M12 17.3v.2"/>`),
	// A dashed ring with a question mark.
	"unknown": draw(`<circle cx="12" cy="12" r="9.2" stroke-dasharray="3.2 2.580"/><path d="M9.5 9.6c.2-3 5.1-2.9 5 0 0 2-2.5 2-2.5 4M12 17v.2"/>`),
	// A leaf whose lines are gone.
	"erased": draw(`<path d="M5 2.8h9.5L19 7.3v13.9H5z" stroke-dasharray="2.6 1.9"/><path d="M8.5 14.5h7"/>`),

	"pass":          draw(`<path d="M4.5 12.8l5 4.9L19.5 6.8"/>`),
	"fail":          draw(`<path d="M5.5 5.5l13 13M18.5 5.5l-13 13"/>`),
	"indeterminate": draw(`<path d="M7.5 8.5c.3-5.5 9.2-5.3 9 0 0 3.6-4.5 3.6-4.5 7.2M12 20v.3"/>`),
	"skipped":       draw(`<path d="M5 12h14"/>`),
}

func draw(paths string) template.HTML {
	return template.HTML(`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">` + paths + `</svg>`)
}

// icon is the drawing of a state or a result; a question mark where there is none.
func icon(name string) template.HTML {
	if i, ok := icons[name]; ok {
		return i
	}
	return icons["indeterminate"]
}
