package service

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/signer"
)

// The purposes of lists. A credential names one entry, since Open Badges 3.0 allows one:
// that of revocation. While a credential is suspended its bit is set in both lists, so
// that every verifier refuses it; when it is reinstated both are cleared.
const (
	purposeRevocation = "revocation"
	purposeSuspension = "suspension"
)

const (
	listEntries = signer.MinStatusEntries // of a new list
	listLife    = 7 * 24 * time.Hour      // how long a publication is believed
	listRenew   = 2 * 24 * time.Hour      // how long before its end it is made anew
	listTTL     = 5 * time.Minute         // how long a cache may keep a copy; the list itself names no ttl, so that a pinned one speaks up to its end
)

// StatusListURL is the address of a published list: that of revocation is /status/<id>, that
// of suspension /status/<id>-s. The id of one whose address was asked for is the path, a
// colon and the purpose that is published there; the other purpose is beside it, at the path
// with a colon and its name.
func StatusListURL(base, id, purpose string) string {
	if path, first, ok := strings.Cut(id, ":"); ok {
		if purpose != first {
			path += ":" + purpose
		}
		return base + "/" + path
	}
	return base + "/status/" + id + listSuffix(purpose)
}

// listsAt are the lists that can be published at a path, without a slash at its beginning:
// the inverse of StatusListURL.
func listsAt(path string) []StaleList {
	name, ok := strings.CutPrefix(path, "status/")
	switch {
	case len(path) > maxListPath:
	case ok && !strings.ContainsAny(name, "/:"):
		if id, ok := strings.CutSuffix(name, listSuffix(purposeSuspension)); ok {
			return []StaleList{{ID: id, Purpose: purposeSuspension}}
		}
		return []StaleList{{ID: name, Purpose: purposeRevocation}}
	case strings.HasPrefix(path, planePath):
		switch rest, purpose, _ := strings.Cut(path, ":"); purpose {
		case "":
			return []StaleList{{ID: rest + ":" + purposeRevocation, Purpose: purposeRevocation}, {ID: rest + ":" + purposeSuspension, Purpose: purposeSuspension}}
		case purposeRevocation:
			return []StaleList{{ID: rest + ":" + purposeSuspension, Purpose: purpose}}
		case purposeSuspension:
			return []StaleList{{ID: rest + ":" + purposeRevocation, Purpose: purpose}}
		}
	}
	return nil
}

const (
	planePath   = "vc/" // where addresses of lists can be asked for
	maxListPath = 320
)

func (s *Service) listURL(id, purpose string) string { return StatusListURL(s.baseURL, id, purpose) }

func listSuffix(purpose string) string {
	if purpose == purposeSuspension {
		return "-s"
	}
	return ""
}

// listCache gives out indices in blocks, and keeps the secret permutations.
type listCache struct {
	mu     sync.Mutex
	blocks map[issuerRef]*indexBlock
}

// indexBlock are counts that this process has taken and not given out yet. Those that a
// process leaves when it ends are lost, which costs nothing but room.
type indexBlock struct {
	mu      sync.Mutex
	list    string
	perm    *permutation
	next    int64
	end     int64
	size    int64 // of the block to take next
	entries int64
}

const (
	firstBlock = 16
	maxBlock   = 2048
)

func (c *listCache) init() { c.blocks = map[issuerRef]*indexBlock{} }

// TakeStatus takes a place in an issuer's newest list that nobody had before. Entries is
// one entry, of revocation.
func (s *Service) TakeStatus(ctx context.Context, scope Scope, issuer string) (StatusPlace, error) {
	i, err := s.issuer(ctx, scope, issuer)
	if err != nil {
		return StatusPlace{}, err
	}
	places, err := s.takePlaces(ctx, i, 1)
	if err != nil {
		return StatusPlace{}, err
	}
	return places[0], nil
}

// takePlaces takes n places.
func (s *Service) takePlaces(ctx context.Context, i *cachedIssuer, n int) ([]StatusPlace, error) {
	ref := issuerRef{i.issuer.Scope, i.issuer.ID}
	s.lists.mu.Lock()
	b := s.lists.blocks[ref]
	if b == nil {
		if len(s.lists.blocks) >= maxCachedIssuers {
			clear(s.lists.blocks)
		}
		b = &indexBlock{size: firstBlock}
		s.lists.blocks[ref] = b
	}
	s.lists.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]StatusPlace, 0, n)
	for len(out) < n {
		if b.next >= b.end {
			if err := s.refill(ctx, i, b, int64(n-len(out))); err != nil {
				return nil, err
			}
			continue
		}
		index := b.perm.at(b.next)
		b.next++
		out = append(out, StatusPlace{List: b.list, Index: index, Entries: s.entryText(b.list, purposeRevocation, index)})
	}
	return out, nil
}

