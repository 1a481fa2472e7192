package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/jsonld"
	"github.com/chancery-dev/chancery/internal/ldcontext"
	"github.com/chancery-dev/chancery/internal/rdfc"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
)

func (c *cli) inspectCommand() *cobra.Command {
	var asJSON bool
	var canonical string
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Show what a document says, without judging it",
		Long: `Shows what FILE ("-" for standard input) says of itself: kind, issuer, subject,
times, proofs, status entries and contexts. Nothing is verified.

With --canonical rdfc or jcs it prints the canonical form that a proof is over:
N-Quads by RDFC-1.0, or JSON by RFC 8785, of the document without its proof.`,
		Example: "  chancery inspect diploma.png\n  chancery inspect --canonical rdfc credential.json | sha256sum",
		Args:    exactly(1, "a file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := c.readDocument(args[0])
			if err != nil {
				return err
			}
			in, err := open(b)
			if err != nil {
				return invalidError{fmt.Errorf("%s: %w", args[0], err)}
			}
			switch {
			case canonical != "":
				return c.printCanonical(in.doc, canonical)
			case asJSON:
				return c.printIndented([]byte(in.json()))
			}
			in.print(c)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the description as JSON")
	cmd.Flags().StringVar(&canonical, "canonical", "", "print the canonical form: rdfc or jcs")
	return cmd
}

// opened is a document taken out of what it travelled in.
type opened struct {
	wrapping []string // "PNG, iTXt openbadgecredential", "JWT vc+jwt, EdDSA", …
	kind     string
	doc      *strictjson.Doc
	jws      *proof.JWS
}

// open unwraps images, envelopes and JWTs until it comes to JSON.
func open(b []byte) (*opened, error) {
	in := &opened{}
	secured, err := chancery.Detect(b)
	if err != nil {
		return nil, err
	}
	if secured.MediaType == chancery.MediaPNG || secured.MediaType == chancery.MediaSVG {
		baked, err := badge.Unbake(bytes.NewReader(secured.Bytes))
		if err != nil {
			return nil, err
		}
		in.wrapping = append(in.wrapping, strings.ToUpper(strings.TrimSuffix(strings.TrimPrefix(baked.Image, "image/"), "+xml"))+", "+baked.Place)
		if secured = baked.Payload; secured.MediaType == badge.MediaURL {
			return nil, fmt.Errorf("the image holds the address of a hosted badge, not the badge: %s", plain(string(secured.Bytes)))
		}
		if again, err := chancery.Detect(secured.Bytes); err == nil {
			secured = again
		}
	}
	if secured.MediaType == chancery.MediaVC || secured.MediaType == chancery.MediaVP {
		inner, enveloped, err := chancery.Unwrap(secured.Bytes)
		if err != nil {
			return nil, err
		}
		if enveloped {
			in.wrapping = append(in.wrapping, "data: URL")
			secured = inner
		}
	}
	text := secured.Bytes
	switch secured.MediaType {
	case chancery.MediaPDF, chancery.MediaEvidence, chancery.MediaEvidenceParts:
		return nil, errors.New("files of this kind are not shown by inspect: use verify")
	case chancery.MediaJWT, chancery.MediaVCJWT, chancery.MediaVPJWT:
		if in.jws, err = proof.ParseJWS(secured.Bytes); err != nil {
			return nil, err
		}
		in.wrapping = append(in.wrapping, "JWT"+spaced(in.jws.Typ)+", "+string(in.jws.Alg))
		text = in.jws.Payload
	}
	if in.doc, err = strictjson.Parse(text, strictjson.Limits{}); err != nil {
		return nil, err
	}
	in.kind = kindOf(in.doc)
	return in, nil
}

func spaced(s string) string {
	if s == "" {
		return ""
	}
	return " " + s
}

func kindOf(doc *strictjson.Doc) string {
	switch kind := badge.KindOf(doc, 0); {
	case kind != badge.Unknown:
		return string(kind)
	case doc.Get(0, "verifiableCredential") != strictjson.None:
		return "presentation"
	case doc.Get(0, "credentialSubject") != strictjson.None:
		return "credential"
	}
	return "JSON"
}

// fact is a line of the description.
type fact struct{ name, value string }

func (in *opened) facts() []fact {
	doc := in.doc
	root := strictjson.Node(0)
	if vc := doc.Get(0, "vc"); in.jws != nil && doc.Kind(vc) == strictjson.Object {
		root = vc // VC 1.1 in a JWT
	}
	var out []fact
	add := func(name, value string) {
		if value != "" {
			out = append(out, fact{name, value})
		}
	}
	for _, w := range in.wrapping {
		add("wrapped in", w)
	}
	add("kind", in.kind)
	add("id", doc.String(doc.Get(root, "id")))
	doc.Each(doc.Get(root, "type"), func(n strictjson.Node) bool { add("type", doc.String(n)); return true })
	for _, name := range []string{"issuer", "holder"} {
		who := doc.Get(root, name)
		add(name, both(doc.String(doc.Get(who, "name")), doc.String(who)+doc.String(doc.Get(who, "id"))))
	}
	for _, name := range []string{"validFrom", "validUntil", "issuanceDate", "expirationDate"} {
		add(name, doc.String(doc.Get(root, name)))
	}
	doc.Each(doc.Get(root, "credentialSubject"), func(n strictjson.Node) bool {
		add("subject", both(doc.String(doc.Get(n, "name")), doc.String(doc.Get(n, "id"))))
		add("achievement", doc.String(doc.Path(n, "achievement", "name")))
		return true
	})
	doc.Each(doc.Get(root, "credentialStatus"), func(n strictjson.Node) bool {
		add("status", strings.Join(strings.Fields(doc.String(doc.Get(n, "type"))+" "+doc.String(doc.Get(n, "statusPurpose"))+" "+doc.String(doc.Get(n, "statusListIndex"))+" "+doc.String(doc.Get(n, "statusListCredential"))), " "))
		return true
	})
	doc.Each(doc.Get(root, "@context"), func(n strictjson.Node) bool {
		if url, ok := doc.Str(n); ok {
			known := "unknown here"
			if versions := ldcontext.Default().Versions(url); len(versions) > 0 {
				known = fmt.Sprintf("known in %d version(s)", len(versions))
			}
			add("context", url+" ("+known+")")
		} else {
			add("context", "inline")
		}
		return true
	})
	if in.jws != nil {
		add("key id", in.jws.KeyID)
	}
	proofs, err := proof.ProofsAt(doc, root)
	if err != nil && !errors.Is(err, proof.ErrNoProof) {
		add("proof", "malformed: "+err.Error())
	}
	for _, p := range proofs {
		text := strings.Join(strings.Fields(p.Type+" "+p.Cryptosuite), " ") + " by " + p.VerificationMethod
		if p.HasCreated {
			text += ", claims " + p.Created.UTC().Format(time.RFC3339)
		}
		add("proof", text)
	}
	if in.jws == nil && len(proofs) == 0 && err != nil {
		add("proof", "none")
	}
	return out
}

func (in *opened) print(c *cli) {
	for _, f := range in.facts() {
		fmt.Fprintf(c.stdout, "%-14s %s\n", f.name, plain(f.value))
	}
	fmt.Fprintln(c.stdout, c.paint(amber, "Nothing here has been verified."))
}

// json gives the facts as an object, with a list for each name.
func (in *opened) json() string {
	var names []string
	values := map[string][]string{}
	for _, f := range in.facts() {
		if _, seen := values[f.name]; !seen {
			names = append(names, f.name)
		}
		values[f.name] = append(values[f.name], strictjson.Quote(f.value))
	}
	var parts []string
	for _, name := range names {
		parts = append(parts, strictjson.Quote(name)+":["+strings.Join(values[name], ",")+"]")
	}
	return "{" + strings.Join(parts, ",") + `,"verified":false}`
}

func (c *cli) printCanonical(doc *strictjson.Doc, form string) error {
	switch form {
	case "jcs":
		b, err := strictjson.Canonicalize(doc.Rewrite(0, nil, "proof"))
		if err != nil {
			return invalidError{err}
		}
		return c.write("", b, 0)
	case "rdfc":
		data := rdfc.NewDataset(256)
		opt := jsonld.Options{Contexts: proof.Newest(ldcontext.Default()), DropRoot: []string{"proof"}}
		if _, err := jsonld.ToQuads(doc, 0, opt, data); err != nil {
			return invalidError{err}
		}
		canonical, err := rdfc.Canonicalize(data, rdfc.Options{})
		if err != nil {
			return invalidError{err}
		}
		_, err = c.stdout.Write(canonical.NQuads)
		return err
	}
	return usagef("--canonical: expected rdfc or jcs, found %q", form)
}
