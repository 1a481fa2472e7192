package service

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// CreateTenant makes an institution with an id of its own choice (1 to 64 of a-z 0-9 -), or
// a drawn one. It is for the command line, which needs no caller.
func (s *Service) CreateTenant(ctx context.Context, id, name string) (Named, error) {
	if id == "" {
		id = shortID()
	}
	var bad Invalid
	if !tenantPattern.MatchString(id) {
		bad.Add("id", "must be 1 to 64 of a-z, 0-9 and -")
	}
	checkName(&bad, "name", name, true)
	if err := bad.Err(); err != nil {
		return Named{}, err
	}
	now := s.now()
	scope := Scope{Tenant: id}
	err := s.update(ctx, func(tx Tx) error {
		r := Record{Kind: KindTenant, ID: id, Lookup: id, Created: now, Updated: now}
		if err := Put(ctx, tx, scope, r, StoredTenant{Name: name}); err != nil {
			return err
		}
		return WriteAudit(ctx, tx, Caller{Scope: Scope{Tenant: id, Environment: Live}, Actor: "cli"}, now, "tenant.create", id, nil)
	})
	if errors.Is(err, ErrExists) {
		return Named{}, &Error{Code: CodeDuplicate, Detail: "a tenant with that id exists"}
	}
	return Named{ID: id, Name: name}, err
}

// Tenant is an institution, as the command line shows it.
type Tenant struct {
	ID              string    `json:"id"`
	Name            string    `json:"name"`
	VerificationLog bool      `json:"verificationLog"`
	CreatedAt       time.Time `json:"createdAt"`
}

// TenantChange changes an institution; nil members stay.
type TenantChange struct {
	Name            *string
	VerificationLog *bool
}

func tenantView(r Record, t StoredTenant) Tenant {
	return Tenant{ID: r.ID, Name: t.Name, VerificationLog: !t.NoVerificationLog, CreatedAt: r.Created}
}

// Tenants lists all institutions, by id. It is for the command line.
func (s *Service) Tenants(ctx context.Context) ([]Tenant, error) {
	var out []Tenant
	err := s.view(ctx, func(tx Tx) error {
		scopes, err := tx.Scopes(ctx, KindTenant)
		if err != nil {
			return err
		}
		out = make([]Tenant, 0, len(scopes))
		for _, scope := range scopes {
			r, t, err := Get[StoredTenant](ctx, tx, scope, KindTenant, scope.Tenant)
			if err != nil {
				return err
			}
			out = append(out, tenantView(r, t))
		}
		return nil
	})
	slices.SortFunc(out, func(a, b Tenant) int { return strings.Compare(a.ID, b.ID) })
	return out, err
}

