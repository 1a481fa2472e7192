package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/keyset"
)

// The verification log grows faster than all else, and is seldom read. Its lines are kept
// as they come, many to a row: see the migration. Rows may overlap in time, since several
// processes write them; no row spans more than partSpan, which bounds how far.
const (
	partLines = 100
	partSpan  = int64(2 * time.Second / time.Microsecond)
)

// part is a row of the verification log.
type part struct {
	at    int64 // of its newest line, as is id
	id    string
	since int64 // of its oldest line
	lines []service.LogEntry
}

const partColumns = `at, id, since, lines`

func scanPart(r Rows, p *part) error {
	var text string
	if err := r.Scan(&p.at, &p.id, &p.since, &text); err != nil {
		return err
	}
	var err error
	p.lines, err = decodeLines(text)
	return err
}

func linePlace(e service.LogEntry) keyset.Place { return keyset.Place{At: micro(e.At), ID: e.ID} }

func comparePlaces(a, b keyset.Place) int {
	return cmp.Or(cmp.Compare(a.At, b.At), strings.Compare(a.ID, b.ID))
}

func compareLines(a, b service.LogEntry) int { return comparePlaces(linePlace(a), linePlace(b)) }

var escapeLine = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`)

// encodeLines writes lines, and decodeLines reads them.
func encodeLines(lines []service.LogEntry) string {
	var b strings.Builder
	b.Grow(96 * len(lines))
	var number [20]byte
	for _, e := range lines {
		b.Write(strconv.AppendInt(number[:0], micro(e.At), 10))
		for _, v := range [...]string{e.ID, e.Subject, e.Method, e.Outcome, e.Reason, e.Source} {
			b.WriteByte('\t')
			if strings.ContainsAny(v, "\\\t\n") {
				v = escapeLine.Replace(v)
			}
			b.WriteString(v)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func decodeLines(text string) ([]service.LogEntry, error) {
	var out []service.LogEntry
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		at, err := strconv.ParseInt(f[0], 10, 64)
		if err != nil || len(f) != 7 {
			return nil, fmt.Errorf("store: expected a line of the verification log with a time and 6 values, found %d values", len(f))
		}
		for i, v := range f {
			f[i] = unescapeLine(v)
		}
		out = append(out, service.LogEntry{At: fromMicro(at), ID: f[1], Subject: f[2], Method: f[3], Outcome: f[4], Reason: f[5], Source: f[6]})
	}
	return out, nil
}

func unescapeLine(v string) string {
	if !strings.Contains(v, `\`) {
		return v
	}
	var b strings.Builder
	for i := 0; i < len(v); i++ {
		if v[i] == '\\' && i+1 < len(v) {
			i++
			switch v[i] {
			case 't':
				b.WriteByte('\t')
				continue
			case 'n':
				b.WriteByte('\n')
				continue
			}
		}
		b.WriteByte(v[i])
	}
	return b.String()
}

// AddVerifications implements service.LogTx.
func (t *Tx) AddVerifications(ctx context.Context, s service.Scope, entries []service.LogEntry) error {
	entries = slices.SortedFunc(slices.Values(entries), compareLines)
	for len(entries) > 0 {
		n := 1
		for n < min(len(entries), partLines) && micro(entries[n].At)-micro(entries[0].At) <= partSpan {
			n++
		}
		if err := t.addPart(ctx, s, entries[:n]); err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

func (t *Tx) addPart(ctx context.Context, s service.Scope, lines []service.LogEntry) error {
	last := linePlace(lines[len(lines)-1])
	return t.later(ctx, `INSERT INTO verification (tenant, environment, at, id, since, n, lines) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		s.Tenant, string(s.Environment), last.At, last.ID, micro(lines[0].At), int64(len(lines)), encodeLines(lines))
}

// Verifications implements service.LogTx.
func (t *Tx) Verifications(ctx context.Context, s service.Scope, p service.Page) (service.List[service.LogEntry], error) {
	out := service.List[service.LogEntry]{Items: []service.LogEntry{}, Total: -1}
	name := keyset.Verifications(s)
	after, ok, err := keyset.Decode(p.Cursor, name...)
	if err != nil {
		return out, err
	}
	if p.WithTotal {
		out.Total, err = row(ctx, t, false, scanInt, `SELECT CAST(coalesce(sum(n), 0) AS BIGINT) FROM verification WHERE tenant = $1 AND environment = $2`, s.Tenant, string(s.Environment))
		if err != nil {
			return out, err
		}
	}
	var older *keyset.Place
	if ok {
		older = &after
	}
	lines, err := t.newest(ctx, s, older, p.Size()+1)
	if err != nil {
		return out, err
	}
	if n := p.Size(); len(lines) > n {
		lines = lines[:n]
		out.Next = keyset.Encode(linePlace(lines[n-1]), name...)
	}
	out.Items = append(out.Items, lines...)
	return out, nil
}

