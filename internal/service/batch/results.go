package batch

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/archive"
)

// rowsAtOnce is how many rows are read at a time for the results: their artefacts are in
// memory meanwhile, as far as they are text.
const rowsAtOnce = 50

// WriteBatch implements service.Batches. The archive holds results.csv with every row, and
// the files of every credential in folders by kind. It is written as it is read.
func (b *Batches) WriteBatch(ctx context.Context, c service.Caller, id string, w io.Writer) error {
	if err := needRead(c); err != nil {
		return err
	}
	if _, err := b.GetBatch(ctx, c, id); err != nil {
		return err
	}
	z := archive.New(w, b.c.TempDir)
	defer z.Discard()
	if err := b.writeTable(ctx, c.Scope, id, z); err != nil {
		return err
	}
	names := service.FileNames{}
	err := b.eachRow(ctx, c.Scope, id, true, func(r result) error {
		if len(r.artifacts) == 0 {
			return nil
		}
		if !names.Add("id " + r.row.CredentialID) { // the files of that credential are there
			return nil
		}
		name := names.Of(r.row.CredentialID, r.row.Index)
		for _, a := range r.artifacts {
			if err := b.writeArtifact(ctx, z, name, a); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err // without its directory the archive is seen to be cut off
	}
	return z.Close()
}

// result is a row with what became of it.
type result struct {
	row       service.Row
	url       string
	artifacts []service.StoredArtifact
}

// eachRow reads all rows in order, a few at a time, with their artefacts where files is true.
func (b *Batches) eachRow(ctx context.Context, s service.Scope, id string, files bool, f func(result) error) error {
	for from := int64(0); ; {
		var results []result
		err := b.c.Store.View(ctx, func(tx service.Tx) error {
			results = results[:0]
			rows, err := tx.Rows(ctx, s, id, "", from, rowsAtOnce)
			if err != nil {
				return err
			}
			for _, r := range rows {
				res := result{row: r}
				if r.State == issued {
					cred, err := tx.Credential(ctx, s, r.CredentialID)
					switch {
					case errors.Is(err, service.ErrNotFound) || err == nil && cred.Issue == 0: // a draft, or one that was deleted since
					case err != nil:
						return err
					default:
						res.url = b.url(cred)
						if !files {
							break
						}
						if res.artifacts, err = tx.Artifacts(ctx, s, cred.ID, cred.Issue); err != nil {
							return err
						}
					}
				}
				results = append(results, res)
			}
			return nil
		})
		if err != nil || len(results) == 0 {
			return err
		}
		for _, r := range results {
			if err := f(r); err != nil {
				return err
			}
		}
		from = results[len(results)-1].row.Index + 1
	}
}

func (b *Batches) writeTable(ctx context.Context, s service.Scope, id string, z *archive.Writer) error {
	f, err := z.Create("results.csv")
	if err != nil {
		return err
	}
	table := csv.NewWriter(f)
	if err := table.Write([]string{"index", "state", "id", "url", "errors"}); err != nil {
		return err
	}
	err = b.eachRow(ctx, s, id, false, func(r result) error {
		problems, err := errorText(r.row)
		if err != nil {
			return err
		}
		return table.Write([]string{strconv.FormatInt(r.row.Index, 10), r.row.State, cell(r.row.CredentialID), cell(r.url), cell(problems)})
	})
	if err != nil {
		return err
	}
	table.Flush()
	return table.Error()
}

func errorText(r service.Row) (string, error) {
	if r.Errors == nil {
		return "", nil
	}
	var faults map[string][]string
	if err := json.Unmarshal(r.Errors, &faults); err != nil {
		return "", err
	}
	var out []string
	for _, field := range sortedKeys(faults) {
		out = append(out, strings.TrimSpace(field+" "+strings.Join(faults[field], ", ")))
	}
	return strings.Join(out, ", "), nil
}

// cell keeps programs for tables from taking a text for a formula, or for several cells:
// names of members that are not known are who sent them's.
func cell(s string) string {
	s = strings.NewReplacer(";", ",", "\t", " ").Replace(s)
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

var extensions = map[string]string{"vc": ".json", "vc.jwt": ".jwt", "pdf": ".pdf", "png": ".png", "svg": ".svg", "evidence": ".cbor"}

// writeArtifact adds a file. Its name cannot lead out of its folder: ids have no slash.
func (b *Batches) writeArtifact(ctx context.Context, z *archive.Writer, id string, a service.StoredArtifact) error {
	ext, ok := extensions[a.Name]
	if !ok || strings.ContainsAny(id, `/\`) {
		return fmt.Errorf("batch: an artefact with a name that no file can have")
	}
	f, err := z.Create(strings.TrimSuffix(a.Name, ".jwt") + "/" + id + ext)
	if err != nil {
		return err
	}
	if a.Bytes != nil {
		_, err := f.Write(a.Bytes)
		return err
	}
	r, _, err := b.c.Blobs.Get(ctx, a.Digest)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, r.Close())
}
