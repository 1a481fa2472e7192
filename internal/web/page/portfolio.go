package page

import (
	"net/url"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/web/words"
)

// maxItems bounds the items of one portfolio's page.
const maxItems = 200

// Portfolio renders a person's own selection of credentials, each with its own verdict.
func (r *Renderer) Portfolio(q Request, v service.PublicPortfolioView) ([]byte, error) {
	title := words.Clean(v.Title, maxName)
	if title == "" {
		title = words.Clean(v.Slug, maxName)
	}
	f := r.frame(q, "/p/"+url.PathEscape(v.Slug), title)
	f.Class = "portfolio"
	f.Description = q.Lang.Text("portfolio.lead")
	type item struct {
		sheet
		By string
	}
	var content struct {
		Heading string
		Items   []item
	}
	content.Heading = title
	for _, c := range v.Items[:min(len(v.Items), maxItems)] {
		s := r.summary(q, c)
		s.Href = r.link("/c/"+url.PathEscape(c.PublicID), f.query)
		if s.Picture != "" && c.Picture != "" { // which browsers keep, and credentials of one type share
			s.Picture = r.link("/pictures/"+url.PathEscape(c.Picture), "")
		}
		by := s.Institution
		if by == "" {
			by = q.Lang.Text("someone")
		}
		line := by
		if !c.IssuedAt.IsZero() {
			line = q.Lang.Text("portfolio.by", "issuer", by, "date", q.Lang.Date(c.IssuedAt))
		}
		content.Items = append(content.Items, item{s, line})
	}
	f.Content = content
	return r.render("portfolio.html", f)
}
