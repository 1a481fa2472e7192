package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/chancery-dev/chancery/internal/service"
)

// SignatureValue is what a remote signing service has signed.
type SignatureValue struct {
	Value string `json:"value" doc:"base64 of the signature"`
}

// Invitation is what an invited signer is told.
type Invitation struct {
	Document  service.Document  `json:"document"`
	Signature service.Signature `json:"signature"`
	Issuer    string            `json:"issuer" doc:"who asks"`
}

func (a *api) addDocuments() {
	documents := operation{Path: "/v1/documents", Tag: "Documents", Scope: service.MayDocuments}
	one := documents
	one.Path += "/{id}"

	o := documents
	o.Method, o.ID, o.Summary, o.Creates, o.MaxBody = http.MethodPost, "addDocuments", "Upload files", true, a.MaxBody
	o.Description = "A part `file`, or several `files[]`, of 10 MB together. The same content is the existing document. `data` is a list in the order of the parts; 201 where one of them is new. Where one is refused, none is stored."
	o.Consumes = []string{multipartType}
	o.Bodies = []content{multipartBody("files[]", true)}
	docs := a.envelopeOf(&huma.Schema{Type: "array", Items: a.schemaOf(typeOf[service.Document]())}, a.schemaOf(typeOf[meta]()))
	list := content{Type: jsonType, Schema: docs, Example: envelope[[]service.Document]{Data: []service.Document{exampleDocument}}}
	o.Out = []reply{
		{Status: http.StatusCreated, Description: "stored", Content: []content{list}, Headers: map[string]*huma.Param{"Location": {Description: "of the first", Schema: &huma.Schema{Type: "string"}}}},
		{Status: http.StatusOK, Description: "all were there already", Content: []content{list}},
	}
	o.Run = a.addFiles
	a.add(o)

	o = one
	o.ID, o.Summary = "getDocument", "Read a document and its signatures"
	get(a, o, exampleDocument, func(c *call) (service.Document, error) { return a.Documents.GetDocument(c.ctx, c.caller, c.id("id")) })
	o = one
	o.ID, o.Summary = "deleteDocument", "Delete a document"
	o.Description = "With its signatures; links to invited signers are dead at once, and the file is removed ten minutes later, unless another document has the same content. 409 where a credential is bound to it: such a document goes when its recipient is erased."
	remove(a, o, func(c *call) error { return a.Documents.DeleteDocument(c.ctx, c.caller, c.id("id")) })
	o = one
	o.Path, o.ID, o.Summary = one.Path+"/file", "getDocumentFile", "Read the file as it is now"
	bytesOf(a, o, []string{"application/pdf", "application/octet-stream"}, func(c *call) (service.File, []string, error) {
		f, err := a.Documents.DocumentFile(c.ctx, c.caller, c.id("id"))
		return f, revalidate, err
	})
	o = one
	o.Path, o.ID, o.Summary = one.Path+"/signatures", "addSignature", "Ask for a signature"
	o.Description = "`institutional`: signed at once with the issuer's certificate. `thirdParty`: the signer is mailed a single-use link. `remote`: the answer holds what a remote signing service is to sign; end it with the signature."
	create(a, o, service.NewSignature{Kind: "thirdParty", Signer: &service.Signer{Name: "Aina Rahman", Email: "aina@example.com"}}, exampleSignature,
		func(c *call, in service.NewSignature) (service.Result[service.Signature], error) {
			return a.Documents.AddSignature(c.ctx, c.caller, c.id("id"), in, c.idempotency())
		}, func(c *call, s service.Signature) string { return a.location("/v1/documents", c.id("id")) })
	o = one
	o.Path, o.ID, o.Summary = one.Path+"/signatures/{signature}/complete", "completeSignature", "End a remote signature"
	change(a, http.MethodPost, o, SignatureValue{Value: "MEUCIQ=="}, exampleSignature, func(c *call, in SignatureValue) (service.Signature, error) {
		value, err := base64.StdEncoding.DecodeString(in.Value)
		if err != nil || len(value) == 0 {
			return service.Signature{}, wrong("value", "must be base64 of a signature")
		}
		return a.Documents.CompleteSignature(c.ctx, c.caller, c.id("id"), c.id("signature"), value)
	})
	o = one
	o.Path, o.ID, o.Summary = one.Path+"/signatures/{signature}", "withdrawSignature", "Withdraw an invitation or a preparation"
	o.Description = "The link is dead at once, and the next one who was asked is mailed. What was declined, expired or withdrawn before is left as it is; 409 where the signature was made."
	remove(a, o, func(c *call) error {
		return a.Documents.WithdrawSignature(c.ctx, c.caller, c.id("id"), c.id("signature"))
	})
}

