package service

import (
	"context"
	"errors"
	"sync"
)

// verificationLog collects lines of the log until they are written. A line tells nothing
// about who asked.
type verificationLog struct {
	mu      sync.Mutex
	waiting []logLine
	spare   []logLine // with room for the next that wait
	lost    int
	full    chan struct{}
}

// logLine is a line whose subject may still have to be found.
type logLine struct {
	scope    Scope
	publicID string // where Subject is not known yet
	issuer   Scope  // whose issuer the document names: of others' credentials it says nothing
	entry    LogEntry
}

const (
	maxWaiting = 50_000
	flushAt    = 2_000
)

func (l *verificationLog) init() { l.full = make(chan struct{}, 1) }

// logVerdict notes a verification. It never waits.
func (s *Service) logVerdict(scope Scope, subject, publicID, method string, v Verdict, source string) {
	if s.c.NoVerificationLog {
		return
	}
	now := v.Report.EvaluatedAt
	line := logLine{scope: scope, publicID: publicID, issuer: s.scopeOf(v.Report), entry: LogEntry{
		ID: QuickID(now), At: now, Subject: subject, Method: method,
		Outcome: v.Report.Outcome.String(), Reason: string(v.Report.Reason), Source: coarse(source),
	}}
	l := &s.verlog
	l.mu.Lock()
	if len(l.waiting) >= maxWaiting {
		l.lost++
	} else {
		l.waiting = append(l.waiting, line)
	}
	full := len(l.waiting) >= flushAt
	l.mu.Unlock()
	if full {
		select {
		case l.full <- struct{}{}:
		default:
		}
	}
}

// coarse keeps what is said of a source to the words that are known: it must not become a
// place for addresses.
func coarse(source string) string {
	switch source {
	case "web", "api", "cli", "vcalm":
		return source
	}
	return "other"
}

// logUpload notes the verification of an upload. Whose credential it is follows from its
// public id, which is looked up when the line is written.
func (s *Service) logUpload(publicID string, v Verdict, source string) {
	s.logVerdict(Scope{}, "", publicID, "upload", v, source)
}

// writeVerifications writes the lines that wait, by scope.
func (s *Service) writeVerifications(ctx context.Context) error {
	l := &s.verlog
	l.mu.Lock()
	all, lost := l.waiting, l.lost
	l.waiting, l.spare, l.lost = l.spare, nil, 0
	l.mu.Unlock()
	if lost > 0 {
		s.log.WarnContext(ctx, "verification log: lines lost", "lines", lost)
	}
	for lines := all; len(lines) > 0; {
		n := min(len(lines), flushAt)
		if err := s.writeLines(ctx, lines[:n]); err != nil {
			l.mu.Lock()
			l.waiting = append(lines[:len(lines):len(lines)], l.waiting...)
			l.mu.Unlock()
			return err
		}
		lines = lines[n:]
	}
	if cap(all) <= 2*flushAt {
		clear(all)
		l.mu.Lock()
		l.spare = all[:0]
		l.mu.Unlock()
	}
	return nil
}

func (s *Service) writeLines(ctx context.Context, lines []logLine) error {
	byScope := map[Scope][]LogEntry{}
	silent := map[string]bool{}
	err := s.view(ctx, func(tx Tx) error {
		clear(byScope)
		asked := map[string]bool{}
		for _, line := range lines {
			scope, entry := line.scope, line.entry
			if line.publicID != "" {
				found, stored, err := tx.PublicCredential(ctx, line.publicID)
				if err == nil && found == line.issuer {
					scope, entry.Subject = found, stored.ID
				} else if err != nil && !errors.Is(err, ErrNotFound) {
					return err
				}
			}
			if scope.Tenant != "" && !asked[scope.Tenant] {
				asked[scope.Tenant] = true
				_, t, err := Get[StoredTenant](ctx, tx, Scope{Tenant: scope.Tenant}, KindTenant, scope.Tenant)
				if err != nil && !errors.Is(err, ErrNotFound) {
					return err
				}
				silent[scope.Tenant] = t.NoVerificationLog
			}
			if !silent[scope.Tenant] {
				byScope[scope] = append(byScope[scope], entry)
			}
		}
		return nil
	})
	if err != nil || len(byScope) == 0 {
		return err
	}
	return s.update(ctx, func(tx Tx) error {
		for scope, entries := range byScope {
			if err := tx.AddVerifications(ctx, scope, entries); err != nil {
				return err
			}
			if err := s.tellVerified(ctx, tx, scope, entries); err != nil {
				return err
			}
		}
		return nil
	})
}

// tellVerified emits the events, where a webhook listens to them.
func (s *Service) tellVerified(ctx context.Context, tx Tx, scope Scope, entries []LogEntry) error {
	if scope.Tenant == "" {
		return nil
	}
	hooks, err := tx.List(ctx, scope, KindWebhook, nil, Page{Limit: MaxLimit})
	if err != nil {
		return err
	}
	heard := false
	for _, r := range hooks.Items {
		var hook StoredWebhook
		if err := decode(r.Body, &hook); err != nil {
			return err
		}
		heard = heard || hook.Active && listens(hook.Events, EventVerified)
	}
	if !heard {
		return nil
	}
	for _, e := range entries {
		if e.Subject == "" {
			continue
		}
		data := map[string]any{"id": e.Subject, "outcome": e.Outcome}
		if err := Emit(ctx, tx, scope, e.At, EventVerified, data); err != nil {
			return err
		}
	}
	return nil
}

// Verifications implements Verifying.
func (s *Service) Verifications(ctx context.Context, c Caller, p Page) (List[Verification], error) {
	if err := c.Need(MayRead); err != nil {
		return List[Verification]{}, err
	}
	var out List[Verification]
	err := s.view(ctx, func(tx Tx) error {
		found, err := tx.Verifications(ctx, c.Scope, p)
		if err != nil {
			return err
		}
		out = List[Verification]{Items: make([]Verification, 0, len(found.Items)), Next: found.Next, Total: found.Total}
		for _, e := range found.Items {
			out.Items = append(out.Items, Verification{At: e.At, Credential: e.Subject, Method: e.Method, Outcome: e.Outcome, Reason: e.Reason, Source: e.Source})
		}
		return nil
	})
	return out, err
}
