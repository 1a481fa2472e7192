package register

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery/internal/service"
)

// What an institution keeps beside what is verified: recipients, portfolios, batches,
// endpoints, keys by name, the log of verifications. None of it holds a secret.

// lines writes a file of one JSON value a line, as each hands them over.
func (e *export) lines(name string, each func(line func(any) error) error) error {
	pr, pw := io.Pipe()
	go func() {
		w := bufio.NewWriter(pw)
		err := each(func(v any) error {
			b, err := json.Marshal(v, json.Deterministic(true))
			if err == nil {
				_, err = w.Write(append(b, '\n'))
			}
			return err
		})
		pw.CloseWithError(errors.Join(err, w.Flush()))
	}()
	err := e.add(name, pr)
	pr.CloseWithError(err) // ends the writer where the archive failed
	return err
}

func (e *export) recipients(time.Time) error {
	type line struct {
		ID string `json:"id"`
		service.StoredSubject
		Created time.Time `json:"createdAt"`
	}
	return e.lines("recipients.jsonl", func(put func(any) error) error {
		return e.records(service.KindSubject, func(r service.Record) error {
			v := line{ID: r.ID, Created: r.Created.UTC()}
			if err := json.Unmarshal(r.Body, &v.StoredSubject); err != nil {
				return err
			}
			return put(v)
		})
	})
}

func (e *export) portfolios(time.Time) error {
	return e.records(service.KindPortfolio, func(r service.Record) error {
		var p service.StoredPortfolio
		if err := json.Unmarshal(r.Body, &p); err != nil {
			return err
		}
		return e.addJSON("portfolios/"+fileName(r.ID)+".json", service.Portfolio{
			Slug: r.ID, Environment: e.s.Environment, URL: e.c.BaseURL + "/p/" + r.ID, UpdatedAt: r.Updated.UTC(),
			PortfolioInput: service.PortfolioInput{Title: p.Title, SubjectID: p.Subject, Public: p.Public, Items: p.Items},
		})
	})
}

const rowsAtOnce = 1000

// batches writes each with a line for every row; what the rows said is with the credentials.
func (e *export) batches(time.Time) error {
	type row struct {
		Index      int64          `json:"index"`
		State      string         `json:"state"`
		Credential string         `json:"credential,omitempty"`
		Errors     jsontext.Value `json:"errors,omitzero"`
	}
	return e.records(service.KindBatch, func(r service.Record) error {
		var b struct {
			Name string          `json:"name,omitempty"`
			Type service.TypeRef `json:"type"`
		}
		if err := json.Unmarshal(r.Body, &b); err != nil {
			return err
		}
		base := "batches/" + fileName(r.ID)
		if err := e.addJSON(base+".json", map[string]any{"id": r.ID, "name": b.Name, "type": b.Type, "createdAt": r.Created.UTC()}); err != nil {
			return err
		}
		return e.lines(base+".rows.jsonl", func(put func(any) error) error {
			for from := int64(0); ; {
				var rows []service.Row
				err := e.c.Store.View(e.ctx, func(tx service.Tx) (err error) {
					rows, err = tx.Rows(e.ctx, e.s, r.ID, "", from, rowsAtOnce)
					return err
				})
				if err != nil || len(rows) == 0 {
					return err
				}
				for _, w := range rows {
					if err := put(row{w.Index, w.State, w.CredentialID, w.Errors}); err != nil {
						return err
					}
				}
				from = rows[len(rows)-1].Index + 1
			}
		})
	})
}

func (e *export) webhooks(time.Time) error {
	return e.records(service.KindWebhook, func(r service.Record) error {
		var w service.StoredWebhook
		if err := json.Unmarshal(r.Body, &w); err != nil {
			return err
		}
		return e.addJSON("webhooks/"+fileName(r.ID)+".json", service.Webhook{
			ID: r.ID, Environment: e.s.Environment, URL: w.URL, Description: w.Description, Events: w.Events,
			Active: w.Active, Algorithm: w.Algorithm, PublicKey: w.PublicKey, Problem: w.Problem, CreatedAt: r.Created.UTC(),
		})
	})
}

