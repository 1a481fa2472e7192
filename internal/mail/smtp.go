package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/textproto"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"github.com/chancery-dev/chancery/internal/service"
)

// Security says how a connection to a mail server is protected.
type Security string

// The kinds of Security.
const (
	StartTLS Security = "starttls" // required: without it nothing is sent
	TLS      Security = "tls"      // from the first byte (RFC 8314)
	None     Security = "none"     // on loopback, or with InsecurePlain
)

// Config says which server takes mail.
type Config struct {
	// Host and Port are the server's. Host is required. Port 0: 587 for StartTLS, 465 for
	// TLS, 25 for None.
	Host string
	Port int
	// Security. "": StartTLS.
	Security Security
	// User and Password. "": the server asks for none.
	User, Password string
	// From says who sends. Its Address is required.
	From From
	// Hello is the name of this machine as it is told to the server. "": localhost.
	Hello string
	// Timeout bounds one delivery, from the look-up of the name to the last byte of the
	// mail. 0: 60 seconds.
	Timeout time.Duration
	// EndTimeout bounds the wait for the answer to the end of the mail: a server may take
	// its time there, and who gives up has the mail sent twice (RFC 5321, 4.5.3.2.6). 0: ten
	// times Timeout.
	EndTimeout time.Duration
	// RootCAs verify the server. Nil: those of the system.
	RootCAs *x509.CertPool
	// Clock gives the date of a mail. Required.
	Clock func() time.Time
	// InsecurePlain allows Security None to servers elsewhere than on this machine: mail
	// and password cross the network in the clear.
	InsecurePlain bool
}

// maxAnswers bounds what one server says in one delivery.
const maxAnswers = 1 << 20

// SMTP hands mail to a server (RFC 5321), each on a connection of its own. It is safe for
// concurrent use.
type SMTP struct{ c Config }

var _ service.Mailer = (*SMTP)(nil)

// NewSMTP checks the configuration. It dials nothing.
func NewSMTP(c Config) (*SMTP, error) {
	if c.Security == "" {
		c.Security = StartTLS
	}
	ports := map[Security]int{StartTLS: 587, TLS: 465, None: 25}
	if _, ok := ports[c.Security]; !ok {
		return nil, fmt.Errorf("mail: expected the security starttls, tls or none, found %q", c.Security)
	}
	if c.Port == 0 {
		c.Port = ports[c.Security]
	}
	if c.Timeout == 0 {
		c.Timeout = 60 * time.Second
	}
	if c.EndTimeout == 0 {
		c.EndTimeout = 10 * c.Timeout
	}
	if c.Hello == "" {
		c.Hello = "localhost"
	}
	switch {
	case c.Clock == nil:
		return nil, errors.New("mail: expected a clock")
	case c.Host == "" || strings.ContainsAny(c.Host, " \r\n/@"):
		return nil, errors.New("mail: expected the host of a mail server")
	case c.Port < 1 || c.Port > 65535:
		return nil, fmt.Errorf("mail: expected a port of 1 to 65535, found %d", c.Port)
	case c.Timeout < 0 || c.EndTimeout < 0:
		return nil, errors.New("mail: expected a timeout of 0 or more")
	case strings.ContainsAny(c.Hello, " \r\n"):
		return nil, errors.New("mail: expected a host name as Hello")
	case c.Security == None && !c.InsecurePlain && !loopback(c.Host):
		return nil, errors.New("mail: expected TLS to a server elsewhere than on this machine (InsecurePlain allows none)")
	case (c.User == "") != (c.Password == ""):
		return nil, errors.New("mail: expected both a user and a password, or neither")
	}
	if err := c.From.check(); err != nil {
		return nil, err
	}
	return &SMTP{c: c}, nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// farewell bounds the wait for the answer to QUIT, of which nothing depends.
const farewell = 2 * time.Second

// Send implements service.Mailer. What is not known to be delivered is an error, and sent
// again under the same Message-ID: a mail arrives at least once, and once more where the
// answer to its end is lost.
func (s *SMTP) Send(ctx context.Context, m service.Mail) error {
	msg, err := compose(s.c.From, m, s.c.Clock())
	if err != nil {
		return err
	}
	return s.connected(ctx, func(ctx context.Context, late *time.Timer, conn net.Conn) error {
		return s.talk(ctx, late, conn, msg)
	})
}

// Check finds out whether the server would take mail from us: it connects, secures the
// connection and says who we are, and sends nothing.
func (s *SMTP) Check(ctx context.Context) error {
	return s.connected(ctx, func(ctx context.Context, late *time.Timer, conn net.Conn) error {
		c, err := s.hello(ctx, conn)
		if err != nil {
			return err
		}
		late.Reset(min(farewell, s.c.Timeout))
		_ = c.Quit()
		return nil
	})
}

// connected does something over a connection. late ends it.
func (s *SMTP) connected(ctx context.Context, f func(ctx context.Context, late *time.Timer, conn net.Conn) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(s.c.Timeout, func() { cancel(context.DeadlineExceeded) })
	defer late.Stop()
	conn, err := s.dial(ctx)
	if err != nil {
		return failed(ctx, "connecting", err)
	}
	defer conn.Close()
	// Closing the connection ends whatever waits for it.
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	return f(ctx, late, conn)
}

func (s *SMTP) dial(ctx context.Context) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(s.c.Host, strconv.Itoa(s.c.Port)))
	if err != nil {
		return nil, err
	}
	if s.c.Security == None && !s.c.InsecurePlain {
		// localhost may be a name of something else.
		if ap, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err != nil || !ap.Addr().Unmap().IsLoopback() {
			conn.Close()
			return nil, errors.New("not a loopback address")
		}
	}
	bounded := &boundedConn{Conn: conn, left: maxAnswers}
	if s.c.Security != TLS {
		return bounded, nil
	}
	secure := tls.Client(bounded, s.tls())
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

