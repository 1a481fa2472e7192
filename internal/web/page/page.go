// Package page renders the public pages: what a credential, a portfolio or an
// invitation to sign looks like to whoever opens its address.
//
// Make a Renderer with New and hand it what package service answers; it returns whole
// HTML documents, and Assets the files that they link to. It decides nothing: a page
// says what the verifier's report says. Sentence and Checks put a verdict into plain
// text for mails.
//
// Everything from outside is escaped by html/template, shortened, and stripped of
// characters that turn the direction of writing. Pages need no script, load nothing
// from elsewhere and set no cookies.
package page

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/web/words"
)

//go:embed templates/*.html
var templateFiles embed.FS

// Renderer renders pages. It is safe for concurrent use.
type Renderer struct {
	base      *url.URL
	templates *template.Template
	assets    Assets
}

// New makes a Renderer for pages under a base URL, http or https, such as
// "https://chancery.example".
func New(baseURL string) (*Renderer, error) {
	base, err := url.Parse(strings.TrimRight(baseURL, "/"))
	if err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.New("page: the base URL must be http or https with a host, without query or fragment")
	}
	assets, err := newAssets(base.Path)
	if err != nil {
		return nil, err
	}
	t, err := template.New("").Funcs(template.FuncMap{"icon": icon}).ParseFS(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("page: templates: %w", err)
	}
	return &Renderer{base: base, templates: t, assets: assets}, nil
}

// Assets are the files that pages link to.
func (r *Renderer) Assets() Assets { return r.assets }

// Request says how a page is to be rendered.
type Request struct {
	Lang words.Language
	// Chosen: the reader has picked the language, so links keep it.
	Chosen bool
	// Now is the time at which the page is made.
	Now time.Time
}

// frame is what every page has around its content.
type frame struct {
	Lang        words.Language
	Title       string
	Description string // for previews; "" for none
	Canonical   string // absolute
	Picture     string // absolute, for previews; "" for none
	Index       bool   // search engines may list it
	Class       string // of the body
	Assets      Assets
	Home        string
	Verify      string
	Host        string
	query       string // kept in links: "?lang=de" or ""
	Languages   []langLink
	Content     any
}

type langLink struct {
	Code, Name, Href string
	Current          bool
}

// T is a text in the page's language.
func (f frame) T(key string, pairs ...string) string { return f.Lang.Text(key, pairs...) }

// frame makes the frame of a page under a path of the site, which begins with a slash.
func (r *Renderer) frame(q Request, path, title string) frame {
	f := frame{
		Lang: q.Lang, Title: title, Assets: r.assets, Host: r.base.Host, Canonical: r.base.String() + path,
	}
	if q.Chosen {
		f.query = "?lang=" + q.Lang.Code()
	}
	f.Home = r.link("/", f.query)
	f.Verify = r.link("/verify", f.query)
	for _, code := range words.Codes() {
		l, _ := words.For(code)
		f.Languages = append(f.Languages, langLink{code, l.Text("lang.name"), r.link(path, "?lang="+code), code == q.Lang.Code()})
	}
	return f
}

// link is a path of the site as pages link to it.
func (r *Renderer) link(path, query string) string { return r.base.Path + path + query }

func (r *Renderer) render(name string, f frame) ([]byte, error) {
	var b bytes.Buffer
	if err := r.templates.ExecuteTemplate(&b, name, f); err != nil {
		return nil, fmt.Errorf("page: %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// Front renders the first page.
func (r *Renderer) Front(q Request) ([]byte, error) {
	f := r.frame(q, "/", q.Lang.Text("front.title"))
	f.Index, f.Class = true, "plain"
	f.Description = q.Lang.Text("front.lead")
	f.Content = struct{ Find, Reference, API string }{r.link("/c", ""), r.link("/docs", ""), r.link("/openapi.json", "")}
	return r.render("front.html", f)
}

// Failure renders the page of an HTTP status: 403, 404, 405 or 503, any other as 500.
func (r *Renderer) Failure(q Request, path string, status int) ([]byte, error) {
	switch status {
	case 403, 404, 405, 429, 503:
	default:
		status = 500
	}
	key := "error." + strconv.Itoa(status)
	f := r.frame(q, "/", q.Lang.Text(key))
	for i := range f.Languages {
		f.Languages[i].Href = r.link(path, "?lang="+f.Languages[i].Code)
	}
	f.Class = "plain"
	f.Content = struct{ Heading, Text string }{q.Lang.Text(key), q.Lang.Text(key + "text")}
	return r.render("failure.html", f)
}

// webURL returns a URL that a page may link to: http or https with a host and without a
// password, "" for any other.
func webURL(s string) string {
	if len(s) > 2000 {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return u.String()
}
