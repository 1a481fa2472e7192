package chain

import (
	"bytes"
	"crypto/x509"
	encoding "encoding/asn1"
	"slices"
	"strings"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Constraints on directory names (RFC 5280, sections 4.2.1.10 and 6.1.4): applications must be able to
// process them, and crypto/x509 is not. It refuses certificates where the extension is critical, and
// passes over it where it is not.

// Forms of GeneralName that crypto/x509 compares with constraints, and the directory name.
const (
	formEmail     = 1
	formDNS       = 2
	formDirectory = 4
	formURI       = 6
	formIP        = 7
)

// constraints are the directory names of an extension.
type constraints struct {
	permitted, excluded [][]rdn
	understood          bool // there is nothing in it that neither this package nor crypto/x509 compares
}

// rdn is a relative distinguished name: its attributes in a form that can be compared.
type rdn []string

func isNameConstraints(x []int) bool { return slices.Equal(x, []int{2, 5, 29, 30}) }

// knowing returns a certificate whose critical name constraints are no unknown extension, where
// checkNames understands all of them. The certificate given is not changed.
func knowing(c *x509.Certificate) *x509.Certificate {
	if !slices.ContainsFunc(c.UnhandledCriticalExtensions, func(o encoding.ObjectIdentifier) bool { return isNameConstraints(o) }) {
		return c
	}
	if n := readConstraints(c); n == nil || !n.understood {
		return c
	}
	k := *c
	k.UnhandledCriticalExtensions = slices.DeleteFunc(slices.Clone(c.UnhandledCriticalExtensions), func(o encoding.ObjectIdentifier) bool { return isNameConstraints(o) })
	return &k
}

// checkNames holds the directory names of each certificate of a path against the constraints of those
// above it. Certificates an authority issues to itself are left out, save the last (section 6.1.3, b and c).
func checkNames(ch []*x509.Certificate) *Error {
	for i := 1; i < len(ch); i++ {
		n := readConstraints(ch[i])
		if n == nil || len(n.permitted)+len(n.excluded) == 0 {
			continue
		}
		for j, cert := range ch[:i] {
			if j > 0 && bytes.Equal(cert.RawSubject, cert.RawIssuer) {
				continue
			}
			names, ok := directoryNames(cert)
			if !ok {
				return &Error{Reason: NameConstraints, Certificate: cert, Detail: "a name that cannot be compared"}
			}
			for _, name := range names {
				under := func(base []rdn) bool { return within(name, base) }
				if len(n.permitted) > 0 && !slices.ContainsFunc(n.permitted, under) || slices.ContainsFunc(n.excluded, under) {
					return &Error{Reason: NameConstraints, Certificate: cert, Detail: "an issuer may not issue for this directory name"}
				}
			}
		}
	}
	return nil
}

func within(name, base []rdn) bool {
	return len(base) <= len(name) && slices.EqualFunc(name[:len(base)], base, func(a, b rdn) bool { return slices.Equal(a, b) })
}

// readConstraints reads the extension; nil without one.
func readConstraints(c *x509.Certificate) *constraints {
	for _, x := range c.Extensions {
		if !isNameConstraints(x.Id) {
			continue
		}
		n := &constraints{understood: true}
		in := cryptobyte.String(x.Value)
		var seq cryptobyte.String
		if !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() {
			return &constraints{}
		}
		n.permitted = n.subtrees(&seq, 0)
		n.excluded = n.subtrees(&seq, 1)
		n.understood = n.understood && seq.Empty()
		return n
	}
	return nil
}

func (n *constraints) subtrees(s *cryptobyte.String, which uint8) (out [][]rdn) {
	var list, tree, base cryptobyte.String
	var present bool
	var tag asn1.Tag
	if !s.ReadOptionalASN1(&list, &present, asn1.Tag(which).ContextSpecific().Constructed()) {
		n.understood = false
	}
	for !list.Empty() {
		// Neither minimum nor maximum is used with any form (section 4.2.1.10).
		if !list.ReadASN1(&tree, asn1.SEQUENCE) || !tree.ReadAnyASN1(&base, &tag) || !tree.Empty() {
			n.understood = false
			return out
		}
		switch tag &^ (asn1.Tag(0).ContextSpecific().Constructed()) {
		case formDirectory:
			name, ok := readName(base)
			if !ok {
				n.understood = false
			} else {
				out = append(out, name)
			}
		case formEmail, formDNS, formURI, formIP:
		default:
			n.understood = false
		}
	}
	return out
}

// directoryNames returns the subject, if there is one, and the directory names among the alternative names.
func directoryNames(c *x509.Certificate) (names [][]rdn, ok bool) {
	subject, ok := readName(cryptobyte.String(c.RawSubject))
	if !ok {
		return nil, false
	}
	if len(subject) > 0 {
		names = append(names, subject)
	}
	for _, x := range c.Extensions {
		if !slices.Equal(x.Id, []int{2, 5, 29, 17}) {
			continue
		}
		in := cryptobyte.String(x.Value)
		var seq, v cryptobyte.String
		var tag asn1.Tag
		if !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() {
			return nil, false
		}
		for !seq.Empty() {
			if !seq.ReadAnyASN1(&v, &tag) {
				return nil, false
			}
			if tag == asn1.Tag(formDirectory).ContextSpecific().Constructed() {
				name, ok := readName(v)
				if !ok {
					return nil, false
				}
				names = append(names, name)
			}
		}
	}
	return names, true
}

// readName reads a distinguished name.
func readName(s cryptobyte.String) (name []rdn, ok bool) {
	var seq, set, attribute, typ, value cryptobyte.String
	var tag asn1.Tag
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() {
		return nil, false
	}
	for !seq.Empty() {
		var r rdn
		if !seq.ReadASN1(&set, asn1.SET) || set.Empty() {
			return nil, false
		}
		for !set.Empty() {
			if !set.ReadASN1(&attribute, asn1.SEQUENCE) || !attribute.ReadASN1(&typ, asn1.OBJECT_IDENTIFIER) ||
				!attribute.ReadAnyASN1(&value, &tag) || !attribute.Empty() {
				return nil, false
			}
			r = append(r, string(typ)+"="+comparableValue(tag, value))
		}
		slices.Sort(r)
		name = append(name, r)
	}
	return name, true
}

// comparableValue is a value without regard to case, spacing and the kind of string (RFC 5280, section 7.1).
func comparableValue(tag asn1.Tag, v []byte) string {
	const (
		teletex = 20
		bmp     = 30
	)
	text := string(v)
	switch tag {
	case asn1.UTF8String, asn1.PrintableString, asn1.IA5String, teletex:
	case bmp:
		var units []uint16
		for ; len(v) > 1; v = v[2:] {
			units = append(units, uint16(v[0])<<8|uint16(v[1]))
		}
		text = string(utf16.Decode(units))
	default:
		return string(rune(tag)) + text
	}
	return strings.ToLower(strings.Join(strings.Fields(text), " "))
}
