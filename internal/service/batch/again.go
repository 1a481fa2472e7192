package batch

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/service"
)

// lookUp compares rows whose id or key is in the store with what is there.
func (s *submission) lookUp(ctx context.Context) error {
	if len(s.inputs) == 0 {
		return nil
	}
	found := make([]earlier, len(s.inputs))
	now := s.now()
	err := s.config().Store.View(ctx, func(tx service.Tx) (err error) {
		for k, g := range s.inputs {
			if found[k], err = taken(ctx, tx, s.c.Scope, s.t.ID(), g, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for k, g := range s.inputs {
		faults, kept := found[k].faults, g.row >= 0 && g.row < len(s.rows)
		switch {
		case found[k].id != "":
			s.known++
			if kept {
				s.rows[g.row] = service.Row{Index: g.index, State: issued, Key: g.key, CredentialID: found[k].id, PublicID: found[k].publicID}
			}
		case faults != nil:
			s.fault(g.index, faults)
			if kept {
				if s.rows[g.row], err = failedRow(g.index, "", faults); err != nil {
					return err
				}
			}
		}
	}
	s.inputs = s.inputs[:0]
	if !s.keeps() {
		s.rows = nil
	}
	return nil
}

// earlier is what the store has under a row's id and key: the very credential that the row
// asks for, or what is wrong, or nothing.
type earlier struct {
	id, publicID string
	faults       map[string][]string
}

// taken looks up a row's id and key. The same content under them is the same credential, as
// it is for a single issue.
func taken(ctx context.Context, tx service.Tx, s service.Scope, typeID string, g given, now time.Time) (earlier, error) {
	faults := map[string][]string{}
	same := earlier{}
	if g.key != "" {
		a, err := tx.Recall(ctx, s, route, g.key, now)
		switch {
		case err == nil:
			id, err := issuedAs(a, g.content)
			if err != nil {
				return same, err
			}
			if id == "" {
				faults["idempotencyKey"] = []string{"was used for another row"}
			} else if same.id = id; g.id != "" && g.id != id {
				faults["id"] = []string{"is another than the row had before"}
			}
		case !errors.Is(err, service.ErrNotFound):
			return same, err
		}
	}
	if id := cmp.Or(g.id, same.id); id != "" {
		c, err := tx.Credential(ctx, s, id)
		switch {
		case errors.Is(err, service.ErrNotFound):
			if same.id != "" { // a draft that was deleted since
				faults["idempotencyKey"] = []string{"was used for a credential that is not there any more"}
			}
		case err != nil:
			return same, err
		case same.id == "" && !asksFor(c, typeID, g.content):
			faults["id"] = []string{"is that of another credential"}
		default:
			same.id, same.publicID = c.ID, c.PublicID
		}
	}
	if len(faults) != 0 {
		return earlier{faults: faults}, nil
	}
	return same, nil
}

// asksFor tells whether a credential was made of what a row asks for.
func asksFor(c service.StoredCredential, typeID, content string) bool {
	var body service.StoredBody
	return json.Unmarshal(c.Body, &body) == nil && content != "" && body.Content == content && c.TypeID == typeID
}

// remembered is the body of the answer kept under a row's key.
type remembered struct {
	Credential string `json:"credential"`
	Content    string `json:"content,omitempty"`
}

// issuedAs reads which credential a key was used for, "" where for another content.
func issuedAs(a service.Answer, content string) (string, error) {
	var r remembered
	if err := json.Unmarshal(a.Body, &r); err != nil {
		return "", err
	}
	if content == "" || r.Content != content {
		return "", nil
	}
	return r.Credential, nil
}
