package register

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/archive"
)

const exportAtOnce = 50

// export is an archive that is being written. What it remembers in memory of each credential
// is a hash of its name; the lines of the manifest are not kept there.
type export struct {
	*Register
	ctx      context.Context // of the call
	s        service.Scope
	z        *archive.Writer
	manifest *archive.Spool

	names    service.FileNames // of credentials
	count    int64             // of credentials
	lists    map[string]bool   // status lists that credentials name
	schemas  map[string]bool   // ids of schemas
	pictures map[string]bool   // digests of those that are there
	trust    trustFile
}

// Export implements service.Registry. It is written as it is read: an error in the middle
// leaves an archive without its directory, which no program opens.
func (g *Register) Export(ctx context.Context, c service.Caller, w io.Writer) error {
	if err := c.Need(service.MayExport); err != nil {
		return err
	}
	now := g.now()
	err := g.c.Store.Update(ctx, func(tx service.Tx) error {
		return service.WriteAudit(ctx, tx, c, now, "tenant.export", c.Tenant, nil)
	})
	if err != nil {
		return err
	}
	// So that the log in the archive says that it was made.
	if err := g.chain(ctx, service.Run{}); err != nil {
		return err
	}
	e := &export{Register: g, ctx: ctx, s: c.Scope, z: archive.New(w, g.c.TempDir), manifest: archive.NewSpool(g.c.TempDir), names: service.FileNames{}, lists: map[string]bool{}, schemas: map[string]bool{}, pictures: map[string]bool{}}
	defer e.z.Discard()
	defer e.manifest.Discard()
	for _, part := range []func(time.Time) error{
		e.readme, e.issuers, e.types, e.credentials, e.documents, e.stamps, e.statusLists, e.schemaFiles,
		e.recipients, e.portfolios, e.batches, e.webhooks, e.keys, e.verifications, e.audit, e.trustFile,
	} {
		if err := part(now); err != nil {
			return err
		}
	}
	f, err := e.z.Create("MANIFEST")
	if err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := e.manifest.WriteTo(io.MultiWriter(f, sum)); err != nil {
		return err
	}
	if err := e.z.Close(); err != nil {
		return err
	}
	// By this line, which is anchored with the log, an archive can be told from one that
	// somebody else has made.
	return g.c.Store.Update(ctx, func(tx service.Tx) error {
		return service.WriteAudit(ctx, tx, c, g.now(), "tenant.exported", c.Tenant, map[string]any{"manifest": hex.EncodeToString(sum.Sum(nil))})
	})
}

// add writes a file, and its digest into the manifest.
func (e *export) add(name string, r io.Reader) error {
	if err := e.ctx.Err(); err != nil {
		return err
	}
	f, err := e.z.Create(name)
	if err != nil {
		return err
	}
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(f, h), r); err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.manifest, "%x  %s\n", h.Sum(nil), name)
	return err
}

func (e *export) addBytes(name string, b []byte) error {
	return e.add(name, strings.NewReader(string(b)))
}