func (e *export) keys(time.Time) error {
	type line struct {
		ID      string               `json:"id"`
		Name    string               `json:"name"`
		Scopes  []service.Permission `json:"scopes"`
		Created time.Time            `json:"createdAt"`
		Expires *time.Time           `json:"expiresAt"`
		Revoked *time.Time           `json:"revokedAt"`
	}
	return e.lines("api-keys.jsonl", func(put func(any) error) error {
		return e.records(service.KindKey, func(r service.Record) error {
			var k service.StoredKey
			if err := json.Unmarshal(r.Body, &k); err != nil {
				return err
			}
			return put(line{r.ID, k.Name, k.Scopes, r.Created.UTC(), k.Expires, k.Revoked})
		})
	})
}

func (e *export) verifications(time.Time) error {
	type line struct {
		At      time.Time `json:"at"`
		Subject string    `json:"subject,omitempty"`
		Method  string    `json:"method"`
		Outcome string    `json:"outcome"`
		Reason  string    `json:"reason,omitempty"`
		Source  string    `json:"source"`
	}
	return e.lines("verifications.jsonl", func(put func(any) error) error {
		for cursor := ""; ; {
			var list service.List[service.LogEntry]
			err := e.c.Store.View(e.ctx, func(tx service.Tx) (err error) {
				list, err = tx.Verifications(e.ctx, e.s, service.Page{Limit: service.MaxLimit, Cursor: cursor})
				return err
			})
			if err != nil {
				return err
			}
			for _, l := range list.Items {
				if err := put(line{l.At.UTC(), l.Subject, l.Method, l.Outcome, l.Reason, l.Source}); err != nil {
					return err
				}
			}
			if cursor = list.Next; cursor == "" {
				return nil
			}
		}
	})
}

func (e *export) documents(time.Time) error {
	return e.records(service.KindDocument, func(r service.Record) error {
		var d service.StoredDocument
		if err := json.Unmarshal(r.Body, &d); err != nil {
			return err
		}
		base := "documents/" + fileName(r.ID)
		ext := ""
		if d.MediaType == "application/pdf" {
			ext = ".pdf"
		}
		files := []struct{ name, digest string }{{"uploaded", d.Digest}}
		for n, digest := range d.Earlier {
			files = append(files, struct{ name, digest string }{fmt.Sprintf("signed.%d", n+1), digest})
		}
		if d.File != d.Digest {
			files = append(files, struct{ name, digest string }{"signed", d.File})
		}
		missing := []string{}
		for _, f := range files {
			found, err := e.addBlob(base+"/"+f.name+ext, f.digest)
			if err != nil {
				return err
			}
			if !found {
				missing = append(missing, f.name)
			}
		}
		signatures, err := e.signatures(r.ID)
		if err != nil {
			return err
		}
		return e.addJSON(base+"/register.json", map[string]any{
			"id": r.ID, "name": d.Name, "mediaType": d.MediaType, "digest": d.Digest, "signedDigest": d.File, "createdAt": r.Created.UTC(),
			"signatures": signatures, "missing": missing,
		})
	})
}

// exportedSignature is a signature on a document, wanted or made.
type exportedSignature struct {
	ID       string     `json:"id"`
	Kind     string     `json:"kind"`
	State    string     `json:"state"`
	Level    string     `json:"level,omitempty"`
	Signer   string     `json:"signer,omitempty"`
	Email    string     `json:"email,omitempty"`
	Reason   string     `json:"reason,omitempty"`
	SignedAt *time.Time `json:"signedAt,omitempty"`
	File     string     `json:"file,omitempty"` // digest
}

// signatures are those of a document, the oldest first.
func (e *export) signatures(document string) ([]exportedSignature, error) {
	out := []exportedSignature{}
	err := e.c.Store.View(e.ctx, func(tx service.Tx) error {
		list, err := tx.List(e.ctx, e.s, service.KindSignature, &document, service.Page{Limit: service.MaxLimit})
		if err != nil {
			return err
		}
		out = make([]exportedSignature, len(list.Items))
		for n, r := range list.Items {
			one := &out[len(out)-1-n]
			if err := json.Unmarshal(r.Body, one); err != nil {
				return err
			}
			one.ID = r.ID
		}
		return nil
	})
	return out, err
}
