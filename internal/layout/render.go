package layout

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"mime"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Config says where a Renderer finds fonts.
type Config struct {
	// FontDirs are searched, subfolders included, for fonts of the scripts that are not
	// embedded. Empty means embedded fonts only: Latin, Greek and Cyrillic.
	FontDirs []string
}

// Renderer makes pages. It keeps parsed fonts and is safe for concurrent use.
type Renderer struct {
	chains map[string][]*face
	pool   sync.Pool // of *shaper
}

// New reads the embedded fonts and looks through the font directories. Fonts found there
// are read when a text first needs them.
func New(c Config) (*Renderer, error) {
	chains, err := loadBuiltin()
	if err != nil {
		return nil, err
	}
	var ix *fontIndex
	if len(c.FontDirs) > 0 {
		if ix, err = indexFonts(c.FontDirs); err != nil {
			return nil, err
		}
	}
	r := &Renderer{chains: chains}
	r.pool.New = func() any { return newShaper(ix) }
	return r, nil
}

// Fields are what is written into a template. Values are plain text; a line feed breaks
// the line.
type Fields struct {
	// Text holds the values by name; "" counts as absent.
	Text map[string]string
	// Langs holds BCP 47 tags of values that are not in the language of the page.
	Langs map[string]string
	// Facts are listed by elements of kind facts, in order.
	Facts []Fact
	// Images are drawn by elements of kind image, by name.
	Images map[string]Image
}

// Fact is one line of the list of facts.
type Fact struct {
	Label, Value string
	// Lead keeps it on the first page, where that has a box for facts, when the others go
	// over further pages.
	Lead bool
}

// Image is a picture handed in with the fields.
type Image struct {
	Data []byte // PNG, JPEG or SVG (docs/formats/template.md says which SVG)
	// Alt describes it to those who do not see it; "" means as the template says.
	Alt string
}

// Options are what a page needs beside its fields.
type Options struct {
	// Credential is embedded as an associated file, byte for byte; nil embeds nothing.
	Credential []byte
	// CredentialMediaType is its media type; required with Credential.
	CredentialMediaType string
	// CredentialName is the name of the embedded file; "" means credential.json, .jwt,
	// .png … after the media type.
	CredentialName string
	// VerifyURL is where the document can be checked, http or https; the QR code leads
	// there. Required by templates with a QR code.
	VerifyURL string
	// ShortURL is VerifyURL as people type it; "" means VerifyURL without its scheme.
	ShortURL string
	// ID is the public identifier, printed in groups of four.
	ID string
	// Lang is the BCP 47 tag of the page's language; "" means the template's.
	Lang string
	// Title of the document, shown by readers; "" means the template's name.
	Title string
	// Author is the institution, for the metadata; "" leaves it out.
	Author string
	// Created is written into the metadata; required, and all that the output knows of time.
	Created time.Time
	// TestWatermark writes TEST across the page and fills the field "test".
	TestWatermark bool
	// SignatureField names a box of kind signature that becomes an empty signature field;
	// "" makes none.
	SignatureField string

	words struct{ sign, attached string } // in the language of the page
}

// Render makes a PDF/A-3b file, which is PDF/UA-1 too where nothing in the template keeps it
// from being that: of one page, and as many more, up to 50 altogether, as the facts take
// where the template lets them go on. Equal inputs give equal bytes. Errors are *FieldError,
// *OptionError, *FitError, *MissingFontError, or the context's.
func (r *Renderer) Render(ctx context.Context, t *Template, f Fields, o Options) ([]byte, error) {
	s := r.pool.Get().(*shaper)
	defer r.pool.Put(s)
	d, o, err := r.compose(ctx, s, t, f, o)
	if err != nil {
		return nil, err
	}
	return newPDFWriter(s).document(d, o)
}

// Check sets the texts of a page and draws nothing: its error is that of Render.
func (r *Renderer) Check(ctx context.Context, t *Template, f Fields, o Options) error {
	s := r.pool.Get().(*shaper)
	defer r.pool.Put(s)
	_, _, err := r.composeAs(ctx, s, t, f, o, true)
	return err
}

