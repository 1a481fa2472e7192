package ethereum

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"unicode"

	"github.com/ethereum/go-ethereum/rpc"
)

// told is a node's failure in words that may be logged and stored. An endpoint's URL may
// hold a key, which errors of net/http repeat; what a node answers may repeat it too, and
// may be long.
type told struct {
	text string
	err  error
}

func (t *told) Error() string { return t.text }
func (t *told) Unwrap() error { return t.err }

// maxTold bounds what is repeated of a node's answer, in characters.
const maxTold = 160

// tell puts an error of a call in words of ours. What comes from this package stays as it
// is.
func tell(err error) error {
	if err == nil || notFound(err) || strings.HasPrefix(err.Error(), "ethereum: ") && !foreign(err) || errors.Is(err, errForeign) {
		return err
	}
	return &told{text: words(err), err: err}
}

// foreign reports whether there is an error of others within.
func foreign(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if !strings.HasPrefix(err.Error(), "ethereum: ") {
			return true
		}
	}
	return false
}

func words(err error) string {
	var (
		asked     rpc.Error
		status    rpc.HTTPError
		name      *net.DNSError
		verify    *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		record    tls.RecordHeaderError
		timeout   net.Error
		op        *net.OpError
		call      *url.Error
	)
	switch {
	case errors.As(err, &asked):
		return fmt.Sprintf("the node answers %d: %s", asked.ErrorCode(), short(asked.Error()))
	case errors.As(err, &status):
		return fmt.Sprintf("the node answers with HTTP status %d", status.StatusCode)
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case errors.As(err, &name):
		return "the name of the host leads nowhere"
	case errors.As(err, &verify), errors.As(err, &authority):
		return "the certificate is not accepted"
	case errors.As(err, &record):
		return "TLS fails"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection broke off"
	case errors.As(err, &op), errors.As(err, &call):
		return "no connection"
	}
	return "the answer is malformed"
}

// short is the beginning of a node's words, on one line. Long words without a space are
// left out: they may be keys.
func short(s string) string {
	fields := strings.FieldsFunc(strings.ToValidUTF8(s, ""), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
	for i, f := range fields {
		if len(f) > 24 {
			fields[i] = "…"
		}
	}
	out := []rune(strings.Join(fields, " "))
	if len(out) > maxTold {
		out = append(out[:maxTold], '…')
	}
	return string(out)
}
