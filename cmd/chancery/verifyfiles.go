package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/verifying"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/pades"
)

// zipBounds are those of a ZIP here, where nobody else waits: the results of large batches
// are read, too.
var zipBounds = verifying.Bounds{Files: 10_000, Total: 512 << 20}

// handed are the files of one call.
type handed struct {
	files  []verifying.File
	cases  []verifying.Case
	parts  [][]byte // of --parts
	unread bool     // there were more
	open   []io.Closer
}

func (h *handed) Close() {
	for _, f := range h.open {
		f.Close() // read only
	}
}

// add reads a file, or opens a large one, to be read as it is needed: a PDF to be judged, a
// ZIP, or the document that evidence is about.
func (h *handed) add(c *cli, name string) error {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() <= limits.DocumentBytes {
		b, err := c.readDocument(name)
		if err != nil {
			return err
		}
		h.files = append(h.files, verifying.Bytes(name, b))
		return nil
	}
	f, err := os.Open(name)
	if err != nil {
		return fileError(err)
	}
	h.open = append(h.open, f)
	h.files = append(h.files, verifying.File{Name: name, At: f, Size: info.Size()})
	return nil
}

// hand reads files and finds out which is about which.
func (c *cli) hand(f verifyFlags, names []string) (*handed, error) {
	h := &handed{}
	for _, name := range names {
		err := h.add(c, name)
		if err != nil && (len(names) > 1 || f.json) {
			h.unread = true
			err = c.unread(f, name, err)
		}
		if err != nil {
			h.Close()
			return nil, err
		}
	}
	var err error
	if f.document == "" {
		h.cases = verifying.Arrange(h.files)
		slices.SortStableFunc(h.cases, func(a, b verifying.Case) int { return a.File - b.File })
		c.sayLost(h)
	} else {
		err = c.pairAll(f, h)
	}
	if err == nil {
		h.parts, err = c.readParts(f.parts)
	}
	if err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// pairAll gives every file the document of --document.
func (c *cli) pairAll(f verifyFlags, h *handed) error {
	proof := func(i int) bool {
		b, err := h.files[i].Content()
		return err == nil && verifying.IsProof(b)
	}
	document, proofs, unknown := len(h.files), 0, false
	if err := h.add(c, f.document); err != nil {
		return err
	}
	for i := range document {
		if proof(i) {
			proofs++
		}
		unknown = unknown || !known(h.files[i])
		h.cases = append(h.cases, verifying.Case{File: i, Document: document})
	}
	if proofs == 0 && !unknown && !h.unread && !proof(document) {
		return hintError{usagef("--document: expected evidence or another detached proof among the files, found none"), "to judge several files, name them all without --document"}
	}
	if proofs == 0 && proof(document) {
		return hintError{usagef("--document: expected the document that evidence is about, found evidence"), "name the evidence as a file, and its document with --document"}
	}
	return nil
}

// known tells whether a file is of a kind that is read.
func known(f verifying.File) bool {
	if f.Large() {
		return true
	}
	b, err := f.Content()
	if err != nil {
		return false
	}
	_, err = verifying.Detect(b)
	return err == nil
}

// sayLost says of which proofs it could not be told what they are about.
func (c *cli) sayLost(h *handed) {
	for _, k := range h.cases {
		if k.Lost {
			fmt.Fprintln(c.stderr, "chancery: "+plain(h.files[k.File].Name)+": none of the other files has the digest that it names, and which it is about is not clear: judged without its document")
			fmt.Fprintln(c.stderr, "hint: name the document with --document")
		}
	}
}

// unread says that one file of several could not be read. The others are judged all the
// same; the exit status is that of the fault.
func (c *cli) unread(f verifyFlags, name string, fault error) error {
	c.status = worse(c.status, c.complain(fault))
	if !f.json {
		return nil
	}
	_, err := fmt.Fprintf(c.stdout, "{\"file\":%s,\"error\":%s}\n", quoted(name), quoted(fault.Error()))
	return err
}

func (c *cli) verifyFiles(ctx context.Context, config verifier.Config, f verifyFlags, names []string) error {
	if f.online {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.timeout)
		defer cancel()
	}
	password, err := c.passwordFile(f.passwordFile)
	if err != nil {
		return err
	}
	h, err := c.hand(f, names)
	if err != nil {
		return err
	}
	defer h.Close()
	in := verifying.Input{Parts: h.parts, Password: password}
	if source, ok := config.Keys.(pades.RevocationSource); ok { // with --online
		in.Revocation = source
	}
	several := len(names) > 1 && (len(h.cases) != 1 || h.unread)
	for i, k := range h.cases {
		j, err := judge(ctx, config, h, k, in)
		var beyond *verifying.BoundsError
		if errors.As(err, &beyond) {
			err = hintError{fmt.Errorf("%s: the ZIP holds %s", j.name, beyond.What), "unpack it and name the files"}
			if several {
				if err := c.unread(f, j.name, err); err != nil {
					return err
				}
				continue
			}
			return err
		}
		if err != nil {
			return fmt.Errorf("%s: %w", j.name, err)
		}
		c.status = worse(c.status, exitOf(j.report.Outcome))
		if f.json {
			if err := c.printJSON(j, several); err != nil {
				return err
			}
			continue
		}
		if i > 0 {
			fmt.Fprintln(c.stdout)
		}
		c.renderJudged(j, f.verbose)
	}
	return nil
}

