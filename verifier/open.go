package verifier

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
)

// open finds out what the document is and hands it to what judges it. level counts
// the wrappings taken off.
func (c *run) open(s chancery.Secured, level int) {
	if level > 3 {
		c.fail(CheckDocument, ModelInvalid, "expected a document, found wrappings within wrappings")
		return
	}
	media := strings.ToLower(strings.TrimSpace(strings.Split(s.MediaType, ";")[0]))
	switch media {
	case "", "application/octet-stream", "text/plain", "application/ld+json", "application/vc+ld+json", "application/vp+ld+json", chancery.MediaJSON:
		found, err := chancery.Detect(s.Bytes)
		if err != nil {
			c.fail(CheckDocument, UnknownContent, unknownFile(s.Bytes))
			return
		}
		s, media = found, found.MediaType
		if c.r.MediaType == "" {
			c.r.MediaType = media
		}
	}
	if bytes.HasPrefix(s.Bytes, []byte("\ufeff")) && (media == chancery.MediaVC || media == chancery.MediaVP || media == chancery.MediaJSON) {
		c.fail(CheckDocument, MalformedJSON, "expected UTF-8 without a byte order mark")
		return
	}
	switch media {
	case chancery.MediaVC:
		c.openCredential(s, level)
	case chancery.MediaVP:
		c.openPresentation(s, level)
	case chancery.MediaVCJWT, chancery.MediaVPJWT, chancery.MediaJWT:
		c.openToken(chancery.Secured{MediaType: media, Bytes: bytes.TrimSpace(s.Bytes)})
	case chancery.MediaPNG, chancery.MediaSVG:
		c.openImage(s, level)
	case chancery.MediaJSON:
		c.openJSON(s)
	case badge.MediaURL:
		c.openHosted(strings.TrimSpace(string(s.Bytes)))
	case chancery.MediaEvidenceParts:
		c.fail(CheckDocument, UnknownContent, "detached parts of evidence: they are given beside the evidence itself")
	default:
		c.handOver(media, s)
	}
}

// unknownFile says what a file is that holds nothing to verify, where it is told easily.
func unknownFile(b []byte) string {
	switch {
	case len(bytes.TrimSpace(b)) == 0:
		return "the file is empty"
	case bytes.HasPrefix(b, []byte("\xff\xfe")), bytes.HasPrefix(b, []byte("\xfe\xff")):
		return "expected UTF-8, found UTF-16"
	case bytes.HasPrefix(b, []byte("-----BEGIN ")):
		return "found PEM: a key or a certificate"
	case bytes.HasPrefix(b, []byte("PK\x03\x04")):
		return "found a ZIP archive: hand over the files in it"
	}
	return ""
}

// handOver gives the document to the handler for its media type.
func (c *run) handOver(media string, s chancery.Secured) {
	h := c.v.cfg.Handlers[media]
	if h == nil || c.role != roleTop {
		c.fail(CheckDocument, UnsupportedMediaType, media)
		return
	}
	found, err := h.Examine(c.ctx, c.v, s, c.expect)
	if err != nil || found == nil {
		c.fail(CheckDocument, Canceled, "")
		return
	}
	*c.r = *found // the report's address is known to others already
	c.r.EvaluatedAt, c.r.Profile, c.r.Offline = c.at, c.v.policy.Profile.String(), c.v.offline()
	c.r.MediaType, c.r.Digest = media, digestOf(s.Bytes)
	for _, name := range c.v.insecure {
		if !slices.Contains(c.r.Insecure, name) {
			c.r.Insecure = append(c.r.Insecure, name)
		}
	}
	c.r.input(c.v.cfg.Trust.digest)
}

func (c *run) openCredential(s chancery.Secured, level int) {
	cred, err := chancery.Parse(s.Bytes)
	if err != nil {
		if !c.unwrap(s, level) {
			c.refuse(err)
		}
		return
	}
	if !cred.HasProof() && hasType(cred.Document(), 0, "VerifiablePresentation") {
		c.openPresentation(s, level)
		return
	}
	c.cred, c.doc = cred, cred.Document()
	c.credential()
}

func (c *run) openPresentation(s chancery.Secured, level int) {
	if c.role != roleTop {
		c.fail(CheckDocument, NotACredential, "expected a credential, found a presentation")
		return
	}
	pres, err := chancery.ParsePresentation(s.Bytes)
	if err != nil {
		if !c.unwrap(s, level) {
			c.refuse(err)
		}
		return
	}
	c.pres, c.doc = pres, pres.Document()
	c.presentation()
}