func (s *SMTP) tls() *tls.Config {
	return &tls.Config{ServerName: s.c.Host, RootCAs: s.c.RootCAs, MinVersion: tls.VersionTLS12}
}

// hello is the beginning of every delivery: who speaks, secured as it has to be.
func (s *SMTP) hello(ctx context.Context, conn net.Conn) (*smtp.Client, error) {
	c, err := smtp.NewClient(conn, s.c.Host)
	if err != nil {
		return nil, failed(ctx, "the greeting", err)
	}
	if err := c.Hello(s.c.Hello); err != nil {
		return nil, failed(ctx, "EHLO", err)
	}
	secure := s.c.Security == TLS
	if s.c.Security == StartTLS {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return nil, errors.New("mail: expected STARTTLS, the server does not offer it")
		}
		if err := c.StartTLS(s.tls()); err != nil {
			return nil, failed(ctx, "STARTTLS", err)
		}
		secure = true
	}
	if s.c.User != "" {
		auth, err := s.auth(c, secure)
		if err != nil {
			return nil, err
		}
		if err := c.Auth(auth); err != nil {
			return nil, failed(ctx, "AUTH", err)
		}
	}
	return c, nil
}

// talk is one delivery. The steps are those of RFC 5321, 3.
func (s *SMTP) talk(ctx context.Context, late *time.Timer, conn net.Conn, msg *message) error {
	c, err := s.hello(ctx, conn)
	if err != nil {
		return err
	}
	if utf8, _ := c.Extension("SMTPUTF8"); !utf8 && !msg.ascii {
		return fmt.Errorf("mail: %w: expected an address in ASCII, which is all that the server takes", service.ErrMailRefused)
	}
	c.SkipSMTPUTF8(msg.ascii)
	if ok, size := c.Extension("SIZE"); ok { // RFC 1870
		if most, err := strconv.ParseInt(size, 10, 64); err == nil && most > 0 && int64(len(msg.bytes)) > most {
			return fmt.Errorf("mail: %w: expected at most %d bytes, which is all that the server takes", service.ErrMailRefused, most)
		}
	}
	if err := c.Mail("<" + msg.from + ">"); err != nil {
		var answer *textproto.Error
		if errors.As(err, &answer) && answer.Code == 552 { // too large (RFC 1870, 6.1)
			return judged(ctx, "MAIL FROM", err)
		}
		return failed(ctx, "MAIL FROM", err)
	}
	if err := c.Rcpt("<" + msg.to + ">"); err != nil {
		return judged(ctx, "RCPT TO", err)
	}
	w, err := c.Data()
	if err != nil {
		return judged(ctx, "DATA", err)
	}
	if _, err := w.Write(msg.bytes); err != nil {
		return failed(ctx, "the message", err)
	}
	late.Reset(s.c.EndTimeout)
	if err := w.Close(); err != nil {
		return judged(ctx, "the end of the message", err)
	}
	// It is delivered: whatever goes wrong with the farewell does not change that.
	late.Reset(min(farewell, s.c.Timeout))
	_ = c.Quit()
	return nil
}

