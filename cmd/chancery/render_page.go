package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/layout"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

type renderFlags struct {
	out, size, credential, url, id, lang, title, author, signature, created string
	fonts                                                                   []string
	preview, test                                                           bool
	dpi                                                                     float64
	page                                                                    int
}

func (c *cli) renderCommand() *cobra.Command {
	var f renderFlags
	names, sizes := layout.BuiltinNames()
	cmd := &cobra.Command{
		Use:   "render TEMPLATE FIELDS.json -o PAGE.pdf",
		Short: "Make a certificate page (PDF/A-3b, PDF/UA-1)",
		Long: `Makes a page from a template and the fields to fill in. TEMPLATE is a file
(docs/formats/template.md) or one that ships with the program: ` + strings.Join(names, ", ") + `.
FIELDS is a JSON object: names and texts, and optionally "facts", a list of
{"label", "value"} objects. Where one is missing, all that the template takes are named.
For diploma, to begin with:

  {"institution": "Example University", "recipient": "Ada Example",
   "achievement": "Bachelor of Science", "date": "30 June 2026"}

The signed credential given with --credential, as JSON or JWT, is embedded, so that the
page carries its own proof. --preview makes a PNG picture instead.`,
		Example: `  chancery render diploma fields.json --credential credential.json --url https://university.example/c/Zk3rW8 -o page.pdf
  chancery render diploma fields.json --url https://university.example/c/Zk3rW8 --preview -o page.png`,
		Args: exactly(2, "a template and a file with fields"),
		RunE: func(cmd *cobra.Command, args []string) error {
			template, err := c.template(args[0], f.size)
			if err != nil {
				return err
			}
			fields, err := c.fields(args[1])
			if err != nil {
				return err
			}
			c.warnOfFields(args[1], template, fields)
			options, err := c.pageOptions(f)
			if err != nil {
				return err
			}
			r, err := layout.New(layout.Config{FontDirs: f.fonts})
			if err != nil {
				return err
			}
			var page []byte
			if f.preview {
				page, err = r.Preview(cmd.Context(), template, fields, options, layout.PreviewOptions{DPI: f.dpi, Page: f.page})
			} else {
				page, err = r.Render(cmd.Context(), template, fields, options)
			}
			if err != nil {
				return pageError(template, err)
			}
			return c.write(f.out, page, 0o644)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.size, "size", "A4-landscape", "page of a template that ships with the program: "+strings.Join(sizes, ", "))
	fl.StringVar(&f.credential, "credential", "", "credential to embed")
	fl.StringVar(&f.url, "url", "", "where the document can be checked, for the QR code")
	fl.StringVar(&f.id, "id", "", "public identifier to print")
	fl.StringVar(&f.lang, "lang", "", "language of the page, such as en")
	fl.StringVar(&f.title, "title", "", "title of the document")
	fl.StringVar(&f.author, "author", "", "institution, for the metadata")
	fl.StringVar(&f.signature, "signature-field", "", "make the template's signature box of this name an empty signature field")
	fl.StringVar(&f.created, "created", "", "time for the metadata (RFC 3339); default: now")
	fl.StringArrayVar(&f.fonts, "fonts", []string{"/usr/share/fonts"}, "directory with fonts for further scripts; may be repeated")
	fl.BoolVar(&f.test, "test", false, "write TEST across the page")
	fl.BoolVar(&f.preview, "preview", false, "make a PNG picture instead of a PDF")
	fl.IntVar(&f.page, "page", 1, "which page of a longer document the picture is of, from 1")
	fl.Float64Var(&f.dpi, "dpi", 96, "resolution of the picture")
	c.outputFlag(cmd, &f.out, "file to write; default: standard output")
	return cmd
}

func (c *cli) template(name, size string) (*layout.Template, error) {
	if names, _ := layout.BuiltinNames(); slices.Contains(names, name) {
		t, err := layout.Builtin(name, size)
		if err != nil {
			return nil, usageError{err}
		}
		return t, nil
	}
	b, err := c.readDocument(name)
	if err != nil {
		return nil, err
	}
	t, err := layout.Parse(b)
	if err != nil {
		return nil, invalidError{fmt.Errorf("%s: %w", name, err)}
	}
	return t, nil
}

// fields reads {"name": "text", …, "facts": [{"label": …, "value": …}]}.
func (c *cli) fields(name string) (layout.Fields, error) {
	b, err := c.readDocument(name)
	if err != nil {
		return layout.Fields{}, err
	}
	doc, err := strictjson.Parse(b, strictjson.Limits{})
	if err != nil {
		return layout.Fields{}, invalidError{fmt.Errorf("%s: %w", name, err)}
	}
	bad := func(n strictjson.Node, want string) (layout.Fields, error) {
		return layout.Fields{}, invalidError{fmt.Errorf("%s: expected %s at %q", name, want, doc.Pointer(n))}
	}
	if doc.Kind(0) != strictjson.Object {
		return bad(0, "an object")
	}
	out := layout.Fields{Text: map[string]string{}}
	for n := doc.First(0); n != strictjson.None; n = doc.Next(n) {
		if doc.Name(n) == "facts" {
			if doc.Kind(n) != strictjson.Array {
				return bad(n, "a list")
			}
			for e := doc.First(n); e != strictjson.None; e = doc.Next(e) {
				label, ok1 := doc.Str(doc.Get(e, "label"))
				value, ok2 := doc.Str(doc.Get(e, "value"))
				if !ok1 || !ok2 {
					return bad(e, "an object with label and value")
				}
				out.Facts = append(out.Facts, layout.Fact{Label: label, Value: value})
			}
			continue
		}
		text, ok := doc.Str(n)
		if !ok {
			return bad(n, "a string")
		}
		out.Text[doc.Name(n)] = text
	}
	return out, nil
}

// warnOfFields tells of fields that the template does not have, such as those with a slip
// in their name: what they say would be missing on the page.
func (c *cli) warnOfFields(file string, t *layout.Template, fields layout.Fields) {
	names, more := t.Fields()
	for _, name := range slices.Sorted(maps.Keys(fields.Text)) {
		if !slices.Contains(names, name) && !slices.Contains(more, name) {
			fmt.Fprintf(c.stderr, "warning: %s: the template has no field %s\n", plain(file), plain(name))
		}
	}
}

func (c *cli) pageOptions(f renderFlags) (layout.Options, error) {
	created, err := timeFlag("--created", f.created, c.now())
	if err != nil {
		return layout.Options{}, err
	}
	o := layout.Options{
		VerifyURL: f.url, ID: f.id, Lang: f.lang, Title: f.title, Author: f.author,
		Created: created, TestWatermark: f.test, SignatureField: f.signature,
	}
	if f.credential != "" {
		b, err := c.readDocument(f.credential)
		if err != nil {
			return o, err
		}
		secured, err := chancery.Detect(b)
		if err != nil {
			return o, invalidError{fmt.Errorf("%s: %w", f.credential, err)}
		}
		switch secured.MediaType {
		case chancery.MediaVC, chancery.MediaVCJWT, chancery.MediaJWT:
		case chancery.MediaPNG, chancery.MediaSVG:
			return o, hintError{usagef("--credential: expected a credential as JSON or JWT, found %s", secured.MediaType), "take it out of the picture: chancery unbake " + f.credential}
		default:
			return o, usagef("--credential: expected a credential as JSON or JWT, found %s", secured.MediaType)
		}
		// Whoever seals the page would seal one that nobody finds valid.
		if parsed, err := chancery.Parse(secured.Bytes); err == nil && !parsed.HasProof() {
			return o, hintError{invalidError{fmt.Errorf("%s: expected a signed credential, found one without a proof", f.credential)}, "sign it first, with 'chancery issue'"}
		}
		o.Credential, o.CredentialMediaType = secured.Bytes, secured.MediaType
	}
	return o, nil
}

// pageError gives what is wrong with fields and options its exit status, and says how
// to get fonts.
func pageError(t *layout.Template, err error) error {
	var font *layout.MissingFontError
	if errors.As(err, &font) && font.Package != "" {
		return hintError{invalidError{err}, "apt-get install " + font.Package + ", or name a directory with --fonts"}
	}
	var option *layout.OptionError
	if errors.As(err, &option) {
		return usageError{err}
	}
	var field *layout.FieldError
	var fit *layout.FitError
	if errors.As(err, &field) {
		names, more := t.Fields()
		names = append(names, more...) // some of which are needed where another one is there
		slices.Sort(names)
		return hintError{invalidError{err}, "the template takes " + strings.Join(names, ", ")}
	}
	if errors.As(err, &fit) {
		return invalidError{err}
	}
	return err
}
