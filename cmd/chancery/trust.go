package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/verifier"
)

type trustFlags struct {
	out, fetchedAt       string
	issuers, issuerFiles []string
	controllers, jwks    []string
	statusLists, schemas []string
	badges, contexts     []string
	roots, tsaRoots      []string
	chains, senders      []string
	checkpoints, beacons []string
}

func (c *cli) trustCommand() *cobra.Command {
	var f trustFlags
	cmd := &cobra.Command{
		Use:   "trust",
		Short: "Write a trust file",
		Long: `Writes a trust file (docs/formats/trust.md): whom verify believes, and copies of
the documents it would otherwise have to fetch. Read what you pin before you do.`,
		Example: `  chancery trust --issuer did:web:university.example --controller did:web:university.example=did.json \
      --status-list https://university.example/status/1=list.json -o trust.json`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := c.trustText(f)
			if err != nil {
				return err
			}
			if _, err := verifier.ParseTrust(b); err != nil {
				return usageError{err}
			}
			return c.write(f.out, b, 0o644)
		},
	}
	fl := cmd.Flags()
	fl.StringArrayVar(&f.issuers, "issuer", nil, "an issuer to believe: a DID or URL, or ID=NAME to show that name; may be repeated")
	fl.StringArrayVar(&f.issuerFiles, "issuer-file", nil, "file with an issuer's identifier, such as did.txt; may be repeated")
	fl.StringArrayVar(&f.controllers, "controller", nil, "URL=FILE: a DID or controller document; may be repeated, like all that follow")
	fl.StringArrayVar(&f.jwks, "jwks", nil, "URL=FILE: a key set")
	fl.StringArrayVar(&f.statusLists, "status-list", nil, "URL=FILE: a status list")
	fl.StringArrayVar(&f.schemas, "schema", nil, "URL=FILE: a JSON Schema")
	fl.StringArrayVar(&f.badges, "badge", nil, "URL=FILE: a part of an Open Badge 2.0")
	fl.StringArrayVar(&f.contexts, "context", nil, "URL=FILE: a JSON-LD context that is not embedded; what it says decides what a signature covers")
	fl.StringArrayVar(&f.roots, "root", nil, "PEM file with certificates at which PDF signatures may end")
	fl.StringArrayVar(&f.tsaRoots, "tsa-root", nil, "PEM file with certificates at which timestamps may end")
	fl.StringArrayVar(&f.chains, "chain", nil, "CHAINID=GENESIS: a blockchain whose anchors count, with the hash of its block 0")
	fl.StringArrayVar(&f.senders, "sender", nil, "CHAINID=ADDRESS: an account whose transactions count on a chain; without one none does")
	fl.StringArrayVar(&f.checkpoints, "checkpoint", nil, "CHAINID:NUMBER=HASH: an execution block that you know to be final")
	fl.StringArrayVar(&f.beacons, "beacon-checkpoint", nil, "CHAINID=ROOT: a beacon block root that you know to be final")
	fl.StringVar(&f.fetchedAt, "fetched-at", "", "when the documents were current (RFC 3339); default: now")
	c.outputFlag(cmd, &f.out, "file to write; default: standard output")
	return cmd
}

func (c *cli) trustText(f trustFlags) ([]byte, error) {
	var issuers, documents []string
	for _, name := range f.issuerFiles {
		b, err := c.read(name, 4096)
		if err != nil {
			return nil, err
		}
		f.issuers = append(f.issuers, strings.TrimSpace(string(b)))
	}
	if len(f.issuers)+len(f.roots)+len(f.tsaRoots)+len(f.chains)+len(f.controllers)+len(f.jwks)+len(f.statusLists)+len(f.schemas)+len(f.badges)+len(f.contexts)+len(f.checkpoints)+len(f.beacons) == 0 {
		return nil, hintError{usagef("expected whom to trust, found nothing"), "add --issuer DID, --issuer-file did.txt or --root ca.pem; 'chancery trust --help' lists all"}
	}
	for _, arg := range f.issuers {
		id, name, named := strings.Cut(arg, "=")
		if !strings.Contains(id, ":") || strings.ContainsAny(id, " \t\n") {
			return nil, usagef("expected an issuer's identifier, a DID or URL, found %q", id)
		}
		text := `{"id":` + strictjson.Quote(id)
		if named {
			text += `,"name":` + strictjson.Quote(name)
		}
		issuers = append(issuers, text+"}")
	}
	at, err := timeFlag("--fetched-at", f.fetchedAt, c.now())
	if err != nil {
		return nil, err
	}
	for _, group := range []struct {
		kind string
		args []string
	}{
		{verifier.KindController, f.controllers}, {verifier.KindJWKS, f.jwks}, {verifier.KindStatusList, f.statusLists},
		{verifier.KindSchema, f.schemas}, {verifier.KindBadge, f.badges},
	} {
		for _, arg := range group.args {
			text, err := c.pinnedText(group.kind, arg, at)
			if err != nil {
				return nil, err
			}
			documents = append(documents, text)
		}
	}
	text := `{"version":1,"issuers":[` + strings.Join(issuers, ",") + `],"documents":[` + strings.Join(documents, ",") + `]`
	for name, files := range map[string][]string{"roots": f.roots, "tsaRoots": f.tsaRoots} {
		if len(files) == 0 {
			continue
		}
		list, err := c.certificatesText(files)
		if err != nil {
			return nil, err
		}
		text += "," + strictjson.Quote(name) + ":[" + strings.Join(list, ",") + "]"
	}
	contexts, err := c.contextsText(f.contexts)
	if err != nil {
		return nil, err
	}
	anchoring, err := anchoringText(f)
	if err != nil {
		return nil, err
	}
	v := jsontext.Value(text + contexts + anchoring + "}")
	if err := v.Canonicalize(); err != nil {
		return nil, err
	}
	if err := v.Indent(jsontext.WithIndent("  ")); err != nil {
		return nil, err
	}
	return append(v, '\n'), nil
}