// PreviewOptions say how large a preview is.
type PreviewOptions struct {
	// DPI is the resolution in dots per inch; 0 means 96.
	DPI float64
	// Page is which one is drawn, from 1; 0 means the first.
	Page int
}

// Preview draws a page of the same document as a PNG image. A background that is a PDF page is replaced
// by the template's preview image, or left out.
func (r *Renderer) Preview(ctx context.Context, t *Template, f Fields, o Options, p PreviewOptions) ([]byte, error) {
	s := r.pool.Get().(*shaper)
	defer r.pool.Put(s)
	d, _, err := r.compose(ctx, s, t, f, o)
	if err != nil {
		return nil, err
	}
	if p.DPI == 0 {
		p.DPI = 96
	}
	if !(p.DPI >= 10 && d.width*d.height/72/72*p.DPI*p.DPI <= maxPreviewPixels) {
		return nil, &OptionError{"DPI", fmt.Sprintf("expected 10 or more and at most %d pixels, found another resolution", maxPreviewPixels)}
	}
	if p.Page < 0 || p.Page > len(d.pages) {
		return nil, &OptionError{"Page", fmt.Sprintf("expected a page from 1 to %d, found another", len(d.pages))}
	}
	img, err := rasterize(ctx, s, d, max(p.Page, 1)-1, p.DPI)
	if err != nil {
		return nil, err
	}
	return encodePNG(img)
}

func encodePNG(img image.Image) ([]byte, error) {
	var out bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.DefaultCompression}
	if err := enc.Encode(&out, img); err != nil {
		return nil, fmt.Errorf("layout: %w", err)
	}
	return out.Bytes(), nil
}

func (r *Renderer) compose(ctx context.Context, s *shaper, t *Template, f Fields, o Options) (*drawing, Options, error) {
	return r.composeAs(ctx, s, t, f, o, false)
}

func (r *Renderer) composeAs(ctx context.Context, s *shaper, t *Template, f Fields, o Options, dry bool) (*drawing, Options, error) {
	if err := ctx.Err(); err != nil {
		return nil, o, err
	}
	if err := o.complete(t); err != nil {
		return nil, o, err
	}
	c := &composer{t: t, f: f, o: o, s: s, chains: r.chains, given: o.given(), pictures: map[string]*picture{}, dry: dry}
	if err := c.check(); err != nil {
		return nil, o, err
	}
	d, err := c.compose(ctx)
	o.words.sign, o.words.attached = c.word("label.signature"), c.word("label.attachment")
	return d, o, err
}

// complete checks options and fills in what is left to default.
func (o *Options) complete(t *Template) error {
	if o.Created.IsZero() || o.Created.Year() < 1 || o.Created.Year() > 9999 {
		return &OptionError{"Created", "expected a time of a year from 1 to 9999, found none"}
	}
	if o.Lang == "" {
		o.Lang = t.lang
	}
	if !isLang(o.Lang) {
		return &OptionError{"Lang", "expected a BCP 47 language tag, found another string"}
	}
	if o.Title == "" {
		o.Title = t.name
	}
	if o.VerifyURL != "" {
		u, err := url.Parse(o.VerifyURL)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(o.VerifyURL) > 1000 || strings.ContainsFunc(o.VerifyURL, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return &OptionError{"VerifyURL", "expected an http or https address in ASCII, found another string"}
		}
		if o.ShortURL == "" {
			o.ShortURL = strings.TrimPrefix(strings.TrimPrefix(o.VerifyURL, "https://"), "http://")
		}
	}
	for _, s := range []struct{ name, value string }{{"Title", o.Title}, {"Author", o.Author}, {"ID", o.ID}, {"ShortURL", o.ShortURL}, {"CredentialName", o.CredentialName}} {
		if why := badText(s.value, false); why != "" {
			return &OptionError{s.name, why}
		}
		if len(s.value) > 1000 {
			return &OptionError{s.name, fmt.Sprintf("expected at most 1000 bytes, found %d", len(s.value))}
		}
	}
	if o.SignatureField != "" {
		found := false
		for _, b := range t.SignatureBoxes() {
			found = found || b.Name == o.SignatureField
		}
		if !found {
			return &OptionError{"SignatureField", "expected the name of a signature box of the template, found another"}
		}
	}
	return o.completeCredential()
}

