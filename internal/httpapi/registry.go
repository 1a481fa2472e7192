package httpapi

import (
	"io"
	"net/http"

	"github.com/chancery-dev/chancery/internal/service"
)

func (a *api) addPortfolios() {
	one := operation{Path: "/v1/portfolios/{slug}", Tag: "Portfolios", Scope: service.MayPortfolio}
	o := one
	o.ID, o.Summary = "getPortfolio", "Read a portfolio"
	get(a, o, examplePortfolio, func(c *call) (service.Portfolio, error) {
		return a.Portfolios.GetPortfolio(c.ctx, c.caller, c.id("slug"))
	})
	o = one
	o.ID, o.Summary = "putPortfolio", "Make or replace a portfolio"
	o.Description = "The order of `items` is that of the page `/p/{slug}`. What is shown is public as a whole and visible as an item."
	change(a, http.MethodPut, o, examplePortfolioInput, examplePortfolio, func(c *call, in service.PortfolioInput) (service.Portfolio, error) {
		return a.Portfolios.PutPortfolio(c.ctx, c.caller, c.id("slug"), in)
	})
}

func (a *api) addRegistry() {
	listing(a, operation{Path: "/v1/audit", ID: "listAudit", Tag: "Registry", Scope: service.MayAudit, Summary: "Read the audit log",
		Description: "Who did what, when, from where: chained by hashes, newest first."}, exampleAudit,
		func(c *call, p service.Page) (service.List[service.AuditLine], error) {
			return a.Registry.Audit(c.ctx, c.caller, p)
		})
	a.add(operation{Method: http.MethodGet, Path: "/v1/export", ID: "exportTenant", Tag: "Registry", Scope: service.MayExport, Streams: true, Summary: "Take everything along",
		Description: "A ZIP of the tenant and environment of the key: credentials, public keys, status lists, proofs, the audit log, and a trust file with which `chancery verify` judges them without us.",
		Out:         []reply{{Status: http.StatusOK, Description: "a ZIP", Content: []content{{Type: zipType}}}},
		Run: func(c *call) error {
			return c.download(zipType, "export.zip", func(w io.Writer) error { return a.Registry.Export(c.ctx, c.caller, w) })
		}})
	a.add(operation{Method: http.MethodDelete, Path: "/v1/subjects/{id}", ID: "eraseSubject", Tag: "Registry", Scope: service.MayErase, Summary: "Erase a person",
		Description: "Names, addresses, claims and files. Status entries, digests and proofs stay, so that copies held by others still verify: `kept` says what else may be left. Repeated when nothing is left, it answers with what was erased in all.",
		Out:         []reply{dataReply[service.Erasure](a, http.StatusOK, "erased", exampleErasure)},
		Run: func(c *call) error {
			e, err := a.Registry.Erase(c.ctx, c.caller, c.id("id"))
			if err != nil {
				return err
			}
			e.Kept = service.KeptAfterErasure()
			return data(c, http.StatusOK, e)
		}})
}
