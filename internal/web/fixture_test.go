package web

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/verifier"
)

var now = time.Date(2026, 11, 22, 21, 3, 0, 0, time.UTC)

const digest = "b7a5c0f29e1d4c3b8a79685746352413fedcba98765432100123456789abcdef"

// fake answers what it is given; whatever is not overridden would panic if it were asked.
type fake struct {
	service.Public
	service.Verifying
	service.Documents
	views      map[string]service.PublicView
	portfolios map[string]service.PublicPortfolioView
	files      map[string]service.File // publicId/name
	verdict    service.Verdict
	err        error

	judged     service.Verdict // of what is sent to /verify
	sent       []service.Upload
	sources    []string
	invited    map[string]service.Invited
	signErr    error
	signed     []service.Upload
	declined   []string
	invitedErr error
}

func (f *fake) PublicCredential(_ context.Context, id string) (service.PublicView, error) {
	if f.err != nil {
		return service.PublicView{}, f.err
	}
	v, ok := f.views[id]
	if !ok {
		return v, service.NotFound("credential")
	}
	return v, nil
}

func (f *fake) VerifyID(_ context.Context, _, source string) (service.Verdict, error) {
	f.sources = append(f.sources, source)
	return f.verdict, f.err
}

func (f *fake) VerifyFiles(_ context.Context, files []service.Upload, source string) (service.Verdict, error) {
	f.sent, f.sources = files, append(f.sources, source)
	return f.judged, f.err
}

func (f *fake) PublicArtifact(_ context.Context, id, name string) (service.File, error) {
	v, ok := f.files[id+"/"+name]
	if !ok {
		return v, service.NotFound("artifact")
	}
	return v, f.err
}

func (f *fake) PublicPortfolio(_ context.Context, slug string) (service.PublicPortfolioView, error) {
	v, ok := f.portfolios[slug]
	if !ok {
		return v, service.NotFound("portfolio")
	}
	return v, f.err
}

func (f *fake) Invitation(_ context.Context, token string) (service.Invited, error) {
	v, ok := f.invited[token]
	if !ok {
		return v, service.NotFound("invitation")
	}
	return v, f.invitedErr
}

func (f *fake) Sign(_ context.Context, _ string, u service.Upload) (service.Signature, error) {
	f.signed = append(f.signed, u)
	return service.Signature{State: "signed"}, f.signErr
}

func (f *fake) Decline(_ context.Context, _, reason string) error {
	f.declined = append(f.declined, reason)
	return f.signErr
}

const base = "https://gruenau.example"

func handler(f *fake, baseURL string) http.Handler {
	h, err := New(Config{Public: f, Verifying: f, Documents: f, BaseURL: baseURL, Clock: func() time.Time { return now },
		Verify: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "verify page") })})
	if err != nil {
		panic(err)
	}
	return h
}

func passed(ids ...string) []verifier.Check {
	var out []verifier.Check
	for _, id := range ids {
		out = append(out, verifier.Check{ID: id, Result: verifier.Pass, Required: true})
	}
	return out
}

// exampleReport is what the verifier says of a good diploma.
func exampleReport() *verifier.Report {
	checks := passed(verifier.CheckDocument, verifier.CheckModel, verifier.CheckContext, verifier.CheckSignature, verifier.CheckIssuerBinding, verifier.CheckIssuerTrust, verifier.CheckValidity, verifier.CheckStatus)
	checks[3].Detail = "eddsa-rdfc-2022 by did:web:gruenau.example#k1"
	checks[3].Evidence = []verifier.Fact{{Name: "keyValidFrom", Value: "2026-01-01T00:00:00Z"}}
	checks[7].Detail = "list 7, read 12 s ago"
	checks[7].Evidence = []verifier.Fact{{Name: "listDigest", Value: "sha-256:" + digest}}
	checks = append(checks, verifier.Check{ID: verifier.CheckAnchor, Result: verifier.Pass, Detail: "eip155:1, block 25107311"})
	r := &verifier.Report{
		Profile: "chancery", MediaType: "application/vc", Digest: "sha-256:" + digest, Model: "VC 2.0", ID: "urn:uuid:0192f0c4-7b1e-7c3a-9d52-6f0e8a1b2c3d",
		Subject: verifier.Party{Name: "Zoë Ångström", Type: "Bachelor of Science"}, Issuer: verifier.Party{ID: "did:web:gruenau.example", Name: "Universität Grünau"},
		ValidFrom: time.Date(2026, 6, 30, 10, 0, 0, 0, time.UTC), Binding: verifier.BindingDID, Checks: checks,
		Proofs:      []verifier.ProofReport{{Suite: "eddsa-rdfc-2022", Method: "did:web:gruenau.example#k1", Result: verifier.Pass}},
		EvaluatedAt: now.Add(-2 * time.Second), TrustInputs: []string{"sha-256:" + digest},
	}
	r.Decide()
	return r
}

