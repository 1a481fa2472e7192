package layout

import (
	"errors"
	"fmt"
)

// TemplateError says where a template is not what docs/formats/template.md asks for.
type TemplateError struct {
	Pointer string // JSON pointer (RFC 6901) of the place
	Msg     string // what was expected and what was found
}

func (e *TemplateError) Error() string {
	if e.Pointer == "" {
		return "layout: template: " + e.Msg
	}
	return "layout: template at " + e.Pointer + ": " + e.Msg
}

// FieldError says what is wrong with a field handed to a template: missing, too long, not
// text, or an image that cannot be drawn. It names the field and never holds its value.
type FieldError struct {
	Field string
	Msg   string
	Err   error
}

func (e *FieldError) Error() string {
	if e.Err != nil {
		return "layout: field " + e.Field + ": " + e.Msg + ": " + e.Err.Error()
	}
	return "layout: field " + e.Field + ": " + e.Msg
}

func (e *FieldError) Unwrap() error { return e.Err }

// FitError says that a text does not fit its box at the smallest size allowed.
type FitError struct {
	Element string  // JSON pointer of the element in the template
	Min     float64 // smallest size allowed, points
	Needed  float64 // size at which it would fit, points
	// Fields are those that the text is made of, "facts" for the list of facts.
	Fields []string
	// Pages is how many there may be, where the text goes over pages and takes more; else 0.
	Pages int
}

// about names the fields of a text in a *FitError.
func about(err error, fields ...string) error {
	var fit *FitError
	if errors.As(err, &fit) {
		fit.Fields = fields
	}
	return err
}

func (e *FitError) Error() string {
	if e.Pages > 0 {
		return fmt.Sprintf("layout: text of %s: expected to fit on %d pages, found more", e.Element, e.Pages)
	}
	return fmt.Sprintf("layout: text of %s: expected to fit at %.3g pt or more, found %.3g pt", e.Element, e.Min, e.Needed)
}

// OptionError says which of the Options cannot be used.
type OptionError struct{ Option, Msg string }

func (e *OptionError) Error() string { return "layout: option " + e.Option + ": " + e.Msg }