// anchoringText writes what evidence on blockchains is judged by. ParseTrust checks it.
func anchoringText(f trustFlags) (string, error) {
	if len(f.chains)+len(f.senders)+len(f.checkpoints)+len(f.beacons) == 0 {
		return "", nil
	}
	senders := map[string][]string{}
	for _, arg := range f.senders {
		id, address, found := strings.Cut(arg, "=")
		if !found {
			return "", usagef("--sender: expected CHAINID=ADDRESS, found %q", arg)
		}
		senders[id] = append(senders[id], strictjson.Quote(address))
	}
	var chains, checkpoints, beacons []string
	for _, arg := range f.chains {
		id, genesis, found := strings.Cut(arg, "=")
		if _, err := strconv.ParseUint(id, 10, 53); !found || err != nil {
			return "", usagef("--chain: expected CHAINID=GENESIS, found %q", arg)
		}
		text := `{"chainId":` + id + `,"genesisHash":` + strictjson.Quote(genesis)
		if list := senders[id]; list != nil {
			text += `,"senders":[` + strings.Join(list, ",") + `]`
		}
		chains = append(chains, text+"}")
	}
	for _, arg := range f.checkpoints {
		place, hash, found := strings.Cut(arg, "=")
		id, number, both := strings.Cut(place, ":")
		_, err1 := strconv.ParseUint(id, 10, 53)
		_, err2 := strconv.ParseUint(number, 10, 53)
		if !found || !both || err1 != nil || err2 != nil {
			return "", usagef("--checkpoint: expected CHAINID:NUMBER=HASH, found %q", arg)
		}
		checkpoints = append(checkpoints, `{"chainId":`+id+`,"number":`+number+`,"hash":`+strictjson.Quote(hash)+`}`)
	}
	for _, arg := range f.beacons {
		id, root, found := strings.Cut(arg, "=")
		if _, err := strconv.ParseUint(id, 10, 53); !found || err != nil {
			return "", usagef("--beacon-checkpoint: expected CHAINID=ROOT, found %q", arg)
		}
		beacons = append(beacons, `{"chainId":`+id+`,"root":`+strictjson.Quote(root)+`}`)
	}
	return `,"anchoring":{"chains":[` + strings.Join(chains, ",") + `],"checkpoints":[` + strings.Join(checkpoints, ",") + `],"beaconCheckpoints":[` + strings.Join(beacons, ",") + `]}`, nil
}

// pinnedText writes the entry of one URL=FILE. JSON is kept as text, so that its very
// bytes stay as they were.
func (c *cli) pinnedText(kind, arg string, at time.Time) (string, error) {
	url, b, err := c.urlFile(arg)
	if err != nil {
		return "", err
	}
	return `{"url":` + strictjson.Quote(url) + `,"kind":` + strictjson.Quote(kind) + `,"fetchedAt":` +
		strictjson.Quote(at.UTC().Format(time.RFC3339)) + `,"text":` + strictjson.Quote(string(bytes.TrimSpace(b))) + `}`, nil
}

// urlFile reads URL=FILE.
func (c *cli) urlFile(arg string) (url string, b []byte, err error) {
	url, name, found := strings.Cut(arg, "=")
	for found && strings.Contains(name, "=") && strings.Contains(url, "?") { // a query may hold "=" too
		more, rest, _ := strings.Cut(name, "=")
		url, name = url+"="+more, rest
	}
	if !found || url == "" || name == "" {
		return "", nil, usagef("expected URL=FILE, found %q", arg)
	}
	b, err = c.readDocument(name)
	return url, b, err
}

// contextSet is the contexts of --context, beside the embedded ones; nil without any.
func (c *cli) contextSet(args []string) (*chancery.ContextSet, error) {
	if len(args) == 0 {
		return nil, nil
	}
	var files []chancery.ContextFile
	for _, arg := range args {
		url, b, err := c.urlFile(arg)
		if err != nil {
			return nil, err
		}
		files = append(files, chancery.ContextFile{URL: url, Document: b, SHA256: sha256.Sum256(b)})
	}
	set, err := chancery.Contexts(files...)
	if err != nil {
		return nil, invalidError{err}
	}
	return set, nil
}

// contextsText pins the contexts of --context by the digests of their files.
func (c *cli) contextsText(args []string) (string, error) {
	var list []string
	for _, arg := range args {
		url, b, err := c.urlFile(arg)
		if err != nil {
			return "", err
		}
		sum := sha256.Sum256(b)
		list = append(list, `{"url":`+strictjson.Quote(url)+`,"sha256":"`+hex.EncodeToString(sum[:])+`","text":`+strictjson.Quote(string(b))+`}`)
	}
	if len(list) == 0 {
		return "", nil
	}
	return `,"contexts":[` + strings.Join(list, ",") + `]`, nil
}

func (c *cli) certificatesText(files []string) ([]string, error) {
	certs, err := c.readCertificates(files...)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, cert := range certs {
		out = append(out, strictjson.Quote(string(certificatesPEM(cert))))
	}
	return out, nil
}
