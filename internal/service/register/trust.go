package register

import (
	"bytes"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	"crypto/x509"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/verifier"
)

// trustFile is trust.json of an export (docs/formats/trust.md): with it alone whatever is
// in the export is judged offline.
type trustFile struct {
	Version   int            `json:"version"`
	Issuers   []trustIssuer  `json:"issuers"`
	Documents []trustDoc     `json:"documents"`
	Roots     []string       `json:"roots,omitempty"`
	TSARoots  []string       `json:"tsaRoots,omitempty"`
	Anchoring *trustAnchored `json:"anchoring,omitempty"`
}

type trustIssuer struct {
	ID   string     `json:"id"`
	Name string     `json:"name,omitempty"`
	Keys []trustKey `json:"keys,omitempty"`
}

type trustKey struct {
	Method    string     `json:"method"`
	Multibase string     `json:"publicKeyMultibase"`
	From      time.Time  `json:"from"`
	Revoked   *time.Time `json:"revoked,omitempty"`
}

type trustDoc struct {
	URL       string    `json:"url"`
	Kind      string    `json:"kind"`
	FetchedAt time.Time `json:"fetchedAt"`
	Text      string    `json:"text"`
}

type trustAnchored struct {
	Chains      []trustChain      `json:"chains"`
	Checkpoints []trustCheckpoint `json:"checkpoints"`
}

type trustChain struct {
	ChainID uint64   `json:"chainId"`
	Genesis string   `json:"genesisHash"`
	Senders []string `json:"senders"`
}

type trustCheckpoint struct {
	ChainID uint64 `json:"chainId"`
	Number  uint64 `json:"number"`
	Hash    string `json:"hash"`
}

// testIssuer ends the names of issuers of the test environment: who verifies by this file sees
// it in every verdict. The verify page looks for it.
const testIssuer = " (TEST)"

// issuer adds an issuer, his document, and the certificates of his seals.
func (t *trustFile) issuer(e service.Environment, i exportedIssuer, doc []byte, now time.Time) error {
	one := trustIssuer{ID: i.DID, Name: i.Name}
	if e == service.Test {
		one.Name += testIssuer
	}
	for _, k := range i.Keys {
		if k.Compromised != nil {
			one.Keys = append(one.Keys, trustKey{Method: k.Method, Multibase: k.Multibase, From: second(k.From), Revoked: k.Compromised})
		}
	}
	t.Issuers = append(t.Issuers, one)
	if doc != nil {
		t.document(verifier.KindController, i.DID, doc, now)
	}
	for _, text := range i.Certificates {
		// The certificate itself is trusted, never the authority that issued it, whose other
		// certificates are strangers'.
		parts := strings.SplitAfter(strings.TrimSpace(text), "-----END CERTIFICATE-----")
		parts = slices.DeleteFunc(parts, func(s string) bool { return strings.TrimSpace(s) == "" })
		if len(parts) == 0 {
			continue
		}
		root := strings.TrimSpace(parts[0]) + "\n"
		if !slices.Contains(t.Roots, root) {
			t.Roots = append(t.Roots, root)
		}
	}
	return nil
}

// document pins one. Its bytes are kept as they are, in a text.
func (t *trustFile) document(kind, url string, b []byte, at time.Time) {
	t.Documents = append(t.Documents, trustDoc{URL: url, Kind: kind, FetchedAt: second(at), Text: string(bytes.TrimSpace(b))})
}

// batch adds what a batch of anchored digests is judged by: chain and account, and the
// block that was final when we looked.
func (t *trustFile) batch(r *anchor.Record) {
	if r.FinalBy == nil {
		return
	}
	if t.Anchoring == nil {
		t.Anchoring = &trustAnchored{}
	}
	a := t.Anchoring
	sender := "0x" + hex.EncodeToString(r.Account.Address[:])
	n := slices.IndexFunc(a.Chains, func(c trustChain) bool { return c.ChainID == r.Account.ChainID })
	if n < 0 {
		a.Chains = append(a.Chains, trustChain{ChainID: r.Account.ChainID, Genesis: "0x" + hex.EncodeToString(r.Account.Genesis[:])})
		n = len(a.Chains) - 1
	}
	if !slices.Contains(a.Chains[n].Senders, sender) {
		a.Chains[n].Senders = append(a.Chains[n].Senders, sender)
	}
	point := trustCheckpoint{ChainID: r.Account.ChainID, Number: r.FinalBy.Number, Hash: "0x" + hex.EncodeToString(r.FinalBy.Hash[:])}
	if !slices.Contains(a.Checkpoints, point) {
		a.Checkpoints = append(a.Checkpoints, point)
	}
}

