package web

import (
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/service"
)

// sourceWeb is what the verification log says of what was asked here.
const sourceWeb = "web"

// Bounds of what is sent to be judged: those of POST /v1/verify.
const (
	maxFiles     = 64
	formRoom     = maxFiles << 10 // what a form may put around its files
	judgeTimeout = 30 * time.Second
)

// judge answers the form of the verify page, which browsers that run no script are shown: by
// a page with the verdict. It changes nothing; what another site has sent is not judged, so
// that nobody can put words of his own on a page of this one.
func (s *site) judge(w http.ResponseWriter, r *http.Request) {
	if s.foreign(r) {
		setHeaders(w, pagePolicy)
		http.Redirect(w, r, s.root+"/verify", http.StatusSeeOther)
		return
	}
	files, problem := readFiles(w, r, s.maxBody)
	if problem != "" {
		status := http.StatusUnprocessableEntity
		switch problem {
		case "judged.toolarge":
			status = http.StatusRequestEntityTooLarge
		case "judged.refused":
			status = http.StatusBadRequest
		}
		s.notJudged(w, r, status, problem)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), judgeTimeout)
	defer cancel()
	v, err := s.verifying.VerifyFiles(ctx, files, sourceWeb)
	var refused *service.Error
	switch {
	case err == nil:
		b, err := s.pages.Judged(s.request(r), v)
		s.answer(w, r, http.StatusOK, b, err)
	case errors.As(err, &refused) && refused.Code == service.CodeTooLarge:
		s.notJudged(w, r, http.StatusRequestEntityTooLarge, "judged.toolarge")
	case errors.As(err, &refused) && (refused.Code == service.CodeBody || refused.Code == service.CodeValidation || refused.Code == service.CodeMedia):
		s.notJudged(w, r, http.StatusUnprocessableEntity, "judged.refused")
	case r.Context().Err() == nil && ctx.Err() != nil:
		s.failure(w, r, http.StatusServiceUnavailable)
	default:
		s.fault(w, r, err)
	}
}

func (s *site) notJudged(w http.ResponseWriter, r *http.Request, status int, problem string) {
	b, err := s.pages.NotJudged(s.request(r), problem, s.maxBody)
	s.answer(w, r, status, b, err)
}

// foreign reports whether a browser says that a page of another site has sent a form. The
// verify page sends no Referer, with which old browsers say "null" of themselves.
func (s *site) foreign(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "":
		origin := r.Header.Get("Origin")
		return origin != "" && origin != "null" && origin != s.origin
	case "same-origin", "none":
		return false
	}
	return true
}

// readFiles reads the files of a form, within bounds, or the key of what is wrong. It reads
// the parts as they come, so that nothing is written to disk.
func readFiles(w http.ResponseWriter, r *http.Request, limit int64) ([]service.Upload, string) {
	r.Body = http.MaxBytesReader(w, r.Body, limit+formRoom)
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, "judged.refused"
	}
	var files []service.Upload
	for left := limit; ; {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, formFault(err)
		}
		if part.FormName() != "file" {
			return nil, "judged.refused"
		}
		b, problem := readFile(part, left)
		if problem != "" {
			return nil, problem
		}
		if part.FileName() == "" && len(b) == 0 {
			continue // browsers send this where no file was chosen
		}
		if len(files) == maxFiles {
			return nil, "judged.toolarge"
		}
		left -= int64(len(b))
		files = append(files, service.Upload{Name: part.FileName(), Bytes: b})
	}
	if len(files) == 0 {
		return nil, "judged.nofile"
	}
	return files, ""
}

func readFile(part *multipart.Part, limit int64) ([]byte, string) {
	b, err := io.ReadAll(io.LimitReader(part, limit+1))
	if err != nil {
		return nil, formFault(err)
	}
	if int64(len(b)) > limit {
		return nil, "judged.toolarge"
	}
	return b, ""
}

func formFault(err error) string {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return "judged.toolarge"
	}
	return "judged.refused"
}

// orBody is a limit of bodies, or what it is where none was set.
func orBody(n int64) int64 {
	if n <= 0 {
		return limits.DocumentBytes
	}
	return n
}
