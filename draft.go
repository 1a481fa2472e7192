package chancery

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Draft is a credential to be made. The zero value of a field leaves its member out,
// unless its comment says otherwise.
type Draft struct {
	Model    ModelVersion // zero: 2.0
	Contexts []string     // URLs after the base context, which is always first
	ID       string       // a URL
	Types    []string     // beside VerifiableCredential, which is always first
	Issuer   string       // a URL; required

	// IssuerMembers holds further members of the issuer, such as name and type. nil
	// makes the issuer a plain URL.
	IssuerMembers map[string]any

	Name        string
	Description string
	ValidFrom   time.Time // issuanceDate in the data model 1.1, where it is required
	ValidUntil  time.Time // expirationDate in the data model 1.1

	// Subject is credentialSubject: a value that marshals to a JSON object or a list
	// of them (github.com/go-json-experiment/json). Required.
	Subject any

	// Status holds entries of credentialStatus; Pointer is not looked at.
	Status []StatusEntry

	// Members holds all other members by name: credentialSchema, evidence, terms of
	// further contexts. A name that another field stands for is an error.
	Members map[string]any
}

// ErrDraft is wrapped by errors about a draft that are not about a place in a document.
var ErrDraft = errors.New("chancery: incomplete draft")

// Build makes the credential and checks it as CheckIssue does. Times are written in
// UTC, in whole seconds; members of maps in the order of their names. Errors wrap
// ErrDraft or are those of Parse and CheckIssue.
func (d Draft) Build() (*Credential, error) {
	b, err := d.text()
	if err != nil {
		return nil, err
	}
	c, err := Parse(b)
	if err != nil {
		return nil, err
	}
	if err := CheckIssue(c); err != nil {
		return nil, err
	}
	return c, nil
}

// object writes a JSON object member by member.
type object struct {
	b   []byte
	err error
}

func (o *object) add(name string, v any) {
	if o.err != nil {
		return
	}
	text, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		o.err = fmt.Errorf("%w: member %s: %w", ErrDraft, name, err)
		return
	}
	o.raw(name, text)
}

func (o *object) raw(name string, text []byte) {
	if len(o.b) == 0 {
		o.b = append(o.b, '{')
	} else {
		o.b = append(o.b, ',')
	}
	o.b = append(append(append(o.b, strictjson.Quote(name)...), ':'), text...)
}

func (o *object) text(name, value string) {
	if value != "" {
		o.add(name, value)
	}
}

func (o *object) time(name string, t time.Time) {
	if !t.IsZero() {
		o.add(name, t.UTC().Format(time.RFC3339))
	}
}

func (o *object) close() []byte {
	if len(o.b) == 0 {
		return []byte("{}")
	}
	return append(o.b, '}')
}

func (d Draft) text() ([]byte, error) {
	if d.Issuer == "" {
		return nil, fmt.Errorf("%w: expected an issuer", ErrDraft)
	}
	if d.Subject == nil {
		return nil, fmt.Errorf("%w: expected a subject", ErrDraft)
	}
	base, from, until := ContextV2, "validFrom", "validUntil"
	if d.Model == Model1_1 {
		base, from, until = ContextV1, "issuanceDate", "expirationDate"
	}
	var o object
	o.add("@context", append([]string{base}, without(d.Contexts, base)...))
	o.text("id", d.ID)
	o.add("type", append([]string{"VerifiableCredential"}, without(d.Types, "VerifiableCredential")...))
	o.text("name", d.Name)
	o.text("description", d.Description)
	if d.IssuerMembers == nil {
		o.text("issuer", d.Issuer)
	} else {
		var issuer object
		issuer.text("id", d.Issuer)
		issuer.members(d.IssuerMembers, "id")
		if issuer.err != nil {
			return nil, issuer.err
		}
		o.raw("issuer", issuer.close())
	}
	o.time(from, d.ValidFrom)
	o.time(until, d.ValidUntil)
	o.add("credentialSubject", d.Subject)
	if len(d.Status) > 0 {
		o.raw("credentialStatus", statusText(d.Status))
	}
	o.members(d.Members, "@context", "id", "type", "name", "description", "issuer", from, until, "credentialSubject", "credentialStatus", "proof")
	return o.close(), o.err
}

