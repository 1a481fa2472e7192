// Package verify is the page on which anyone checks a document: the verifier, compiled
// to WebAssembly, decides in the browser, and the file never leaves it.
//
//	page, err := verify.New(verify.Config{Trust: func() []byte { return trust }, Upload: "/v1/verify"})
//	mux.Handle("GET /verify", page)
//	mux.Handle("GET /verify/", page)
//
// File makes the same page as one HTML file that works from a disk.
//
// The page decides nothing itself: it shows the verifier's report. Where a browser has no
// WebAssembly it says so and asks before anything is sent.
//
// The program is embedded as "go run ./internal/web/verify/gen" writes it. That takes a
// minute, so that it is done by hand; TestProgramIsCurrent tells when it is due.
package verify

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/andybalholm/brotli"

	"github.com/chancery-dev/chancery/internal/web/words"
)

// Config says what the page knows of the site it stands on.
type Config struct {
	// Trust returns the trust file (docs/formats/trust.md) that visitors judge by unless
	// they choose their own. Nil, or empty bytes: the page has none, and no issuer counts
	// as known. It is called for each request, and must be safe for concurrent use.
	Trust func() []byte

	// Base is the public path below which the page stands, without a slash at its end.
	// "": the page is at /verify.
	Base string

	// Upload is where files are sent when a visitor without WebAssembly agrees to it: a
	// path of this host that takes multipart forms with the part "file" and answers with
	// a report. Visitors without script get a form instead, which is posted to the page's
	// own address: package web answers it with a page. "": such visitors are told to use
	// another browser.
	Upload string

	// Home is where the site's name leads. "": nowhere.
	Home string
}

// policy is the page's Content-Security-Policy. 'wasm-unsafe-eval' lets WebAssembly be
// compiled, and nothing else be evaluated.
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// asset is a file that the page fetches, under a name that changes with its content.
type asset struct {
	name, mediaType string
	plain           func() []byte
	br, gzip        func() []byte // made when they are first asked for
	tag             string
}

type handler struct {
	config Config
	assets map[string]*asset
	pages  map[string][]byte // by language
}

// New returns the handler of the page and its files. It answers GET and HEAD below
// Config.Base; everything else is not found.
func New(c Config) (http.Handler, error) {
	c.Base = strings.TrimSuffix(c.Base, "/")
	h := &handler{config: c, assets: map[string]*asset{}, pages: map[string][]byte{}}
	add := func(a *asset) string {
		h.assets[a.name] = a
		return c.Base + "/verify/" + a.name
	}
	s := scripts()
	links := links{Style: add(s.style), Script: add(s.page), Worker: add(s.worker), WASM: add(wasmAsset())}
	if c.Trust != nil {
		links.Trust = c.Base + "/verify/trust.json"
	}
	for _, code := range words.Codes() {
		b, err := pageFor(code, c, links)
		if err != nil {
			return nil, err
		}
		h.pages[code] = b
	}
	return h, nil
}

// scripts are the files beside the program, the same for every handler: they are packed once.
var scripts = sync.OnceValue(func() (s struct{ style, page, worker *asset }) {
	s.style = newAsset("page", "css", "text/css; charset=utf-8", styleCSS)
	s.page = newAsset("page", "js", "text/javascript; charset=utf-8", appJS)
	s.worker = newAsset("worker", "js", "text/javascript; charset=utf-8", workerScript())
	return s
})

func newAsset(kind, ext, mediaType string, content []byte) *asset {
	sum := sha256.Sum256(content)
	tag := hex.EncodeToString(sum[:])[:20]
	return &asset{
		name: kind + "." + tag + "." + ext, mediaType: mediaType, tag: tag,
		plain: func() []byte { return content },
		br: sync.OnceValue(func() []byte {
			var b bytes.Buffer
			w := brotli.NewWriterOptions(&b, brotli.WriterOptions{Quality: 11})
			w.Write(content) // to memory: no error
			w.Close()
			return b.Bytes()
		}),
		gzip: sync.OnceValue(func() []byte { return gzipped(content) }),
	}
}