func (s *Service) entryText(list, purpose string, index int64) string {
	q, at, url := strictjson.Quote, strconv.FormatInt(index, 10), s.listURL(list, purpose)
	return `{"id":` + q(url+"#"+at) + `,"type":"BitstringStatusListEntry","statusPurpose":` + q(purpose) +
		`,"statusListIndex":` + q(at) + `,"statusListCredential":` + q(url) + `}`
}

// refill takes the next block of the issuer's newest list, or begins another list.
func (s *Service) refill(ctx context.Context, i *cachedIssuer, b *indexBlock, want int64) error {
	scope, issuer := i.issuer.Scope, i.issuer.ID
	size := min(max(b.size, want), maxBlock)
	var list StoredList
	var first, count int64
	err := s.update(ctx, func(tx Tx) error {
		var err error
		list, err = tx.OpenList(ctx, scope, issuer)
		if errors.Is(err, ErrNotFound) {
			count = 0
			return nil
		}
		if err != nil {
			return err
		}
		first, count, err = tx.Take(ctx, scope, list.ID, size)
		return err
	})
	if err != nil {
		return err
	}
	if count == 0 {
		return s.update(ctx, func(tx Tx) error { // the next round takes of it
			return s.beginList(ctx, tx, scope, randomListID(), issuer)
		})
	}
	if b.list != list.ID {
		key, err := s.c.Sealer.Open(list.Sealed, listContext(scope, list.ID))
		if err != nil {
			return err
		}
		if b.perm, err = newPermutation(key, list.Entries); err != nil {
			return err
		}
		b.list, b.entries = list.ID, list.Entries
	}
	b.next, b.end, b.size = first, first+count, min(size*2, maxBlock)
	return nil
}

func listContext(scope Scope, id string) string {
	return "status\x00" + scope.Tenant + "\x00" + string(scope.Environment) + "\x00" + id
}

// beginList makes a list and publishes it, with nothing set.
func (s *Service) beginList(ctx context.Context, tx Tx, scope Scope, id, issuerID string) error {
	var key [16]byte
	rand.Read(key[:])
	now := s.now()
	list := StoredList{ID: id, IssuerID: issuerID, Entries: listEntries, Created: now}
	var err error
	if list.Sealed, err = s.c.Sealer.Seal(key[:], listContext(scope, list.ID)); err != nil {
		return err
	}
	r, issuer, err := findIssuer(ctx, tx, scope, issuerID)
	if err != nil {
		return err
	}
	if path, _, ok := strings.Cut(id, ":"); ok && slices.ContainsFunc(issuer.Lists, func(other string) bool { return strings.HasPrefix(other, path+":") }) {
		return &Error{Code: CodeDuplicate, Detail: "id: this issuer has a status list of that id"}
	}
	issuer.Lists = append(issuer.Lists, list.ID)
	r.Updated = now
	if err := Put(ctx, tx, issuer.Scope, r, issuer); err != nil {
		return err
	}
	if err := tx.AddList(ctx, issuer.Scope, list); err != nil {
		return err
	}
	return s.publishList(ctx, tx, issuer, list.ID, list.Entries, purposeRevocation, purposeSuspension)
}

func randomListID() string {
	var id [16]byte
	rand.Read(id[:])
	return hexOf(id[:])
}

// NewStatusList asks for a list.
type NewStatusList struct {
	Issuer  string
	Purpose string // revocation or suspension
	// Path is where to publish it, without a slash at its beginning: vc/…, of letters,
	// digits, slashes and -._ alone. "": at an address of our own.
	Path string
}

