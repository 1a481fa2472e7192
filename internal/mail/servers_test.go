package mail_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/mail"
	"github.com/chancery-dev/chancery/internal/mail/smtpsink"
	"github.com/chancery-dev/chancery/internal/service"
)

// talker answers a connection line by line with what is in its script, by command.
func talker(t testing.TB, script func(line string, w io.Writer, c net.Conn)) (string, int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop); l.Close(); conns.Wait() })
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer c.Close()
				go func() { <-stop; c.Close() }()
				script("", c, c)
				r := bufio.NewReader(c)
				for {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					script(strings.TrimSpace(line), c, c)
				}
			})
		}
	})
	a := l.Addr().(*net.TCPAddr)
	return a.IP.String(), a.Port
}

func TestBadServers(t *testing.T) {
	ok := func(line string, w io.Writer) {
		switch {
		case line == "":
			fmt.Fprint(w, "220 x\r\n")
		case line == "DATA":
			fmt.Fprint(w, "354 go\r\n")
		default:
			fmt.Fprint(w, "250 ok\r\n")
		}
	}
	for name, script := range map[string]func(line string, w io.Writer, c net.Conn){
		"silent":         func(string, io.Writer, net.Conn) {},
		"silent at RCPT": func(line string, w io.Writer, c net.Conn) { skip(line, "RCPT", func() { ok(line, w) }, nil) },
		"drops at once":  func(_ string, _ io.Writer, c net.Conn) { c.Close() },
		"drops at DATA": func(line string, w io.Writer, c net.Conn) {
			skip(line, "DATA", func() { ok(line, w) }, func() { c.Close() })
		},
		"drops at MAIL": func(line string, w io.Writer, c net.Conn) {
			skip(line, "MAIL", func() { ok(line, w) }, func() { c.Close() })
		},
		"endless line":     func(_ string, w io.Writer, _ net.Conn) { flood(w, "220 ", "x") },
		"endless lines":    func(_ string, w io.Writer, _ net.Conn) { flood(w, "", "220-x\r\n") },
		"another protocol": func(_ string, w io.Writer, _ net.Conn) { fmt.Fprint(w, "HTTP/1.1 400 Bad Request\r\n\r\n") },
		"554 as greeting":  func(_ string, w io.Writer, _ net.Conn) { fmt.Fprint(w, "554 no service\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host, port := talker(t, script)
			start := time.Now()
			err := mailer(t, host, port, func(c *mail.Config) { c.Timeout = 500 * time.Millisecond }).Send(context.Background(), letter())
			if err == nil || errors.Is(err, service.ErrMailRefused) || !strings.HasPrefix(err.Error(), "mail: ") {
				t.Error(err)
			}
			if d := time.Since(start); d > 4*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
	t.Run("the caller stops", func(t *testing.T) {
		host, port := talker(t, func(string, io.Writer, net.Conn) {})
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		if err := mailer(t, host, port, nil).Send(ctx, letter()); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
	t.Run("what fails after delivery is no failure", func(t *testing.T) {
		taken := false
		host, port := talker(t, func(line string, w io.Writer, c net.Conn) {
			switch {
			case line == ".":
				taken = true
				fmt.Fprint(w, "250 taken\r\n")
				c.Close()
			case !taken:
				ok(line, w)
			}
		})
		if err := mailer(t, host, port, nil).Send(context.Background(), letter()); err != nil {
			t.Error(err)
		}
	})
	t.Run("nobody there", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		if err := mailer(t, "127.0.0.1", port, nil).Send(context.Background(), letter()); err == nil || errors.Is(err, service.ErrMailRefused) {
			t.Error(err)
		}
	})
}

func skip(line, command string, ok, at func()) {
	if strings.HasPrefix(line, command) {
		if at != nil {
			at()
		}
		return
	}
	ok()
}

func flood(w io.Writer, first, more string) {
	if _, err := io.WriteString(w, first); err != nil {
		return
	}
	block := strings.Repeat(more, 64<<10/len(more))
	for {
		if _, err := io.WriteString(w, block); err != nil {
			return
		}
	}
}

func certificate(t testing.TB) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sink"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}

func TestSecurity(t *testing.T) {
	server, pool := certificate(t)
	for _, c := range []struct {
		name   string
		sink   smtpsink.Config
		change func(*mail.Config)
		ok     bool
	}{
		{"STARTTLS", smtpsink.Config{TLS: server}, func(c *mail.Config) { c.Security, c.RootCAs = mail.StartTLS, pool }, true},
		{"TLS", smtpsink.Config{TLS: server, Implicit: true}, func(c *mail.Config) { c.Security, c.RootCAs = mail.TLS, pool }, true},
		{"STARTTLS and password", smtpsink.Config{TLS: server, User: "u", Password: "p"}, func(c *mail.Config) { c.Security, c.RootCAs, c.User, c.Password = mail.StartTLS, pool, "u", "p" }, true},
		{"TLS and password", smtpsink.Config{TLS: server, Implicit: true, User: "u", Password: "p"}, func(c *mail.Config) { c.Security, c.RootCAs, c.User, c.Password = mail.TLS, pool, "u", "p" }, true},
		{"password on loopback", smtpsink.Config{User: "u", Password: "p"}, func(c *mail.Config) { c.User, c.Password = "u", "p" }, true},
		{"wrong password", smtpsink.Config{TLS: server, User: "u", Password: "p"}, func(c *mail.Config) { c.Security, c.RootCAs, c.User, c.Password = mail.StartTLS, pool, "u", "q" }, false},
		{"no STARTTLS offered", smtpsink.Config{}, func(c *mail.Config) { c.Security, c.RootCAs = mail.StartTLS, pool }, false},
		{"unknown authority", smtpsink.Config{TLS: server}, func(c *mail.Config) { c.Security = mail.StartTLS }, false},
		{"unknown authority, TLS", smtpsink.Config{TLS: server, Implicit: true}, func(c *mail.Config) { c.Security = mail.TLS }, false},
		{"another name", smtpsink.Config{TLS: server}, func(c *mail.Config) { c.Security, c.RootCAs, c.Host = mail.StartTLS, pool, "localhost" }, false},
		{"password asked for, none given", smtpsink.Config{TLS: server, User: "u", Password: "p"}, func(c *mail.Config) { c.Security, c.RootCAs = mail.StartTLS, pool }, false},
		{"password given, none asked for", smtpsink.Config{TLS: server}, func(c *mail.Config) { c.Security, c.RootCAs, c.User, c.Password = mail.StartTLS, pool, "u", "p" }, false},
	} {
		s := sink(t, c.sink)
		err := mailer(t, s.Host(), s.Port(), c.change).Send(context.Background(), letter())
		if (err == nil) != c.ok || len(s.Messages()) != map[bool]int{true: 1}[c.ok] || errors.Is(err, service.ErrMailRefused) {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil && strings.Contains(err.Error(), "certificate") != (strings.Contains(c.name, "authority") || c.name == "another name") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestEndOfMail: the answer to the end of a mail is waited for longer than for others, that
// to the farewell for a moment only.
func TestEndOfMail(t *testing.T) {
	for name, test := range map[string]struct {
		wait  time.Duration // before the answer to the end
		quit  bool          // QUIT is answered
		known bool          // to be delivered
		most  time.Duration
	}{
		"at once":        {0, true, true, 250 * time.Millisecond},
		"late":           {600 * time.Millisecond, true, true, 1500 * time.Millisecond},
		"never":          {time.Hour, true, false, 3 * time.Second},
		"without QUIT":   {0, false, true, time.Second},
		"late, and then": {600 * time.Millisecond, false, true, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var data atomic.Bool
			host, port := talker(t, func(line string, w io.Writer, c net.Conn) {
				switch {
				case data.Load():
					if line != "." {
						return
					}
					data.Store(false)
					if test.wait == time.Hour {
						return
					}
					time.Sleep(test.wait)
					fmt.Fprint(w, "250 taken\r\n")
				case line == "":
					fmt.Fprint(w, "220 x\r\n")
				case line == "DATA":
					data.Store(true)
					fmt.Fprint(w, "354 go\r\n")
				case line != "QUIT" || test.quit:
					fmt.Fprint(w, "250 ok\r\n")
				}
			})
			began := time.Now()
			err := mailer(t, host, port, func(c *mail.Config) { c.Timeout, c.EndTimeout = 250*time.Millisecond, 2*time.Second }).Send(t.Context(), letter())
			if took := time.Since(began); (err == nil) != test.known || took > test.most {
				t.Errorf("found %v after %v", err, took)
			}
			if !test.known && (!errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "the end of the message")) {
				t.Errorf("found %v", err)
			}
		})
	}
}
