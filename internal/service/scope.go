package service

import (
	"slices"
	"strings"
)

// Environment parts the data of one tenant in two: nothing of one is visible in the other.
type Environment string

// The two environments. What is made in Test carries a visible watermark.
const (
	Test Environment = "test"
	Live Environment = "live"
)

// Valid reports whether e is one of the two.
func (e Environment) Valid() bool { return e == Test || e == Live }

// offers reports whether the installation offers an environment.
func (s *Service) offers(e Environment) bool {
	return len(s.c.Environments) == 0 || slices.Contains(s.c.Environments, e)
}

// Scope says whose data: it leads every key in the store. The zero Scope holds what
// belongs to the installation itself.
type Scope struct {
	Tenant      string
	Environment Environment
}

// Permission is what an API key or token may be used for.
type Permission string

// The permissions (API.md, 2). Page, verify and published documents need none.
const (
	MayIssue     Permission = "issue"
	MayRead      Permission = "read"
	MayStatus    Permission = "status"
	MayTypes     Permission = "types"
	MayDocuments Permission = "documents"
	MayStamps    Permission = "stamps"
	MayWebhooks  Permission = "webhooks"
	MayKeys      Permission = "keys"
	MayPortfolio Permission = "portfolio"
	MayAudit     Permission = "audit"
	MayExport    Permission = "export"
	MayErase     Permission = "erase"
)

// Permissions returns all of them, in the order of the documentation.
func Permissions() []Permission {
	return []Permission{MayIssue, MayRead, MayStatus, MayTypes, MayDocuments, MayStamps, MayWebhooks, MayKeys, MayPortfolio, MayAudit, MayExport, MayErase}
}

// Caller is who calls, as the layer above has found out. It is trusted.
type Caller struct {
	Scope
	// Actor names the key, token or program, such as "key:k7Q2x9", "oidc:4f1a…" or "cli".
	// It appears in the audit log; it holds no personal data.
	Actor string
	// Permissions are what the caller may do.
	Permissions []Permission
	// Source is where the call came from, coarsely: a network prefix, or "" where not known.
	Source string
	// RequestID is repeated in the audit log. "": none.
	RequestID string
}

// System is the caller of the service's own work on a scope: everything is permitted.
func System(s Scope) Caller {
	return Caller{Scope: s, Actor: "system", Permissions: Permissions()}
}

// May reports whether the caller has a permission.
func (c Caller) May(p Permission) bool { return slices.Contains(c.Permissions, p) }

// Need answers a CodeScope error where the caller lacks a permission.
func (c Caller) Need(p Permission) error {
	if c.May(p) {
		return nil
	}
	return &Error{Code: CodeScope, Detail: "the key lacks the scope " + string(p)}
}

// Idempotency makes a creating call repeatable (API.md, 5). The zero value asks for nothing.
type Idempotency struct {
	// Key is the caller's Idempotency-Key, 1 to 255 printable ASCII characters; "": none.
	Key string
	// Route names the operation, such as "POST /v1/credentials".
	Route string
	// Digest is the SHA-256 of the request's body (and of what else decides its meaning).
	Digest [32]byte
}

// Check answers a CodeParameter error where Key is malformed.
func (i Idempotency) Check() error {
	if len(i.Key) > 255 || strings.ContainsFunc(i.Key, func(r rune) bool { return r < 0x21 || r > 0x7e }) {
		return &Error{Code: CodeParameter, Detail: "Idempotency-Key: expected 1 to 255 printable ASCII characters"}
	}
	return nil
}

// Result is the outcome of a creating call.
type Result[T any] struct {
	Value T
	// Created is false where the thing was there already, with the same content.
	Created bool
	// Replayed is true where the answer is the stored one of an earlier call with the
	// same Idempotency-Key.
	Replayed bool
}

// Page asks for a part of a list.
type Page struct {
	// Limit is how many, 1 to 1,000. 0: 50.
	Limit int
	// Cursor is Next of the page before. "": the beginning.
	Cursor string
	// WithTotal asks for the number of all.
	WithTotal bool
}

// Bounds of Page.Limit.
const (
	DefaultLimit = 50
	MaxLimit     = 1000
)

// Size is Limit within its bounds.
func (p Page) Size() int {
	switch {
	case p.Limit <= 0:
		return DefaultLimit
	case p.Limit > MaxLimit:
		return MaxLimit
	}
	return p.Limit
}

// List is a part of a list.
type List[T any] struct {
	Items []T
	// Next is the cursor of the next page, "" at the end.
	Next string
	// Total is the number of all, -1 where not asked for.
	Total int64
}
