package cms_test

import (
	"bytes"
	"crypto"
	"crypto/x509/pkix"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/cms"
	"github.com/chancery-dev/chancery/internal/cms/algo"
	"github.com/chancery-dev/chancery/internal/cms/testca"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

var content = []byte("%PDF-1.7 a diploma")

// algID makes an AlgorithmIdentifier with raw parameters.
func algID(tb testing.TB, o cms.OID, params []byte) []byte {
	return el(tb, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			o.Add(b)
			b.AddBytes(params)
		})
	})
}

// TestNegativeMatrix: each flaw alone, correctly signed otherwise, refused for its own reason.
func TestNegativeMatrix(t *testing.T) {
	p := newPKI(t, nil)
	other, err := p.inter.Issue(testca.Request{Subject: pkix.Name{CommonName: "Someone Else"}})
	if err != nil {
		t.Fatal(err)
	}
	victim := p.leaf
	for _, c := range []struct {
		name string
		want cms.Reason
		bend func(f *forge)
	}{
		{"two signers", cms.SignerCount, func(f *forge) { f.signers = 2 }},
		{"no signer", cms.SignerCount, func(f *forge) { f.signers = 0 }},
		{"content inside", cms.ContentPresent, func(f *forge) { f.inside = true }},
		{"no signed attributes", cms.NoSignedAttributes, func(f *forge) { f.noAttrs = true }},
		{"other content type", cms.ContentTypeMismatch, func(f *forge) { f.contentType = cms.OIDTSTInfo }},
		{"content-type attribute differs", cms.ContentTypeMismatch, func(f *forge) {
			f.attrs = f.right(t)
			f.attrs[0] = attr(t, cms.OIDContentType, oid(t, cms.OIDTSTInfo))
		}},
		{"content-type missing", cms.MissingAttribute, func(f *forge) { f.attrs = f.right(t)[1:] }},
		{"message-digest missing", cms.MissingAttribute, func(f *forge) { f.attrs = slices.Delete(f.right(t), 1, 2) }},
		{"message-digest wrong", cms.DigestMismatch, func(f *forge) {
			f.attrs = f.right(t)
			f.attrs[1] = attr(t, cms.OIDMessageDigest, octets(t, make([]byte, 32)))
		}},
		{"message-digest cut", cms.DigestMismatch, func(f *forge) {
			f.attrs = f.right(t)
			f.attrs[1] = attr(t, cms.OIDMessageDigest, octets(t, algo.Sum(crypto.SHA256, content)[:31]))
		}},
		{"two message-digest values", cms.Malformed, func(f *forge) {
			d := octets(t, algo.Sum(crypto.SHA256, content))
			f.attrs = f.right(t)
			f.attrs[1] = attr(t, cms.OIDMessageDigest, d, d)
		}},
		{"message-digest twice", cms.DuplicateAttribute, func(f *forge) {
			f.attrs = append(f.right(t), attr(t, cms.OIDMessageDigest, octets(t, make([]byte, 32))))
		}},
		{"content-type twice, same value", cms.DuplicateAttribute, func(f *forge) { f.attrs = append(f.right(t), f.right(t)[0]) }},
		{"ESS twice", cms.DuplicateAttribute, func(f *forge) {
			f.attrs = append(f.right(t), attr(t, cms.OIDSigningCertificateV2, essV2(t, other.Certificate.Raw)))
		}},
		{"attribute without values", cms.Malformed, func(f *forge) { f.attrs = append(f.right(t), attr(t, cms.OIDSignaturePolicy)) }},
		{"no ESS", cms.NoCertificateReference, func(f *forge) { f.attrs = f.right(t)[:2] }},
		{"ESS of another certificate", cms.SigningCertificateMismatch, func(f *forge) {
			f.attrs = f.right(t)
			f.attrs[2] = attr(t, cms.OIDSigningCertificateV2, essV2(t, other.Certificate.Raw))
			f.certs = append(f.certs, other.Certificate.Raw)
		}},
		{"ESS v1 of another beside a right v2", cms.SigningCertificateMismatch, func(f *forge) {
			f.attrs = append(f.right(t), attr(t, cms.OIDSigningCertificate, essV1(t, other.Certificate.Raw)))
		}},
		{"certificate missing", cms.NoSigningCertificate, func(f *forge) { f.certs = [][]byte{other.Certificate.Raw} }},
		{"bag attack: sid and ESS of the victim, own key", cms.SignatureInvalid, func(f *forge) {
			f.leaf = other
			f.attrs = f.right(t)
			f.attrs[2] = attr(t, cms.OIDSigningCertificateV2, essV2(t, victim.Certificate.Raw))
			f.sid = el(t, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddBytes(victim.Certificate.RawIssuer)
					b.AddASN1BigInt(victim.Certificate.SerialNumber)
				})
			})
			f.certs = [][]byte{victim.Certificate.Raw, other.Certificate.Raw}
		}},
		{"signature value wrong", cms.SignatureInvalid, func(f *forge) { f.badSig = true }},
		{"digest SHA-256, signature SHA-384", cms.AlgorithmMismatch, func(f *forge) { f.scheme.Hash = crypto.SHA384 }},
		{"digest of another length than given", cms.DigestMismatch, func(f *forge) {
			f.digest, f.scheme.Hash = crypto.SHA512, crypto.SHA512
			f.attrs = f.right(t)
			f.attrs[1] = attr(t, cms.OIDMessageDigest, octets(t, algo.Sum(crypto.SHA256, content)))
		}},
		{"SHA-1", cms.WeakAlgorithm, func(f *forge) { f.digest, f.scheme.Hash = crypto.SHA1, crypto.SHA1 }},
		{"MD5", cms.UnsupportedAlgorithm, func(f *forge) {
			f.digestID = algID(t, algo.NewOID(1, 2, 840, 113549, 2, 5), []byte{5, 0})
		}},
		{"unknown signature algorithm", cms.UnsupportedAlgorithm, func(f *forge) { f.schemeID = algID(t, algo.NewOID(1, 3, 101, 113), nil) }},
		{"RSA scheme, EC key", cms.AlgorithmMismatch, func(f *forge) { f.schemeID = algID(t, algo.OIDSHA256WithRSA, []byte{5, 0}) }},
		{"digest parameters", cms.AlgorithmMismatch, func(f *forge) { f.digestID = algID(t, algo.OIDSHA256, []byte{2, 1, 0}) }},
		{"scheme parameters", cms.AlgorithmMismatch, func(f *forge) { f.schemeID = algID(t, algo.OIDECDSAWithSHA256, []byte{2, 1, 0}) }},
		{"algorithm protection of other algorithms", cms.AlgorithmMismatch, func(f *forge) {
			f.attrs = append(f.right(t), attr(t, cms.OIDAlgorithmProtection, el(t, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					algo.AddDigest(b, crypto.SHA512)
					b.AddASN1(asn1.Tag(1).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { algo.OIDECDSAWithSHA256.Add(b) })
				})
			})))
		}},
		{"signer version", cms.Malformed, func(f *forge) { f.siVersion = 2 }},
		{"sid of an unknown kind", cms.Malformed, func(f *forge) { f.sid = []byte{0xa3, 2, 5, 0} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newForge(p.leaf, content)
			c.bend(f)
			_, err := verify(f.build(t), content)
			wantReason(t, err, c.want)
		})
	}
}

