package httpapi

import (
	"strconv"
	"strings"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// column is one column of a CSV: the path it is under.
type column struct {
	path string
	kind string // claims or private: then key is the field
	key  string
}

const maxColumns = 500

// csvColumns reads the header. Columns are named by their number in errors: a CSV without
// a header would otherwise have its first person repeated.
func csvColumns(header []string) ([]column, error) {
	if len(header) > maxColumns {
		return nil, badBody("the CSV has more than " + strconv.Itoa(maxColumns) + " columns")
	}
	var bad service.Invalid
	seen := map[string]bool{}
	out := make([]column, len(header))
	for i, path := range header {
		path = strings.TrimSpace(path)
		place := "columns[" + strconv.Itoa(i) + "]"
		c := column{path: path}
		if kind, key, ok := strings.Cut(path, "."); ok && (kind == "claims" || kind == "private") && key != "" {
			c.kind, c.key = kind, key
		} else if !knownColumns[path] {
			bad.Add(place, "is not the path of a member, such as recipient.email or claims.KEY")
		}
		if seen[path] {
			bad.Add(place, "stands twice")
		}
		seen[path] = true
		out[i] = c
	}
	return out, bad.Err()
}

var knownColumns = map[string]bool{
	"idempotencyKey": true, "id": true, "recipient.id": true, "recipient.name": true, "recipient.email": true, "recipient.did": true,
	"validFrom": true, "validUntil": true, "visibility": true, "documentId": true,
}

// set puts a cell where it belongs, and says what is wrong with it.
func (c column) set(item *service.ItemInput, cell string, kinds map[string]string) string {
	switch c.path {
	case "idempotencyKey":
		item.IdempotencyKey = cell
	case "id":
		item.ID = cell
	case "recipient.id":
		item.Recipient.ID = cell
	case "recipient.name":
		item.Recipient.Name = cell
	case "recipient.email":
		item.Recipient.Email = cell
	case "recipient.did":
		item.Recipient.DID = cell
	case "visibility":
		item.Visibility = cell
	case "documentId":
		item.DocumentID = cell
	case "validFrom", "validUntil":
		t, ok := strictjson.ParseTime(cell)
		if !ok {
			return "must be a date and time with zone (RFC 3339)"
		}
		if t = t.UTC(); c.path == "validFrom" {
			item.ValidFrom = &t
		} else {
			item.ValidUntil = &t
		}
	default:
		m := &item.Claims
		if c.kind == "private" {
			m = &item.Private
		}
		if *m == nil {
			*m = map[string]any{}
		}
		(*m)[c.key] = typed(cell, kinds[c.key])
	}
	return ""
}

// typed reads a cell as its field's type says. What does not fit stays text, and the
// check of the row says what was expected.
func typed(cell, kind string) any {
	switch kind {
	case "number":
		if f, ok := service.ParseNumber(cell); ok {
			return f
		}
	case "boolean":
		switch strings.ToLower(cell) {
		case "true":
			return true
		case "false":
			return false
		}
	}
	return cell
}