// members adds those of a map, in the order of their names; taken are names that may
// not be among them.
func (o *object) members(m map[string]any, taken ...string) {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if slices.Contains(taken, name) && o.err == nil {
			o.err = fmt.Errorf("%w: member %s has a field of its own", ErrDraft, name)
		}
		o.add(name, m[name])
	}
}

func without(list []string, s string) []string {
	var out []string
	for _, e := range list {
		if e != s {
			out = append(out, e)
		}
	}
	return out
}

// statusText writes status entries; a single one is not a list, which every reader
// understands.
func statusText(entries []StatusEntry) []byte {
	var list []byte
	for i, e := range entries {
		if i > 0 {
			list = append(list, ',')
		}
		var o object
		o.text("id", e.ID)
		o.text("type", e.Type)
		o.text("statusPurpose", e.Purpose)
		o.text("statusListIndex", e.ListIndex)
		o.text("statusListCredential", e.ListCredential)
		if e.Size > 1 {
			o.add("statusSize", e.Size)
		}
		list = append(list, o.close()...)
	}
	if len(entries) == 1 {
		return list
	}
	return append(append([]byte{'['}, list...), ']')
}

// Defaults are what FillDraft writes where a draft says nothing.
type Defaults struct {
	Issuer    string    // a URL; empty: a draft without issuer is an error
	ValidFrom time.Time // zero: a draft of the data model 1.1 without issuanceDate is an error, one of 2.0 stays without
	Random    io.Reader // source of identifiers, such as crypto/rand.Reader; nil: a draft without id stays without
}

// FillDraft completes the JSON text of a credential without proof: id (a random
// urn:uuid), issuer (or the id of an issuer that is an object) and validFrom
// (issuanceDate in the data model 1.1) are added where absent. All bytes of the draft
// are kept. The result has passed Parse, not yet CheckIssue. Errors are those of Parse,
// or wrap ErrDraft.
func FillDraft(draft []byte, d Defaults) (*Credential, error) {
	doc, err := parseDoc(draft)
	if err != nil {
		return nil, err
	}
	if _, err := checkHead(doc, "VerifiableCredential"); err != nil {
		return nil, err
	}
	var add object
	if doc.Get(0, "id") == strictjson.None && d.Random != nil {
		id, err := randomUUID(d.Random)
		if err != nil {
			return nil, err
		}
		add.text("id", id)
	}
	text := doc.Text()
	switch issuer := doc.Get(0, "issuer"); {
	case d.Issuer == "":
	case issuer == strictjson.None:
		add.text("issuer", d.Issuer)
	case doc.Kind(issuer) == strictjson.Object && doc.Get(issuer, "id") == strictjson.None:
		comma := ","
		if doc.Len(issuer) == 0 {
			comma = ""
		}
		at := doc.Offset(issuer) + 1
		text = text[:at] + `"id":` + strictjson.Quote(d.Issuer) + comma + text[at:]
	}
	from := "validFrom"
	if first := stringsOf(doc, doc.Get(0, "@context")); len(first) > 0 && first[0] == ContextV1 {
		from = "issuanceDate"
	}
	if doc.Get(0, from) == strictjson.None {
		add.time(from, d.ValidFrom)
	}
	if len(add.b) > 0 {
		// There is a member already, @context, so a comma belongs behind ours.
		at := strings.IndexByte(text, '{') + 1
		text = text[:at] + string(add.b[1:]) + "," + text[at:]
	}
	return Parse([]byte(text))
}

// randomUUID makes a urn:uuid of version 4 (RFC 9562 5.4).
func randomUUID(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("%w: reading random bytes: %w", ErrDraft, err)
	}
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return "urn:uuid:" + h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], nil
}