// TestAccepted: what looks odd and is right.
func TestAccepted(t *testing.T) {
	p := newPKI(t, nil)
	decoy := newPKI(t, nil)
	for _, c := range []struct {
		name  string
		notes int
		bend  func(f *forge)
	}{
		{"plain", 0, func(*forge) {}},
		{"sid by key identifier", 0, func(f *forge) {
			f.siVersion = 3
			f.sid = append([]byte{0x80, byte(len(f.leaf.Certificate.SubjectKeyId))}, f.leaf.Certificate.SubjectKeyId...)
		}},
		// The decoy has issuer, serial number and subject of the signer: only ESS tells them apart.
		{"look-alike first in the bag", 0, func(f *forge) {
			f.certs = [][]byte{decoy.leaf.Certificate.Raw, f.leaf.Certificate.Raw}
		}},
		{"certificate twice", 0, func(f *forge) { f.certs = append(f.certs, f.certs[0]) }},
		{"garbage certificate", 0, func(f *forge) { f.certs = append([][]byte{{0x30, 3, 2, 1, 1}}, f.certs...) }},
		{"attribute certificate", 0, func(f *forge) { f.certs = append(f.certs, []byte{0xa2, 2, 5, 0}) }},
		{"unsorted attributes", 1, func(f *forge) { f.unsorted = true }},
		{"unsorted attributes, signed in DER order", 1, func(f *forge) { f.unsorted, f.signSorted = true, true }},
		{"countersignatures and others twice", 0, func(f *forge) {
			counter := attr(t, algo.NewOID(1, 2, 840, 113549, 1, 9, 6), []byte{0x30, 0})
			other := attr(t, cms.OIDSignaturePolicy, []byte{5, 0})
			f.unsigned = [][]byte{counter, counter, other, other}
		}},
		{"signing-time", 1, func(f *forge) { f.attrs = append(f.right(t), attr(t, cms.OIDSigningTime, signingTime(t, now))) }},
		{"ESS v1 only", 1, func(f *forge) {
			f.attrs = append(f.right(t)[:2], attr(t, cms.OIDSigningCertificate, essV1(t, f.leaf.Certificate.Raw)))
		}},
		{"both ESS versions", 0, func(f *forge) {
			f.attrs = append(f.right(t), attr(t, cms.OIDSigningCertificate, essV1(t, f.leaf.Certificate.Raw)))
		}},
		{"algorithm protection", 0, func(f *forge) {
			f.attrs = append(f.right(t), attr(t, cms.OIDAlgorithmProtection, el(t, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					algo.AddDigest(b, crypto.SHA256)
					b.AddASN1(asn1.Tag(1).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { algo.OIDECDSAWithSHA256.Add(b) })
				})
			})))
		}},
		{"two signature timestamps", 0, func(f *forge) {
			a := attr(t, cms.OIDSignatureTimestamp, []byte{0x30, 0})
			f.unsigned = [][]byte{a, a}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newForge(p.leaf, content)
			c.bend(f)
			v, err := verify(f.build(t), content)
			if err != nil {
				t.Fatal(err)
			}
			if !v.Certificate.Equal(p.leaf.Certificate) || len(v.Notes) != c.notes {
				t.Fatalf("notes %v, certificate of %v", v.Notes, v.Certificate.Subject)
			}
		})
	}
	if bytes.Equal(decoy.leaf.Certificate.Raw, p.leaf.Certificate.Raw) || !bytes.Equal(decoy.leaf.Certificate.RawIssuer, p.leaf.Certificate.RawIssuer) ||
		decoy.leaf.Certificate.SerialNumber.Cmp(p.leaf.Certificate.SerialNumber) != 0 {
		t.Fatal("the decoy is no look-alike")
	}
}

