package main

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// oidDocumentSigning is the extended key usage of RFC 9336.
var oidDocumentSigning = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 36}

func (c *cli) certificateCommand() *cobra.Command {
	var key, subject, out string
	var pass passphraseFlags
	var selfSigned bool
	var years int
	cmd := &cobra.Command{
		Use:   "certificate --key KEY.pem --subject NAME",
		Short: "Make a certificate request, or a self-signed certificate",
		Long: `Makes a certificate signing request for a document signing certificate (RFC 9336),
to be sent to a certification authority. With --self-signed it makes a certificate
that is its own root, for trying out and for those who pin it.`,
		Example: `  chancery certificate --key seal/key.pem --subject 'CN=Registrar,O=Example University,C=DE' -o request.pem
  chancery certificate --key seal/key.pem --subject 'CN=Registrar,O=Example University,C=DE' --self-signed -o cert.pem`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := parseSubject(subject)
			if err != nil {
				return err
			}
			private, err := c.readKey(key, pass)
			if err != nil {
				return err
			}
			block := &pem.Block{Type: "CERTIFICATE REQUEST"}
			if selfSigned {
				block.Type = "CERTIFICATE"
				block.Bytes, err = selfSign(private, name, c.now().UTC().Truncate(time.Second), years)
			} else {
				block.Bytes, err = request(private, name)
			}
			if err != nil {
				return err
			}
			return c.write(out, pem.EncodeToMemory(block), 0o644)
		},
	}
	f := cmd.Flags()
	f.StringVar(&key, "key", "", "private key file (required)")
	pass.add(cmd)
	f.StringVar(&subject, "subject", "", "subject, such as 'CN=Registrar,O=Example University,C=DE' (required)")
	f.BoolVar(&selfSigned, "self-signed", false, "make a certificate that is its own root")
	f.IntVar(&years, "years", 10, "how long a self-signed certificate is valid")
	c.outputFlag(cmd, &out, "file to write; default: standard output")
	return cmd
}

// extensions are those of a document signing certificate.
func extensions() ([]pkix.Extension, error) {
	usage, err := asn1.Marshal(asn1.BitString{Bytes: []byte{0xc0}, BitLength: 2}) // digitalSignature, nonRepudiation
	if err != nil {
		return nil, err
	}
	eku, err := asn1.Marshal([]asn1.ObjectIdentifier{oidDocumentSigning})
	if err != nil {
		return nil, err
	}
	return []pkix.Extension{
		{Id: asn1.ObjectIdentifier{2, 5, 29, 15}, Critical: true, Value: usage},
		{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Value: eku},
	}, nil
}

func request(key crypto.Signer, name pkix.Name) ([]byte, error) {
	ext, err := extensions()
	if err != nil {
		return nil, err
	}
	return x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: name, ExtraExtensions: ext}, key)
}

func selfSign(key crypto.Signer, name pkix.Name, now time.Time, years int) ([]byte, error) {
	if years < 1 || years > 50 {
		return nil, usagef("--years: expected 1 to 50, found %d", years)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)), Subject: name,
		NotBefore: now, NotAfter: now.AddDate(years, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment, UnknownExtKeyUsage: []asn1.ObjectIdentifier{oidDocumentSigning},
		BasicConstraintsValid: true,
	}
	return x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
}

// parseSubject reads a distinguished name as people write it: comma-separated, most
// specific part first, backslash before a comma that belongs to a value.
func parseSubject(s string) (pkix.Name, error) {
	var name pkix.Name
	fields := map[string]*[]string{
		"O": &name.Organization, "OU": &name.OrganizationalUnit, "C": &name.Country, "L": &name.Locality, "ST": &name.Province,
		"STREET": &name.StreetAddress, "POSTALCODE": &name.PostalCode,
	}
	for _, part := range splitEscaped(s) {
		key, value, found := strings.Cut(part, "=")
		key, value = strings.ToUpper(strings.TrimSpace(key)), strings.TrimSpace(value)
		if !found || value == "" {
			return name, hintError{usagef("--subject: expected NAME=VALUE parts, found %q", part), "for example: --subject 'CN=Registrar,O=Example University,C=DE'"}
		}
		switch to := fields[key]; {
		case key == "CN":
			name.CommonName = value
		case key == "SERIALNUMBER":
			name.SerialNumber = value
		case to != nil:
			*to = append(*to, value)
		default:
			return name, usagef("--subject: expected CN, O, OU, C, L, ST, STREET, POSTALCODE or SERIALNUMBER, found %q", key)
		}
	}
	if name.CommonName == "" {
		return name, usagef("--subject: expected a common name (CN)")
	}
	return name, nil
}

func splitEscaped(s string) []string {
	var parts []string
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == ',':
			parts = append(parts, b.String())
			b.Reset()
		default:
			b.WriteByte(s[i])
		}
	}
	if b.Len() > 0 {
		parts = append(parts, b.String())
	}
	return parts
}

// readCertificates returns the certificates of PEM files, in order.
func (c *cli) readCertificates(files ...string) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for _, name := range files {
		b, err := c.read(name, maxKeyFile)
		if err != nil {
			return nil, err
		}
		before := len(out)
		for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
			if block.Type != "CERTIFICATE" {
				continue
			}
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, usageError{fmt.Errorf("%s: expected certificates that can be read", name)}
			}
			out = append(out, cert)
		}
		if len(out) == before {
			return nil, usageError{fmt.Errorf("%s: expected certificates in PEM form, found none", name)}
		}
	}
	return out, nil
}

func certificatesPEM(certs ...*x509.Certificate) []byte {
	var b bytes.Buffer
	for _, cert := range certs {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
	}
	return b.Bytes()
}