// auth chooses among what the server offers, the strongest first. A password in the clear
// is sent over TLS or on this machine alone, or where the operator insists.
func (s *SMTP) auth(c *smtp.Client, secure bool) (smtp.Auth, error) {
	_, offered := c.Extension("AUTH")
	mechanisms := strings.Fields(strings.ToUpper(offered))
	plain := !secure && s.c.InsecurePlain
	switch {
	case slices.Contains(mechanisms, "SCRAM-SHA-256"):
		return smtp.ScramSHA256Auth(s.c.User, s.c.Password), nil
	case slices.Contains(mechanisms, "PLAIN"):
		return smtp.PlainAuth("", s.c.User, s.c.Password, s.c.Host, plain || secure || loopback(s.c.Host)), nil
	case slices.Contains(mechanisms, "LOGIN"):
		return smtp.LoginAuth(s.c.User, s.c.Password, s.c.Host, plain || secure || loopback(s.c.Host)), nil
	}
	return nil, errors.New("mail: expected AUTH with SCRAM-SHA-256, PLAIN or LOGIN, the server offers none of them")
}

// judged is failed, for steps at which a 5xx is about this mail: it is refused for good.
// That the server wants to know who we are is about us (RFC 4954).
func judged(ctx context.Context, step string, err error) error {
	var answer *textproto.Error
	if errors.As(err, &answer) && answer.Code >= 500 && answer.Code < 600 && !slices.Contains([]int{530, 534, 535, 538}, answer.Code) {
		return fmt.Errorf("mail: %w: the server answers %s to %s", service.ErrMailRefused, code(answer), step)
	}
	return failed(ctx, step, err)
}

// failed tells at which step something went wrong that may be right another time.
func failed(ctx context.Context, step string, err error) error {
	var (
		answer    *textproto.Error
		timeout   net.Error
		verify    *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
	)
	switch {
	case errors.As(err, &answer):
		return fmt.Errorf("mail: the server answers %s to %s", code(answer), step)
	case ctx.Err() != nil:
		return fmt.Errorf("mail: no answer in time at %s: %w", step, context.Cause(ctx))
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("mail: no answer in time at %s", step)
	case errors.As(err, &verify), errors.As(err, &authority):
		return fmt.Errorf("mail: the server's certificate is not accepted at %s", step)
	case errors.Is(err, errTalks):
		return fmt.Errorf("mail: expected answers of at most %d bytes at %s", maxAnswers, step)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("mail: the connection broke off at %s", step)
	}
	return fmt.Errorf("mail: no connection at %s", step)
}

var enhanced = regexp.MustCompile(`^[245]\.[0-9]{1,3}\.[0-9]{1,3}\b`)

// code is what an answer says without its text: the codes of RFC 5321 and RFC 3463.
func code(e *textproto.Error) string {
	out := strconv.Itoa(e.Code)
	if m := enhanced.FindString(e.Msg); m != "" {
		out += " " + m
	}
	return out
}

var errTalks = errors.New("mail: the server says too much")

// boundedConn ends a connection on which too much is said: the reader of answers knows no
// bound on a line.
type boundedConn struct {
	net.Conn
	left int
}

func (c *boundedConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTalks
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}
