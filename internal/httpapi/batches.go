package httpapi

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/chancery-dev/chancery/internal/service"
)

func (a *api) itemSchema() *huma.Schema { return a.schemaOf(typeOf[service.ItemInput]()) }

func (a *api) addBatches() {
	batches := operation{Path: "/v1/batches", Tag: "Batches", Scope: service.MayRead}
	one := batches
	one.Path += "/{id}"
	a.addCreateBatch(batches)

	o := batches
	o.ID, o.Summary = "listBatches", "List batches"
	listing(a, o, exampleBatch, func(c *call, p service.Page) (service.List[service.Batch], error) {
		return a.Batches.ListBatches(c.ctx, c.caller, p)
	})
	o = one
	o.ID, o.Summary, o.Description = "getBatch", "Read a batch", "`done` turns true when no row is queued."
	get(a, o, exampleBatch, func(c *call) (service.Batch, error) { return a.Batches.GetBatch(c.ctx, c.caller, c.id("id")) })
	o = one
	o.Path, o.ID, o.Summary = one.Path+"/items", "listBatchItems", "List the rows of a batch"
	o.Params = []*huma.Param{queryEnum("state", "rows of this state", "queued", "issued", "failed")}
	listing(a, o, exampleBatchItem, func(c *call, p service.Page) (service.List[service.BatchItem], error) {
		state, err := c.oneOf("state", "queued", "issued", "failed")
		if err != nil {
			return service.List[service.BatchItem]{}, err
		}
		return a.Batches.BatchItems(c.ctx, c.caller, c.id("id"), state, p)
	})
	o = one
	o.Path, o.ID, o.Scope, o.Summary = one.Path+"/resume", "resumeBatch", service.MayIssue, "Go on after a fault"
	o.Method, o.Out = http.MethodPost, []reply{dataReply[service.Batch](a, http.StatusOK, "as it is now", exampleBatch)}
	o.Run = func(c *call) error {
		b, err := a.Batches.ResumeBatch(c.ctx, c.caller, c.id("id"))
		if err != nil {
			return err
		}
		return data(c, http.StatusOK, b)
	}
	a.add(o)
	o = one
	o.Method, o.Path, o.ID, o.Summary, o.Streams = http.MethodGet, one.Path+"/results", "getBatchResults", "All that was issued, as a ZIP", true
	o.Description = "`results.csv` with a line for every row, and the files of every credential. The archive is written as it is read, in ZIP64 where it has to be. Parts of it cannot be asked for: one that broke off has no directory, so that no program opens it; ask again."
	o.Out = []reply{{Status: http.StatusOK, Description: "a ZIP", Content: []content{{Type: zipType}}}}
	o.Run = func(c *call) error {
		return c.download(zipType, "batch.zip", func(w io.Writer) error { return a.Batches.WriteBatch(c.ctx, c.caller, c.id("id"), w) })
	}
	a.add(o)
}

func (a *api) addCreateBatch(o operation) {
	item := a.itemSchema()
	o.Method, o.ID, o.Scope, o.Summary = http.MethodPost, "createBatch", service.MayIssue, "Issue many credentials of one type"
	o.Description = "Every row is checked before the answer. `allOrNothing` (the default): one bad row refuses all, 422 names rows and fields, nothing is stored. `partial`: bad rows fail. `dryRun`: 200 with the errors of rows, nothing is stored.\n\nAs a JSON object; or a JSON array of items, NDJSON (one item a line) or CSV (header: paths such as `recipient.email`, `claims.trainerName`), and then the other members as query parameters. In a CSV semicolons or tabs may stand for the commas.\n\nA row whose `id` or `idempotencyKey` was used before for the same content is the credential that there is; for another content it is a fault."
	o.Creates, o.Streams, o.MaxBody = true, true, a.MaxBatch
	o.Consumes = []string{jsonType, ndjsonType, csvType}
	o.Params = []*huma.Param{
		query("type", "id or key of the type", nil), query("name", "for people", nil), queryEnum("mode", "", "allOrNothing", "partial"),
		queryBool("dryRun", "only check"), queryBool("publish", "false: drafts"), query("outputs", "names, with commas between", nil),
		queryBool("anchor", "absent: as the type says"), queryBool("notify", "e-mail to the recipients"),
	}
	o.Bodies = []content{
		{Type: jsonType, Schema: &huma.Schema{OneOf: []*huma.Schema{a.schemaOf(typeOf[service.NewBatch]()), {Type: "array", Items: item}}}, Example: exampleNewBatch},
		{Type: ndjsonType, Schema: &huma.Schema{Type: "string"}, Example: `{"recipient":{"name":"Aina Rahman"},"claims":{"trainerName":"Academy"}}` + "\n"},
		{Type: csvType, Schema: &huma.Schema{Type: "string"}, Example: "recipient.name,recipient.email,claims.trainerName\r\nAina Rahman,aina@example.com,Academy\r\n"},
	}
	accepted := dataReply[service.Batch](a, http.StatusAccepted, "accepted; the work goes on", exampleBatch)
	accepted.Headers = map[string]*huma.Param{"Location": {Description: "where its progress is found", Schema: &huma.Schema{Type: "string"}}}
	o.Out = []reply{accepted, dataReply[service.Validation](a, http.StatusOK, "of a dry run: the errors by row and field", service.Validation{Errors: map[string][]string{"items[3].recipient.email": {"must be an e-mail address"}}})}
	o.Run = a.createBatch
	a.add(o)
}

