// Package web serves the public pages: the front page, the page of each credential with
// its frame for other sites, portfolios, the pages of people who were invited to sign, and
// the verdict on files for those whose browser runs no script. It asks package service and
// renders with package page; it decides nothing.
//
// New makes the handler. Mount it at "/" behind the API's own patterns: it answers every
// other path, with a page that says so where there is nothing. Pages work without
// script, set no cookies and load nothing from elsewhere. Where the base URL has a path,
// mount the handler behind http.StripPrefix.
package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/web/page"
	"github.com/chancery-dev/chancery/internal/web/words"
)

// Config says what the pages show.
type Config struct {
	// Public is what is shown. Required.
	Public service.Public
	// Verifying judges a credential whose view brings no report of its own. Required.
	Verifying service.Verifying
	// Documents are what invited signers see. Nil: there are no invitations, /sign is 404.
	Documents service.Documents
	// BaseURL is the address of the site, such as "https://chancery.example". Every
	// absolute URL is made from it, never from the Host header. Required.
	BaseURL string
	// Verify serves /verify and what is below it. It sets its own headers; what its form
	// posts to /verify is answered here. Nil: 404.
	Verify http.Handler
	// MaxBody is how much may be sent to /verify to be judged, in bytes. 0: 10 MB.
	MaxBody int64
	// Count has a request count as n more of its address, where it took as much to answer.
	// Nil: every request is one.
	Count func(ctx context.Context, n int)
	// Logger is told of faults of our own. Nil: nobody is.
	Logger *slog.Logger
	// Clock tells the time. Required.
	Clock func() time.Time
}

type site struct {
	public    service.Public
	verifying service.Verifying
	documents service.Documents
	count     func(context.Context, int)
	maxBody   int64
	pages     *page.Renderer
	origin    string
	root      string // path of BaseURL, before every path of the site
	logger    *slog.Logger
	clock     func() time.Time
}