// Tenant reads an institution. It is for the command line.
func (s *Service) Tenant(ctx context.Context, id string) (Tenant, error) {
	var out Tenant
	err := s.view(ctx, func(tx Tx) error {
		r, t, err := Get[StoredTenant](ctx, tx, Scope{Tenant: id}, KindTenant, id)
		out = tenantView(r, t)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return Tenant{}, NotFound("tenant")
	}
	return out, err
}

// ChangeTenant renames an institution, or switches its verification log on or off. It is
// for the command line.
func (s *Service) ChangeTenant(ctx context.Context, id string, in TenantChange) (Tenant, error) {
	var bad Invalid
	if in.Name != nil {
		checkName(&bad, "name", *in.Name, true)
	}
	if err := bad.Err(); err != nil {
		return Tenant{}, err
	}
	scope := Scope{Tenant: id}
	var out Tenant
	err := s.update(ctx, func(tx Tx) error {
		r, t, err := Get[StoredTenant](ctx, tx, scope, KindTenant, id)
		if errors.Is(err, ErrNotFound) {
			return NotFound("tenant")
		}
		if err != nil {
			return err
		}
		detail := map[string]any{}
		if in.Name != nil {
			t.Name = *in.Name
			detail["name"] = true
		}
		if in.VerificationLog != nil {
			t.NoVerificationLog = !*in.VerificationLog
			detail["verificationLog"] = *in.VerificationLog
		}
		r.Updated = s.now()
		if err := Put(ctx, tx, scope, r, t); err != nil {
			return err
		}
		out = tenantView(r, t)
		return WriteAudit(ctx, tx, Caller{Scope: Scope{Tenant: id, Environment: Live}, Actor: "cli"}, r.Updated, "tenant.change", id, detail)
	})
	return out, err
}

// CreateFirstKey makes an API key without a caller: for the command line.
func (s *Service) CreateFirstKey(ctx context.Context, scope Scope, in NewKey) (APIKey, error) {
	var bad Invalid
	checkKey(&bad, in, s.now())
	switch {
	case !scope.Environment.Valid():
		bad.Add("environment", "must be test or live")
	case !s.offers(scope.Environment):
		bad.Add("environment", "is not offered by this installation")
	}
	if err := bad.Err(); err != nil {
		return APIKey{}, err
	}
	c := System(scope)
	c.Actor = "cli"
	var out APIKey
	err := s.update(ctx, func(tx Tx) error {
		if _, err := tx.Get(ctx, Scope{Tenant: scope.Tenant}, KindTenant, scope.Tenant); errors.Is(err, ErrNotFound) {
			return NotFound("tenant")
		} else if err != nil {
			return err
		}
		var err error
		out, err = s.addKey(ctx, tx, c, in)
		return err
	})
	return out, err
}

// SetVerificationLog switches the verification log of a tenant on or off.
func (s *Service) SetVerificationLog(ctx context.Context, tenant string, on bool) error {
	_, err := s.ChangeTenant(ctx, tenant, TenantChange{VerificationLog: &on})
	return err
}

var (
	tenantPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)
	namePattern   = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$`)    // of issuers and types
	idPattern     = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)              // of credentials
	keyRefPattern = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$`) // of a key reference, after the tenant's id and a slash
)

// maxName bounds names and labels, in characters; maxText longer texts, in bytes.
const (
	maxName = 200
	maxText = 4096
)

// checkName checks a text of one line for people.
func checkName(bad *Invalid, field, value string, required bool) {
	switch {
	case value == "" && required:
		bad.Add(field, "is required")
	case value == "":
	case strings.TrimSpace(value) != value || strings.TrimSpace(value) == "":
		bad.Add(field, "must not begin or end with white space")
	case utf8.RuneCountInString(value) > maxName:
		bad.Add(field, fmt.Sprintf("must have at most %d characters", maxName))
	case unwritable(value, false):
		bad.Add(field, "must be plain text of one line")
	}
}

// checkText checks a text for people that may have several lines.
func checkText(bad *Invalid, field, value string) {
	switch {
	case len(value) > maxText:
		bad.Add(field, fmt.Sprintf("must have at most %d bytes", maxText))
	case unwritable(value, true):
		bad.Add(field, "must be plain text")
	}
}

// unwritable tells texts that cannot be written for people: bad UTF-8, control
// characters, and the marks that change the direction of what follows, by which a text
// can be made to read as another.
func unwritable(s string, lines bool) bool {
	if !utf8.ValidString(s) {
		return true
	}
	return strings.ContainsFunc(s, func(r rune) bool {
		switch {
		case lines && (r == '\n' || r == '\t'):
			return false
		case unicode.IsControl(r), r == utf8.RuneError, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x2028, r == 0x2029:
			return true
		}
		return false
	})
}

// checkEmail tells whether s is one bare address, of which mail programs think alike.
func checkEmail(s string) bool {
	if len(s) > 254 || unwritable(s, false) || strings.ContainsAny(s, " \t<>,;()\"\\") {
		return false
	}
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s {
		return false
	}
	local, domain, _ := strings.Cut(s, "@")
	return len(local) <= 64 && strings.Contains(domain, ".") && !strings.Contains(domain, "..") && !strings.HasPrefix(domain, "[")
}

// checkLink tells whether s is a web address.
func checkLink(s string) bool {
	u, err := url.Parse(s)
	return err == nil && len(s) <= 2048 && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && !unwritable(s, false) && !strings.ContainsAny(s, " <>\"{}|\\^`")
}

func path(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i) }

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC().Truncate(time.Microsecond)
	return &u
}

func after(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
