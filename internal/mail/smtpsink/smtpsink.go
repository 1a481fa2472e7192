// Package smtpsink is a mail server on loopback that delivers nothing: it keeps what it
// gets, in memory and, if wanted, as .eml files. It speaks the real protocol, for tests,
// demonstrations and development.
//
//	sink, err := smtpsink.Start(smtpsink.Config{})
//	defer sink.Close()
//	host, port := sink.Host(), sink.Port()
package smtpsink

import (
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Bounds.
const (
	maxMessage = 64 << 20
	maxKept    = 10_000
)

// Config says how a Sink behaves. The zero value takes every mail.
type Config struct {
	// Address to listen on; it must be a loopback one. "": 127.0.0.1 and a free port.
	Address string
	// Dir is where mails are written as 000001.eml and so on. "": nowhere.
	Dir string
	// TLS is offered by STARTTLS, or used from the first byte with Implicit. Nil: none.
	TLS      *tls.Config
	Implicit bool
	// User and Password are asked for. "": no authentication.
	User, Password string
	// From, Rcpt and Data judge a mail at those steps: an error made by Reject is answered
	// as it is. They may take their time, or be nil: all is taken.
	From func(from string) error
	Rcpt func(to string) error
	Data func(m Message) error
	// MaxBytes is the size that is announced and kept to. 0: 64 MB.
	MaxBytes int64
}

// Message is a mail that was taken.
type Message struct {
	From string
	To   []string
	Data []byte // as it came, with CRLF
}

// Reject is an answer that refuses: code such as 451 or 550, text for people.
func Reject(code int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: text}
}

// Sink is a running server.
type Sink struct {
	c        Config
	server   *smtp.Server
	listener net.Listener
	done     chan struct{}

	mu       sync.Mutex
	messages []Message
	count    int
}

// Start listens.
func Start(c Config) (*Sink, error) {
	if c.Address == "" {
		c.Address = "127.0.0.1:0"
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = maxMessage
	}
	if c.Implicit && c.TLS == nil {
		return nil, errors.New("smtpsink: expected TLS settings for Implicit")
	}
	if c.Dir != "" {
		if err := os.MkdirAll(c.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("smtpsink: making the directory: %w", err)
		}
	}
	address, err := net.ResolveTCPAddr("tcp", c.Address)
	if err != nil {
		return nil, fmt.Errorf("smtpsink: expected host:port: %w", err)
	}
	if !address.IP.IsLoopback() {
		return nil, errors.New("smtpsink: expected a loopback address")
	}
	l, err := net.ListenTCP("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("smtpsink: listening: %w", err)
	}
	s := &Sink{c: c, listener: l, done: make(chan struct{})}
	s.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{sink: s}, nil }))
	s.server.Domain = "localhost"
	s.server.AllowInsecureAuth = true // it listens on loopback alone
	s.server.MaxMessageBytes = c.MaxBytes
	s.server.MaxRecipients = 100
	s.server.ReadTimeout, s.server.WriteTimeout = time.Minute, time.Minute
	s.server.EnableSMTPUTF8 = true
	s.server.ErrorLog = silent{}
	var serve net.Listener = l
	if c.Implicit {
		serve = tls.NewListener(l, c.TLS)
	} else {
		s.server.TLSConfig = c.TLS
	}
	go func() {
		defer close(s.done)
		_ = s.server.Serve(serve) // ends with Close
	}()
	return s, nil
}

// silent: what a client does wrong is its own to find out.
type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}

// Host and Port say where it listens.
func (s *Sink) Host() string { return s.listener.Addr().(*net.TCPAddr).IP.String() }

// Port is the TCP port.
func (s *Sink) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// Close ends the server and its connections.
func (s *Sink) Close() error {
	_ = s.server.Close()
	err := s.listener.Close()
	<-s.done
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Messages returns what was taken, oldest first; of very many the last 10,000.
func (s *Sink) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

func (s *Sink) keep(m Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	if s.c.Dir != "" {
		if err := os.WriteFile(filepath.Join(s.c.Dir, fmt.Sprintf("%06d.eml", s.count)), m.Data, 0o600); err != nil {
			s.count--
			return Reject(452, "the directory cannot be written")
		}
	}
	if len(s.messages) == maxKept {
		s.messages = slices.Delete(s.messages, 0, 1)
	}
	s.messages = append(s.messages, m)
	return nil
}

type session struct {
	sink *Sink
	m    Message
	in   bool // authenticated
}

func (s *session) AuthMechanisms() []string {
	if s.sink.c.User == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		c := s.sink.c
		if subtle.ConstantTimeCompare([]byte(user), []byte(c.User))&subtle.ConstantTimeCompare([]byte(password), []byte(c.Password)) != 1 {
			return smtp.ErrAuthFailed
		}
		s.in = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.sink.c.User != "" && !s.in {
		return smtp.ErrAuthRequired
	}
	if f := s.sink.c.From; f != nil {
		if err := f(from); err != nil {
			return err
		}
	}
	s.m = Message{From: from}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if f := s.sink.c.Rcpt; f != nil {
		if err := f(to); err != nil {
			return err
		}
	}
	s.m.To = append(s.m.To, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.m.Data = data
	if f := s.sink.c.Data; f != nil {
		if err := f(s.m); err != nil {
			return err
		}
	}
	return s.sink.keep(s.m)
}

func (s *session) Reset()        { s.m = Message{} }
func (s *session) Logout() error { return nil }
