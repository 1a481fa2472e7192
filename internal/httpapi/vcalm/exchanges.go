package vcalm

import (
	"bytes"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/vcalm"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

func (h *handler) createExchange(r *http.Request, c *call) error {
	doc, err := body(r, "variables", "expires")
	if err != nil {
		return err
	}
	if doc == nil || doc.Kind(doc.Get(0, "variables")) != strictjson.Object {
		return wrongType("variables", "an object")
	}
	n := vcalm.NewExchange{Workflow: r.PathValue("workflow")}
	if err := exchangeVariables(doc, doc.Get(0, "variables"), &n); err != nil {
		return err
	}
	if m := doc.Get(0, "expires"); m != strictjson.None {
		end, _ := doc.Str(m)
		if n.Expires, err = time.Parse(time.RFC3339, end); err != nil {
			return wrongType("expires", "a time (RFC 3339)")
		}
	}
	if n.Idempotency, err = c.idempotency(r, doc); err != nil {
		return err
	}
	made, err := h.c.Plane.CreateExchange(r.Context(), c.instance, c.caller, n)
	if err != nil {
		return err
	}
	c.replayed(made.Replayed)
	c.w.Header().Set("Location", made.Value)
	return c.answerValue(http.StatusCreated, map[string]string{"id": made.Value[strings.LastIndexByte(made.Value, '/')+1:]})
}

// exchangeVariables reads what an exchange of a workflow is made with.
func exchangeVariables(doc *strictjson.Doc, variables strictjson.Node, n *vcalm.NewExchange) (err error) {
	if n.Workflow != vcalm.WorkflowVerify {
		if err := known(doc, variables, "variables", []string{"credential"}); err != nil {
			return err
		}
		n.Credential, err = text(doc, variables, "credential", "variables.credential")
		return err
	}
	const request, unsigned, redirect = "verifiablePresentationRequest", "allowUnprotectedPresentation", "redirectUrl"
	if err := known(doc, variables, "variables", []string{request, unsigned, redirect}); err != nil {
		return err
	}
	if m := doc.Get(variables, request); m != strictjson.None {
		n.Request = vcalm.Value(doc.Raw(m))
	}
	if m := doc.Get(variables, unsigned); m != strictjson.None {
		var ok bool
		if n.Unsigned, ok = doc.Bool(m); !ok {
			return wrongType("variables."+unsigned, "true or false")
		}
	}
	n.Redirect, err = text(doc, variables, redirect, "variables."+redirect)
	return err
}

func (h *handler) exchange(r *http.Request, c *call) error {
	state, err := h.c.Plane.Exchange(r.Context(), c.instance, c.caller, address(r))
	if err != nil {
		return err
	}
	return c.answerValue(http.StatusOK, state)
}

func (h *handler) participate(r *http.Request, c *call) error {
	// referenceId is for people who look for a fault: it changes nothing.
	doc, err := body(r, "verifiablePresentation", "referenceId")
	if err != nil {
		return err
	}
	var presentation vcalm.Value
	if doc != nil {
		if _, err := text(doc, 0, "referenceId", "referenceId"); err != nil {
			return err
		}
		n := doc.Get(0, "verifiablePresentation")
		if doc.Kind(n) == strictjson.Array { // VCALM allows several; an exchange here asks for one
			if doc.Len(n) != 1 {
				return wrongType("verifiablePresentation", "one presentation")
			}
			n = doc.Index(n, 0)
		}
		if n != strictjson.None {
			presentation = vcalm.Value(doc.Raw(n))
		}
	}
	out, err := h.c.Plane.Participate(r.Context(), address(r), presentation)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, out)
}

// address is which exchange a path names.
func address(r *http.Request) vcalm.Address {
	return vcalm.Address{Instance: r.PathValue("issuer"), Workflow: r.PathValue("workflow"), ID: r.PathValue("id")}
}

func (h *handler) protocols(r *http.Request, c *call) error {
	out, err := h.c.Plane.Protocols(r.Context(), address(r))
	if err != nil {
		return err
	}
	return c.answerValue(http.StatusOK, out)
}

func (h *handler) request(r *http.Request, c *call) error {
	out, err := h.c.Plane.CurrentRequest(r.Context(), address(r))
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, out)
}

func (h *handler) interaction(r *http.Request, c *call) error {
	if r.URL.Query().Get("iuv") != "1" {
		return &service.Error{Code: service.CodeParameter, Detail: "iuv: expected 1"}
	}
	c.w.Header().Add("Vary", "Accept")
	if wantsPage(r) {
		page, err := h.c.Plane.InteractionPage(r.Context(), r.PathValue("id"))
		if err != nil {
			return err
		}
		return c.page(page)
	}
	out, err := h.c.Plane.Interaction(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return c.answerValue(http.StatusOK, out)
}

// interactionPage tells people what to do with an interaction URL (VCALM 1.0, 3.7.4).
var interactionPage = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>For a digital wallet</title></head>
<body>
<h1>This address is for a digital wallet</h1>
<p>Open it with a wallet for verifiable credentials that understands interaction URLs (VCALM 1.0, protocol <code>vcapi</code>):
scan the QR code that brought you here with the wallet, or paste the address of this page into it.</p>
{{with .Credential}}<p>To see the credential itself, open <a href="{{.}}">its page</a>.</p>
{{end}}</body>
</html>
`))

func (c *call) page(p vcalm.InteractionPage) error {
	var b bytes.Buffer
	if err := interactionPage.Execute(&b, p); err != nil {
		return err
	}
	c.w.Header().Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	c.w.Header().Set("Referrer-Policy", "no-referrer")
	return c.answerAs("text/html; charset=utf-8", http.StatusOK, b.Bytes())
}

func (h *handler) invited(r *http.Request, c *call) error {
	doc, err := body(r, "url", "purpose", "referenceId")
	if err != nil {
		return err
	}
	var in vcalm.InviteResponse
	for _, m := range []struct {
		name string
		to   *string
	}{{"url", &in.URL}, {"purpose", &in.Purpose}, {"referenceId", &in.Reference}} {
		if doc == nil || doc.Get(0, m.name) == strictjson.None {
			return missing(m.name)
		}
		if *m.to, err = text(doc, 0, m.name, m.name); err != nil {
			return err
		}
	}
	if err := h.c.Plane.Invited(r.Context(), address(r), in); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusOK)
	return nil
}