// AddStatusList begins a list in a transaction. It returns the address of the list of the
// purpose, and what is published there. After the transaction StatusListAdded is called.
func (s *Service) AddStatusList(ctx context.Context, tx Tx, scope Scope, n NewStatusList) (url string, published []byte, err error) {
	id := randomListID()
	switch {
	case n.Purpose != purposeRevocation && n.Purpose != purposeSuspension:
		return "", nil, &Error{Code: CodeValidation, Detail: "statusPurpose must be revocation or suspension", Fields: map[string][]string{"statusPurpose": {"must be revocation or suspension"}}}
	case n.Path != "" && (!strings.HasPrefix(n.Path, planePath) || strings.Contains(n.Path, ":") || len(n.Path) > maxListPath-len(":"+purposeRevocation)):
		return "", nil, errors.New("service: status list: expected a path of the W3C plane")
	case n.Path != "":
		id = n.Path + ":" + n.Purpose
	}
	if err := s.beginList(ctx, tx, scope, id, n.Issuer); err != nil {
		return "", nil, err
	}
	p, err := tx.Published(ctx, id, n.Purpose)
	return s.listURL(id, n.Purpose), p.Bytes, err
}

// StatusListAdded has the issuer's next indices be taken from its newest list.
func (s *Service) StatusListAdded(scope Scope, issuer string) {
	s.lists.mu.Lock()
	defer s.lists.mu.Unlock()
	delete(s.lists.blocks, issuerRef{scope, issuer})
}

// SetStatus sets a bit and publishes the list anew, in one transaction.
func (s *Service) SetStatus(ctx context.Context, tx Tx, scope Scope, place StatusPlace, purpose string, value bool) error {
	if purpose != purposeRevocation && purpose != purposeSuspension {
		return &Error{Code: CodeValidation, Detail: "statusPurpose must be revocation or suspension"}
	}
	return s.setStatus(ctx, tx, scope, place, value, purpose)
}

// setStatus sets or clears a bit in the lists of some purposes, and publishes them.
func (s *Service) setStatus(ctx context.Context, tx Tx, scope Scope, place StatusPlace, value bool, purposes ...string) error {
	for _, p := range purposes {
		if err := tx.SetBit(ctx, scope, place.List, p, place.Index, value); err != nil {
			return err
		}
	}
	list, err := tx.LockList(ctx, scope, place.List)
	if err != nil {
		return err
	}
	_, issuer, err := findIssuer(ctx, tx, scope, list.IssuerID)
	if err != nil {
		return err
	}
	return s.publishList(ctx, tx, issuer, list.ID, list.Entries, purposes...)
}

// publishList signs a locked list as it is, and stores it to be served.
func (s *Service) publishList(ctx context.Context, tx Tx, issuer StoredIssuer, id string, entries int64, purposes ...string) error {
	key, err := s.keyOf(ctx, issuer)
	if err != nil {
		return err
	}
	now := s.now().Truncate(time.Second)
	for _, purpose := range purposes {
		values := make([]byte, entries/8)
		for index, err := range tx.Bits(ctx, issuer.Scope, id, purpose) {
			if err != nil {
				return err
			}
			if index < 0 || index >= entries {
				return fmt.Errorf("service: status list: bit %d outside of %d entries", index, entries)
			}
			values[index/8] |= 0x80 >> (index % 8)
		}
		signed, err := s.signList(ctx, key, issuer.DID, s.listURL(id, purpose), purpose, values, now)
		if err != nil {
			return err
		}
		p := Publication{Bytes: signed, MediaType: chancery.MediaVC, Issued: now, Ends: now.Add(listLife)}
		if err := tx.Publish(ctx, issuer.Scope, id, purpose, p); err != nil {
			return err
		}
	}
	return nil
}

// keyOf opens the present key of an issuer as it was read in a transaction.
func (s *Service) keyOf(ctx context.Context, issuer StoredIssuer) (signer.Key, error) {
	ref := issuerRef{issuer.Scope, issuer.ID}
	k, err := issuer.current()
	if err != nil {
		return signer.Key{}, err
	}
	s.signers.mu.Lock()
	have := s.signers.issuers[ref]
	s.signers.mu.Unlock()
	if have != nil {
		if current, err := have.issuer.current(); err == nil && current.Method == k.Method {
			return have.open(ctx, s)
		}
	}
	return (&cachedIssuer{issuer: issuer}).open(ctx, s)
}

