package httpapi

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/chancery-dev/chancery/internal/httpapi/verdict"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// sourceAPI is what the verification log says of calls that come here.
const sourceAPI = "api"

var credentialTypes = []string{"application/vc", "application/vc+ld+json"}

func exampleVerdict() verdict.Verdict {
	return verdict.Verdict{Outcome: "valid", Lifecycle: ptr("issued"), Checks: []verdict.Check{
		{ID: "signature", Result: "pass", Required: true, Detail: ptr("eddsa-rdfc-2022 by " + exampleDID + "#k1"), Evidence: verdict.Facts{{Name: "keyValidFrom", Value: "2026-01-01T00:00:00Z"}}},
		{ID: "status", Result: "pass", Required: true, Detail: ptr("list 7, read 12 s ago"), Evidence: verdict.Facts{{Name: "listDigest", Value: "sha-256:" + exampleDigest}}},
		{ID: "anchor", Result: "skipped", Detail: ptr("not yet anchored")},
	}, Subject: &verdict.Party{Name: "Aina Rahman", Type: "Safety Training Certificate"}, Issuer: &verdict.Party{ID: exampleDID, Name: "Academy"},
		EvaluatedAt: *at("2026-05-10T10:00:00Z"), TrustInputs: []string{"sha-256:" + exampleDigest}}
}

func (a *api) addVerifying() {
	verify := operation{Path: "/v1/verify", Tag: "Verify", Public: true, Params: []*huma.Param{queryBool("report", "add the whole report, as docs/formats/report.md describes it")}}

	o := verify
	o.Path, o.ID, o.Summary = "/v1/verify/{publicId}", "verifyById", "Verify a stored credential"
	o.Description = "Answers 200 with a verdict, also for an id that is not known: indeterminate, `not_found`. Look at `outcome`, never at the HTTP status."
	get(a, o, exampleVerdict(), func(c *call) (verdict.Verdict, error) {
		return c.verdict(a.Verifying.VerifyID(c.ctx, c.id("publicId"), sourceAPI))
	})

	o = verify
	o.Method, o.ID, o.Summary, o.MaxBody = http.MethodPost, "verify", "Verify a file, a credential or a hash", a.MaxBody
	o.Description = "The part `file` holds a credential, JWT, PDF, PNG, SVG, evidence or a ZIP of such, told by content; further parts are files that the first one needs. A ZIP is opened where it is the only file, with up to 100 files and 50 MB unpacked. Or JSON with exactly one of `credential`, `jwt`, `hash`; or a credential as the body. What is sent is not kept. A file in which nothing can be verified is `invalid`; beside others, or in a ZIP, it is `not_judged` and keeps the whole from being `valid`."
	o.Consumes = append([]string{jsonType, multipartType}, credentialTypes...)
	o.Bodies = []content{{Type: jsonType, Schema: verifySchema(), Example: map[string]any{"credential": exampleVC}}, multipartBody("file", true)}
	for _, t := range credentialTypes {
		o.Bodies = append(o.Bodies, content{Type: t, Schema: &huma.Schema{Type: "object"}, Example: exampleVC})
	}
	o.Out = []reply{dataReply[verdict.Verdict](a, http.StatusOK, "the verdict", exampleVerdict())}
	o.Run = (*call).verify
	a.add(o)

	listing(a, operation{Path: "/v1/verifications", ID: "listVerifications", Tag: "Verify", Scope: service.MayRead, Summary: "Read the verification log",
		Description: "It tells nothing about who asked, and can be switched off for a tenant."}, exampleVerification,
		func(c *call, p service.Page) (service.List[service.Verification], error) {
			return a.Verifying.Verifications(c.ctx, c.caller, p)
		})
}

func verifySchema() *huma.Schema {
	object := func(name string, s *huma.Schema) *huma.Schema {
		return &huma.Schema{Type: "object", Properties: map[string]*huma.Schema{name: s}, Required: []string{name}, AdditionalProperties: false}
	}
	hash := &huma.Schema{Type: "object", Required: []string{"alg", "value"}, AdditionalProperties: false, Properties: map[string]*huma.Schema{
		"alg": {Type: "string", Enum: []any{"sha-256", "sha-384", "sha-512", "sha3-256", "blake2b-256", "blake2b-512"}}, "value": {Type: "string", Description: "hex or base64"}}}
	return &huma.Schema{OneOf: []*huma.Schema{
		object("credential", &huma.Schema{Type: "object", Description: "a credential or presentation; its exact bytes are judged"}),
		object("jwt", &huma.Schema{Type: "string"}), object("hash", hash)}}
}

func (c *call) verdict(v service.Verdict, err error) (verdict.Verdict, error) {
	if err != nil {
		return verdict.Verdict{}, err
	}
	full, err := c.boolean("report")
	if err != nil {
		return verdict.Verdict{}, err
	}
	return verdict.Of(v, full), nil
}