func (o *Options) completeCredential() error {
	if o.Credential == nil {
		return nil
	}
	if len(o.Credential) > maxCredential {
		return &OptionError{"Credential", fmt.Sprintf("expected at most %d bytes, found %d", maxCredential, len(o.Credential))}
	}
	base, _, err := mime.ParseMediaType(o.CredentialMediaType)
	if err != nil || !strings.Contains(base, "/") || len(o.CredentialMediaType) > 100 {
		return &OptionError{"CredentialMediaType", "expected a media type, found another string"}
	}
	if o.CredentialName == "" {
		ext := "json"
		switch {
		case strings.Contains(base, "jwt") || strings.Contains(base, "jose"):
			ext = "jwt"
		case base == "image/png":
			ext = "png"
		case base == "image/svg+xml":
			ext = "svg"
		}
		o.CredentialName = "credential." + ext
	}
	if strings.ContainsAny(o.CredentialName, `/\:`) {
		return &OptionError{"CredentialName", "expected a file name without folders, found another string"}
	}
	return nil
}

// given are the fields filled in from the options.
func (o *Options) given() map[string]string {
	m := map[string]string{"id": o.ID, "id.groups": groupsOfFour(o.ID), "verify.url": o.VerifyURL, "verify.short": o.ShortURL, "verify.host": "", "page.lang": o.Lang, "page.number": "", "page.count": "", "test": ""}
	if u, err := url.Parse(o.VerifyURL); err == nil {
		m["verify.host"] = u.Host
	}
	if o.TestWatermark {
		m["test"] = testLabel
	}
	return m
}

// groupsOfFour writes an identifier as people read it aloud.
func groupsOfFour(id string) string {
	var b strings.Builder
	n := 0
	for _, r := range id {
		if r == '-' || r == ' ' {
			continue
		}
		if n > 0 && n%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

// check looks at fields before anything is drawn.
func (c *composer) check() error {
	if len(c.f.Text) > maxFields || len(c.f.Facts) > maxFacts || len(c.f.Images) > maxAssets {
		return &FieldError{Field: "*", Msg: fmt.Sprintf("expected at most %d texts, %d facts and %d images, found more", maxFields, maxFacts, maxAssets)}
	}
	texts := func(name, value string) error {
		if len(value) > maxFieldBytes {
			return &FieldError{Field: name, Msg: fmt.Sprintf("expected at most %d bytes, found %d", maxFieldBytes, len(value))}
		}
		if why := badText(value, true); why != "" {
			return &FieldError{Field: name, Msg: why}
		}
		return nil
	}
	for name, value := range c.f.Text {
		if !isFieldName(name) || isGiven(name) {
			return &FieldError{Field: "*", Msg: "expected names that templates may use, found another"}
		}
		if err := texts(name, value); err != nil {
			return err
		}
	}
	for name, lang := range c.f.Langs {
		if lang != "" && !isLang(lang) {
			return &FieldError{Field: name, Msg: "expected a BCP 47 language tag, found another string"}
		}
	}
	size := 0
	for i, fact := range c.f.Facts {
		if size += len(fact.Label) + len(fact.Value); size > maxFactBytes {
			return &FieldError{Field: "*", Msg: fmt.Sprintf("expected at most %d bytes of facts, found more", maxFactBytes)}
		}
		name := fmt.Sprintf("facts[%d]", i)
		if strings.TrimSpace(fact.Label) == "" || strings.TrimSpace(fact.Value) == "" {
			return &FieldError{Field: name, Msg: "expected a label and a value, found an empty one"}
		}
		if err := texts(name, fact.Label); err != nil {
			return err
		}
		if err := texts(name, fact.Value); err != nil {
			return err
		}
	}
	for name, img := range c.f.Images {
		if img.Data == nil {
			continue
		}
		pic, err := readPicture(img.Data)
		if err != nil {
			return &FieldError{Field: name, Msg: "image", Err: err}
		}
		if why := badText(img.Alt, false); why != "" {
			return &FieldError{Field: name, Msg: why}
		}
		c.pictures[name] = pic
	}
	return nil
}