func TestInsecureFields(t *testing.T) {
	p, decoy := newPKI(t, nil), newPKI(t, nil)
	digest := algo.Sum(crypto.SHA256, content)
	f := newForge(p.leaf, content)
	f.attrs = f.right(t)[:2]
	sd := parse(t, f.build(t))
	v, err := sd.Verify(cms.VerifyConfig{ContentDigest: digest, At: now, InsecureNoCertReference: true})
	if err != nil || len(v.Notes) != 1 {
		t.Fatalf("%v %v", v, err)
	}
	f.certs = append(f.certs, decoy.leaf.Certificate.Raw)
	_, err = parse(t, f.build(t)).Verify(cms.VerifyConfig{ContentDigest: digest, At: now, InsecureNoCertReference: true})
	wantReason(t, err, cms.AmbiguousCertificate)

	f = newForge(p.leaf, content)
	f.noAttrs = true
	sd = parse(t, f.build(t))
	bare := cms.VerifyConfig{ContentDigest: digest, At: now, InsecureNoCertReference: true, InsecureNoSignedAttributes: true}
	if _, err := sd.Verify(bare); err != nil {
		t.Fatal(err)
	}
	bare.ContentDigest = algo.Sum(crypto.SHA256, []byte("x"))
	_, err = sd.Verify(bare)
	wantReason(t, err, cms.SignatureInvalid)

	// A signature over attributes, presented as a signature over content that is those attributes.
	set := el(t, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(slices.Concat(f.right(t)...)) })
	})
	f = newForge(p.leaf, set)
	f.noAttrs, f.inside = true, true
	_, err = parse(t, f.build(t)).Verify(cms.VerifyConfig{At: now, InsecureNoCertReference: true, InsecureNoSignedAttributes: true})
	wantReason(t, err, cms.NoSignedAttributes)

	f = newForge(p.leaf, content)
	f.digest, f.scheme.Hash = crypto.SHA1, crypto.SHA1
	sd = parse(t, f.build(t))
	sha := algo.Sum(crypto.SHA1, content)
	v, err = sd.Verify(cms.VerifyConfig{ContentDigest: sha, InsecureSkipPolicy: true})
	if err != nil || algo.DefaultPolicy().Check(now, v.Uses...) == nil {
		t.Fatalf("SHA-1 must verify and fail the policy: %v", err)
	}
	if _, err := sd.Verify(cms.VerifyConfig{ContentDigest: sha, At: time.Date(2011, 1, 1, 0, 0, 0, 0, time.UTC)}); err != nil {
		t.Fatalf("SHA-1 proven to exist in 2011: %v", err)
	}
	_, err = sd.Verify(cms.VerifyConfig{ContentDigest: sha})
	wantReason(t, err, cms.WeakAlgorithm) // no time given
}

