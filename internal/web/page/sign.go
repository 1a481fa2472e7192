package page

import (
	"net/url"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/web/words"
)

// SignState says which page an invited signer sees.
type SignState string

// The pages of an invitation.
const (
	SignOpen     SignState = "open"
	SignDone     SignState = "done"
	SignDeclined SignState = "declined"
	SignOver     SignState = "over" // used, declined or expired before
)

// Notice is why an invitation's page is shown again.
type Notice struct {
	// Key is the key of a text, such as "sign.refused"; "" for none.
	Key string
	// Detail is the service's own word on it, in English.
	Detail string
}

// Sign renders the page of an invitation; of a state other than SignOpen nothing of the
// invited need be known.
func (r *Renderer) Sign(q Request, token string, state SignState, in service.Invited, n Notice) ([]byte, error) {
	l := q.Lang
	path := "/sign/" + url.PathEscape(token)
	f := r.frame(q, path, l.Text("sign.title"))
	// The address is a secret: it stands in no canonical link.
	f.Class, f.Canonical = "plain sign", ""
	content := struct {
		State                       SignState
		Message, Lead, Until        string
		Notice, Detail              string
		Name, Size, Digest          string
		File, Inline, Post, Decline string
		PDF                         bool
		MaxReason                   int
	}{State: state, MaxReason: 500}
	switch state {
	case SignDone:
		content.Message = l.Text("sign.done")
	case SignDeclined:
		content.Message = l.Text("sign.declined")
	case SignOver:
		content.Message = l.Text("sign.over")
	default:
		issuer, signer := words.Clean(in.Issuer, maxName), words.Clean(in.Signature.Signer, maxName)
		content.Lead = l.Text("sign.lead", "issuer", issuer, "signer", signer)
		content.Until = l.Text("sign.once")
		if in.Signature.Expires != nil {
			content.Until = l.Text("sign.until", "datetime", l.DateTime(*in.Signature.Expires))
		}
		if n.Key != "" {
			content.Notice, content.Detail = l.Text(n.Key), words.Clean(n.Detail, maxText)
		}
		content.Name = words.Clean(first(in.Document.Name, in.File.Name), maxName)
		content.Size, content.Digest = l.Size(in.Document.Size), words.Clean(in.Document.Digest.Value, 128)
		content.File, content.Post, content.Decline = r.link(path+"/file", ""), r.link(path, f.query), r.link(path+"/decline", f.query)
		content.Inline = r.link(path+"/file", "?inline=1")
		content.PDF = in.Document.MediaType == "application/pdf"
	}
	f.Content = content
	return r.render("sign.html", f)
}