// unwrap opens what an enveloped credential or presentation holds (VC Data Model 2.0,
// 4.14). It answers false for a document that is no envelope.
func (c *run) unwrap(s chancery.Secured, level int) bool {
	inner, ok, err := chancery.Unwrap(s.Bytes)
	switch {
	case !ok:
		return false
	case err != nil:
		c.refuse(err)
	default:
		c.open(inner, level+1)
	}
	return true
}

// refuse reports a document that cannot be read.
func (c *run) refuse(err error) {
	if reason, detail, ok := jsonFault(err); ok {
		c.fail(CheckDocument, reason, detail)
		return
	}
	c.fail(CheckModel, ModelInvalid, err.Error())
}

func (c *run) openImage(s chancery.Secured, level int) {
	baked, err := badge.Unbake(bytes.NewReader(s.Bytes))
	if err != nil {
		switch {
		case errors.Is(err, badge.ErrNoBadge):
			c.fail(CheckDocument, NoCredential, "")
		default:
			if reason, detail, ok := jsonFault(err); ok {
				c.fail(CheckDocument, reason, detail)
				return
			}
			c.fail(CheckDocument, ImageMalformed, err.Error())
		}
		return
	}
	c.r.Findings = append(c.r.Findings, baked.Findings...)
	if g, ok := badge.Worst(baked.Findings); ok && g == badge.Error {
		c.fail(CheckDocument, ImageMalformed, baked.Findings[0].Message)
	}
	// A picture speaks for its credential. In an envelope or a presentation, which anybody
	// can make, it would speak for the credential of somebody who has never seen it (Open
	// Badges 3.0, 5.3).
	if _, envelope, _ := chancery.Unwrap(baked.Payload.Bytes); envelope {
		c.fail(CheckDocument, ImageMalformed, "expected a credential, found an envelope around one")
		return
	}
	c.open(baked.Payload, level+1)
	if c.pres != nil {
		c.fail(CheckDocument, ImageMalformed, "expected a credential, found a presentation")
	}
	c.checkPicture(s.Bytes, baked)
}

// openJSON judges JSON that is no W3C document: an Open Badges 2.0 assertion.
func (c *run) openJSON(s chancery.Secured) {
	doc, err := strictjson.Parse(s.Bytes, strictjson.Limits{})
	if err != nil {
		c.refuse(err)
		return
	}
	if badge.KindOf(doc, 0) != badge.OB2Assertion || c.role == roleStatusList {
		c.fail(CheckDocument, NotACredential, "")
		return
	}
	c.doc = doc
	c.assertion(nil)
}

// openToken judges a compact JWS (VC-JOSE-COSE 3; Open Badges 3.0, 8.2; VC Data Model
// 1.1, 6.3.1). The media type of the container and the header decide how its payload
// is read, before any of it is looked at.
func (c *run) openToken(s chancery.Secured) {
	jws, err := proof.ParseJWS(s.Bytes)
	if err != nil {
		c.fail(CheckDocument, joseReason(err), err.Error())
		return
	}
	if len(jws.Payload) > limits.DocumentBytes {
		c.fail(CheckDocument, TooLarge, "")
		return
	}
	kind, err := proof.KindOf(s.MediaType, jws.Typ, jws.Cty)
	if err != nil {
		c.fail(CheckDocument, JOSEType, err.Error())
		return
	}
	if kind == proof.TokenJWT && c.role != roleStatusList {
		if doc, err := strictjson.Parse(jws.Payload, strictjson.Limits{}); err == nil && badge.KindOf(doc, 0) == badge.OB2Assertion {
			c.doc = doc
			c.assertion(jws)
			return
		}
	}
	claims, err := proof.ReadClaims(kind, jws.Payload)
	if err != nil {
		if reason, detail, ok := jsonFault(err); ok {
			c.fail(CheckDocument, reason, detail)
			return
		}
		c.fail(CheckDocument, JOSEClaims, err.Error())
		return
	}
	c.token = &token{jws: jws, kind: kind, claims: claims}
	c.openClaims()
}

// joseReason says which Reason an error of package proof about a JWS is.
func joseReason(err error) Reason {
	switch {
	case errors.Is(err, proof.ErrAlgorithm):
		return JOSEAlgorithm
	case errors.Is(err, proof.ErrMediaType):
		return JOSEType
	case errors.Is(err, proof.ErrClaims):
		return JOSEClaims
	}
	return JOSEMalformed
}

func hasType(doc *strictjson.Doc, n strictjson.Node, want string) bool {
	found := false
	doc.Each(doc.Get(n, "type"), func(t strictjson.Node) bool {
		s, ok := doc.Str(t)
		found = ok && s == want
		return !found
	})
	return found
}