func TestPSSParameters(t *testing.T) {
	p := newPKI(t, rsaKey())
	id := func(hash, mgf crypto.Hash, salt, trailer int64) []byte {
		tag := func(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }
		return algID(t, algo.OIDRSAPSS, el(t, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(tag(0), func(b *cryptobyte.Builder) { algo.AddDigest(b, hash) })
				b.AddASN1(tag(1), func(b *cryptobyte.Builder) {
					b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
						algo.OIDMGF1.Add(b)
						algo.AddDigest(b, mgf)
					})
				})
				b.AddASN1(tag(2), func(b *cryptobyte.Builder) { b.AddASN1Int64(salt) })
				if trailer != 1 {
					b.AddASN1(tag(3), func(b *cryptobyte.Builder) { b.AddASN1Int64(trailer) })
				}
			})
		}))
	}
	f := newForge(p.leaf, content)
	f.scheme = algo.Scheme{Kind: algo.RSAPSS, Hash: crypto.SHA256, Salt: 32}
	f.schemeID = id(crypto.SHA256, crypto.SHA256, 32, 1)
	if _, err := verify(f.build(t), content); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		id   []byte
		want cms.Reason
	}{
		"salt 20 declared, 32 used": {id(crypto.SHA256, crypto.SHA256, 20, 1), cms.SignatureInvalid},
		"salt 0":                    {id(crypto.SHA256, crypto.SHA256, 0, 1), cms.UnsupportedAlgorithm},
		"salt negative":             {id(crypto.SHA256, crypto.SHA256, -1, 1), cms.AlgorithmMismatch},
		"mask hash differs":         {id(crypto.SHA256, crypto.SHA1, 32, 1), cms.UnsupportedAlgorithm},
		"hash differs from digest":  {id(crypto.SHA512, crypto.SHA512, 32, 1), cms.AlgorithmMismatch},
		"trailer 2":                 {id(crypto.SHA256, crypto.SHA256, 32, 2), cms.AlgorithmMismatch},
		"no parameters":             {algID(t, algo.OIDRSAPSS, nil), cms.AlgorithmMismatch},
		"NULL parameters":           {algID(t, algo.OIDRSAPSS, []byte{5, 0}), cms.AlgorithmMismatch},
		"defaults, that is SHA-1":   {algID(t, algo.OIDRSAPSS, []byte{0x30, 0}), cms.AlgorithmMismatch},
		"PKCS#1 declared":           {algID(t, algo.OIDSHA256WithRSA, []byte{5, 0}), cms.SignatureInvalid},
	} {
		f.schemeID = c.id
		_, err := verify(f.build(t), content)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestPolicyByDate(t *testing.T) {
	pol := algo.DefaultPolicy()
	at := func(y int) time.Time { return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC) }
	for _, c := range []struct {
		use  algo.Use
		year int
		ok   bool
	}{
		{algo.Use{Hash: crypto.SHA1}, 2012, true}, {algo.Use{Hash: crypto.SHA1}, 2013, false},
		{algo.Use{Hash: crypto.SHA256}, 2060, true}, {algo.Use{Hash: crypto.MD5}, 1999, false},
		{algo.Use{Kind: algo.RSAPKCS1, Bits: 1024, Hash: crypto.SHA256}, 2010, true},
		{algo.Use{Kind: algo.RSAPKCS1, Bits: 1024, Hash: crypto.SHA256}, 2011, false},
		{algo.Use{Kind: algo.RSAPKCS1, Bits: 1023, Hash: crypto.SHA256}, 2000, false},
		{algo.Use{Kind: algo.RSAPSS, Bits: 2048, Hash: crypto.SHA256}, 2028, true},
		{algo.Use{Kind: algo.RSAPSS, Bits: 2048, Hash: crypto.SHA256}, 2029, false},
		{algo.Use{Kind: algo.RSAPKCS1, Bits: 3072, Hash: crypto.SHA256}, 2060, true},
		{algo.Use{Kind: algo.ECDSA, Bits: 224, Hash: crypto.SHA256}, 2000, false},
		{algo.Use{Kind: algo.ECDSA, Bits: 256, Hash: crypto.SHA1}, 2020, false},
		{algo.Use{Kind: algo.Ed25519, Bits: 256}, 2060, true}, {algo.Use{}, 2026, false},
	} {
		if err := pol.Check(at(c.year), c.use); (err == nil) != c.ok {
			t.Errorf("%v in %d: %v", c.use, c.year, err)
		}
	}
	if pol.Check(time.Time{}, algo.Use{Hash: crypto.SHA256}) == nil {
		t.Error("judged without a time")
	}
}

