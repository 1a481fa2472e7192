package pades

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/verifier"
)

// attachments extracts the credentials embedded in the document as the oldest signature
// that stands covers it: associated files of the catalog (ISO 32000-2, 14.13) and the
// name tree of embedded files. What was added later is not the signed document's.
func (v *validation) attachments() error {
	var rev *pdf.Revision
	for _, it := range v.items {
		if it.ok && !it.sig.Timestamp && !it.sig.failed() {
			rev = it.rev
			break
		}
	}
	if rev == nil {
		rev = v.latest
	}
	a := &attachments{v: v, rev: rev, seen: map[pdf.Ref]bool{}, left: maxAttachmentBytes, signed: v.anySound()}
	cat, err := rev.Catalog()
	if err != nil {
		return err
	}
	af, err := rev.ArrayAt(cat, "AF")
	if err != nil {
		return err
	}
	if af != nil {
		for _, o := range af.All() {
			a.add("", o, true)
		}
	}
	names, err := rev.DictAt(cat, "Names")
	if err != nil || names == nil {
		return err
	}
	files, err := rev.DictAt(names, "EmbeddedFiles")
	if err != nil || files == nil {
		return err
	}
	a.tree(files, 0)
	return v.ctx.Err()
}

func (v *validation) anySound() bool {
	for _, it := range v.items {
		if it.ok && !it.sig.Timestamp && !it.sig.failed() {
			return true
		}
	}
	return false
}

type attachments struct {
	v      *validation
	rev    *pdf.Revision
	seen   map[pdf.Ref]bool
	looked int   // files, and nodes of the tree
	found  int   // that may be credentials
	left   int64 // bytes to decode
	signed bool
	open   bool
}

// leave says that not all credentials could be looked at. What they say is not known, and
// one of them may be that which the page shows: the document stays undecided.
func (a *attachments) leave(reason verifier.Reason, detail string) {
	if !a.open {
		a.open = true
		a.v.check(verifier.CheckInner, reason, detail)
	}
}

// tree walks a name tree (ISO 32000-2, 7.9.6).
func (a *attachments) tree(node *pdf.Dict, depth int) {
	if depth > 16 {
		a.leave(verifier.PDFLimit, "the tree of embedded files is deeper than is looked at")
	}
	if depth > 16 || a.looked > maxEmbedded {
		return
	}
	if names, err := a.rev.ArrayAt(node, "Names"); err == nil && names != nil {
		for i := 1; i < names.Len() && a.looked <= maxEmbedded; i += 2 {
			name := ""
			if s, ok := names.At(i - 1).(pdf.String); ok {
				name = pdf.TextString(s)
			}
			a.add(name, names.At(i), false)
		}
	}
	kids, err := a.rev.ArrayAt(node, "Kids")
	if err != nil || kids == nil {
		return
	}
	for _, k := range kids.All() {
		ref, isRef := k.(pdf.Ref)
		if isRef && a.seen[ref] {
			continue
		}
		a.seen[ref] = true
		if !a.look() {
			return
		}
		o, err := a.rev.Resolve(k)
		if d, ok := o.(*pdf.Dict); ok && err == nil {
			a.tree(d, depth+1)
		}
	}
}

func (a *attachments) look() bool {
	if a.looked++; a.looked <= maxEmbedded {
		return true
	}
	a.leave(verifier.PDFLimit, fmt.Sprintf("more embedded files than the %d that are looked at", maxEmbedded))
	return false
}

// add looks at one file specification (ISO 32000-2, 7.11.3).
func (a *attachments) add(name string, o pdf.Object, associated bool) {
	if !a.look() {
		return
	}
	if ref, ok := o.(pdf.Ref); ok {
		if a.seen[ref] {
			return
		}
		a.seen[ref] = true
	}
	o, err := a.rev.Resolve(o)
	spec, ok := o.(*pdf.Dict)
	if err != nil || !ok {
		return
	}
	ef, err := a.rev.DictAt(spec, "EF")
	if err != nil || ef == nil {
		return
	}
	stream, err := a.rev.StreamAt(ef, "F")
	if stream == nil && err == nil {
		stream, err = a.rev.StreamAt(ef, "UF")
	}
	if err != nil || stream == nil {
		return
	}
	out := Attachment{Name: name, Associated: associated, Signed: a.signed}
	for _, key := range []pdf.Name{"UF", "F"} {
		if s, ok, err := a.rev.StringAt(spec, key); ok && err == nil {
			out.Name = pdf.TextString(s)
			break
		}
	}
	out.Name = clip(out.Name)
	if n, err := a.rev.NameAt(spec, "AFRelationship"); err == nil {
		out.Relationship = clipName(string(n))
	}
	if n, err := a.rev.NameAt(stream.Dict, "Subtype"); err == nil {
		out.MediaType = clipName(string(n))
	}
	a.read(out, stream)
}

// read takes the bytes of what looks like a credential.
func (a *attachments) read(out Attachment, stream *pdf.Stream) {
	if !credentialLike(out.Name, out.MediaType) {
		return
	}
	if a.found++; a.found > maxAttachments {
		a.leave(verifier.PDFLimit, fmt.Sprintf("more embedded files that may be credentials than the %d that are judged", maxAttachments))
		return
	}
	b, err := stream.DecodeWithin(maxAttachment, &a.left)
	if errors.Is(err, pdf.CodeLimit) {
		a.leave(verifier.PDFLimit, fmt.Sprintf("embedded file %s: %v", out.Name, err))
		return
	}
	if err != nil {
		a.leave(verifier.InnerIndeterminate, fmt.Sprintf("embedded file %s cannot be read: %v", out.Name, err))
		return
	}
	sum := sha256.Sum256(b)
	out.Bytes, out.Digest = b, "sha-256:"+hex.EncodeToString(sum[:])
	if !out.Signed {
		out.Reason = verifier.PDFCredentialForeign
	}
	if len(bytes.TrimSpace(b)) > 0 {
		a.v.res.Attachments = append(a.v.res.Attachments, out)
	}
}

// credentialLike tells by media type or name what may be a credential.
func credentialLike(name, media string) bool {
	switch strings.ToLower(media) {
	case "application/vc", "application/vp", "application/vc+jwt", "application/vp+jwt", "application/vc+ld+json", "application/vp+ld+json",
		"application/ld+json", "application/json", "application/jwt":
		return true
	}
	lower := strings.ToLower(name)
	for _, ext := range []string{".json", ".jsonld", ".jwt", ".vc"} {
		if strings.HasSuffix(lower, ext) {
			return true
		}
	}
	return false
}
