package document

import (
	"context"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/service"
)

// refuseCarried looks at a file that was just signed, and refuses to hand it out where the
// signature covers a credential: the page would pass for the credential's own, whatever it
// says and whoever made it. Pages with a credential inside are made by issuing.
func (d *Documents) refuseCarried(ctx context.Context, file []byte) error {
	res, err := d.validate(ctx, file, 0)
	if err != nil {
		return err
	}
	for _, a := range res.Attachments {
		if found, err := chancery.Detect(a.Bytes); err == nil && found.MediaType != chancery.MediaJSON {
			return &service.Error{Code: service.CodeState, Detail: "the document holds a credential: have its page made by issuing it (outputs: pdf), or sign the document without it and bind it (documentId)"}
		}
	}
	return nil
}