func TestEncodings(t *testing.T) {
	p := newPKI(t, nil)
	good := newForge(p.leaf, content).build(t)
	long := func(b []byte) []byte { // outermost length in one octet more than needed
		return append([]byte{0x30, 0x83, 0}, b[2:]...)
	}
	indefinite := func(b []byte) []byte { return append(append([]byte{0x30, 0x80}, b[4:]...), 0, 0) }
	if good[1] != 0x82 {
		t.Fatal("the message is expected to need a two-octet length")
	}
	for name, c := range map[string]struct {
		b    []byte
		want cms.Reason // empty: accepted
		ber  bool
	}{
		"DER":                      {good, "", false},
		"zero padding":             {append(bytes.Clone(good), make([]byte, 4096)...), "", false},
		"long length":              {long(good), "", true},
		"indefinite":               {indefinite(good), "", true},
		"indefinite, padded":       {append(indefinite(good), 0, 0, 0), "", true},
		"trailing byte":            {append(bytes.Clone(good), 1), cms.TrailingBytes, false},
		"trailing after padding":   {append(bytes.Clone(good), 0, 0, 0, 5), cms.TrailingBytes, false},
		"two messages":             {append(bytes.Clone(good), good...), cms.TrailingBytes, false},
		"cut":                      {good[:len(good)-1], cms.Malformed, false},
		"empty":                    {nil, cms.Malformed, false},
		"only zeros":               {make([]byte, 64), cms.Malformed, false},
		"indefinite without end":   {indefinite(good)[:len(good)-4], cms.Malformed, true},
		"deep":                     {bytes.Repeat([]byte{0x30, 0x80}, 4000), cms.TooLarge, true},
		"high tag number":          {[]byte{0x3f, 0x81, 1, 0}, cms.UnsupportedEncoding, false},
		"constructed UTF8String":   {[]byte{0x30, 4, 0x2c, 2, 0x0c, 0}, cms.UnsupportedEncoding, false},
		"primitive SEQUENCE":       {[]byte{0x30, 2, 0x10, 0}, cms.Malformed, false},
		"five-octet length":        {[]byte{0x30, 0x85, 0, 0, 0, 0, 0}, cms.Malformed, false},
		"huge length":              {[]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}, cms.Malformed, false},
		"data, not signed data":    {[]byte{0x30, 11, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1}, cms.UnsupportedContent, false},
		"not even a content info":  {[]byte{0x30, 3, 2, 1, 1}, cms.Malformed, false},
		"a sequence of many zeros": {append([]byte{0x30, 0x80}, make([]byte, 2)...), cms.Malformed, true},
	} {
		t.Run(name, func(t *testing.T) {
			sd, err := cms.Parse(c.b, cms.ParseConfig{})
			if c.want != "" {
				wantReason(t, err, c.want)
				return
			}
			if err != nil || sd.BER != c.ber || !bytes.Equal(sd.DER, good) {
				t.Fatalf("err %v, BER %v", err, sd != nil && sd.BER)
			}
			if _, err := verify(c.b, content); err != nil {
				t.Fatal(err)
			}
			_, err = cms.Parse(c.b, cms.ParseConfig{StrictDER: true})
			if (err != nil) != c.ber {
				t.Fatalf("strict: %v", err)
			}
		})
	}
	_, err := cms.Parse(good, cms.ParseConfig{MaxSize: len(good) - 1})
	wantReason(t, err, cms.TooLarge)
	many := newForge(p.leaf, content)
	many.certs = slices.Repeat(many.certs, cms.MaxCertificates+1)
	_, err = cms.Parse(many.build(t), cms.ParseConfig{})
	wantReason(t, err, cms.TooLarge)
	many = newForge(p.leaf, content)
	many.signers = cms.MaxSigners + 1
	_, err = cms.Parse(many.build(t), cms.ParseConfig{})
	wantReason(t, err, cms.TooLarge)
}
