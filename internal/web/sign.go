package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/web/page"
)

// Bounds of what a signer sends: the file, and as much again for the form around it.
const (
	maxForm   = limits.DocumentBytes + 64<<10
	maxFields = 16 << 10
	maxReason = 500 // runes
)

// signing serves the pages of invitations. What changes something is refused where
// another site's page sent it.
func (s *site) signing() (http.Handler, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sign/{token}", s.invitation)
	mux.HandleFunc("GET /sign/{token}/file", s.invitationFile)
	mux.HandleFunc("POST /sign/{token}", s.sign)
	mux.HandleFunc("POST /sign/{token}/decline", s.decline)
	mux.HandleFunc("/", s.missing)
	guard := http.NewCrossOriginProtection()
	if err := guard.AddTrustedOrigin(s.origin); err != nil {
		return nil, fmt.Errorf("web: the origin of the base URL: %w", err)
	}
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.failure(w, r, http.StatusForbidden) }))
	return guard.Handler(mux), nil
}

// token is the invitation that a path names.
func (s *site) token(w http.ResponseWriter, r *http.Request) (string, bool) {
	token := r.PathValue("token")
	if !validID(token) {
		s.failure(w, r, http.StatusNotFound)
		return "", false
	}
	return token, true
}

func (s *site) invitation(w http.ResponseWriter, r *http.Request) {
	if token, ok := s.token(w, r); ok {
		s.showInvitation(w, r, token, http.StatusOK, page.Notice{})
	}
}

// showInvitation shows the open invitation, or that it is over.
func (s *site) showInvitation(w http.ResponseWriter, r *http.Request, token string, status int, n page.Notice) {
	in, err := s.documents.Invitation(r.Context(), token)
	state := page.SignOpen
	if over(err) || err == nil && in.Signature.State != "invited" {
		state, status, err = page.SignOver, http.StatusGone, nil
	}
	if err != nil {
		s.fault(w, r, err)
		return
	}
	s.signPage(w, r, token, status, state, in, n)
}

func (s *site) signPage(w http.ResponseWriter, r *http.Request, token string, status int, state page.SignState, in service.Invited, n page.Notice) {
	b, err := s.pages.Sign(s.request(r), token, state, in, n)
	s.answerWith(w, r, status, signPolicy, b, err)
}

// over reports whether an error says that an invitation has come to its end.
func over(err error) bool {
	var e *service.Error
	return errors.As(err, &e) && e.Code == service.CodeState
}

func (s *site) invitationFile(w http.ResponseWriter, r *http.Request) {
	token, ok := s.token(w, r)
	if !ok {
		return
	}
	in, err := s.documents.Invitation(r.Context(), token)
	switch {
	case over(err):
		s.signPage(w, r, token, http.StatusGone, page.SignOver, service.Invited{}, page.Notice{})
		return
	case err != nil:
		s.fault(w, r, err)
		return
	}
	f := in.File
	f.Digest = "" // not to be kept: the link is a secret
	if r.URL.Query().Get("inline") == "1" && f.MediaType == "application/pdf" {
		serveFile(w, r, f, documentPolicy, "inline")
		return
	}
	serveFile(w, r, f, filePolicy, "attachment")
}

// sign takes the signed file.
func (s *site) sign(w http.ResponseWriter, r *http.Request) {
	token, ok := s.token(w, r)
	if !ok {
		return
	}
	upload, problem := readUpload(w, r)
	if problem != "" {
		status := http.StatusUnprocessableEntity
		if problem == "sign.toolarge" {
			status = http.StatusRequestEntityTooLarge
		}
		s.showInvitation(w, r, token, status, page.Notice{Key: problem})
		return
	}
	_, err := s.documents.Sign(r.Context(), token, upload)
	var refused *service.Error
	switch {
	case err == nil:
		s.signPage(w, r, token, http.StatusOK, page.SignDone, service.Invited{}, page.Notice{})
	case over(err):
		s.signPage(w, r, token, http.StatusGone, page.SignOver, service.Invited{}, page.Notice{})
	case errors.As(err, &refused) && (refused.Code == service.CodeValidation || refused.Code == service.CodeMedia || refused.Code == service.CodeTooLarge || refused.Code == service.CodeBody):
		s.showInvitation(w, r, token, http.StatusUnprocessableEntity, page.Notice{Key: "sign.refused", Detail: refused.Detail})
	default:
		s.fault(w, r, err)
	}
}

// readUpload reads the one file of a form, within bounds, or the key of what is wrong.
// It reads the parts as they come, so that nothing is written to disk.
func readUpload(w http.ResponseWriter, r *http.Request) (service.Upload, string) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	parts, err := r.MultipartReader()
	if err != nil {
		return service.Upload{}, "sign.nofile"
	}
	for range 20 {
		part, err := parts.NextPart()
		var large *http.MaxBytesError
		switch {
		case errors.As(err, &large):
			return service.Upload{}, "sign.toolarge"
		case err != nil:
			return service.Upload{}, "sign.nofile"
		}
		if part.FormName() != "file" {
			continue
		}
		b, err := io.ReadAll(io.LimitReader(part, limits.DocumentBytes+1))
		switch {
		case errors.As(err, &large) || len(b) > limits.DocumentBytes:
			return service.Upload{}, "sign.toolarge"
		case err != nil || len(b) == 0:
			return service.Upload{}, "sign.nofile"
		}
		return service.Upload{Name: part.FileName(), Bytes: b}, ""
	}
	return service.Upload{}, "sign.nofile"
}

// decline ends an invitation without a signature.
func (s *site) decline(w http.ResponseWriter, r *http.Request) {
	token, ok := s.token(w, r)
	if !ok {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxFields)
	if err := r.ParseForm(); err != nil {
		s.failure(w, r, http.StatusNotFound)
		return
	}
	reason := []rune(strings.ToValidUTF8(strings.TrimSpace(r.PostForm.Get("reason")), ""))
	err := s.documents.Decline(r.Context(), token, string(reason[:min(len(reason), maxReason)]))
	switch {
	case err == nil:
		s.signPage(w, r, token, http.StatusOK, page.SignDeclined, service.Invited{}, page.Notice{})
	case over(err):
		s.signPage(w, r, token, http.StatusGone, page.SignOver, service.Invited{}, page.Notice{})
	default:
		s.fault(w, r, err)
	}
}
