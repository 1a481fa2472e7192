package pades

import (
	"bytes"
	"crypto"
	"strings"

	"github.com/chancery-dev/chancery/internal/pdf"
)

// Flags of a seed value dictionary (ISO 32000-2, table 237): the constraint is required.
const (
	svFilter = 1 << iota
	svSubFilter
	svVersion
	svReasons
	svLegal
	svRevInfo
	svDigest
	svLock
	svAppearance
)

// Flags of a certificate seed value dictionary (ISO 32000-2, table 238).
const (
	svSubject = 1 << iota
	svIssuer
	svOID
	svSubjectDN
	svReserved
	svKeyUsage
	svURL
)

// obeyField applies the lock and seed values of an existing field. What they require and cannot be
// given is refused; what they prefer is followed where the request leaves it open.
func (j *job) obeyField() error {
	rev := j.in.doc.Latest()
	lock, err := rev.DictAt(j.slot.field.Dict, "Lock")
	if err != nil {
		return wrap(BadForm, err, "lock of the field")
	}
	if lock != nil {
		asked, err := readLock(rev, lock)
		if err != nil {
			return err
		}
		if j.req.Lock != nil && !sameLock(j.req.Lock, asked) {
			return fail(NotPermitted, "the field's author fixed another lock than Request.Lock")
		}
		j.req.Lock = asked
	}
	sv, err := rev.DictAt(j.slot.field.Dict, "SV")
	if err != nil {
		return wrap(BadForm, err, "seed values of the field")
	}
	if sv == nil {
		return nil
	}
	return (&seed{job: j, rev: rev, d: sv}).obey()
}

func sameLock(a, b *Lock) bool {
	if a.Action != b.Action || len(a.Fields) != len(b.Fields) {
		return false
	}
	for i := range a.Fields {
		if a.Fields[i] != b.Fields[i] {
			return false
		}
	}
	return true
}

// seed is a seed value dictionary being applied. The first malformed entry ends it.
type seed struct {
	*job
	rev *pdf.Revision
	d   *pdf.Dict
	ff  int64
	err error
}

func (s *seed) must(err error) {
	if s.err == nil && err != nil {
		s.err = wrap(SeedValue, err, "malformed seed values")
	}
}

func (s *seed) refuse(format string, args ...any) {
	if s.err == nil {
		s.err = fail(SeedValue, format, args...)
	}
}

func (s *seed) obey() error {
	var err error
	s.ff, err = s.rev.IntAt(s.d, "Ff")
	s.must(err)
	s.filters()
	s.digest()
	s.reasons()
	s.mdp()
	s.timestamp()
	s.certificate()
	s.rest()
	return s.err
}

func (s *seed) requires(flag int64) bool { return s.ff&flag != 0 }

// strings reads an array of names or strings.
func (s *seed) strings(d *pdf.Dict, key pdf.Name) []string {
	a, err := s.rev.ArrayAt(d, key)
	s.must(err)
	if a == nil {
		return nil
	}
	var out []string
	for _, o := range a.All() {
		o, err := s.rev.Resolve(o)
		s.must(err)
		switch o := o.(type) {
		case pdf.Name:
			out = append(out, string(o))
		case pdf.String:
			out = append(out, pdf.TextString(o))
		}
	}
	return out
}

func (s *seed) filters() {
	f, err := s.rev.NameAt(s.d, "Filter")
	s.must(err)
	if s.requires(svFilter) && f != "" && f != "Adobe.PPKLite" {
		s.refuse("the field requires another signature handler than Adobe.PPKLite")
	}
	if list := s.strings(s.d, "SubFilter"); s.requires(svSubFilter) && list != nil && !hasString(list, "ETSI.CAdES.detached") {
		s.refuse("the field requires another encoding than ETSI.CAdES.detached")
	}
	if o := s.d.Get("V"); s.requires(svVersion) && o != nil {
		var v float64
		switch o := o.(type) {
		case pdf.Integer:
			v = float64(o)
		case pdf.Real:
			v = float64(o)
		}
		if v > 3 {
			s.refuse("the field requires seed values of a version above 3 to be understood")
		}
	}
}

func hasString(list []string, want string) bool {
	for _, s := range list {
		if s == want {
			return true
		}
	}
	return false
}

func (s *seed) digest() {
	list := s.strings(s.d, "DigestMethod")
	if !s.requires(svDigest) || list == nil {
		return
	}
	name := map[crypto.Hash]string{crypto.SHA256: "SHA256", crypto.SHA384: "SHA384", crypto.SHA512: "SHA512"}[s.signer.Hash()]
	if !hasString(list, name) {
		s.refuse("the field requires another digest than %s", name)
	}
}

