package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/internal/blob"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/memstore"
	"github.com/chancery-dev/chancery/internal/service/register"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
)

// anchoredExport is an export whose audit log has evidence of a line, unpacked.
func anchoredExport(t *testing.T) (zipped, dir string) {
	t.Helper()
	files := blob.NewMemory(0)
	ring, err := service.NewKeyRing(service.GenerateMasterKey())
	if err != nil {
		t.Fatal(err)
	}
	tsa := padestest.New(t, padestest.P256)
	tsa.Now = time.Now()
	in, err := serving.New(serving.Parts{
		Store: memstore.New(time.Now), Blobs: files, Sealer: ring, TSA: tsa.TSA, TSARoots: tsa.TSARoot.Chain(), BaseURL: "https://chancery.example", Clock: time.Now,
		BatchAge: 20 * time.Millisecond, BatchEvery: 20 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx) }()
	defer func() {
		cancel()
		<-done
	}()
	if _, err := in.Core.CreateTenant(ctx, "academy", "Academy"); err != nil {
		t.Fatal(err)
	}
	c := service.System(service.Scope{Tenant: "academy", Environment: service.Test})
	for _, name := range []string{"One", "Two"} {
		if _, err := in.Core.CreateIssuer(ctx, c, service.NewIssuer{Name: name}, service.Idempotency{}); err != nil {
			t.Fatal(err)
		}
	}
	handlers, _ := in.Register.Jobs()
	if err := handlers[register.JobAnchor](ctx, service.Run{}); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		_, _, proven, err := in.Register.CheckAudit(ctx, c.Scope)
		if err != nil {
			t.Fatal(err)
		}
		if proven > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the log is not anchored")
		}
	}
	var out bytes.Buffer
	if err := in.Register.Export(ctx, c, &out); err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	zipped = filepath.Join(dir, "export.zip")
	if err := os.WriteFile(zipped, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, "export")
	z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, z); err != nil {
		t.Fatal(err)
	}
	return zipped, dir
}

// TestAuditOfExport: whether a log was changed is found out from an export alone.
func TestAuditOfExport(t *testing.T) {
	zipped, dir := anchoredExport(t)
	trust := filepath.Join(dir, "trust.json")
	judge := func(name string, want int, said string) {
		t.Helper()
		var out, fault bytes.Buffer
		c := &cli{stdin: strings.NewReader(""), stdout: &out, stderr: &fault, now: time.Now}
		if got := c.run(t.Context(), []string{"audit", "verify", name, "--trust", trust}); got != want || !strings.Contains(out.String(), said) {
			t.Errorf("%s: status %d, expected %d and %q\n%s%s", name, got, want, said, &out, &fault)
		}
	}
	judge(zipped, exitValid, "whole, and proven up to line 2")
	judge(dir, exitValid, "evidence of line 2: valid")

	logName := filepath.Join(dir, "audit.jsonl")
	log, err := os.ReadFile(logName)
	if err != nil {
		t.Fatal(err)
	}
	put := func(name string, b []byte) {
		t.Helper()
		if err := errors.Join(os.RemoveAll(name), os.WriteFile(name, b, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	put(logName, bytes.Replace(log, []byte("issuer.create"), []byte("issuer.delete"), 1))
	judge(dir, exitInvalid, "changed")
	put(logName, log[:bytes.IndexByte(log, '\n')+1])
	judge(dir, exitInvalid, "no such line")
	put(logName, anew(t, log))
	judge(dir, exitInvalid, "is not valid for it")
	put(logName, log)
	if err := os.Rename(filepath.Join(dir, "audit", "2.cbor"), filepath.Join(dir, "audit", "1.cbor")); err != nil {
		t.Fatal(err)
	}
	judge(dir, exitInvalid, "is not valid for it")
	if err := os.RemoveAll(filepath.Join(dir, "audit")); err != nil {
		t.Fatal(err)
	}
	judge(dir, exitIndeterminate, "without evidence")
}

// anew is a log as who may write the database could make it: another actor, all hashes new.
func anew(t *testing.T, log []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var previous []byte
	_, err := register.ReadAudit(bytes.NewReader(log), func(seq int64, line []byte) error {
		e, s := auditEntry(t, line)
		e.Actor = "key:another"
		text, err := register.Line(s, e, previous)
		if err != nil {
			return err
		}
		if previous, err = register.HashLine(s, e, previous); err != nil {
			return err
		}
		return writeAuditLine(&out, text, previous)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := register.ReadAudit(bytes.NewReader(out.Bytes()), nil); err != nil {
		t.Fatalf("the log that was made anew does not hold by itself: %v", err)
	}
	return out.Bytes()
}

func writeAuditLine(w io.Writer, line, hash []byte) error {
	_, err := io.WriteString(w, `{"line":`+string(line)+`,"hash":"`+hex.EncodeToString(hash)+"\"}\n")
	return err
}

// auditEntry reads a line back.
func auditEntry(t *testing.T, line []byte) (service.AuditEntry, service.Scope) {
	t.Helper()
	var m []any
	if err := json.Unmarshal(line, &m); err != nil {
		t.Fatal(err)
	}
	at, err := time.Parse(time.RFC3339Nano, m[6].(string))
	if err != nil {
		t.Fatal(err)
	}
	e := service.AuditEntry{Seq: int64(m[4].(float64)), ID: m[5].(string), At: at, Actor: m[7].(string), Action: m[8].(string), Subject: m[9].(string), Source: m[10].(string), Request: m[11].(string)}
	if m[12] != nil {
		if e.Detail, err = json.Marshal(m[12]); err != nil {
			t.Fatal(err)
		}
	}
	return e, service.Scope{Tenant: m[2].(string), Environment: service.Environment(m[3].(string))}
}
