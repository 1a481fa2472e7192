package pades

import (
	"context"
	"crypto"
	"hash"
	"io"
	"time"

	"github.com/chancery-dev/chancery/internal/pdf"
)

// archiver adds a document timestamp (EN 319 142-1, 5.5; ISO 32000-2, 12.8.5).
type archiver struct {
	tsa      Timestamper
	hash     crypto.Hash
	password string
	room     int
}

// archived is what it made.
type archived struct {
	field string
	time  time.Time
	size  int64
}

// measure learns the size of tokens and collects data about the authority, so that they are in the file
// before the timestamp and covered by it.
func (a *archiver) measure(ctx context.Context, g *gatherer) error {
	ts, err := sample(ctx, a.tsa, a.hash)
	if err != nil {
		return err
	}
	a.room = len(ts.Token) + tokenSlack
	var v vriEntry // belongs to a signature that is not there yet, so it is named by none
	return g.path(ctx, &v, ts.Path, g.now, true)
}

// stamp writes an update with the document timestamp. state is the hash of everything before it.
func (a *archiver) stamp(ctx context.Context, before *pdf.Tail, state hash.Cloner, out io.Writer) (archived, error) {
	doc, err := reopen(before, a.password)
	if err != nil {
		return archived{}, err
	}
	in := &input{doc: doc}
	if err := in.inspect(); err != nil {
		return archived{}, err
	}
	s := &slot{name: in.unusedName("Timestamp"), isNew: true}
	for try := 0; ; try++ {
		p, err := in.buildStamp(s, a.room)
		if err != nil {
			return archived{}, err
		}
		h, err := fork(state)
		if err != nil {
			return archived{}, err
		}
		if err := p.tail.CopyExcept(h, p.contents); err != nil {
			return archived{}, wrap(BadInput, err, "")
		}
		ts, err := stamp(ctx, a.tsa, a.hash, h.Sum(nil))
		if err != nil {
			return archived{}, err
		}
		if len(ts.Token) > a.room && try == 0 {
			a.room = len(ts.Token) + tokenSlack
			continue
		}
		if err := p.fill(ts.Token); err != nil {
			return archived{}, err
		}
		if err := write(out, p.tail.Bytes); err != nil {
			return archived{}, err
		}
		return archived{field: s.name, time: ts.Time, size: p.tail.Size()}, nil
	}
}

func (in *input) buildStamp(s *slot, room int) (*pending, error) {
	if room > maxContents {
		return nil, fail(TooLarge, "token of %d bytes, at most %d are taken", room, maxContents)
	}
	up, err := in.doc.NewUpdate()
	if err != nil {
		return nil, wrap(BadInput, err, "")
	}
	d, contents, byteRange := signatureDict("DocTimeStamp", "ETSI.RFC3161", room)
	d.Set("V", pdf.Integer(0))
	if err := in.place(up, s, up.Add(d), 0, func(_, _ *pdf.Dict) error { return nil }); err != nil {
		return nil, err
	}
	return finish(up, contents, byteRange, room)
}