func (s *seed) reasons() {
	list := s.strings(s.d, "Reasons")
	switch required := s.requires(svReasons); {
	case list == nil || len(list) == 1 && list[0] == ".":
		if required && s.req.Reason != "" {
			s.refuse("the field allows no reason")
		}
	case required && s.req.Reason == "" && len(list) == 1:
		s.req.Reason = list[0]
	case required && !hasString(list, s.req.Reason):
		s.refuse("the field requires one of %d given reasons", len(list))
	}
}

// mdp applies the kind of signature the author asked for. It is always a requirement.
func (s *seed) mdp() {
	d, err := s.rev.DictAt(s.d, "MDP")
	s.must(err)
	if d == nil {
		return
	}
	p, err := s.rev.IntAt(d, "P")
	s.must(err)
	switch {
	case p == 0 && s.req.Certify != 0:
		s.refuse("the field is for an approval signature")
	case p >= 1 && p <= 3 && s.req.Certify != Permission(p):
		s.refuse("the field is for a certification with permission %d", p)
	}
}

func (s *seed) timestamp() {
	d, err := s.rev.DictAt(s.d, "TimeStamp")
	s.must(err)
	if d == nil {
		return
	}
	ff, err := s.rev.IntAt(d, "Ff")
	s.must(err)
	if ff&1 != 0 && s.s.Level < LevelT {
		s.refuse("the field requires a timestamp")
	}
}

// certificate applies constraints on the signer's certificate.
func (s *seed) certificate() {
	d, err := s.rev.DictAt(s.d, "Cert")
	s.must(err)
	if d == nil {
		return
	}
	ff, err := s.rev.IntAt(d, "Ff")
	s.must(err)
	leaf := s.s.Chain[0]
	if ff&svSubject != 0 && d.Has("Subject") && !s.among(d, "Subject", leaf.Raw) {
		s.refuse("the field requires another signing certificate")
	}
	if ff&svIssuer != 0 && d.Has("Issuer") {
		found := false
		for _, c := range s.s.Chain[1:] {
			found = found || s.among(d, "Issuer", c.Raw)
		}
		if !found {
			s.refuse("the field requires another issuer of the signing certificate")
		}
	}
	if ff&svKeyUsage != 0 && d.Has("KeyUsage") && !s.keyUsage(d) {
		s.refuse("the field requires another key usage")
	}
	if ff&svOID != 0 && d.Has("OID") || ff&svSubjectDN != 0 && d.Has("SubjectDN") || ff&svURL != 0 && d.Has("URL") {
		s.refuse("the field requires a certificate policy, subject name or enrolment address, which are not supported")
	}
}

// among looks for a certificate in an array of DER strings.
func (s *seed) among(d *pdf.Dict, key pdf.Name, der []byte) bool {
	a, err := s.rev.ArrayAt(d, key)
	s.must(err)
	if a == nil {
		return false
	}
	for _, o := range a.All() {
		o, err := s.rev.Resolve(o)
		s.must(err)
		if str, ok := o.(pdf.String); ok && bytes.Equal(str.Value, der) {
			return true
		}
	}
	return false
}

// keyUsage matches patterns of 1 (must be set), 0 (must not) and X, most significant usage first.
func (s *seed) keyUsage(d *pdf.Dict) bool {
	usage := int(s.s.Chain[0].KeyUsage)
	for _, pattern := range s.strings(d, "KeyUsage") {
		ok := true
		for i, c := range strings.ToUpper(pattern) {
			if i > 8 {
				break
			}
			set := usage>>i&1 == 1
			ok = ok && (c != '1' || set) && (c != '0' || !set)
		}
		if ok {
			return true
		}
	}
	return false
}

func (s *seed) rest() {
	info, err := s.rev.BoolAt(s.d, "AddRevInfo")
	s.must(err)
	if s.requires(svRevInfo) && info && s.s.Level < LevelLT {
		s.refuse("the field requires revocation data: B-LT or B-LTA")
	}
	if list := s.strings(s.d, "LegalAttestation"); s.requires(svLegal) && len(list) > 0 && s.req.Certify != 0 {
		s.refuse("the field requires a legal attestation, which is not supported")
	}
	if n, err := s.rev.NameAt(s.d, "LockDocument"); err == nil && s.requires(svLock) && n == "true" {
		s.refuse("the field requires the document to be locked, which is not supported")
	}
	if s.requires(svAppearance) && s.d.Has("AppearanceFilter") && s.req.Visible != nil {
		s.refuse("the field requires an appearance of its author's, which is not supported")
	}
}