// verify is the busiest operation. The credential reaches the service as the bytes that
// were received: they are indexed here, to find where it begins and ends, and decoded
// there.
func (c *call) verify() error {
	if _, err := c.boolean("report"); err != nil {
		return err
	}
	var err error
	if c.media, c.limit, err = c.mediaType(); err != nil {
		return err
	}
	var v service.Verdict
	switch c.media {
	case multipartType:
		var files []service.Upload
		if files, err = c.files(); err != nil {
			return err
		}
		v, err = c.a.Verifying.VerifyFiles(c.ctx, files, sourceAPI)
	case jsonType:
		v, err = c.verifyJSON()
	default:
		if err = c.readJSON(); err == nil {
			v, err = c.verifyBytes(c.body)
		}
	}
	out, err := c.verdict(v, err)
	if err != nil {
		return err
	}
	return data(c, http.StatusOK, out)
}

func (c *call) verifyBytes(b []byte) (service.Verdict, error) {
	return c.a.Verifying.VerifyFiles(c.ctx, []service.Upload{{Bytes: b}}, sourceAPI)
}

// loneCredential is the value of credential where a body begins with that name and ends as
// its object would. Whether the value is JSON, and so the only member, is not known yet.
func loneCredential(body []byte) ([]byte, bool) {
	const space = " \t\r\n"
	rest, ok := bytes.CutPrefix(bytes.Trim(body, space), []byte("{"))
	if !ok {
		return nil, false
	}
	if rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, space), []byte(`"credential"`)); !ok {
		return nil, false
	}
	if rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, space), []byte(":")); !ok {
		return nil, false
	}
	if rest, ok = bytes.CutSuffix(rest, []byte("}")); !ok {
		return nil, false
	}
	rest = bytes.Trim(rest, space)
	return rest, bytes.HasPrefix(rest, []byte("{"))
}

func (c *call) verifyJSON() (service.Verdict, error) {
	if c.r.ContentLength != 0 {
		var err error
		if c.body, err = c.readAll(c.op.MaxBody); err != nil {
			return service.Verdict{}, err
		}
		if b, ok := loneCredential(c.body); ok {
			if v, ok, err := c.a.Verifying.VerifyCredential(c.ctx, b, sourceAPI); ok || err != nil {
				return v, err
			}
		}
		if err := c.parseJSON(); err != nil {
			return service.Verdict{}, err
		}
	} else if err := c.readJSON(); err != nil {
		return service.Verdict{}, err
	}
	d := c.doc
	n := d.First(0)
	if d.Len(0) != 1 {
		return service.Verdict{}, &service.Error{Code: service.CodeValidation, Detail: "expected exactly one of credential, jwt, hash", Fields: map[string][]string{"body": {"must have exactly one of credential, jwt, hash"}}}
	}
	switch name := d.Name(n); name {
	case "credential":
		if d.Kind(n) != strictjson.Object {
			return service.Verdict{}, wrong("credential", "must be an object")
		}
		from := d.Offset(n)
		return c.verifyBytes(c.body[from : from+len(d.Raw(n))])
	case "jwt":
		s, ok := d.Str(n)
		if !ok || s == "" {
			return service.Verdict{}, wrong("jwt", "must be a string")
		}
		return c.verifyBytes([]byte(s))
	case "hash":
		return c.verifyHash(n)
	default:
		return service.Verdict{}, wrong(clipPath(name), "is not known")
	}
}

func wrong(path, message string) error {
	return &service.Error{Code: service.CodeValidation, Detail: path + " " + message, Fields: map[string][]string{path: {message}}}
}

// digestSizes are the lengths of digests in bytes.
var digestSizes = map[string]int{"sha-256": 32, "sha-384": 48, "sha-512": 64, "sha3-256": 32, "blake2b-256": 32, "blake2b-512": 64}

func (c *call) verifyHash(n strictjson.Node) (service.Verdict, error) {
	d := c.doc
	if d.Kind(n) != strictjson.Object {
		return service.Verdict{}, wrong("hash", "must be an object")
	}
	for m := d.First(n); m != strictjson.None; m = d.Next(m) {
		if name := d.Name(m); name != "alg" && name != "value" {
			return service.Verdict{}, wrong(clipPath("hash."+name), "is not known")
		}
	}
	alg, _ := d.Str(d.Get(n, "alg"))
	size, ok := digestSizes[alg]
	if !ok {
		return service.Verdict{}, wrong("hash.alg", "must be one of sha-256, sha-384, sha-512, sha3-256, blake2b-256, blake2b-512")
	}
	value, _ := d.Str(d.Get(n, "value"))
	digest, ok := readDigest(value, size)
	if !ok {
		return service.Verdict{}, wrong("hash.value", "must be hex or base64 of as many bytes as alg has")
	}
	return c.a.Verifying.VerifyHash(c.ctx, alg, digest, sourceAPI)
}

func readDigest(s string, size int) ([]byte, bool) {
	if len(s) == 2*size {
		b, err := hex.DecodeString(s)
		return b, err == nil
	}
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		if !strings.HasSuffix(s, "=") {
			e = e.WithPadding(base64.NoPadding)
		}
		if b, err := e.Strict().DecodeString(s); err == nil && len(b) == size {
			return b, true
		}
	}
	return nil, false
}
