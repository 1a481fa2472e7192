// Package did reads decentralised identifiers and the documents behind them:
// DIDs and DID URLs (DID Core 1.0), did:key and did:jwk without any network,
// did:web up to the URL to fetch, DID and controlled identifier documents (CID
// 1.0), and JWK Sets.
//
// ResolvePure answers for identifiers that hold their own key. For others, the
// caller fetches what DocumentID and WebURL name, gives the bytes to
// ParseDocument, and asks the Document for the Method a proof names. Nothing here
// opens a socket, and nothing decides whether a key is to be trusted: the time a
// method was revoked, a missing controller and the controller's name are handed
// on as they stand.
package did

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Errors that callers tell apart with errors.Is. Errors about keys are those of
// internal/multikey.
var (
	// ErrSyntax: the text is not a DID, a DID URL or an https URL.
	ErrSyntax = errors.New("did: invalid identifier")
	// ErrUnsupported: the DID's method cannot be resolved in this way.
	ErrUnsupported = errors.New("did: unsupported DID method")
	// ErrDocument: the document is not well formed, or contradicts itself.
	ErrDocument = errors.New("did: invalid document")
	// ErrIdentity: the document is about another identifier than the one asked for.
	ErrIdentity = errors.New("did: document of another identifier")
	// ErrNoMethod: the document has no such verification method.
	ErrNoMethod = errors.New("did: no such verification method")
	// ErrPurpose: the verification method is not listed for the purpose.
	ErrPurpose = errors.New("did: verification method not for this purpose")
	// ErrNoController: the verification method does not say who controls it.
	ErrNoController = errors.New("did: verification method without controller")
	// ErrKey: the verification method has no usable key. The cause, often an
	// error of internal/multikey, is wrapped beside it.
	ErrKey = errors.New("did: verification method without usable key")
)

// maxIdentifier bounds identifiers in bytes. The longest that is legitimate is a
// did:jwk of an RSA key of 8192 bits: 2 kB, and more where it carries certificates.
const maxIdentifier = 8 << 10

// DID is a DID without path, query or fragment: did:Method:ID.
type DID struct {
	Method string
	ID     string // the method-specific identifier, percent-encoding as it stands
}

// String returns the DID as text.
func (d DID) String() string { return "did:" + d.Method + ":" + d.ID }

// Parse parses a DID (DID Core section 3.1). A DID URL that is more than a DID is
// ErrSyntax.
func Parse(s string) (DID, error) {
	u, err := ParseURL(s)
	if err != nil {
		return DID{}, err
	}
	if len(u.DID.Method)+len(u.DID.ID)+len("did::") != len(s) {
		return DID{}, fmt.Errorf("%w: expected a DID without path, query and fragment", ErrSyntax)
	}
	return u.DID, nil
}

// URL is a DID URL. Path begins with "/" or is empty; Query and Fragment come
// without "?" and "#". Percent-encoding stays as it stands.
type URL struct {
	DID      DID
	Path     string
	Query    string
	Fragment string
	// HasFragment tells an empty fragment from none.
	HasFragment bool
}

// ParseURL parses a DID URL (DID Core section 3.2).
func ParseURL(s string) (URL, error) {
	if len(s) > maxIdentifier {
		return URL{}, fmt.Errorf("%w: expected at most %d bytes, found %d", ErrSyntax, maxIdentifier, len(s))
	}
	rest, ok := strings.CutPrefix(s, "did:")
	if !ok {
		return URL{}, fmt.Errorf("%w: expected the scheme did", ErrSyntax)
	}
	method, rest, ok := strings.Cut(rest, ":")
	if !ok || method == "" || !all(method, methodChar) {
		return URL{}, fmt.Errorf("%w: expected a DID method in lower case", ErrSyntax)
	}
	end := len(rest)
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		end = i
	}
	u := URL{DID: DID{method, rest[:end]}}
	if u.DID.ID == "" || strings.HasSuffix(u.DID.ID, ":") || !validPercent(u.DID.ID, idChar) {
		return URL{}, fmt.Errorf("%w: malformed method-specific identifier", ErrSyntax)
	}
	rest = rest[end:]
	rest, u.Fragment, u.HasFragment = strings.Cut(rest, "#")
	u.Path, u.Query, _ = strings.Cut(rest, "?")
	if !validPercent(u.Path, pathChar) || !validPercent(u.Query, queryChar) || !validPercent(u.Fragment, queryChar) {
		return URL{}, fmt.Errorf("%w: malformed path, query or fragment", ErrSyntax)
	}
	return u, nil
}

// The classes of characters, as bits of charClass.
const (
	methodChar = 1 << iota // of a DID method
	alnumChar
	idChar   // of a method-specific identifier, ":" included
	pathChar // pchar of RFC 3986, or "/"
	queryChar
)

var charClass = func() (t [256]uint8) {
	for c := '0'; c <= '9'; c++ {
		t[c] = methodChar | alnumChar
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c] = methodChar | alnumChar
		t[c-0x20] = alnumChar
	}
	for c := range t {
		if t[c]&alnumChar != 0 || strings.IndexByte(".-_:", byte(c)) >= 0 {
			t[c] |= idChar
		}
		if t[c]&alnumChar != 0 || strings.IndexByte("-._~!$&'()*+,;=:@/", byte(c)) >= 0 {
			t[c] |= pathChar | queryChar
		}
	}
	t['?'] |= queryChar
	return t
}()

