package register

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// CheckAudit is VerifyAudit, and compares the evidence of the newest line that has any.
// proven is the number of that line, 0 where there is no evidence yet. Whether the evidence
// itself is to be believed is for a verifier to say.
func (g *Register) CheckAudit(ctx context.Context, s service.Scope) (lines int64, head []byte, proven int64, err error) {
	if lines, head, err = g.VerifyAudit(ctx, s); err != nil || g.c.Stamper == nil {
		return lines, head, 0, err
	}
	_, heads, err := g.heads(ctx, s)
	if err != nil {
		return lines, head, 0, err
	}
	for _, h := range slices.Backward(heads.Anchored) {
		bundle, err := g.c.Stamper.Evidence(ctx, s, h.Stamp, nil)
		var not *service.Error
		if errors.As(err, &not) && not.Code == service.CodeState {
			continue // not anchored yet
		}
		if err != nil {
			return lines, head, 0, err
		}
		if hex.EncodeToString(bundle.Subject.Digest) != h.Hash {
			return lines, head, 0, fmt.Errorf("%w: the evidence of line %d is of another hash", ErrAudit, h.Seq)
		}
		return lines, head, h.Seq, nil
	}
	return lines, head, 0, nil
}

// maxAuditLine bounds a line of an exported log, in bytes.
const maxAuditLine = 1 << 20

// AuditLog is what an exported audit log says of itself.
type AuditLog struct {
	// Scope is whose log it is. The zero Scope: the log is empty.
	Scope service.Scope
	// Lines counts them; the number of the last one is the same.
	Lines int64
	// Head is the hash of the last line. nil: the log is empty.
	Head []byte
	// First and Last are the times of the first and last line.
	First, Last time.Time
}

// ReadAudit checks the chain of an exported log (audit.jsonl) line by line, in constant
// memory. each, which may be nil, is given the number and the hashed text of every line
// that holds. What is wrong is ErrAudit, and so is what cannot be read as a log.
//
// A chain shows that lines belong together. That it was not made anew as a whole is shown
// by evidence of a line's hash alone.
func ReadAudit(r io.Reader, each func(seq int64, line []byte) error) (AuditLog, error) {
	var log AuditLog
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		text, err := readAuditLine(in)
		if err == io.EOF {
			return log, nil
		}
		if err != nil {
			return log, err
		}
		line, err := log.follow(text)
		if err != nil {
			return log, fmt.Errorf("%w at line %d: %w", ErrAudit, log.Lines+1, err)
		}
		log.Lines++
		if each != nil {
			if err := each(log.Lines, line); err != nil {
				return log, err
			}
		}
	}
}

// readAuditLine reads up to the next newline, which the last line has too.
func readAuditLine(in *bufio.Reader) ([]byte, error) {
	var text []byte
	for {
		part, err := in.ReadSlice('\n')
		text = append(text, part...)
		switch {
		case len(text) > maxAuditLine:
			return nil, fmt.Errorf("%w: a line has more than %d bytes", ErrAudit, maxAuditLine)
		case err == nil:
			return text[:len(text)-1], nil
		case errors.Is(err, bufio.ErrBufferFull):
		case err == io.EOF && len(text) == 0:
			return nil, io.EOF
		case err == io.EOF:
			return nil, fmt.Errorf("%w: the last line is cut off", ErrAudit)
		default:
			return nil, fmt.Errorf("register: reading an audit log: %w", err)
		}
	}
}

// follow checks one line against the one before, and returns what of it is hashed.
func (l *AuditLog) follow(text []byte) ([]byte, error) {
	d, err := strictjson.Parse(text, strictjson.Limits{Bytes: maxAuditLine, Depth: 32})
	if err != nil {
		return nil, err
	}
	inner := d.Get(0, "line")
	if d.Kind(0) != strictjson.Object || d.Len(0) != 2 || d.Kind(inner) != strictjson.Array || d.Len(inner) != 14 {
		return nil, errors.New("expected line, an array of 14, and hash")
	}
	line := jsontext.Value(d.Raw(inner))
	if err := line.Canonicalize(); err != nil || string(line) != d.Raw(inner) {
		return nil, errors.New("expected the line as it is hashed")
	}
	var members []strictjson.Node
	d.Each(inner, func(n strictjson.Node) bool {
		members = append(members, n)
		return true
	})
	at, timely := strictjson.ParseTime(d.String(members[6]))
	scope := service.Scope{Tenant: d.String(members[2]), Environment: service.Environment(d.String(members[3]))}
	seq, whole := d.Int(members[4])
	sum := sha256.Sum256(line)
	switch {
	case d.String(members[0]) != "chancery-audit" || d.Raw(members[1]) != "1":
		return nil, errors.New("expected a line of an audit log")
	case scope.Tenant == "" || !scope.Environment.Valid() || !timely:
		return nil, errors.New("expected a tenant, an environment and a time")
	case l.Lines > 0 && scope != l.Scope:
		return nil, errors.New("it is of another log")
	case !whole || seq != l.Lines+1:
		return nil, fmt.Errorf("expected number %d", l.Lines+1)
	case d.String(members[13]) != hex.EncodeToString(l.Head):
		return nil, errors.New("it does not follow the line before")
	case !strings.EqualFold(d.String(d.Get(0, "hash")), hex.EncodeToString(sum[:])):
		return nil, errors.New("its hash is another one")
	}
	if l.Lines == 0 {
		l.Scope, l.First = scope, at
	}
	l.Head, l.Last = sum[:], at
	return line, nil
}