// newest returns the n newest lines, newest first, of those that are older than a place.
func (t *Tx) newest(ctx context.Context, s service.Scope, older *keyset.Place, n int) ([]service.LogEntry, error) {
	var found []service.LogEntry
	var last *part
	for size := 4; ; size = min(2*size, n) {
		var w where
		w.add(`tenant = ? AND environment = ?`, s.Tenant, string(s.Environment))
		if older != nil {
			w.add(`at <= ? AND since <= ?`, older.At+partSpan, older.At)
		}
		if last != nil {
			w.add(`(at, id) < (?, ?)`, last.at, last.id)
		}
		w.put(` ORDER BY at DESC, id DESC LIMIT ?`, int64(size))
		parts, err := rows(ctx, t, false, scanPart, `SELECT `+partColumns+` FROM verification WHERE `+w.sql.String(), w.args...)
		if err != nil {
			return nil, err
		}
		for _, p := range parts {
			for _, e := range p.lines {
				if older == nil || comparePlaces(linePlace(e), *older) < 0 {
					found = append(found, e)
				}
			}
		}
		slices.SortFunc(found, func(a, b service.LogEntry) int { return compareLines(b, a) })
		if len(parts) < size {
			break
		}
		// What follows is older than the newest line of the last row.
		last = &parts[len(parts)-1]
		if len(found) >= n && comparePlaces(linePlace(found[n-1]), keyset.Place{At: last.at, ID: last.id}) >= 0 {
			break
		}
	}
	return found[:min(n, len(found))], nil
}

// ForgetVerifications implements service.LogTx. The rows lie by scope, then by time, so the
// scopes are gone through one by one.
func (t *Tx) ForgetVerifications(ctx context.Context, before time.Time, n int) (int, error) {
	gone := 0
	var at service.Scope // lines of documents that are not ours have this one, so it counts too
	for after := ">="; gone < n; after = ">" {
		scopes, err := rows(ctx, t, true, scanScope, `SELECT tenant, environment FROM verification
			WHERE (tenant, environment) `+after+` ($1, $2) ORDER BY tenant, environment LIMIT 1`, at.Tenant, string(at.Environment))
		if err != nil || len(scopes) == 0 {
			return gone, err
		}
		at = scopes[0]
		count, err := t.forget(ctx, at, micro(before), n-gone)
		if err != nil {
			return gone, err
		}
		gone += count
	}
	return gone, nil
}

// forget deletes lines of one scope: whole rows, or the first lines of one, which is
// written again without them.
func (t *Tx) forget(ctx context.Context, s service.Scope, before int64, n int) (gone int, err error) {
	for gone < n {
		parts, err := rows(ctx, t, true, scanPart, `SELECT `+partColumns+` FROM verification
			WHERE tenant = $1 AND environment = $2 AND at < $3 AND since < $4 ORDER BY at, id LIMIT $5`,
			s.Tenant, string(s.Environment), before+partSpan, before, int64(max(1, min(n-gone, 2*partLines)/10)))
		if err != nil || len(parts) == 0 {
			return gone, err
		}
		var keys [][]any
		for _, p := range parts {
			old := 0
			for gone < n && old < len(p.lines) && micro(p.lines[old].At) < before {
				old++
				gone++
			}
			if old == 0 {
				break
			}
			keys = append(keys, []any{s.Tenant, string(s.Environment), p.at, p.id})
			if old == len(p.lines) {
				continue
			}
			if _, err := t.execMany(ctx, deletePart, keys); err != nil {
				return gone, err
			}
			keys = nil
			if err := t.addPart(ctx, s, p.lines[old:]); err != nil {
				return gone, err
			}
		}
		if _, err := t.execMany(ctx, deletePart, keys); err != nil {
			return gone, err
		}
	}
	return gone, nil
}

const deletePart = `DELETE FROM verification WHERE tenant = $1 AND environment = $2 AND at = $3 AND id = $4`