// trustFile writes trust.json. Where there is no issuer nothing can be trusted, and there is
// no such file.
func (e *export) trustFile(time.Time) error {
	t := &e.trust
	t.Version = 1
	if len(t.Issuers) == 0 {
		return nil
	}
	for _, c := range e.c.TSARoots {
		text, err := certificates([][]byte{c.Raw})
		if err != nil {
			return err
		}
		t.TSARoots = append(t.TSARoots, text)
	}
	if t.Documents == nil {
		t.Documents = []trustDoc{}
	}
	b, err := json.Marshal(t, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	// What its reader would refuse is not handed out.
	if _, err := verifier.ParseTrust(b); err != nil {
		return fmt.Errorf("register: the trust file of the export: %w", err)
	}
	return e.addBytes("trust.json", append(b, '\n'))
}

// certificates writes a chain as PEM.
func certificates(chain [][]byte) (string, error) {
	var out strings.Builder
	for _, der := range chain {
		if _, err := x509.ParseCertificate(der); err != nil {
			return "", err
		}
		if err := pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
			return "", err
		}
	}
	return out.String(), nil
}

func second(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

const readmeText = `This archive holds everything that %s (environment %s) kept at %s:

  credentials/ID/     every signed form of a credential and its renditions, by the number of
                      its issue; evidence where it was anchored; register.json: what the
                      register knew of it. ~ where the ID alone is no name on every system
  issuers/            issuers: public keys with their history, certificates, DID documents
  status/             status lists as they were published
  schemas/  types/    JSON Schemas and credential types, in all versions
  pictures/           badge images that credentials name, by SHA-256
  documents/          uploaded files, as they were signed, and who was asked to sign
  stamps/             hashes that were anchored, with their evidence
  recipients.jsonl    recipients by their ids
  portfolios/         public selections    batches/      what was issued in bulk, row by row
  webhooks/           endpoints            api-keys.jsonl  names and scopes of keys
  verifications.jsonl the log of verifications
  audit.jsonl         the audit log: of each line what was hashed, and the hash. A line's last
                      member is the hash before. audit/N.cbor is the evidence of line N's hash
  trust.json          whom to believe, with copies of all that verifying would fetch
  MANIFEST            SHA-256 of every file, as sha256sum -c reads it

To verify a file, or what was anchored, without us and without a network:

  chancery verify --trust trust.json credentials/ID/1.json
  chancery verify --trust trust.json credentials/ID/1.evidence.cbor credentials/ID/1.json

trust.json is no proof of itself: whoever can change this archive can change it too. Write
down the SHA-256 of MANIFEST when you get the archive; the audit log keeps it as well, in the
line tenant.exported, and is anchored. For an archive from somewhere else compare the keys in
issuers/ with the DID documents that the issuers publish, or with what you have known before,
and the checkpoints in trust.json with a chain that you trust.

Status lists speak for the time up to their validUntil. After it a verifier answers
"indeterminate", because nobody says any more that nothing was revoked since; with a network
it asks for newer ones. Evidence on a blockchain is judged by the block that was final when
this archive was made.

What was issued through the W3C plane (/vc) was handed out and not kept; the lists and keys
in here verify it. Values of private fields are not in here: they were never given out again.
There are no private keys, API keys or secrets of webhooks in here. There is personal data.
`

func (e *export) readme(now time.Time) error {
	return e.addBytes("README.txt", fmt.Appendf(nil, readmeText, e.s.Tenant, e.s.Environment, now.Format(time.RFC3339)))
}
