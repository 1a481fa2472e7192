package httpapi

import (
	"errors"
	"net/http"

	"github.com/chancery-dev/chancery/internal/service"
)

// bodyOfType is the limit for types: they may hold pictures and templates.
const bodyOfType = 5_000_000

func (a *api) addTypes() {
	types := operation{Path: "/v1/credential-types", Tag: "Credential types", Scope: service.MayRead}
	one := types
	one.Path += "/{id}"
	one.Description = "`id` is the id or the key of a type; starters are named `starter/…`, their slash written as %2F."

	o := types
	o.ID, o.Scope, o.Summary, o.MaxBody = "createType", service.MayTypes, "Make a credential type", min(bodyOfType, a.MaxBody)
	o.Description = "`from` copies a starter type; what is given beside it wins."
	create(a, o, exampleNewType, exampleType, func(c *call, in service.NewType) (service.Result[service.Type], error) {
		return a.Types.CreateType(c.ctx, c.caller, in, c.idempotency())
	}, func(c *call, t service.Type) string { return a.location("/v1/credential-types", t.ID) })
	o = types
	o.ID, o.Summary = "listTypes", "List credential types, then the starters"
	listing(a, o, exampleType, func(c *call, p service.Page) (service.List[service.Type], error) {
		return a.Types.ListTypes(c.ctx, c.caller, p)
	})
	o = one
	o.ID, o.Summary = "getType", "Read a credential type"
	get(a, o, exampleType, func(c *call) (service.Type, error) { return a.Types.GetType(c.ctx, c.caller, c.id("id")) })
	o = one
	o.ID, o.Scope, o.Summary, o.MaxBody = "changeType", service.MayTypes, "Change a credential type", min(bodyOfType, a.MaxBody)
	o.Description = "Makes a new version; issued credentials keep theirs. Absent members stay."
	change(a, http.MethodPatch, o, service.NewType{DisplayName: "Safety Training", Active: ptr(true)}, exampleType, func(c *call, in service.NewType) (service.Type, error) {
		return a.Types.ChangeType(c.ctx, c.caller, c.id("id"), in)
	})
	o = one
	o.Path, o.ID, o.Summary = one.Path+"/input-fields", "getInputFields", "What to fill in"
	o.Description = "An example with every field, ready to be filled in, the fields, and the JSON Schema of the example's shape."
	get(a, o, exampleInputFields, func(c *call) (service.InputFields, error) {
		return a.Types.InputFields(c.ctx, c.caller, c.id("id"))
	})
	a.addTypeChecks(one)
}

func (a *api) addTypeChecks(one operation) {
	o := one
	o.Path, o.ID, o.Summary = one.Path+"/validate", "validateInput", "Check an input, issue nothing"
	o.Description = "The very check of issuing and of batches. Answers 200 whatever it finds; `errors` is null when nothing is wrong."
	o.Method, o.In = http.MethodPost, exampleItem
	o.Out = []reply{dataReply[service.Validation](a, http.StatusOK, "what was found", exampleValidation)}
	o.Run = func(c *call) error {
		in, err := decode[service.ItemInput](c)
		var shape *service.Error
		if errors.As(err, &shape) && shape.Code == service.CodeValidation {
			// A member of another kind is what issuing would refuse, and found out as well. The
			// type has to be there all the same.
			if _, err := a.Types.InputFields(c.ctx, c.caller, c.id("id")); err != nil {
				return err
			}
			return data(c, http.StatusOK, service.Validation{Errors: shape.Fields})
		}
		if err != nil {
			return err
		}
		v, err := a.Types.Validate(c.ctx, c.caller, c.id("id"), in)
		if err != nil {
			return err
		}
		return data(c, http.StatusOK, v)
	}
	a.add(o)

	o = one
	o.Path, o.ID, o.Summary = one.Path+"/preview", "previewType", "Draw a page"
	o.Description = "PNG of the page with the given input, or with the example's where there is no body. Issues nothing."
	o.Method, o.In, o.Optional = http.MethodPost, exampleItem, true
	o.Out = []reply{{Status: http.StatusOK, Description: "the page", Content: []content{{Type: "image/png"}}}}
	o.Run = func(c *call) error {
		in, err := decode[service.ItemInput](c)
		if err != nil {
			return err
		}
		f, err := a.Types.Preview(c.ctx, c.caller, c.id("id"), in)
		if err != nil {
			return err
		}
		return c.file(f, noStore)
	}
	a.add(o)
}
