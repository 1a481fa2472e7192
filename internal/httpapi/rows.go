package httpapi

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// maxRow bounds one row, in bytes.
const maxRow = 1 << 20

// rows yields the rows of a batch's body, one at a time, io.EOF at the end. A row of a
// wrong shape is a CodeValidation error with paths within the row, "" being all of it;
// what cannot be read at all is CodeBody.
type rows func() (service.ItemInput, error)

// badRow is a fault of one row as a whole, after which others can be read.
func badRow(message string) error {
	return &service.Error{Code: service.CodeValidation, Detail: message, Fields: map[string][]string{"": {message}}}
}

// decodeRow makes an item of one JSON text.
func (a *api) decodeRow(b []byte) (service.ItemInput, error) {
	var item service.ItemInput
	d, err := parse(b, maxRow)
	if err != nil {
		return item, err
	}
	if d.Kind(0) != strictjson.Object {
		return item, badBody("expected a JSON object for each row")
	}
	if err := json.Unmarshal(b, &item, decodeJSON); err != nil {
		return service.ItemInput{}, a.shapeError(d, 0, "", a.itemSchema(), err)
	}
	return item, nil
}

// batchHead reads what a JSON object says beside its items, and checks the whole text, so
// that a fault in the last row is found before the first one is used.
func (a *api) batchHead(r io.Reader) (service.NewBatch, error) {
	var head service.NewBatch
	dec := jsontext.NewDecoder(r)
	var text bytes.Buffer
	text.WriteByte('{')
	if k := dec.PeekKind(); k != '{' {
		return head, decoderFault(dec, "expected a JSON object or array")
	}
	if _, err := dec.ReadToken(); err != nil {
		return head, decoderFault(dec, "")
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadValue()
		if err != nil {
			return head, decoderFault(dec, "")
		}
		if string(name) == `"items"` {
			if err := skipItems(dec); err != nil {
				return head, err
			}
			continue
		}
		if text.Len() > 1 {
			text.WriteByte(',')
		}
		text.Write(name)
		text.WriteByte(':')
		value, err := dec.ReadValue()
		if err != nil {
			return head, decoderFault(dec, "")
		}
		if text.Len()+len(value) > maxRow {
			return head, badBody("the members beside items are too large")
		}
		text.Write(value)
	}
	if _, err := dec.ReadToken(); err != nil {
		return head, decoderFault(dec, "")
	}
	if _, err := dec.ReadToken(); err != io.EOF {
		return head, decoderFault(dec, "data after the end")
	}
	text.WriteByte('}')
	d, err := parse(text.Bytes(), 2*maxRow)
	if err != nil {
		return head, err
	}
	if err := json.Unmarshal(text.Bytes(), &head, decodeJSON); err != nil {
		return service.NewBatch{}, a.shapeError(d, 0, "", a.schemaOf(typeOf[service.NewBatch]()), err)
	}
	return head, nil
}

func skipItems(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '[' {
		return &service.Error{Code: service.CodeValidation, Detail: "items must be an array", Fields: map[string][]string{"items": {"must be an array"}}}
	}
	if err := dec.SkipValue(); err != nil {
		return decoderFault(dec, "")
	}
	return nil
}

func decoderFault(dec *jsontext.Decoder, detail string) error {
	if detail == "" {
		detail = "a syntax error, invalid UTF-8 or a name that stands twice in an object"
	}
	return badBody("the body is not JSON as expected: " + detail + ", near byte " + itoa(dec.InputOffset()))
}

// jsonRows yields the elements of an array: the whole text, or its member items.
func (a *api) jsonRows(r io.Reader) (rows, error) {
	dec := jsontext.NewDecoder(r)
	switch dec.PeekKind() {
	case '{':
		if _, err := dec.ReadToken(); err != nil {
			return nil, decoderFault(dec, "")
		}
		for dec.PeekKind() == '"' {
			name, err := dec.ReadValue()
			if err != nil {
				return nil, decoderFault(dec, "")
			}
			if string(name) == `"items"` {
				break
			}
			if err := dec.SkipValue(); err != nil {
				return nil, decoderFault(dec, "")
			}
		}
		if dec.PeekKind() == '}' {
			return func() (service.ItemInput, error) { return service.ItemInput{}, io.EOF }, nil
		}
	case '[':
	default:
		return nil, decoderFault(dec, "expected a JSON object or array")
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, decoderFault(dec, "")
	}
	return func() (service.ItemInput, error) {
		if dec.PeekKind() == ']' {
			return service.ItemInput{}, io.EOF
		}
		value, err := dec.ReadValue()
		if err != nil {
			return service.ItemInput{}, decoderFault(dec, "")
		}
		return a.decodeRow(value)
	}, nil
}

