//go:build unix

package main

import (
	"bytes"
	"errors"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// poll makes the same request over many connections for a while, each anew when its answer
// is there, and returns how many were answered, all of them with 200. It looks at its
// connections again and again and never sleeps: whoever answers a sleeping process on the
// same machine pays for waking it, as he does not for one on another machine.
func poll(t testing.TB, addr string, callers int, d time.Duration, request []byte) (answered int) {
	t.Helper()
	all := make([]*polled, callers)
	for i := range all {
		c, err := dialService(addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.conn.Close()
		raw, err := c.conn.(syscall.Conn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		all[i] = &polled{raw: raw, buf: make([]byte, 64<<10)}
	}
	processors := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(processors)
	began := time.Now()
	for _, c := range all {
		if err := c.send(request); err != nil {
			t.Fatal(err)
		}
	}
	for waiting := callers; waiting > 0; {
		for _, c := range all {
			if !c.asked {
				continue
			}
			done, err := c.look()
			if err != nil {
				t.Fatal(err)
			}
			if !done {
				continue
			}
			answered++
			if time.Since(began) >= d {
				waiting--
			} else if err := c.send(request); err != nil {
				t.Fatal(err)
			}
		}
		if time.Since(began) > d+time.Minute {
			t.Fatalf("%d of %d answers did not come within a minute", waiting, callers)
		}
	}
	return answered
}

// polled is a connection that is looked at now and then.
type polled struct {
	raw   syscall.RawConn
	buf   []byte
	have  int
	asked bool
}

func (c *polled) send(request []byte) error {
	var n int
	var fault error
	err := c.raw.Write(func(fd uintptr) bool {
		n, fault = syscall.Write(int(fd), request)
		return true
	})
	if err = errors.Join(err, fault); err == nil && n != len(request) {
		err = errors.New("a request does not fit the socket's buffer")
	}
	c.have, c.asked = 0, true
	return err
}

// look reads what has come, and reports whether that is a whole answer.
func (c *polled) look() (done bool, err error) {
	var n int
	var fault error
	err = c.raw.Read(func(fd uintptr) bool {
		n, fault = syscall.Read(int(fd), c.buf[c.have:])
		return true
	})
	switch {
	case errors.Is(fault, syscall.EAGAIN) || errors.Is(fault, syscall.EINTR):
		return false, err
	case err != nil || fault != nil:
		return false, errors.Join(err, fault)
	case n <= 0:
		return false, errors.New("the connection was closed, or an answer is too long")
	}
	c.have += n
	head, body, ok := bytes.Cut(c.buf[:c.have], []byte("\r\n\r\n"))
	if !ok {
		return false, nil
	}
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 200 ")) {
		return false, errors.New("expected status 200, found " + string(c.buf[:c.have]))
	}
	_, length, _ := bytes.Cut(head, []byte("\r\nContent-Length: "))
	length, _, _ = bytes.Cut(length, []byte("\r\n"))
	size, err := strconv.Atoi(string(length))
	if err != nil {
		return false, err
	}
	done = len(body) >= size
	c.asked = !done
	return done, nil
}