func (a *api) createBatch(c *call) error {
	defer longer(http.NewResponseController(c.w).SetReadDeadline)()
	var err error
	if c.media, _, err = c.mediaType(); err != nil {
		return err
	}
	body, err := c.spool(c.op.MaxBody)
	if err != nil {
		return err
	}
	defer body.close()
	in, next, err := c.batchRows(body)
	if err != nil {
		return err
	}
	// Errors of single rows get their row's number here where the use case hands them on
	// as they are.
	row, last := int64(-1), error(nil)
	counted := func() (service.ItemInput, error) {
		row++
		item, err := next()
		last = err
		return item, err
	}
	r, err := a.Batches.CreateBatch(c.ctx, c.caller, in, counted, c.idempotency())
	var e *service.Error
	if errors.As(err, &e) && e.Code == service.CodeValidation {
		if last == err {
			e = numbered(e, row)
		}
		if in.DryRun {
			return data(c, http.StatusOK, service.Validation{Errors: e.Fields})
		}
		return e
	}
	switch {
	case err != nil:
		return err
	case in.DryRun:
		return data(c, http.StatusOK, service.Validation{Valid: true})
	}
	return answerCreated(c, http.StatusAccepted, r, func(_ *call, b service.Batch) string { return a.location("/v1/batches", b.ID) })
}

func numbered(e *service.Error, row int64) *service.Error {
	prefix := "items[" + itoa(row) + "]."
	out := &service.Error{Code: e.Code, Detail: prefix + e.Detail, Fields: map[string][]string{}}
	for path, messages := range maps.All(e.Fields) {
		out.Fields[strings.TrimSuffix(prefix+path, ".")] = messages
	}
	return out
}

// batchRows finds out what the body is, and what is asked for beside its rows.
func (c *call) batchRows(s *spool) (service.NewBatch, rows, error) {
	r, err := s.reader()
	if err != nil {
		return service.NewBatch{}, nil, err
	}
	isArray := false
	if c.media == jsonType {
		if isArray, err = startsArray(r); err != nil {
			return service.NewBatch{}, nil, err
		}
		if r, err = s.reader(); err != nil {
			return service.NewBatch{}, nil, err
		}
		if !isArray {
			return c.batchObject(s, r)
		}
	}
	in, err := c.batchQuery()
	if err != nil {
		return in, nil, err
	}
	switch {
	case isArray:
		if err := checkArray(r); err != nil {
			return in, nil, err
		}
		if r, err = s.reader(); err != nil {
			return in, nil, err
		}
		next, err := c.a.jsonRows(r)
		return in, next, err
	case c.media == ndjsonType:
		return in, c.a.ndjsonRows(r), nil
	}
	next, err := csvRows(r, c.fieldKinds(in.Type))
	return in, next, err
}

func startsArray(r io.Reader) (bool, error) {
	var b [1]byte
	for range maxRow {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return false, badBody("expected a JSON object or array")
		}
		switch b[0] {
		case ' ', '\t', '\r', '\n':
		case '[':
			return true, nil
		default:
			return false, nil
		}
	}
	return false, badBody("expected a JSON object or array")
}

func (c *call) batchObject(s *spool, r io.Reader) (service.NewBatch, rows, error) {
	if len(c.query) > 0 {
		return service.NewBatch{}, nil, badParameter("expected these members in the JSON object, not in the query")
	}
	in, err := c.a.batchHead(r)
	if err != nil {
		return in, nil, err
	}
	if r, err = s.reader(); err != nil {
		return in, nil, err
	}
	next, err := c.a.jsonRows(r)
	return in, next, err
}

func (c *call) batchQuery() (in service.NewBatch, err error) {
	in.Type, in.Name = c.query.Get("type"), c.query.Get("name")
	if in.Mode, err = c.oneOf("mode", "allOrNothing", "partial"); err != nil {
		return in, err
	}
	if in.DryRun, err = c.boolean("dryRun"); err != nil {
		return in, err
	}
	if in.Notify, err = c.boolean("notify"); err != nil {
		return in, err
	}
	if in.Publish, err = c.optional("publish"); err != nil {
		return in, err
	}
	if in.Anchor, err = c.optional("anchor"); err != nil {
		return in, err
	}
	if list := c.query.Get("outputs"); list != "" {
		in.Outputs = strings.Split(list, ",")
	}
	return in, nil
}

// fieldKinds are the types of a credential type's fields, for CSV, where all is text. What
// is wrong with the type is said when the batch is made.
func (c *call) fieldKinds(id string) map[string]string {
	kinds := map[string]string{}
	if c.a.Types == nil || id == "" {
		return kinds
	}
	t, err := c.a.Types.GetType(c.ctx, service.System(c.caller.Scope), id)
	if err != nil {
		return kinds
	}
	for _, f := range t.Fields {
		kinds[f.Key] = f.Type
	}
	return kinds
}
