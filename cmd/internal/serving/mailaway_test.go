package serving_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/internal/mail"
	"github.com/chancery-dev/chancery/internal/mail/smtpsink"
)

// receiver takes events.
func (f *fort) receiver(h http.HandlerFunc) *httptest.Server {
	f.t.Helper()
	server := httptest.NewServer(h)
	f.t.Cleanup(server.Close)
	f.t.Cleanup(server.CloseClientConnections)
	f.ok("north/test", "POST", "/v1/webhooks", map[string]any{"url": server.URL, "events": []string{"credential.issued"}})
	return server
}

// TestMailSlow: a mail server that stops answering, at whatever step, holds up nothing but
// mail. Afterwards each mail arrives: once, or again under its Message-ID where the server
// had taken it and nobody knew.
func TestMailSlow(t *testing.T) {
	const patience = 200 * time.Millisecond
	for _, test := range []struct {
		name     string
		greeting bool // the connection hangs from the beginning
		rcpt     func(w *wire) error
		data     func(w *wire) error
		arrives  int
	}{
		{name: "hangs at the greeting", greeting: true, arrives: 1},
		{name: "hangs at RCPT", rcpt: func(w *wire) error { w.freeze(true); return nil }, arrives: 1},
		{name: "hangs at the end and takes it", data: func(w *wire) error { w.freeze(true); return nil }, arrives: 2},
		{name: "hangs at the end and refuses it", data: func(w *wire) error { w.freeze(true); return smtpsink.Reject(451, "not now") }, arrives: 1},
		{name: "loses its answer to the end", data: func(w *wire) error { w.cut(false); return nil }, arrives: 2},
		{name: "is late with its answer to the end", data: func(*wire) error { time.Sleep(2 * patience); return nil }, arrives: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var w *wire
			var troubled atomic.Bool
			once := func(f func(*wire) error) func() error {
				return func() error {
					if f == nil || troubled.Swap(true) {
						return nil
					}
					return f(w)
				}
			}
			rcpt, data := once(test.rcpt), once(test.data)
			sink := must[*smtpsink.Sink](t)(smtpsink.Start(smtpsink.Config{
				Rcpt: func(string) error { return rcpt() },
				Data: func(smtpsink.Message) error { return data() },
			}))
			t.Cleanup(func() { sink.Close() })
			w = newWire(t, "tcp", fmt.Sprintf("%s:%d", sink.Host(), sink.Port()))
			w.freeze(test.greeting)
			mailer := must[*mail.SMTP](t)(mail.NewSMTP(mail.Config{
				Host: "127.0.0.1", Port: w.port(), Security: mail.None, From: mail.From{Address: "school@example.com"},
				Timeout: patience, EndTimeout: 4 * patience, Clock: time.Now,
			}))
			f := newFort(t, func(p *serving.Parts) { p.Mailer, p.InsecureLoopback = mailer, true })
			var events atomic.Int32
			f.receiver(func(http.ResponseWriter, *http.Request) { events.Add(1) })
			start(t, f.s)
			mails := 1
			if test.data == nil {
				mails = 6 // more than there are workers for mail
			}
			for range mails {
				f.ok("north/test", "POST", "/v1/credentials", aina(map[string]any{"notify": true}))
			}
			until(t, "events while mail hangs", 5*time.Second, func() bool { return int(events.Load()) == mails })
			fails := test.name != "is late with its answer to the end"
			if fails {
				until(t, "a failed attempt", 5*time.Second, func() bool { return f.metric("chancery_job_failures_total") >= 1 })
			}
			w.freeze(false)
			ids := func() map[string]int {
				out := map[string]int{}
				for _, m := range sink.Messages() {
					for _, line := range strings.Split(string(m.Data), "\r\n") {
						if id, ok := strings.CutPrefix(line, "Message-ID: "); ok {
							out[id]++
						}
					}
				}
				return out
			}
			until(t, "every mail", 8*time.Second, func() bool { return len(ids()) == mails && len(sink.Messages()) >= mails+test.arrives-1 })
			time.Sleep(2 * patience)
			if again := len(sink.Messages()) - mails; again != test.arrives-1 {
				t.Errorf("expected %d mails to arrive again, found %d: %v", test.arrives-1, again, ids())
			}
			if bytes.Contains(f.log.bytes(), []byte(`"msg":"job failed","kind":"mail.send"`)) != fails {
				t.Errorf("the log: %s", f.log.bytes())
			}
		})
	}
}
