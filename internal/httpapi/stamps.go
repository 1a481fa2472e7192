package httpapi

import (
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/chancery-dev/chancery/internal/service"
)

// NewStamps are hashes to be anchored.
type NewStamps struct {
	Hashes []service.NewStamp `json:"hashes" minItems:"1"`
}

func (a *api) addStamps() {
	stamps := operation{Path: "/v1/stamps", Tag: "Stamps", Scope: service.MayStamps}
	one := stamps
	one.Path += "/{id}"

	o := stamps
	o.Method, o.ID, o.Summary, o.In, o.Creates, o.MaxBody = http.MethodPost, "createStamps", "Anchor hashes", NewStamps{Hashes: []service.NewStamp{exampleNewStamp}}, true, a.MaxBody
	o.Description = "Only hashes are taken, never documents. `value` is hex or base64. Only the state `anchored` is proof; `submitted` is not."
	list := content{Type: jsonType, Schema: a.envelopeOf(&huma.Schema{Type: "array", Items: a.schemaOf(typeOf[service.Stamp]())}, a.schemaOf(typeOf[meta]())), Example: envelope[[]service.Stamp]{Data: []service.Stamp{exampleStamp}}}
	o.Out = []reply{
		{Status: http.StatusAccepted, Description: "accepted; they wait for the next batch", Content: []content{list}, Headers: map[string]*huma.Param{"Location": {Description: "of the first", Schema: &huma.Schema{Type: "string"}}}},
		{Status: http.StatusOK, Description: "all were there already", Content: []content{list}},
	}
	o.Run = func(c *call) error {
		in, err := decode[NewStamps](c)
		if err != nil {
			return err
		}
		if len(in.Hashes) == 0 {
			return wrong("hashes", "is required")
		}
		r, err := a.Stamps.CreateStamps(c.ctx, c.caller, in.Hashes, c.idempotency())
		if err != nil {
			return err
		}
		return answerCreated(c, http.StatusAccepted, r, func(_ *call, s []service.Stamp) string {
			if len(s) == 0 {
				return a.BaseURL + "/v1/stamps"
			}
			return a.location("/v1/stamps", s[0].ID)
		})
	}
	a.add(o)

	o = one
	o.ID, o.Summary = "getStamp", "Read how far a stamp has come"
	get(a, o, exampleStamp, func(c *call) (service.Stamp, error) { return a.Stamps.GetStamp(c.ctx, c.caller, c.id("id")) })
	o = one
	o.Path, o.ID, o.Summary = one.Path+"/proof", "getStampProof", "Read the evidence of a stamp"
	o.Description = "By Accept: `application/cbor` is the file, `application/json` its JCS view. Exact bytes. Before `anchored`: 409 with Retry-After."
	bytesOf(a, o, []string{cborType, jsonType}, func(c *call) (service.File, []string, error) {
		accept := c.r.Header["Accept"]
		asJSON := quality(accept, jsonType) > quality(accept, cborType) || len(accept) == 0
		f, err := a.Stamps.StampProof(c.ctx, c.caller, c.id("id"), asJSON)
		c.w.Header()["Vary"] = append(c.w.Header()["Vary"], "Accept")
		return f, revalidate, err
	})
	o = stamps
	o.Path, o.ID, o.Summary = "/v1/anchors/{number}", "getAnchor", "Read a batch of stamps and its transaction"
	get(a, o, exampleAnchor, func(c *call) (service.Anchor, error) {
		text := c.id("number")
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || strconv.FormatInt(n, 10) != text { // one address for each
			return service.Anchor{}, service.NotFound("anchor")
		}
		return a.Stamps.GetAnchor(c.ctx, c.caller, n)
	})
}