// New returns the handler of the public pages. It may be used by many requests at once.
func New(c Config) (http.Handler, error) {
	if c.Public == nil || c.Verifying == nil || c.Clock == nil {
		return nil, errors.New("web: Public, Verifying and Clock are required")
	}
	pages, err := page.New(c.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	base, err := url.Parse(strings.TrimRight(c.BaseURL, "/"))
	if err != nil {
		return nil, errors.New("web: the base URL cannot be read")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	s := &site{public: c.Public, verifying: c.Verifying, documents: c.Documents, count: c.Count, maxBody: orBody(c.MaxBody), pages: pages, origin: base.Scheme + "://" + base.Host, root: base.Path, logger: c.Logger, clock: c.Clock}

	read := http.NewServeMux()
	read.HandleFunc("/{$}", s.front)
	read.HandleFunc("/c", s.find)
	read.HandleFunc("/c/{publicId}", s.credential)
	read.HandleFunc("/c/{publicId}/embed", s.embed)
	read.HandleFunc("/c/{publicId}/{name}", s.file)
	read.HandleFunc("/p/{slug}", s.portfolio)
	read.HandleFunc("/pictures/{name}", s.picture)
	read.HandleFunc("/assets/{name}", s.asset)
	read.HandleFunc("/", s.missing)

	mux := http.NewServeMux()
	mux.Handle("/", s.readOnly(read))
	if c.Verify != nil {
		mux.Handle("/verify", c.Verify)
		mux.Handle("/verify/", c.Verify)
		mux.HandleFunc("POST /verify", s.judge)
	}
	if c.Documents != nil {
		signing, err := s.signing()
		if err != nil {
			return nil, err
		}
		mux.Handle("/sign/", signing)
	}
	return reader{mux, s}, nil
}

// reader is what New returns.
type reader struct {
	http.Handler
	s *site
}

// Refuse says to a reader that there is no page for him: with 429, that too much is asked for.
func (h reader) Refuse(w http.ResponseWriter, r *http.Request, status int) { h.s.failure(w, r, status) }

// readOnly lets GET and HEAD pass.
func (s *site) readOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			s.failure(w, r, http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// request reads the language from ?lang=, else from Accept-Language.
func (s *site) request(r *http.Request) page.Request {
	q := page.Request{Now: s.clock()}
	if l, ok := words.For(r.URL.Query().Get("lang")); ok {
		q.Lang, q.Chosen = l, true
	} else {
		q.Lang = words.Match(r.Header.Get("Accept-Language"))
	}
	return q
}

func (s *site) front(w http.ResponseWriter, r *http.Request) {
	b, err := s.pages.Front(s.request(r))
	s.answer(w, r, http.StatusOK, b, err)
}

// find leads from a typed number, which may be in groups, to its page.
func (s *site) find(w http.ResponseWriter, r *http.Request) {
	id := strings.Join(strings.Fields(r.URL.Query().Get("id")), "")
	if !validID(id) {
		s.failure(w, r, http.StatusNotFound)
		return
	}
	setHeaders(w, pagePolicy)
	http.Redirect(w, r, s.root+"/c/"+url.PathEscape(id), http.StatusSeeOther)
}

func (s *site) credential(w http.ResponseWriter, r *http.Request) {
	q := s.request(r)
	view, ok := s.view(w, r, q)
	if !ok {
		return
	}
	b, err := s.pages.Credential(q, view)
	s.answer(w, r, http.StatusOK, b, err)
}

func (s *site) embed(w http.ResponseWriter, r *http.Request) {
	q := s.request(r)
	view, ok := s.view(w, r, q)
	if !ok {
		return
	}
	b, err := s.pages.Embed(q, view)
	s.answerWith(w, r, http.StatusOK, embedPolicy, b, err)
}

// view reads a credential, with its verdict. Where it cannot, it has answered.
func (s *site) view(w http.ResponseWriter, r *http.Request, q page.Request) (service.PublicView, bool) {
	id := r.PathValue("publicId")
	if !validID(id) {
		s.failure(w, r, http.StatusNotFound)
		return service.PublicView{}, false
	}
	view, err := s.public.PublicCredential(r.Context(), id)
	if err == nil && view.Verdict.Report == nil {
		view.Verdict, err = s.verifying.VerifyID(r.Context(), id, sourceWeb)
	}
	switch {
	case service.IsNotFound(err):
		b, err := s.pages.UnknownCredential(q, id)
		s.answer(w, r, http.StatusNotFound, b, err)
		return view, false
	case err != nil:
		s.fault(w, r, err)
		return view, false
	}
	view.PublicID = id
	return view, true
}

// file hands out a public file of a credential, the exact bytes.
func (s *site) file(w http.ResponseWriter, r *http.Request) {
	id, name := r.PathValue("publicId"), r.PathValue("name")
	if !validID(id) || !knownFile(name) {
		s.failure(w, r, http.StatusNotFound)
		return
	}
	var f service.File
	var err error
	q := r.URL.Query()
	if l, ok := s.public.(linked); ok && q.Has("signature") {
		f, err = l.LinkedArtifact(r.Context(), id, name, q.Get("expires"), q.Get("signature"))
	} else {
		f, err = s.public.PublicArtifact(r.Context(), id, name)
	}
	if err != nil {
		s.fault(w, r, err)
		return
	}
	// Pictures are shown within the page; opened by themselves they can run nothing.
	disposition := "attachment"
	if name == "png" || name == "svg" {
		disposition = "inline"
	}
	w.Header().Set("Access-Control-Allow-Origin", "*") // for verifiers on other sites
	serveFile(w, r, f, filePolicy, disposition)
}

// picture hands out a badge's picture, which credentials name by this address and its digest.
func (s *site) picture(w http.ResponseWriter, r *http.Request) {
	p, ok := s.public.(pictured)
	if !ok {
		s.failure(w, r, http.StatusNotFound)
		return
	}
	f, err := p.Picture(r.Context(), r.PathValue("name"))
	if err != nil {
		s.fault(w, r, err)
		return
	}
	w.Header().Set("Access-Control-Allow-Origin", "*")
	serveFile(w, r, f, filePolicy, "inline")
}

// pictured is what a Public may have besides: pictures of badges, by digest and extension.
type pictured interface {
	Picture(ctx context.Context, name string) (service.File, error)
}

// linked is what a Public may have besides: files that are not public, by a signed link.
type linked interface {
	LinkedArtifact(ctx context.Context, publicID, name, expires, signature string) (service.File, error)
}

func knownFile(name string) bool {
	for _, f := range page.Files() {
		if f == name {
			return true
		}
	}
	return false
}

// itemsOfRequest is how many credentials of a portfolio, each of which is verified for it,
// count as a request more.
const itemsOfRequest = 10

func (s *site) portfolio(w http.ResponseWriter, r *http.Request) {
	slug := r.PathValue("slug")
	if !validID(slug) {
		s.failure(w, r, http.StatusNotFound)
		return
	}
	view, err := s.public.PublicPortfolio(r.Context(), slug)
	if err != nil {
		s.fault(w, r, err)
		return
	}
	view.Slug = slug
	if s.count != nil {
		s.count(r.Context(), len(view.Items)/itemsOfRequest)
	}
	b, err := s.pages.Portfolio(s.request(r), view)
	s.answer(w, r, http.StatusOK, b, err)
}

func (s *site) asset(w http.ResponseWriter, r *http.Request) {
	a, ok := s.pages.Assets().Get(r.PathValue("name"))
	if !ok {
		s.failure(w, r, http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.MediaType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("ETag", a.ETag)
	b := a.Bytes
	if a.Gzip != nil {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Get("Accept-Encoding")) {
			h.Set("Content-Encoding", "gzip")
			h.Set("ETag", strings.TrimSuffix(a.ETag, `"`)+`-gz"`)
			b = a.Gzip
		}
	}
	if matches(r.Header.Get("If-None-Match"), h.Get("ETag")) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = w.Write(b)
}

func (s *site) missing(w http.ResponseWriter, r *http.Request) {
	s.failure(w, r, http.StatusNotFound)
}

// validID reports whether a path element can be a public id or a slug: 1 to 128 of
// letters, digits, dot, low line and hyphen.
func validID(id string) bool {
	if id == "" || len(id) > 128 || id == "." || id == ".." {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}