// judged is the report on a case.
type judged struct {
	name     string
	document string         // beside it, "" for none
	set      *verifying.Set // what is in it, where it is a ZIP
	report   *verifier.Report
}

// judge makes the report on one case; the error is a fault on our side, or a ZIP beyond the
// bounds.
func judge(ctx context.Context, config verifier.Config, h *handed, k verifying.Case, in verifying.Input) (j judged, err error) {
	in.File = h.files[k.File]
	in.Parts = append(slices.Clone(in.Parts), k.PartsOf(h.files)...)
	j.name = in.File.Name
	if k.Document >= 0 {
		in.Document, j.document = &h.files[k.Document], h.files[k.Document].Name
	} else if verifying.IsZIP(in.File) {
		archive, err := verifying.OpenZIP(in.File, zipBounds)
		if err != nil {
			return j, err
		}
		if archive != nil {
			j.set = verifying.NewArchiveSet(archive)
			j.set.Names = true
			j.report, err = verifying.JudgeAll(ctx, config, j.set, in)
			return j, err
		}
	}
	j.report, err = verifying.Judge(ctx, config, in)
	return j, err
}

// readParts reads detached parts of evidence bundles.
func (c *cli) readParts(files []string) ([][]byte, error) {
	var out [][]byte
	for _, name := range files {
		b, err := c.read(name, 64<<20)
		if err != nil {
			return nil, err
		}
		parts, err := evidence.ParseParts(b)
		if err != nil {
			return nil, invalidError{fmt.Errorf("%s: %w", name, err)}
		}
		out = append(out, parts...)
	}
	return out, nil
}

// printJSON writes one report: indented when alone, on one line with the file's name
// when one of several.
func (c *cli) printJSON(j judged, several bool) error {
	b, err := j.report.MarshalJSON()
	if err != nil {
		return err
	}
	v := jsontext.Value(b)
	if several {
		document := ""
		if j.document != "" {
			document = `"document":` + quoted(j.document) + `,`
		}
		_, err = fmt.Fprintf(c.stdout, "{\"file\":%s,%s\"report\":%s}\n", quoted(j.name), document, strings.TrimSpace(string(b)))
		return err
	}
	if err := v.Indent(jsontext.WithIndent("  ")); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.stdout, "%s\n", v)
	return err
}

// quoted is a JSON string.
func quoted(s string) string {
	b, err := jsontext.AppendQuote(nil, s)
	if err != nil {
		return `"?"` // a file name that is not UTF-8
	}
	return string(b)
}

// renderJudged prints the report on a case; of a ZIP that of each file in it by its name.
func (c *cli) renderJudged(j judged, verbose bool) {
	name := j.name
	if j.document != "" {
		name += ", with " + j.document
	}
	if j.set == nil {
		c.render(c.stdout, name, j.report, verbose)
		return
	}
	if j.report.MediaType != verifying.MediaZIP { // what is in it is one thing
		c.render(c.stdout, name+": "+j.set.Files[j.set.Cases[0].File].Name, j.report, verbose)
		return
	}
	c.renderArchive(name, j, verbose)
}

func (c *cli) renderArchive(name string, j judged, verbose bool) {
	w := c.stdout
	fmt.Fprintln(w, c.paint(bold, plain(name)))
	reports := map[string]*verifier.Report{}
	for _, sub := range j.report.Sub {
		reports[sub.Pointer] = sub.Report
	}
	fates := map[string]string{}
	for _, check := range j.report.Checks {
		if check.ID != verifier.CheckInner {
			c.renderCheck(w, check, len(check.ID))
		}
		for _, fact := range check.Evidence {
			fates[fact.Name] = fact.Value
		}
	}
	for i, file := range j.set.Files {
		r := reports[fmt.Sprintf("/files/%d", i)]
		if r == nil { // heard where another was judged
			fmt.Fprintf(w, "  %s %d %s: %s\n", c.paint(grey, "·"), i+1, plain(file.Name), fates[fmt.Sprintf("file.%d", i+1)])
			continue
		}
		fmt.Fprintf(w, "  %s %d %s: %s\n", c.outcomeSymbol(r.Outcome), i+1, plain(file.Name), c.sentence(r))
	}
	for _, s := range j.report.Insecure {
		fmt.Fprintf(w, "  %s weakened by %s\n", c.paint(amber, "!"), s)
	}
	c.renderVerdict(w, j.report)
	if !verbose {
		return
	}
	for i, file := range j.set.Files {
		if r := reports[fmt.Sprintf("/files/%d", i)]; r != nil {
			fmt.Fprintln(w)
			c.render(w, name+": "+file.Name, r, verbose)
		}
	}
}
