package memstore

import (
	"cmp"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/keyset"
)

type (
	scopeKind struct {
		service.Scope
		kind service.Kind
	}
	kindLookup struct {
		kind   service.Kind
		lookup string
	}
	scopeID struct {
		service.Scope
		id string
	}
	slot struct {
		list  string
		index int64
	}
	listPurpose struct{ id, purpose string }
	answerKey   struct {
		service.Scope
		route, key string
	}
	rowKey struct {
		scopeID
		key string
	}
)

type ownList struct {
	scope service.Scope
	service.StoredList
}

// data is all there is. Values are never changed in place: they are replaced, so that
// taking back is putting the old one back. Only maps within maps are made on the way and
// may stay behind empty.
type data struct {
	records map[scopeKind]map[string]service.Record
	lookups map[kindLookup]scopeID

	credentials map[service.Scope]map[string]service.StoredCredential
	publicIDs   map[string]scopeID
	slots       map[slot]scopeID
	artifacts   map[scopeID][]service.StoredArtifact // by issue and name
	digests     map[string][]scopeID

	lists     map[string]ownList
	open      map[scopeID]string // by issuer: the newest
	bits      map[listPurpose]map[int64]bool
	published map[listPurpose]service.Publication

	rows    map[scopeID]map[int64]service.Row
	rowKeys map[rowKey]int64
	counts  map[scopeID]service.RowCounts

	audit         map[service.Scope]map[string]service.AuditEntry
	unchained     map[service.Scope]map[string]bool
	chain         map[service.Scope]map[int64]string
	lastSeq       map[service.Scope]int64
	verifications map[service.Scope]map[string]service.LogEntry
	counters      map[scopeID]int64

	answers map[answerKey]service.Answer
}

func newData() data {
	return data{
		records: map[scopeKind]map[string]service.Record{}, lookups: map[kindLookup]scopeID{},
		credentials: map[service.Scope]map[string]service.StoredCredential{}, publicIDs: map[string]scopeID{}, slots: map[slot]scopeID{},
		artifacts: map[scopeID][]service.StoredArtifact{}, digests: map[string][]scopeID{},
		lists: map[string]ownList{}, open: map[scopeID]string{}, bits: map[listPurpose]map[int64]bool{}, published: map[listPurpose]service.Publication{},
		rows: map[scopeID]map[int64]service.Row{}, rowKeys: map[rowKey]int64{}, counts: map[scopeID]service.RowCounts{},
		audit: map[service.Scope]map[string]service.AuditEntry{}, unchained: map[service.Scope]map[string]bool{},
		chain: map[service.Scope]map[int64]string{}, lastSeq: map[service.Scope]int64{},
		verifications: map[service.Scope]map[string]service.LogEntry{}, counters: map[scopeID]int64{},
		answers: map[answerKey]service.Answer{},
	}
}

// page cuts a part out of what matches. at gives an element's place.
func page[T any](all []T, at func(T) keyset.Place, oldest bool, p service.Page, list ...string) (service.List[T], error) {
	out := service.List[T]{Items: []T{}, Total: -1}
	after, ok, err := keyset.Decode(p.Cursor, list...)
	if err != nil {
		return out, err
	}
	compare := func(a, b keyset.Place) int {
		if !oldest {
			a, b = b, a
		}
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID))
	}
	if p.WithTotal {
		out.Total = int64(len(all))
	}
	if ok {
		all = slices.DeleteFunc(all, func(v T) bool { return compare(at(v), after) <= 0 })
	}
	slices.SortFunc(all, func(a, b T) int { return compare(at(a), at(b)) })
	if n := p.Size(); len(all) > n {
		all = all[:n]
		out.Next = keyset.Encode(at(all[n-1]), list...)
	}
	out.Items = append(out.Items, all...)
	return out, nil
}

func place(at time.Time, id string) keyset.Place { return keyset.Place{At: at.UnixMicro(), ID: id} }

func sortScopes(out []service.Scope) []service.Scope {
	slices.SortFunc(out, func(a, b service.Scope) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Environment, b.Environment))
	})
	return out
}
