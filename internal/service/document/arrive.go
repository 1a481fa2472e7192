package document

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"

	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/verifier"
	vpades "github.com/chancery-dev/chancery/verifier/pades"
)

// arrived is what was found in a file that a third party handed in.
type arrived struct {
	level       string
	trusted     bool   // its signature passes wholly, under our roots
	certificate string // "sha-256:" and hex of the signer's
	holder      string // whom that names
}

// examine judges a file that begins with base. It answers a CodeValidation error that says
// why it is not taken.
func (d *Documents) examine(ctx context.Context, base, file []byte) (arrived, error) {
	s, _, err := d.added(ctx, base, file)
	if err != nil {
		return arrived{}, err
	}
	return d.judgeNew(s)
}

// added finds the signature that is all that a file has more than base.
func (d *Documents) added(ctx context.Context, base, file []byte) (vpades.Signature, *vpades.Result, error) {
	var none vpades.Signature
	before, err := d.validate(ctx, base, 0)
	if err != nil {
		return none, nil, err
	}
	now, err := d.validate(ctx, file, int64(len(base)))
	if err != nil {
		return none, nil, err
	}
	// The document: nothing but what may follow a signature.
	for _, c := range now.Checks {
		if c.Required && c.Result != verifier.Pass {
			return none, nil, refused(fmt.Sprintf("holds more than a signature, or is no PDF that can be judged: %s", c.Reason.Text()))
		}
	}
	if err := nothingAfter(file); err != nil {
		return none, nil, err
	}
	var added []vpades.Signature
	for n, s := range now.Signatures {
		if n >= len(before.Signatures) {
			if !s.Timestamp {
				added = append(added, s)
			}
			continue
		}
		if old := before.Signatures[n]; old.Field != s.Field || old.Revision != s.Revision || old.Indication != s.Indication {
			return none, nil, refused("breaks an earlier signature")
		}
	}
	if len(added) != 1 {
		return none, nil, refused(fmt.Sprintf("must hold one new signature, and holds %d", len(added)))
	}
	s := added[0]
	for _, c := range now.Since {
		switch {
		case c.Level <= vpades.ChangesLTA, c.Field == s.Field:
		case c.Field != "":
			return none, nil, refused("has another form field changed beside the signature")
		case !strings.HasPrefix(c.Detail, "form "): // what the appearance of a signature needs
			return none, nil, refused("has something else changed beside the signature: " + c.Detail)
		}
	}
	return s, now, nil
}

// nothingAfter refuses bytes behind the last update: no reader of PDF looks at them, and
// the next signature would vouch for them.
func nothingAfter(file []byte) error {
	doc, err := pdf.Open(bytes.NewReader(file), int64(len(file)), pdf.Options{})
	if err != nil || doc.TrailingBytes().Len() > 2 { // an end of line
		return refused("has bytes after its end")
	}
	return nil
}

// validate judges a file under the configured roots, as if a certificate's status did not
// matter where trust is not required.
func (d *Documents) validate(ctx context.Context, file []byte, known int64) (*vpades.Result, error) {
	return vpades.Validate(ctx, bytes.NewReader(file), int64(len(file)), vpades.Config{
		Roots: d.c.Roots, TSARoots: d.c.TSARoots, Clock: d.c.Clock, Revocation: d.c.SignerRevocation, Known: known,
	})
}

// judgeNew refuses a signature that is not good in itself. Whose it is, and whether its
// certificate holds, decides only where trust is required.
func (d *Documents) judgeNew(s vpades.Signature) (arrived, error) {
	why := string(s.Reason)
	if s.Indication == vpades.TotalFailed {
		return arrived{}, refused("holds a signature that does not verify: " + why)
	}
	if d.c.RequireTrust && s.Indication != vpades.TotalPassed {
		return arrived{}, refused("holds a signature by somebody whose certificate is not trusted here: " + why)
	}
	if s.Certificate == nil || !passed(s, verifier.CheckSignature) || !passed(s, verifier.CheckPDFIntegrity) {
		return arrived{}, refused("holds a signature that could not be verified: " + why)
	}
	if s.Indication != vpades.TotalPassed {
		switch s.SubIndication {
		case vpades.NoCertificateChain, vpades.TryLater:
			// nobody here knows the authority, or what it says of the certificate now
		default:
			return arrived{}, refused("holds a signature that could not be verified: " + why)
		}
	}
	if now := d.now(); now.Before(s.Certificate.NotBefore) || now.After(s.Certificate.NotAfter) {
		return arrived{}, refused("holds a signature by a certificate that is not valid now")
	}
	sum := sha256.Sum256(s.Certificate.Raw)
	return arrived{level: level(s.Level), trusted: s.Indication == vpades.TotalPassed, certificate: "sha-256:" + hex.EncodeToString(sum[:]), holder: holderOf(s.Certificate)}, nil
}

// holderOf is what a certificate calls its holder, on one line.
func holderOf(c *x509.Certificate) string {
	name := c.Subject.CommonName
	if name == "" {
		name = c.Subject.String()
	}
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(name, "")))
	if r := []rune(name); len(r) > maxName {
		name = string(r[:maxName])
	}
	return name
}

func passed(s vpades.Signature, id string) bool {
	found := false
	for _, c := range s.Checks {
		if c.ID == id {
			if c.Result != verifier.Pass {
				return false
			}
			found = true
		}
	}
	return found
}

// level writes a level as the API does: B-B for PAdES-BASELINE-B.
func level(s string) string {
	const prefix = "PAdES-BASELINE-"
	if len(s) > len(prefix) && s[:len(prefix)] == prefix {
		return "B-" + s[len(prefix):]
	}
	return ""
}
