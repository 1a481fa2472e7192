package register_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/register"
)

// exportedLog is the audit log of an export, and the numbers of the lines with evidence.
func exportedLog(t testing.TB, h *house) (text []byte, evidence []string) {
	t.Helper()
	var out bytes.Buffer
	check(t, h.register.Export(t.Context(), h.caller, &out))
	z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	check(t, err)
	for _, f := range z.File {
		switch {
		case f.Name == "audit.jsonl":
			r, err := f.Open()
			check(t, err)
			text, err = io.ReadAll(r)
			check(t, err)
		case strings.HasPrefix(f.Name, "audit/"):
			evidence = append(evidence, f.Name)
		}
	}
	return text, evidence
}

// TestReadAudit: an exported log is checked by its text alone.
func TestReadAudit(t *testing.T) {
	h := newHouse(t)
	h.issuer("did:web")
	for n := range 30 {
		check(t, h.store.Update(t.Context(), func(tx service.Tx) error {
			return service.WriteAudit(t.Context(), tx, h.caller, start, "test.line", fmt.Sprintf("thing-%d é <&>", n), map[string]any{"b": 1.5, "a": []any{nil, true}})
		}))
	}
	check(t, h.handlers[register.JobAnchor](t.Context(), service.Run{}))
	whole, evidence := exportedLog(t, h)
	lines, head, err := h.register.VerifyAudit(t.Context(), h.caller.Scope)
	check(t, err)
	seen := int64(0)
	log, err := register.ReadAudit(bytes.NewReader(whole), func(seq int64, line []byte) error {
		seen++
		if seq != seen || !bytes.HasPrefix(line, []byte(`["chancery-audit",1,"academy","live",`)) {
			t.Errorf("line %d is %s", seq, line)
		}
		return nil
	})
	if err != nil || log.Lines != lines || !bytes.Equal(log.Head, head) || log.Scope != h.caller.Scope || seen != lines || log.First.IsZero() || log.Last.Before(log.First) {
		t.Fatalf("found %+v, %v; evidence %v", log, err, evidence)
	}
	if log, err := register.ReadAudit(strings.NewReader(""), nil); err != nil || log.Lines != 0 || log.Head != nil {
		t.Errorf("an empty log: %+v, %v", log, err)
	}
	rows := strings.SplitAfter(string(whole), "\n")
	edit := func(n int, old, new string) string {
		out := append([]string(nil), rows...)
		if out[n] = strings.Replace(out[n], old, new, 1); out[n] == rows[n] {
			t.Fatalf("nothing to change in %s", out[n])
		}
		return strings.Join(out, "")
	}
	for name, text := range map[string]string{
		"an actor":         edit(4, `"system"`, `"somebody"`),
		"a line out":       strings.Join(append(append([]string(nil), rows[:4]...), rows[5:]...), ""),
		"the first out":    strings.Join(rows[1:], ""),
		"two swapped":      strings.Join(append(append(append([]string(nil), rows[:4]...), rows[5], rows[4]), rows[6:]...), ""),
		"a line twice":     strings.Join(append(append(append([]string(nil), rows[:5]...), rows[4]), rows[5:]...), ""),
		"cut off":          string(whole[:len(whole)-1]),
		"a hash":           edit(4, `"hash":"`, `"hash":"0`),
		"a space":          edit(4, `,"live",`, `, "live",`),
		"a member more":    edit(4, `{"line"`, `{"x":1,"line"`),
		"a name twice":     edit(4, `{"line"`, `{"hash":"","line"`),
		"another tenant":   edit(4, `"academy"`, `"academies"`),
		"another kind":     edit(4, `"chancery-audit"`, `"chancery-other"`),
		"another version":  edit(4, `"chancery-audit",1`, `"chancery-audit",2`),
		"no JSON":          rows[0] + "{\n",
		"an empty line":    rows[0] + "\n" + rows[1],
		"a line too long":  rows[0] + strings.Repeat(" ", 2<<20) + "\n",
		"not a log at all": "[]\n",
	} {
		if log, err := register.ReadAudit(strings.NewReader(text), nil); !errors.Is(err, register.ErrAudit) {
			t.Errorf("%s: %+v, %v", name, log, err)
		}
	}
	stop := errors.New("stop")
	if _, err := register.ReadAudit(bytes.NewReader(whole), func(int64, []byte) error { return stop }); !errors.Is(err, stop) || errors.Is(err, register.ErrAudit) {
		t.Errorf("a fault of the caller: %v", err)
	}
	broken := io.MultiReader(bytes.NewReader(whole[:100]), readerFault{})
	if _, err := register.ReadAudit(broken, nil); !errors.Is(err, io.ErrClosedPipe) || errors.Is(err, register.ErrAudit) {
		t.Errorf("a fault of reading: %v", err)
	}
}

type readerFault struct{}

func (readerFault) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

// FuzzReadAudit: nothing that is read makes it fall over, and what it takes is chained.
func FuzzReadAudit(f *testing.F) {
	f.Add([]byte("{\"line\":[\"chancery-audit\",1,\"a\",\"test\",1,\"i\",\"2026-05-10T08:00:00.000000Z\",\"x\",\"y\",\"z\",\"\",\"\",null,\"\"],\"hash\":\"00\"}\n"))
	f.Add([]byte("{}\n[]\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		log, err := register.ReadAudit(bytes.NewReader(b), nil)
		if err == nil && log.Lines != int64(bytes.Count(b, []byte("\n"))) {
			t.Errorf("%d lines of %q", log.Lines, b)
		}
	})
}