func (e *export) addJSON(name string, v any) error {
	b, err := json.Marshal(v, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	return e.addBytes(name, append(b, '\n'))
}

// addBlob writes a file that is kept in the blobs. One that is not there, because it was
// erased meanwhile or is lost, is left out: the register's file says so.
func (e *export) addBlob(name, digest string) (found bool, err error) {
	r, _, err := e.c.Blobs.Get(e.ctx, digest)
	if errors.Is(err, service.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, errors.Join(e.add(name, r), r.Close())
}

// fileName makes an id that was made here, or a slug, fit for a name that stays in its folder:
// those of types may have a slash.
func fileName(id string) string {
	id = strings.NewReplacer("/", "_", `\`, "_", ":", "_").Replace(id)
	if strings.Trim(id, ".") == "" {
		return "_" + id
	}
	return id
}

// records yields all records of a kind.
func (e *export) records(k service.Kind, f func(service.Record) error) error {
	for cursor := ""; ; {
		var list service.List[service.Record]
		err := e.c.Store.View(e.ctx, func(tx service.Tx) (err error) {
			list, err = tx.List(e.ctx, e.s, k, nil, service.Page{Limit: service.MaxLimit, Cursor: cursor})
			return err
		})
		if err != nil {
			return err
		}
		for _, r := range list.Items {
			if err := f(r); err != nil {
				return err
			}
		}
		if cursor = list.Next; cursor == "" {
			return nil
		}
	}
}

func (e *export) issuers(now time.Time) error {
	return e.records(service.KindIssuer, func(r service.Record) error {
		var i service.StoredIssuer
		if err := json.Unmarshal(r.Body, &i); err != nil {
			return err
		}
		// Only what is public: private keys, and what they are sealed as, stay.
		out := exportedIssuer{ID: r.ID, Key: i.Key, Name: i.Name, URL: i.URL, DID: i.DID, Created: r.Created.UTC()}
		for _, k := range i.Keys {
			out.Keys = append(out.Keys, exportedKey{Method: k.Method, Type: k.Type, Multibase: k.Multibase, From: k.From, Until: k.Until, Compromised: k.Compromised})
		}
		for _, c := range i.Certs {
			text, err := certificates(c.Chain)
			if err != nil {
				return err
			}
			out.Certificates = append(out.Certificates, text)
		}
		if err := e.addJSON("issuers/"+fileName(r.ID)+".json", out); err != nil {
			return err
		}
		doc, err := service.IssuerDocument(i)
		if err != nil {
			return err
		}
		// All of his lists: what was issued on the W3C plane is kept elsewhere, and names them too.
		for _, id := range i.Lists {
			e.lists[id] = true
		}
		if doc != nil {
			if err := e.addBytes("issuers/"+fileName(r.ID)+".did.json", doc); err != nil {
				return err
			}
		}
		return e.trust.issuer(e.s.Environment, out, doc, now)
	})
}

type exportedIssuer struct {
	ID           string        `json:"id"`
	Key          string        `json:"key"`
	Name         string        `json:"name"`
	URL          string        `json:"url,omitempty"`
	DID          string        `json:"did"`
	Keys         []exportedKey `json:"keys"`
	Certificates []string      `json:"certificates"`
	Created      time.Time     `json:"createdAt"`
}

type exportedKey struct {
	Method      string     `json:"id"`
	Type        string     `json:"type"`
	Multibase   string     `json:"publicKeyMultibase"`
	From        time.Time  `json:"validFrom"`
	Until       *time.Time `json:"validUntil"`
	Compromised *time.Time `json:"compromised,omitempty"`
}

func (e *export) types(time.Time) error {
	return e.records(service.KindVersion, func(r service.Record) error {
		body := jsontext.Value(slices.Clone(r.Body)) // Indent writes where it reads
		if err := body.Indent(jsontext.WithIndent("  ")); err != nil {
			return err
		}
		if err := e.addBytes("types/"+fileName(r.ID)+".json", append(body, '\n')); err != nil {
			return err
		}
		var t service.StoredType
		if err := json.Unmarshal(r.Body, &t); err != nil {
			return err
		}
		return errors.Join(e.picture(t.PNG, ".png"), e.picture(t.SVG, ".svg"))
	})
}

// picture writes a badge image, by its digest, once.
func (e *export) picture(digest, ext string) error {
	if digest == "" || e.pictures[digest] {
		return nil
	}
	e.pictures[digest] = true
	_, err := e.addBlob("pictures/"+digest+ext, digest)
	return err
}

var extensions = map[string]string{"vc": ".json", "vc.jwt": ".jwt", "pdf": ".pdf", "png": ".png", "svg": ".svg", "evidence": ".cbor"}

// exportedCredential is what the register knows of a credential.
type exportedCredential struct {
	ID             string            `json:"id"`
	PublicID       string            `json:"publicId"`
	State          service.State     `json:"state"`
	Type           string            `json:"type"`
	TypeVersion    int               `json:"typeVersion"`
	Issuer         string            `json:"issuer"`
	Subject        string            `json:"subject,omitempty"`
	RecipientName  string            `json:"recipientName,omitempty"`
	RecipientEmail string            `json:"recipientEmail,omitempty"`
	Claims         map[string]any    `json:"claims,omitempty"`
	Created        time.Time         `json:"createdAt"`
	IssuedAt       *time.Time        `json:"issuedAt,omitempty"`
	ValidUntil     *time.Time        `json:"validUntil,omitempty"`
	RevokedAt      *time.Time        `json:"revokedAt,omitempty"`
	Reason         string            `json:"reason,omitempty"`
	Erased         *time.Time        `json:"erased,omitempty"`
	StatusList     string            `json:"statusList,omitempty"`
	StatusIndex    int64             `json:"statusIndex"`
	Digest         string            `json:"digest,omitempty"`
	Files          map[string]string `json:"files"`
	Missing        []string          `json:"missing,omitempty"` // files that are not there any more
}

// credentials writes every credential with all of its files, a few at a time.
func (e *export) credentials(time.Time) error {
	for cursor := ""; ; {
		var list service.List[service.StoredCredential]
		files := map[string][]service.StoredArtifact{}
		err := e.c.Store.View(e.ctx, func(tx service.Tx) (err error) {
			clear(files)
			list, err = tx.Credentials(e.ctx, e.s, service.CredentialQuery{Now: e.now(), Oldest: true}, service.Page{Limit: exportAtOnce, Cursor: cursor})
			if err != nil {
				return err
			}
			for _, c := range list.Items {
				if files[c.ID], err = tx.Artifacts(e.ctx, e.s, c.ID, 0); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, c := range list.Items {
			if err := e.credential(c, files[c.ID]); err != nil {
				return err
			}
		}
		if cursor = list.Next; cursor == "" {
			return nil
		}
	}
}

func (e *export) credential(c service.StoredCredential, files []service.StoredArtifact) error {
	var body service.StoredBody
	if err := json.Unmarshal(c.Body, &body); err != nil {
		return err
	}
	out := exportedCredential{
		ID: c.ID, PublicID: c.PublicID, State: c.State, Type: c.TypeID, TypeVersion: body.TypeVersion, Issuer: c.IssuerID,
		Subject: c.SubjectID, RecipientName: c.RecipientName, RecipientEmail: c.RecipientEmail, Claims: body.Claims,
		Created: c.Created.UTC(), IssuedAt: when(c.IssuedAt), ValidUntil: when(c.ValidUntil), RevokedAt: body.RevokedAt,
		Reason: body.Reason, Erased: body.Erased, StatusList: c.ListID, StatusIndex: c.Index, Digest: c.Digest, Files: map[string]string{},
	}
	e.count++
	base := "credentials/" + e.names.Of(c.ID, e.count)
	for _, a := range files {
		name := fmt.Sprintf("%s/%d%s", base, a.Issue, extensions[a.Name])
		if a.Name == "evidence" {
			name = fmt.Sprintf("%s/%d.evidence%s", base, a.Issue, extensions[a.Name])
		}
		key, found := fmt.Sprintf("%s/%d", a.Name, a.Issue), true
		var err error
		if a.Bytes != nil {
			err = e.addBytes(name, a.Bytes)
		} else {
			found, err = e.addBlob(name, a.Digest)
		}
		switch {
		case err != nil:
			return err
		case found:
			out.Files[key] = name
		default:
			out.Missing = append(out.Missing, key)
		}
	}
	if body.StampID != "" && body.Erased == nil {
		name := fmt.Sprintf("%s/%d.evidence.cbor", base, c.Issue)
		switch found, err := e.evidence(name, body.StampID); {
		case err != nil:
			return err
		case found:
			out.Files[fmt.Sprintf("evidence/%d", c.Issue)] = name
		}
	}
	for _, p := range append(body.Earlier, service.StatusPlace{List: c.ListID}) {
		if p.List != "" {
			e.lists[p.List] = true
		}
	}
	if c.Issue > 0 {
		e.schemas[fmt.Sprintf("%s.%d", c.TypeID, body.TypeVersion)] = true
	}
	return e.addJSON(base+"/register.json", out)
}

// evidence writes that of a stamp, if it is there.
func (e *export) evidence(name, stamp string) (bool, error) {
	if e.c.Stamper == nil {
		return false, nil
	}
	bundle, err := e.c.Stamper.Evidence(e.ctx, e.s, stamp, nil)
	var not *service.Error
	if errors.As(err, &not) && not.Code == service.CodeState {
		return false, nil // not anchored yet, or erased
	}
	if err != nil {
		return false, err
	}
	b, err := bundle.Encode()
	if err != nil {
		return false, err
	}
	return true, e.addBytes(name, b)
}

// stamps writes bare stamps with their evidence, and learns which blocks their batches
// and those of credentials ended in.
func (e *export) stamps(time.Time) error {
	err := e.records(service.KindStamp, func(r service.Record) error {
		var st service.StoredStamp
		if err := json.Unmarshal(r.Body, &st); err != nil {
			return err
		}
		if st.Credential != "" || st.Value == "" {
			return nil
		}
		base := "stamps/" + fileName(r.ID)
		if _, err := e.evidence(base+".cbor", r.ID); err != nil {
			return err
		}
		return e.addJSON(base+".json", map[string]any{"id": r.ID, "alg": st.Alg, "value": st.Value, "meta": st.Meta, "createdAt": r.Created.UTC()})
	})
	if err != nil {
		return err
	}
	store := e.c.Store.Anchors(e.s)
	for seq := uint64(0); ; seq++ {
		r, err := store.Record(e.ctx, seq)
		if errors.Is(err, anchor.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		e.trust.batch(r)
	}
}

// statusLists writes the lists as they are published now.
func (e *export) statusLists(now time.Time) error {
	for _, id := range slices.Sorted(maps.Keys(e.lists)) {
		for purpose, suffix := range map[string]string{"revocation": "", "suspension": "-s"} {
			var p service.Publication
			err := e.c.Store.View(e.ctx, func(tx service.Tx) (err error) {
				p, err = tx.Published(e.ctx, id, purpose)
				return err
			})
			if errors.Is(err, service.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			if err := e.addBytes("status/"+fileName(id+suffix)+".json", p.Bytes); err != nil {
				return err
			}
			e.trust.document("statusList", service.StatusListURL(e.c.BaseURL, id, purpose), p.Bytes, p.Issued)
		}
	}
	return nil
}

func (e *export) schemaFiles(now time.Time) error {
	for _, id := range slices.Sorted(maps.Keys(e.schemas)) {
		f, err := e.c.Schemas.Schema(e.ctx, id)
		if service.IsNotFound(err) {
			continue
		}
		if err != nil {
			return err
		}
		if err := e.addBytes("schemas/"+fileName(id)+".json", f.Bytes); err != nil {
			return err
		}
		e.trust.document("schema", e.c.BaseURL+"/schemas/"+id, f.Bytes, now)
	}
	return nil
}

// audit writes the log, a line each: what was hashed, and the hash.
func (e *export) audit(time.Time) error {
	pr, pw := io.Pipe()
	go func() {
		var previous []byte
		err := e.eachLine(e.ctx, e.s, func(entry service.AuditEntry) error {
			line, err := Line(e.s, entry, previous)
			if err != nil {
				return err
			}
			previous = entry.Hash
			_, err = fmt.Fprintf(pw, "{\"line\":%s,\"hash\":\"%x\"}\n", line, entry.Hash)
			return err
		})
		pw.CloseWithError(err)
	}()
	err := e.add("audit.jsonl", pr)
	pr.CloseWithError(err) // ends the writer where the archive failed
	if err != nil {
		return err
	}
	_, heads, err := e.heads(e.ctx, e.s)
	if err != nil {
		return err
	}
	for _, h := range heads.Anchored {
		if _, err := e.evidence(fmt.Sprintf("audit/%d.cbor", h.Seq), h.Stamp); err != nil {
			return err
		}
	}
	return nil
}

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