// checkArray reads a bare array to its end.
func checkArray(r io.Reader) error {
	dec := jsontext.NewDecoder(r)
	if err := dec.SkipValue(); err != nil {
		return decoderFault(dec, "")
	}
	if _, err := dec.ReadToken(); err != io.EOF {
		return decoderFault(dec, "data after the end")
	}
	return nil
}

// ndjsonRows yields the lines.
func (a *api) ndjsonRows(r io.Reader) rows {
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 0, 64<<10), maxRow)
	line := 0
	return func() (service.ItemInput, error) {
		for sc.Scan() {
			line++
			b := sc.Bytes()
			if line == 1 {
				b = bytes.TrimPrefix(b, byteOrderMark)
			}
			if b = bytes.TrimSpace(b); len(b) == 0 {
				continue
			}
			item, err := a.decodeRow(b)
			var e *service.Error
			if errors.As(err, &e) && e.Code == service.CodeBody {
				return item, badRow("line " + strconv.Itoa(line) + " cannot be read: " + e.Detail)
			}
			return item, err
		}
		if sc.Err() != nil {
			return service.ItemInput{}, badBody("line " + strconv.Itoa(line+1) + " has more than " + strconv.Itoa(maxRow) + " bytes")
		}
		return service.ItemInput{}, io.EOF
	}
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// separator finds what stands between the names of a header: a comma or, as programs for
// tables write it in many countries, a semicolon or a tab. No path holds any of them.
func separator(br *bufio.Reader) rune {
	for n := 1; n <= br.Size(); n++ {
		b, err := br.Peek(n)
		if err != nil {
			break
		}
		switch c := b[n-1]; c {
		case ',', ';', '\t':
			return rune(c)
		case '\n':
			return ','
		}
	}
	return ','
}

// csvRows yields the records under a header of paths such as recipient.email and
// claims.trainerName. An empty cell is an absent member, and a record of nothing else no
// row. Cells of number and boolean fields, named in kinds, become numbers and booleans.
func csvRows(r io.Reader, kinds map[string]string) (rows, error) {
	limited := &rowReader{r: r, left: maxRow}
	br := bufio.NewReader(limited)
	if bom, err := br.Peek(3); err == nil && bytes.Equal(bom, byteOrderMark) {
		br.Discard(3)
	}
	if bom, err := br.Peek(2); err == nil && (string(bom) == "\xff\xfe" || string(bom) == "\xfe\xff") {
		return nil, badBody("the CSV is UTF-16: expected UTF-8")
	}
	cr := csv.NewReader(br)
	cr.Comma, cr.FieldsPerRecord = separator(br), -1
	header, err := cr.Read()
	if err != nil {
		return nil, csvFault(err, "expected a header line")
	}
	if strings.ContainsRune(strings.Join(header, ""), '\r') {
		return nil, badBody("the lines of the CSV end with a carriage return alone: expected a line feed")
	}
	columns, err := csvColumns(header)
	if err != nil {
		return nil, err
	}
	cr.ReuseRecord = true
	return func() (service.ItemInput, error) {
		var record []string
		for blank := true; blank; {
			limited.left = maxRow
			var err error
			if record, err = cr.Read(); err == io.EOF {
				return service.ItemInput{}, io.EOF
			}
			if err != nil {
				return service.ItemInput{}, csvFault(err, "")
			}
			blank = !slices.ContainsFunc(record, func(cell string) bool { return cell != "" })
		}
		if len(record) != len(columns) {
			line, _ := cr.FieldPos(0)
			return service.ItemInput{}, badRow("line " + strconv.Itoa(line) + " must have as many cells as the header")
		}
		var item service.ItemInput
		var bad service.Invalid
		for i, cell := range record {
			if cell == "" {
				continue
			}
			if !utf8.ValidString(cell) {
				return item, badBody("the CSV is not UTF-8")
			}
			if msg := columns[i].set(&item, strings.Clone(cell), kinds); msg != "" {
				bad.Add(columns[i].path, msg)
			}
		}
		return item, bad.Err()
	}, nil
}

// rowReader bounds what one record may take.
type rowReader struct {
	r    io.Reader
	left int
}

var errRow = errors.New("httpapi: a record is too large")

func (l *rowReader) Read(b []byte) (int, error) {
	if l.left <= 0 {
		return 0, errRow
	}
	n, err := l.r.Read(b)
	l.left -= n
	return n, err
}

func csvFault(err error, empty string) error {
	var pe *csv.ParseError
	switch {
	case err == io.EOF:
		return badBody("the CSV is empty: " + empty)
	case errors.As(err, &pe):
		return badBody("the CSV cannot be read at line " + strconv.Itoa(pe.Line) + ": expected quotes in pairs")
	case errors.Is(err, errRow):
		return badBody("a line of the CSV has more than " + strconv.Itoa(maxRow) + " bytes")
	}
	return badBody("the CSV cannot be read")
}
