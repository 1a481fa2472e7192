// Package portfolio keeps public selections of a recipient's credentials: it implements
// service.Portfolios.
//
//	portfolios, err := portfolio.New(portfolio.Config{Store: store, BaseURL: "https://chancery.example", Clock: time.Now})
//
// A portfolio is found by its slug, which is unique among all institutions, for it is part
// of a public address. It shows credentials of one recipient only, in the order given, and
// those that are visible, while it is public.
package portfolio

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/service"
)

// Config says what Portfolios works with.
type Config struct {
	// Store is required.
	Store service.Store
	// BaseURL is the public address of the installation, without a path. Required.
	BaseURL string
	// Clock tells the time. Required.
	Clock func() time.Time
}

// Portfolios implements service.Portfolios.
type Portfolios struct{ c Config }

var _ service.Portfolios = (*Portfolios)(nil)

const (
	maxItems = 200
	maxTitle = 200
	maxSlug  = 64
)

// New checks the configuration.
func New(c Config) (*Portfolios, error) {
	if c.Store == nil || c.Clock == nil {
		return nil, errors.New("portfolio: expected a store and a clock")
	}
	if u, err := url.Parse(c.BaseURL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("portfolio: expected an absolute base URL")
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	return &Portfolios{c: c}, nil
}

// GetPortfolio implements service.Portfolios.
func (p *Portfolios) GetPortfolio(ctx context.Context, c service.Caller, slug string) (out service.Portfolio, err error) {
	if err := c.Need(service.MayPortfolio); err != nil {
		return out, err
	}
	err = p.c.Store.View(ctx, func(tx service.Tx) error {
		r, stored, err := service.Get[service.StoredPortfolio](ctx, tx, c.Scope, service.KindPortfolio, slug)
		if errors.Is(err, service.ErrNotFound) {
			return service.NotFound("portfolio")
		}
		out = p.view(c.Environment, r, stored)
		return err
	})
	return out, err
}

// PutPortfolio implements service.Portfolios. A slug belongs to the recipient for whom it
// was taken first: it cannot be turned over to another one.
func (p *Portfolios) PutPortfolio(ctx context.Context, c service.Caller, slug string, in service.PortfolioInput) (out service.Portfolio, err error) {
	if err := c.Need(service.MayPortfolio); err != nil {
		return out, err
	}
	var v service.Invalid
	checkSlug(&v, slug)
	checkInput(&v, in)
	if err := v.Err(); err != nil {
		return out, err
	}
	for attempt := 0; ; attempt++ {
		err = p.c.Store.Update(ctx, func(tx service.Tx) (err error) {
			out, err = p.put(ctx, tx, c, slug, in)
			return err
		})
		// Another call put it in between: look again whose it is.
		if attempt < 5 && (errors.Is(err, service.ErrConflict) || errors.Is(err, service.ErrExists)) {
			continue
		}
		return out, err
	}
}

func (p *Portfolios) put(ctx context.Context, tx service.Tx, c service.Caller, slug string, in service.PortfolioInput) (out service.Portfolio, err error) {
	now := p.c.Clock().UTC().Truncate(time.Microsecond)
	r := service.Record{Kind: service.KindPortfolio, ID: slug, Lookup: slug, Created: now}
	owner, found, err := tx.Find(ctx, service.KindPortfolio, slug)
	switch {
	case errors.Is(err, service.ErrNotFound):
	case err != nil:
		return out, err
	case owner != c.Scope:
		return out, taken()
	default:
		var before service.StoredPortfolio
		if err := json.Unmarshal(found.Body, &before); err != nil {
			return out, err
		}
		if before.Subject != in.SubjectID {
			return out, taken()
		}
		r = found
	}
	if err := checkItems(ctx, tx, c.Scope, in); err != nil {
		return out, err
	}
	stored := service.StoredPortfolio{Title: in.Title, Subject: in.SubjectID, Public: in.Public, Items: in.Items}
	r.Updated = now
	if err := service.Put(ctx, tx, c.Scope, r, stored); err != nil {
		return out, err
	}
	// The log cannot be changed any more: it names the recipient by id, never by the slug,
	// which is made of his name as a rule, and has to be forgotten with him.
	if err := service.WriteAudit(ctx, tx, c, now, "portfolio.put", in.SubjectID, map[string]any{"items": len(in.Items), "public": in.Public}); err != nil {
		return out, err
	}
	return p.view(c.Environment, r, stored), nil
}

func taken() error {
	return &service.Error{Code: service.CodeDuplicate, Detail: "the slug is taken"}
}

// checkItems refuses whatever is not an issued credential of the recipient. Of one that
// is another's, or not there, the answer is the same.
func checkItems(ctx context.Context, tx service.Tx, s service.Scope, in service.PortfolioInput) error {
	var v service.Invalid
	_, err := tx.Get(ctx, s, service.KindSubject, in.SubjectID)
	if errors.Is(err, service.ErrNotFound) {
		v.Add("subjectId", "must be a recipient known here")
		return v.Err()
	}
	if err != nil {
		return err
	}
	for i, item := range in.Items {
		cred, err := tx.Credential(ctx, s, item.Credential)
		switch {
		case err != nil && !errors.Is(err, service.ErrNotFound):
			return err
		case err != nil || cred.SubjectID != in.SubjectID:
			v.Add(fmt.Sprintf("items[%d].credential", i), "must be a credential of this recipient")
		case cred.State == service.StateDraft:
			v.Add(fmt.Sprintf("items[%d].credential", i), "must be issued, and is a draft")
		}
	}
	return v.Err()
}

func checkSlug(v *service.Invalid, slug string) {
	fit := len(slug) >= 3 && len(slug) <= maxSlug && !strings.HasPrefix(slug, "-") && !strings.HasSuffix(slug, "-") && !strings.Contains(slug, "--") &&
		!strings.ContainsFunc(slug, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' })
	if !fit {
		v.Add("slug", "must be 3 to 64 of a-z, 0-9 and single hyphens between them")
	}
}

func checkInput(v *service.Invalid, in service.PortfolioInput) {
	switch {
	case !strings.ContainsFunc(in.Title, shown):
		v.Add("title", "is required")
	case !utf8.ValidString(in.Title) || utf8.RuneCountInString(in.Title) > maxTitle || strings.ContainsFunc(in.Title, hidden):
		v.Add("title", "must be at most 200 characters on one line")
	}
	if in.SubjectID == "" || len(in.SubjectID) > 128 {
		v.Add("subjectId", "is required")
	}
	if len(in.Items) > maxItems {
		v.Add("items", "must be at most 200")
		return
	}
	seen := map[string]bool{}
	for i, item := range in.Items {
		path := fmt.Sprintf("items[%d].credential", i)
		switch {
		case item.Credential == "":
			v.Add(path, "is required")
		case seen[item.Credential]:
			v.Add(path, "is there already")
		}
		seen[item.Credential] = true
	}
}

// hidden tells characters that are not seen, end lines, or make others be read in another
// order.
func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) && r != 0x200c && r != 0x200d
}

// shown tells characters that are seen by themselves.
func shown(r rune) bool { return unicode.IsGraphic(r) && !unicode.In(r, unicode.Z, unicode.M) }

func (p *Portfolios) view(e service.Environment, r service.Record, s service.StoredPortfolio) service.Portfolio {
	items := slices.Clone(s.Items)
	if items == nil {
		items = []service.PortfolioItem{}
	}
	return service.Portfolio{
		Slug: r.ID, Environment: e, URL: p.c.BaseURL + "/p/" + r.ID, UpdatedAt: r.Updated.UTC(),
		PortfolioInput: service.PortfolioInput{Title: s.Title, SubjectID: s.Subject, Public: s.Public, Items: items},
	}
}
