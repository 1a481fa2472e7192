package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/ethclient/simulated"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/internal/blob"
	"github.com/chancery-dev/chancery/internal/httpapi/client"
	"github.com/chancery-dev/chancery/internal/httpapi/verdict"
	"github.com/chancery-dev/chancery/internal/mail"
	"github.com/chancery-dev/chancery/internal/mail/smtpsink"
	"github.com/chancery-dev/chancery/internal/service"
)

// office is the service of the institution, on parts that are embedded: SQLite, files, a
// mail server that delivers nothing, a chain and a timestamping authority of its own.
type office struct {
	store   service.Store
	sink    *smtpsink.Sink
	backend *simulated.Backend
	service *serving.Service
	listen  net.Listener
	url     string
	api     *client.Client
	key     string
	stop    context.CancelFunc
	done    chan error

	credentials []service.Credential
}

// open starts the office and answers on its address.
func (t *tour) open() error {
	o := &office{done: make(chan error, 2)}
	t.office = o
	var err error
	if o.listen, err = net.Listen("tcp", t.listen); err != nil {
		return err
	}
	o.url = "http://" + o.listen.Addr().String()
	dir := filepath.Join(t.dir, "service")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if o.sink, err = smtpsink.Start(smtpsink.Config{Dir: filepath.Join(t.dir, "mail")}); err != nil {
		return err
	}
	parts := serving.Parts{BaseURL: o.url, Clock: time.Now, Version: "demo", BatchAge: time.Second, BatchEvery: time.Second, InsecureLoopback: true, ServeMetrics: true, TempDir: dir}
	if parts.Chain, o.backend, _, err = t.startChain(time.Now); err != nil {
		return err
	}
	tsa, root, err := newAuthority(time.Now)
	if err != nil {
		return err
	}
	parts.TSA, parts.TSARoots = tsa, append(parts.TSARoots, root)
	if parts.Mailer, err = mail.NewSMTP(mail.Config{Host: o.sink.Host(), Port: o.sink.Port(), Security: mail.None, From: mail.From{Address: "registry@gruenau.example", Name: university}, Clock: time.Now}); err != nil {
		return err
	}
	if parts.Blobs, err = blob.OpenDir(blob.DirConfig{Path: filepath.Join(dir, "blobs"), Clock: time.Now}); err != nil {
		return err
	}
	var master service.MasterKey
	rand.Read(master[:])
	if parts.Sealer, err = service.NewKeyRing(master); err != nil {
		return err
	}
	// The key that seals this database is not kept, so the database is made anew each time.
	for _, old := range []string{"chancery.db", "chancery.db-wal", "chancery.db-shm"} {
		if err := os.Remove(filepath.Join(dir, old)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if o.store, err = serving.OpenSQLite(t.ctx, serving.SQLiteConfig{Path: filepath.Join(dir, "chancery.db"), Now: time.Now}); err != nil {
		return err
	}
	parts.Store = o.store
	if o.service, err = serving.New(parts); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.ctx))
	o.stop = stop
	go func() { o.done <- o.service.Run(ctx) }()
	go func() { o.done <- o.service.Serve(ctx, o.listen, nil, 0) }()
	go o.mine(ctx)
	return t.admit(o)
}

// mine makes a block whenever there may be something to put into one.
func (o *office) mine(ctx context.Context) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			o.backend.Commit()
		}
	}
}

// admit makes the institution and a key for it.
func (t *tour) admit(o *office) error {
	tenant, err := o.service.Core.CreateTenant(t.ctx, "gruenau", university)
	if err != nil {
		return err
	}
	key, err := o.service.Core.CreateFirstKey(t.ctx, service.Scope{Tenant: tenant.ID, Environment: service.Live}, service.NewKey{Name: "registry", Scopes: service.Permissions()})
	if err != nil {
		return err
	}
	o.key = key.Secret
	o.api = &client.Client{BaseURL: o.url, Token: key.Secret, HTTP: &http.Client{Timeout: time.Minute}}
	return nil
}

// order has the service issue the class: every row one credential, page and badge.
func (t *tour) order() error {
	o, yes := t.office, true
	issuer, err := o.api.CreateIssuer(t.ctx, service.NewIssuer{Name: university, URL: "https://gruenau.example/"}, "")
	if err != nil {
		return err
	}
	kind, err := o.api.CreateType(t.ctx, service.NewType{
		Key: "bsc", DisplayName: "Bachelor of Science", Kind: "diploma", Issuer: issuer.ID, Outputs: []string{"vc", "vc.jwt", "pdf", "badge"}, Anchor: &yes,
		Fields: []service.Field{
			{Key: "thesis", Label: "Thesis", Type: "text", Required: true, Visibility: "public"},
			{Key: "grade", Label: "Grade", Type: "enum", Values: []string{"A", "B", "C"}, Required: true, Visibility: "public"},
		},
		Achievement: &service.Achievement{Type: "BachelorDegree", Description: "A first degree in the natural sciences.", Criteria: "180 credits and a thesis."},
	}, "")
	if err != nil {
		return err
	}
	table, err := columns()
	if err != nil {
		return err
	}
	batch, err := o.api.StreamBatch(t.ctx, service.NewBatch{Name: "Class of 2026", Type: kind.ID, Notify: true}, "text/csv", strings.NewReader(table), "class-2026")
	if err != nil {
		return err
	}
	for !batch.Done {
		if err := t.pause(); err != nil {
			return err
		}
		if batch, err = o.api.GetBatch(t.ctx, batch.ID); err != nil {
			return err
		}
	}
	if batch.Counts.Failed != 0 || batch.Counts.Issued != int64(len(t.students)) {
		return fmt.Errorf("expected %d issued, found %d, %d failed", len(t.students), batch.Counts.Issued, batch.Counts.Failed)
	}
	list, err := o.api.ListCredentials(t.ctx, service.CredentialFilter{Oldest: true}, service.Page{})
	o.credentials = list.Items
	return err
}

