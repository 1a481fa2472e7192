package keyset

import (
	"strconv"

	"github.com/chancery-dev/chancery/internal/service"
)

// Credentials names a list of credentials. The time by which states are told is not part
// of it: it goes on between two pages.
func Credentials(s service.Scope, q service.CredentialQuery) []string {
	return []string{
		"credentials", s.Tenant, string(s.Environment), q.TypeID, string(q.State), q.SubjectID, q.BatchID, q.RecipientEmail, q.RecipientName,
		q.ClaimKey, q.ClaimValue, strconv.FormatInt(q.IssuedAfter.UnixMicro(), 10), strconv.FormatInt(q.IssuedBefore.UnixMicro(), 10), strconv.FormatBool(q.Oldest),
	}
}

// Records names a list of records.
func Records(s service.Scope, k service.Kind, parent *string) []string {
	out := []string{"records", s.Tenant, string(s.Environment), string(k)}
	if parent != nil {
		out = append(out, *parent)
	}
	return out
}

// Audit names a scope's audit log, and Verifications its verification log.
func Audit(s service.Scope) []string { return []string{"audit", s.Tenant, string(s.Environment)} }

// Verifications names a scope's verification log.
func Verifications(s service.Scope) []string {
	return []string{"verifications", s.Tenant, string(s.Environment)}
}