func exampleView(id string) service.PublicView {
	r := exampleReport()
	return service.PublicView{
		PublicID: id, Type: "Bachelor of Science", Kind: "diploma", Digest: digest, URL: base + "/c/" + id,
		Verdict:  service.Verdict{Report: r, Lifecycle: service.StateIssued, Subject: r.Subject, Issuer: service.Named{ID: "did:web:gruenau.example", Name: "Universität Grünau"}},
		Claims:   []service.PublicClaim{{Key: "thesis", Label: "Thesis", Value: "The lichens of the northern fells"}, {Key: "grade", Label: "Grade", Value: "1.3 (with distinction)"}, {Key: "ects", Label: "Credits", Value: "180 ECTS"}},
		IssuedAt: r.ValidFrom, IssuerURL: "https://gruenau.example/",
		Artifacts: map[string]service.Artifact{
			"vc": {MediaType: "application/vc", Size: 3120}, "vc.jwt": {MediaType: "application/vc+jwt", Size: 4210}, "pdf": {MediaType: "application/pdf", Size: 96_400},
			"png": {MediaType: "image/png", Size: 41_200}, "svg": {MediaType: "image/svg+xml", Size: 18_900}, "evidence": {MediaType: "application/cbor", Size: 12_750},
		},
		Image: "svg", Interaction: base + "/interactions/Zk3rW8pQ?iuv=1",
		Anchor: &service.AnchorState{State: "anchored", Chain: "eip155:1", Transaction: "0x" + digest, Block: 25107311},
	}
}

// badge is a plain picture to show.
const badge = `<svg xmlns="http://www.w3.org/2000/svg" width="400" height="400" viewBox="0 0 200 200"><circle cx="100" cy="100" r="96" fill="#14213D"/><circle cx="100" cy="100" r="86" fill="none" stroke="#C9C3B5" stroke-width="1.5"/><circle cx="100" cy="100" r="64" fill="none" stroke="#C9C3B5" stroke-dasharray="1 4" stroke-width="3"/><path d="M100 52v96M70 70q30 20 60 0M74 100q26 18 52 0M80 130q20 12 40 0" stroke="#FBFAF6" stroke-width="3" fill="none" stroke-linecap="round"/></svg>`