// columns gives class.csv the names that the service knows columns by.
func columns() (string, error) {
	rows, err := csv.NewReader(strings.NewReader(classCSV)).ReadAll()
	if err != nil {
		return "", err
	}
	rows[0] = []string{"recipient.name", "recipient.email", "claims.thesis", "claims.grade"}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(rows); err != nil {
		return "", err
	}
	return b.String(), nil
}

func (t *tour) pause() error {
	select {
	case <-t.ctx.Done():
		return t.ctx.Err()
	case <-time.After(100 * time.Millisecond):
		return nil
	}
}

// settle waits until all are anchored and everybody has mail, revokes one and takes the
// files and the export.
func (t *tour) settle() error {
	o := t.office
	deadline := time.Now().Add(40 * time.Second)
	for i := 0; i < len(o.credentials); {
		c, err := o.api.GetCredential(t.ctx, o.credentials[i].ID)
		if err != nil {
			return err
		}
		o.credentials[i] = c
		if c.Anchor != nil && c.Anchor.State == "anchored" && len(o.sink.Messages()) >= len(o.credentials) {
			i++
			continue
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("credential %d is not anchored, or %d of %d mails have come", i+1, len(o.sink.Messages()), len(o.credentials))
		}
		if err := t.pause(); err != nil {
			return err
		}
	}
	last := o.credentials[len(o.credentials)-1]
	if _, err := o.api.Revoke(t.ctx, last.ID, "issued to the wrong person", ""); err != nil {
		return err
	}
	for i, c := range o.credentials {
		for _, name := range []string{"vc", "vc.jwt", "pdf", "png", "svg", "evidence"} {
			f, err := o.api.Artifact(t.ctx, c.ID, name)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			ext := map[string]string{"vc": "json", "vc.jwt": "jwt", "evidence": "cbor"}[name]
			if ext == "" {
				ext = name
			}
			if err := t.write(fmt.Sprintf("service/diploma-%d.%s", i+1, ext), f.Bytes); err != nil {
				return err
			}
		}
	}
	return t.export()
}

// export takes everything of the institution out of the service, with a trust file by
// which it verifies without the service.
func (t *tour) export() error {
	var b bytes.Buffer
	if err := t.office.api.Export(t.ctx, &b); err != nil {
		return err
	}
	if err := t.write("service/export.zip", b.Bytes()); err != nil {
		return err
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		return err
	}
	f, err := z.Open("trust.json")
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	return t.write("service/trust.json", text)
}

// ask verifies over HTTP: each credential by its id, its files by upload.
func (t *tour) ask() error {
	o := t.office
	for i, c := range o.credentials {
		want := "valid"
		if i == len(o.credentials)-1 {
			want = "invalid"
		}
		v, err := o.api.VerifyID(t.ctx, c.PublicID)
		if err != nil {
			return err
		}
		t.show(fmt.Sprintf("/c/%s", c.PublicID), want, v)
		for _, ext := range []string{"json", "jwt", "pdf", "png", "svg", "cbor"} {
			name := fmt.Sprintf("service/diploma-%d.%s", i+1, ext)
			b, err := os.ReadFile(filepath.Join(t.dir, name))
			if err != nil {
				return err
			}
			v, err := o.api.VerifyFiles(t.ctx, service.Upload{Name: name, Bytes: b})
			if err != nil {
				return err
			}
			t.show(name, want, v)
		}
	}
	return nil
}

// show prints a verdict of the service and counts those that are not as expected.
func (t *tour) show(what, want string, v verdict.Verdict) {
	got, reason := v.Outcome, ""
	if v.Reason != nil {
		reason = *v.Reason
	}
	mark, colour := "✓", "32"
	if got != "valid" {
		mark, colour = "✗", "31"
	}
	line := fmt.Sprintf("  %s %-13s %-34s %s", t.paint(colour, mark), got, what, reason)
	if got != want {
		t.failed++
		line += t.paint("31", fmt.Sprintf("  expected %s", want))
	}
	t.say("%s", strings.TrimRight(line, " "))
}

// close ends the office.
func (t *tour) close() error {
	o := t.office
	if o == nil {
		return nil
	}
	var err error
	if o.stop != nil {
		o.stop()
		err = errors.Join(<-o.done, <-o.done)
	}
	if o.store != nil {
		err = errors.Join(err, o.store.Close())
	}
	if o.backend != nil {
		err = errors.Join(err, o.backend.Close())
	}
	if o.sink != nil {
		o.sink.Close()
	}
	return err
}