func (a *api) addFiles(c *call) error {
	var err error
	if c.media, c.limit, err = c.mediaType(); err != nil {
		return err
	}
	files, err := c.files()
	if err != nil {
		return err
	}
	if len(files) > 1 { // one is checked as it is stored
		for i, f := range files {
			if err := a.Documents.CheckDocument(f); err != nil {
				return ofFile(err, i)
			}
		}
	}
	var out []service.Document
	status := http.StatusOK
	for i, f := range files {
		// The digest is of the file, not of the body: the boundary differs on every attempt.
		h := sha256.New()
		sized(h, len(f.Name))
		io.WriteString(h, f.Name)
		h.Write(f.Bytes)
		h.Sum(c.digest[:0])
		idem := c.idempotency()
		if i > 0 && idem.Key != "" { // each file is a creation of its own
			idem.Route += "#" + strconv.Itoa(i)
		}
		r, err := a.Documents.AddDocument(c.ctx, c.caller, f, idem)
		if err != nil {
			return err
		}
		if r.Created || r.Replayed {
			status = http.StatusCreated
		}
		c.replayed(r.Replayed)
		out = append(out, r.Value)
	}
	c.w.Header()["Location"] = []string{a.location("/v1/documents", out[0].ID)}
	return data(c, status, out)
}

// ofFile says which of several files is at fault.
func ofFile(err error, i int) error {
	place := fmt.Sprintf("files[%d]", i)
	var e *service.Error
	switch {
	case !errors.As(err, &e):
		return err
	case e.Code != service.CodeValidation:
		out := *e
		out.Detail = place + ": " + e.Detail
		return &out
	}
	var v service.Invalid
	for _, messages := range e.Fields {
		for _, m := range messages {
			v.Add(place, m)
		}
	}
	return v.Err()
}

// addInvitations registers what the holder of a single-use link can do.
func (a *api) addInvitations() {
	invited := operation{Path: "/v1/invitations/{token}", Tag: "Documents", Public: true, Secret: true}

	o := invited
	o.ID, o.Summary = "getInvitation", "What an invited signer is asked to sign"
	o.Description = "The single-use link that was mailed is all that is needed. One that was used, declined or has ended is 409."
	get(a, o, Invitation{Document: exampleDocument, Signature: exampleSignature, Issuer: "Academy"}, func(c *call) (Invitation, error) {
		v, err := a.Documents.Invitation(c.ctx, c.id("token"))
		return Invitation{Document: v.Document, Signature: v.Signature, Issuer: v.Issuer}, err
	})
	o = invited
	o.Path, o.ID, o.Summary = invited.Path+"/file", "getInvitationFile", "The file to sign"
	o.Description = "Its exact bytes, as often as is needed while the invitation is open."
	bytesOf(a, o, []string{"application/pdf", "application/octet-stream"}, func(c *call) (service.File, []string, error) {
		v, err := a.Documents.Invitation(c.ctx, c.id("token"))
		return v.File, noStore, err
	})
	o = invited
	o.Method, o.Path, o.ID, o.Summary, o.MaxBody = http.MethodPost, invited.Path+"/file", "signInvitation", "Hand in the signed file", a.MaxBody
	o.Description = "It is verified on arrival: the document unchanged, and one more valid signature."
	o.Consumes, o.Bodies = []string{multipartType}, []content{multipartBody("file", false)}
	o.Out = []reply{dataReply[service.Signature](a, http.StatusOK, "signed", exampleSignature)}
	o.Run = func(c *call) error {
		var err error
		if c.media, c.limit, err = c.mediaType(); err != nil {
			return err
		}
		files, err := c.files()
		if err != nil {
			return err
		}
		if len(files) != 1 {
			return wrong("file", "must be one file")
		}
		s, err := a.Documents.Sign(c.ctx, c.id("token"), files[0])
		if err != nil {
			return err
		}
		return data(c, http.StatusOK, s)
	}
	a.add(o)
	o = invited
	o.Method, o.Path, o.ID, o.Summary, o.In = http.MethodPost, invited.Path+"/decline", "declineInvitation", "Decline to sign", Reason{"Not mine"}
	o.Description = "Ends the invitation. The institution reads the reason."
	o.Out = []reply{{Status: http.StatusNoContent, Description: "declined"}}
	o.Run = func(c *call) error {
		in, err := decode[Reason](c)
		if err != nil {
			return err
		}
		if err := a.Documents.Decline(c.ctx, c.id("token"), in.Reason); err != nil {
			return err
		}
		c.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	a.add(o)
}
