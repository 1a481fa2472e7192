package httpapi

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/chancery-dev/chancery/internal/service"
)

// formRoom is what a form may put around files, beyond the limit of bodies: files of that
// very size are taken.
const formRoom = maxFiles << 10

// files reads the parts file and files[] of a multipart body, up to the limit of bodies for
// the content of all of them together. Memory is taken as bytes arrive.
func (c *call) files() ([]service.Upload, error) {
	left, room := c.a.MaxBody, c.a.MaxBody+formRoom
	if c.r.ContentLength > room {
		return nil, &http.MaxBytesError{Limit: c.a.MaxBody}
	}
	mr := multipart.NewReader(http.MaxBytesReader(c.w, c.r.Body, room), c.limit)
	var out []service.Upload
	for {
		part, err := mr.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, multipartFault(err)
		}
		name := part.FormName()
		if name != "file" && name != "files[]" {
			return nil, &service.Error{Code: service.CodeValidation, Detail: "expected parts file or files[] only", Fields: map[string][]string{"file": {"expected parts named file or files[] only"}}}
		}
		if len(out) == maxFiles {
			return nil, &service.Error{Code: service.CodeTooLarge, Detail: "expected at most " + strconv.Itoa(maxFiles) + " files"}
		}
		if enc := part.Header.Get("Content-Transfer-Encoding"); enc != "" && !strings.EqualFold(enc, "binary") && !strings.EqualFold(enc, "8bit") && !strings.EqualFold(enc, "7bit") {
			return nil, badBody("multipart: Content-Transfer-Encoding is not taken")
		}
		b, err := io.ReadAll(io.LimitReader(part, left+1))
		if err != nil {
			return nil, multipartFault(err)
		}
		if left -= int64(len(b)); left < 0 {
			return nil, c.tooMuch(name, len(out))
		}
		out = append(out, service.Upload{Name: fileName(part.FileName()), Bytes: b})
	}
	if len(out) == 0 {
		return nil, &service.Error{Code: service.CodeValidation, Detail: "file is required", Fields: map[string][]string{"file": {"is required"}}}
	}
	return out, nil
}

// tooMuch says at which part the files became too large together.
func (c *call) tooMuch(name string, before int) error {
	limit := " has more than " + strconv.FormatInt(c.a.MaxBody, 10) + " bytes"
	if before > 0 {
		name, limit = "files["+strconv.Itoa(before)+"]", limit+" together with those before it"
	}
	return &service.Error{Code: service.CodeTooLarge, Detail: name + limit}
}

// fileName keeps the last part of a name, without characters that no file name has.
func fileName(s string) string {
	s = path.Base(strings.ReplaceAll(s, `\`, "/"))
	if s == "." || s == "/" {
		return ""
	}
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == 0xfffd {
			return -1
		}
		return r
	}, s)
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "")
	}
	return s
}

func multipartFault(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return &http.MaxBytesError{Limit: tooLarge.Limit - formRoom}
	}
	return badBody("the multipart body cannot be read to its end")
}

// multipartBody describes uploads of one file, or of any number of them.
func multipartBody(member string, several bool) content {
	file := &huma.Schema{Type: "string", Format: "binary"}
	s := &huma.Schema{Type: "object", Properties: map[string]*huma.Schema{"file": file}, AdditionalProperties: false}
	if several {
		s.Properties["files[]"] = &huma.Schema{Type: "array", MinItems: ptr(1), Items: file}
		s.AnyOf = []*huma.Schema{{Required: []string{"file"}}, {Required: []string{"files[]"}}}
	} else {
		s.Required = []string{"file"}
	}
	var example any = "(the file)"
	if member == "files[]" {
		example = []string{"(the file)"}
	}
	return content{Type: multipartType, Schema: s, Example: map[string]any{member: example}}
}