// all reports whether s consists of characters of a class.
func all(s string, class uint8) bool {
	for i := 0; i < len(s); i++ {
		if charClass[s[i]]&class == 0 {
			return false
		}
	}
	return true
}

// validPercent reports whether s consists of characters of a class and well-formed
// percent-encoding.
func validPercent(s string, class uint8) bool {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' {
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return false
			}
			i += 2
		} else if charClass[s[i]]&class == 0 {
			return false
		}
	}
	return true
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' }

// DocumentID returns the identifier of the document that a verification method is
// looked up in: the method's DID or https URL without its fragment (CID section
// 3.3). A DID URL with a path or a query is ErrUnsupported.
func DocumentID(method string) (string, error) {
	if strings.HasPrefix(method, "did:") {
		u, err := ParseURL(method)
		if err != nil {
			return "", err
		}
		if u.Path != "" || strings.Contains(strings.SplitN(method, "#", 2)[0], "?") {
			return "", fmt.Errorf("%w: DID URL with path or query", ErrUnsupported)
		}
		return u.DID.String(), nil
	}
	base, _, _ := strings.Cut(method, "#")
	if err := checkHTTPS(method); err != nil {
		return "", err
	}
	return base, nil
}

// checkHTTPS demands an absolute https URL that cannot be read in two ways.
func checkHTTPS(s string) error {
	if len(s) > maxIdentifier {
		return fmt.Errorf("%w: expected at most %d bytes, found %d", ErrSyntax, maxIdentifier, len(s))
	}
	rest, ok := strings.CutPrefix(s, "https://")
	if !ok {
		return fmt.Errorf("%w: expected a DID or an https URL", ErrSyntax)
	}
	authority := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority = rest[:i]
	}
	before, fragment, _ := strings.Cut(rest[len(authority):], "#")
	path, query, _ := strings.Cut(before, "?")
	if !validPercent(path, pathChar) || !validPercent(query, queryChar) || !validPercent(fragment, queryChar) {
		return fmt.Errorf("%w: malformed https URL", ErrSyntax)
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Host != authority {
		return fmt.Errorf("%w: expected an https URL with a host and without user name", ErrSyntax)
	}
	return nil
}

// WebURL returns the https URL of the document of a did:web (did:web method
// specification, section 2.5.2 "Read"). The DID comes without path, query and
// fragment. IP addresses, which the method forbids, and path segments that could
// be read as something else than a segment are refused.
func WebURL(did string) (string, error) {
	d, err := Parse(did)
	if err != nil {
		return "", err
	}
	if d.Method != "web" {
		return "", fmt.Errorf("%w: expected did:web, found did:%s", ErrUnsupported, d.Method)
	}
	segments := strings.Split(d.ID, ":")
	host, err := webHost(segments[0])
	if err != nil {
		return "", err
	}
	if len(segments) == 1 {
		return "https://" + host + "/.well-known/did.json", nil
	}
	for _, s := range segments[1:] {
		if err := checkSegment(s); err != nil {
			return "", err
		}
	}
	return "https://" + host + "/" + strings.Join(segments[1:], "/") + "/did.json", nil
}

// webHost checks a domain name with an optional port behind "%3A".
func webHost(s string) (string, error) {
	host, port, hasPort := s, "", false
	if i := strings.IndexByte(s, '%'); i >= 0 {
		if !strings.EqualFold(s[i:i+3], "%3A") {
			return "", fmt.Errorf("%w: expected a domain name, with an optional port after %%3A", ErrSyntax)
		}
		host, port, hasPort = s[:i], s[i+3:], true
	}
	if len(host) > 253 {
		return "", fmt.Errorf("%w: domain name is too long", ErrSyntax)
	}
	labels := strings.Split(host, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || !all(strings.ReplaceAll(l, "-", ""), alnumChar) {
			return "", fmt.Errorf("%w: expected a domain name", ErrSyntax)
		}
	}
	// The last label of a domain name is never numeric, that of an IPv4 address
	// always is (in hexadecimal too: 0x7f000001).
	last := strings.ToLower(labels[len(labels)-1])
	if last[0] >= '0' && last[0] <= '9' {
		return "", fmt.Errorf("%w: expected a domain name, found an IP address", ErrSyntax)
	}
	if !hasPort {
		return host, nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || port[0] == '0' {
		return "", fmt.Errorf("%w: expected a port from 1 to 65535", ErrSyntax)
	}
	return host + ":" + port, nil
}

// checkSegment refuses path segments that vanish, climb, or hide a delimiter.
func checkSegment(s string) error {
	plain, err := url.PathUnescape(s)
	if err != nil || plain == "" || plain == "." || plain == ".." {
		return fmt.Errorf("%w: expected a path segment", ErrSyntax)
	}
	for i := 0; i < len(plain); i++ {
		if c := plain[i]; c < 0x20 || c == 0x7f || strings.IndexByte("/\\?#%:", c) >= 0 {
			return fmt.Errorf("%w: encoded delimiter in a path segment", ErrSyntax)
		}
	}
	return nil
}