// program is the verifier, unpacked, and in the coding of those who do not know Brotli.
var program, programGzip = func() (plain, packed func() []byte) {
	plain = sync.OnceValue(func() []byte {
		b, err := io.ReadAll(io.LimitReader(brotli.NewReader(bytes.NewReader(programBrotli)), 64<<20))
		if err != nil {
			panic(fmt.Sprintf("verify: embedded file: %v", err)) // part of the build: see TestProgram
		}
		return b
	})
	return plain, sync.OnceValue(func() []byte { return gzipped(plain()) })
}()

// Program returns the verifier as it is compiled, about 17 MB of WebAssembly, which the
// caller must not change.
func Program() []byte { return program() }

func wasmAsset() *asset {
	tag := Build().SHA256[:20]
	return &asset{name: "verifier." + tag + ".wasm", mediaType: "application/wasm", tag: tag, br: func() []byte { return programBrotli }, plain: program, gzip: programGzip}
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil // the level is a constant
	}
	w.Write(b) // to memory: no error
	w.Close()
	return out.Bytes()
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", h.allowed(r))
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	rest, ok := strings.CutPrefix(path.Clean(r.URL.Path), h.config.Base+"/verify")
	switch name := strings.TrimPrefix(rest, "/"); {
	case !ok:
		http.NotFound(w, r)
	case name == "":
		h.page(w, r)
	case name == "trust.json" && h.config.Trust != nil:
		h.trust(w, r)
	case h.assets[name] != nil:
		h.asset(w, r, h.assets[name])
	default:
		http.NotFound(w, r)
	}
}

// allowed are the methods of an address; forms are answered by who mounts the page.
func (h *handler) allowed(r *http.Request) string {
	if h.config.Upload != "" && r.URL.Path == h.config.Base+"/verify" {
		return "GET, HEAD, POST"
	}
	return "GET, HEAD"
}

func (h *handler) page(w http.ResponseWriter, r *http.Request) {
	language, ok := words.For(r.URL.Query().Get("lang"))
	if !ok {
		language = words.Match(r.Header.Get("Accept-Language"))
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Language", language.Code())
	header.Set("Content-Security-Policy", policy)
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Permissions-Policy", "camera=(self), microphone=(), geolocation=()")
	header.Set("Cache-Control", "no-cache")
	header.Set("Vary", "Accept-Language, Accept-Encoding")
	body := h.pages[language.Code()]
	send(w, r, body, tagOf(body), true)
}

// trust hands out the trust file as it is now.
func (h *handler) trust(w http.ResponseWriter, r *http.Request) {
	body := h.config.Trust()
	if len(body) == 0 {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Vary", "Accept-Encoding")
	send(w, r, body, tagOf(body), true)
}

func tagOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])[:20]
}

// send answers with a body, compressed where that is wanted.
func send(w http.ResponseWriter, r *http.Request, body []byte, tag string, compress bool) {
	if compress && accepts(r, "gzip") {
		body, tag = gzipped(body), tag+"-gzip"
		w.Header().Set("Content-Encoding", "gzip")
	}
	w.Header().Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

func (h *handler) asset(w http.ResponseWriter, r *http.Request, a *asset) {
	header := w.Header()
	header.Set("Content-Type", a.mediaType)
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	header.Set("Vary", "Accept-Encoding")
	if strings.HasPrefix(a.name, "worker.") {
		header.Set("Content-Security-Policy", policy) // a worker has its own
	}
	body, coding := []byte(nil), ""
	switch {
	case accepts(r, "br"):
		body, coding = a.br(), "br"
	case accepts(r, "gzip"):
		body, coding = a.gzip(), "gzip"
	default:
		body = a.plain()
	}
	tag := a.tag
	if coding != "" {
		header.Set("Content-Encoding", coding)
		tag += "-" + coding
	}
	send(w, r, body, tag, false)
}

// accepts reports whether a client takes a content coding (RFC 9110, 12.5.3).
func accepts(r *http.Request, coding string) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, params, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		q, given := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
		if !given {
			return true
		}
		value, err := strconv.ParseFloat(q, 64)
		return err == nil && value > 0
	}
	return false
}