// signList makes the credential of a list (Bitstring Status List 1.0, 2.2 and 3.3).
func (s *Service) signList(ctx context.Context, key signer.Key, did, url, purpose string, values []byte, now time.Time) ([]byte, error) {
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err == nil {
		_, err = w.Write(values)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("service: status list: %w", err)
	}
	credential, err := chancery.Draft{
		ID: url, Types: []string{"BitstringStatusListCredential"}, Issuer: did, ValidFrom: now, ValidUntil: now.Add(listLife),
		Subject: map[string]any{
			"id": url + "#list", "type": "BitstringStatusList", "statusPurpose": purpose,
			"encodedList": "u" + base64.RawURLEncoding.EncodeToString(packed.Bytes()),
		},
	}.Build()
	if err != nil {
		return nil, err
	}
	signed, err := (&signer.DataIntegrity{Key: key, Created: now}).Sign(ctx, credential)
	return signed.Bytes, err
}

// resignLists publishes all lists of an issuer anew after a key was compromised, the present
// one or one of before: those that it signed are not believed any more.
func (s *Service) resignLists(ctx context.Context, tx Tx, issuer StoredIssuer) error {
	if !slices.ContainsFunc(issuer.Keys, func(k StoredIssuerKey) bool { return k.Compromised != nil }) {
		return nil
	}
	for _, id := range issuer.Lists {
		list, err := tx.LockList(ctx, issuer.Scope, id)
		if err != nil {
			return err
		}
		if err := s.publishList(ctx, tx, issuer, id, list.Entries, purposeRevocation, purposeSuspension); err != nil {
			return err
		}
	}
	return nil
}

// renewLists is the job that publishes lists anew before they end, or where their end is too
// far away: those were published while the clock was ahead, and nobody believes them now. A
// list whose issuer's key cannot be had at present does not keep the others from it.
func (s *Service) renewLists(ctx context.Context, _ Run) error {
	failed := map[StaleList]bool{}
	var faults error
	for {
		var stale []StaleList
		err := s.view(ctx, func(tx Tx) (err error) {
			now := s.now()
			stale, err = tx.Stale(ctx, now.Add(listRenew), now.Add(listLife+time.Minute), 50+len(failed))
			return err
		})
		if err != nil {
			return errors.Join(err, faults)
		}
		if stale = slices.DeleteFunc(stale, func(l StaleList) bool { return failed[l] }); len(stale) == 0 {
			return faults
		}
		for _, l := range stale {
			err := s.renewList(ctx, l)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				failed[l] = true
				if len(failed) <= 10 { // a token that is away fails all of its lists alike
					faults = errors.Join(faults, fmt.Errorf("service: status list %s, %s: %w", l.ID, l.Purpose, err))
				}
			}
		}
	}
}

func (s *Service) renewList(ctx context.Context, l StaleList) error {
	return s.update(ctx, func(tx Tx) error {
		list, err := tx.LockList(ctx, l.Scope, l.ID)
		if err != nil {
			return err
		}
		_, issuer, err := findIssuer(ctx, tx, l.Scope, list.IssuerID)
		if err != nil {
			return err
		}
		return s.publishList(ctx, tx, issuer, l.ID, list.Entries, l.Purpose)
	})
}

// permutation is a secret bijection of the indices of a list: counts go in one after
// another, indices come out that tell nothing of their order. It is a Feistel network of
// eight rounds of HMAC-SHA-256 over the next even number of bits; values outside of the
// list are sent through again until they are inside (cycle walking), which keeps it a
// bijection.
type permutation struct {
	key  []byte
	n    int64
	half uint // bits of each half
}

func newPermutation(key []byte, n int64) (*permutation, error) {
	if len(key) < 16 || n < 2 || n > 1<<40 {
		return nil, errors.New("service: status list: expected a key of 16 bytes and 2 entries or more")
	}
	width := uint(bits.Len64(uint64(n - 1)))
	return &permutation{key: key, n: n, half: (width + 1) / 2}, nil
}

func (p *permutation) at(count int64) int64 {
	v := uint64(count)
	for {
		if v = p.once(v); int64(v) < p.n {
			return int64(v)
		}
	}
}

func (p *permutation) once(v uint64) uint64 {
	mask := uint64(1)<<p.half - 1
	left, right := v>>p.half&mask, v&mask
	mac := hmac.New(sha256.New, p.key)
	var in [9]byte
	var out [sha256.Size]byte
	for round := range 8 {
		in[0] = byte(round)
		binary.BigEndian.PutUint64(in[1:], right)
		mac.Reset()
		mac.Write(in[:])
		f := binary.BigEndian.Uint64(mac.Sum(out[:0])[:8])
		left, right = right, left^f&mask
	}
	return left<<p.half | right
}