// examples has a view of every state, and of those that cut across them.
func examples() *fake {
	f := &fake{views: map[string]service.PublicView{}, portfolios: map[string]service.PublicPortfolioView{}, files: map[string]service.File{}, invited: map[string]service.Invited{}}
	decide := func(id string, change func(v *service.PublicView, r *verifier.Report)) {
		v := exampleView(id)
		change(&v, v.Verdict.Report)
		v.Verdict.Report.Decide()
		f.views[id] = v
		f.files[id+"/svg"] = service.File{Name: id + ".svg", MediaType: "image/svg+xml", Digest: digest, Bytes: []byte(badge)}
	}
	set := func(r *verifier.Report, id string, reason verifier.Reason) {
		for i := range r.Checks {
			if r.Checks[i].ID == id {
				c := r.Checks[i]
				r.Checks = append(r.Checks[:i:i], r.Checks[i+1:]...)
				c.Reason = reason
				r.Add(c)
				return
			}
		}
		r.Add(verifier.Check{ID: id, Required: true, Reason: reason})
	}
	decide("valid", func(v *service.PublicView, r *verifier.Report) {})
	plain := func(v *service.PublicView, r *verifier.Report) {
		v.Image = ""
		delete(v.Artifacts, "png")
		delete(v.Artifacts, "svg")
	}
	decide("diploma", plain)
	decide("Zk3rW8qYb1nT5uVxA9cDeF", plain) // in the pictures
	decide("invalid", func(v *service.PublicView, r *verifier.Report) {
		set(r, verifier.CheckSignature, verifier.SignatureInvalid)
	})
	decide("revoked", func(v *service.PublicView, r *verifier.Report) {
		set(r, verifier.CheckStatus, verifier.CredentialRevoked)
		v.Verdict.Lifecycle, v.RevokedAt = service.StateRevoked, time.Date(2026, 10, 4, 9, 0, 0, 0, time.UTC)
	})
	decide("suspended", func(v *service.PublicView, r *verifier.Report) {
		set(r, verifier.CheckStatus, verifier.CredentialSuspended)
		v.Verdict.Lifecycle = service.StateSuspended
	})
	decide("expired", func(v *service.PublicView, r *verifier.Report) {
		set(r, verifier.CheckValidity, verifier.PeriodOver)
		v.Verdict.Lifecycle, v.Until = service.StateExpired, time.Date(2026, 9, 30, 0, 0, 0, 0, time.UTC)
	})
	decide("superseded", func(v *service.PublicView, r *verifier.Report) {
		set(r, verifier.CheckStatus, verifier.CredentialRevoked)
		v.Verdict.Lifecycle, v.SupersededBy = service.StateSuperseded, "valid"
	})
	decide("notyet", func(v *service.PublicView, r *verifier.Report) {
		set(r, verifier.CheckValidity, verifier.NotYetValid)
		r.ValidFrom = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	})
	decide("undecided", func(v *service.PublicView, r *verifier.Report) {
		set(r, verifier.CheckStatus, verifier.StatusUnreachable)
	})
	decide("erased", func(v *service.PublicView, r *verifier.Report) {
		v.Verdict.Subject, v.Claims, v.Artifacts, v.Image = verifier.Party{}, nil, nil, ""
	})
	erased := f.views["erased"] // as the service answers: nothing is left to judge
	erased.Verdict.Report = verifier.NewNotFound(now)
	f.views["erased"] = erased
	decide("hidden", func(v *service.PublicView, r *verifier.Report) {
		v.Verdict.Hidden = true
	})
	decide("test", func(v *service.PublicView, r *verifier.Report) { v.Test = true })
	arabic := func(v *service.PublicView, r *verifier.Report) {
		v.Type, v.Verdict.Subject.Name, v.Verdict.Issuer.Name = "بكالوريوس العلوم", "ليلى الحسن", "جامعة غرونو"
		v.Claims = []service.PublicClaim{{Label: "الأطروحة", Value: "أشنات الجبال الشمالية"}, {Label: "الساعات", Value: "180 ECTS"}}
	}
	decide("arabic", arabic)
	decide("mN4vT7wQx2Rb8cYhK5dLpJ", func(v *service.PublicView, r *verifier.Report) {
		arabic(v, r)
		plain(v, r)
	})
	decide("long", func(v *service.PublicView, r *verifier.Report) {
		v.Verdict.Subject.Name = "Wolfeschlegelsteinhausenbergerdorff-Hubert Blaine von und zu Oberunterwald"
		v.Verdict.Issuer.Name = "Rheinisch-Westfälische Fachhochschule für angewandte Wissenschaften und Künste Grünau an der Unteren Lippe"
	})
	f.portfolios["zoe"] = service.PublicPortfolioView{Slug: "zoe", Title: "Zoë Ångström", URL: base + "/p/zoe", Items: []service.PublicView{f.views["valid"], f.views["revoked"], f.views["test"], f.views["diploma"]}}
	expires := now.Add(72 * time.Hour)
	f.invited["tok123"] = service.Invited{
		Document:  service.Document{Name: "Diploma of Zoë Ångström.pdf", MediaType: "application/pdf", Size: 96_400, Digest: service.DigestValue{Alg: "sha-256", Value: digest}},
		Signature: service.Signature{Kind: "thirdParty", State: "invited", Signer: "Prof. Dr. Ida Falk", Expires: &expires}, Issuer: "Universität Grünau",
		File: service.File{Name: "diploma.pdf", MediaType: "application/pdf", Digest: digest, Bytes: []byte("%PDF-1.7 example")},
	}
	return f
}

// large is a body of n bytes.
func large(n int) string { return strings.Repeat("x", n) }
