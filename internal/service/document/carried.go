package document

import (
	"context"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/verifier"
	vpades "github.com/chancery-dev/chancery/verifier/pades"
)

// refuseSealed looks at a file that was just signed, before it is kept. It is not handed
// out where it holds a credential: the page would pass for the credential's own, whatever
// it says and whoever made it. Pages with a credential inside are made by issuing. Nor
// where everybody would find it broken: it was before, or takes no signature.
func (d *Documents) refuseSealed(ctx context.Context, base, file []byte) error {
	res, err := d.validate(ctx, file, int64(len(base)))
	if err != nil {
		return err
	}
	for _, a := range res.Attachments {
		if found, err := chancery.Detect(a.Bytes); err == nil && found.MediaType != chancery.MediaJSON {
			return &service.Error{Code: service.CodeState, Detail: "the document holds a credential: have its page made by issuing it (outputs: pdf), or sign the document without it and bind it (documentId)"}
		}
	}
	return whole(res)
}

// whole refuses a document that nobody's signature makes valid any more.
func whole(res *vpades.Result) error {
	for _, c := range res.Checks {
		if c.Required && c.Result != verifier.Pass {
			return broken(c.Reason)
		}
	}
	for _, s := range res.Signatures {
		if s.Indication == vpades.TotalFailed {
			return broken(s.Reason)
		}
	}
	return nil
}

func broken(r verifier.Reason) error {
	return &service.Error{Code: service.CodeState, Detail: "the document would not be valid when it is signed: " + r.Text()}
}
