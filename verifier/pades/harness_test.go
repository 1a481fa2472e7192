package pades_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/pdf"
	sign "github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/pades"
)

// world is the infrastructure that samples are made with, and what a verifier trusts of it.
type world struct {
	*padestest.World
	tb testing.TB
}

func newWorld(tb testing.TB) *world { return &world{padestest.New(tb, padestest.P256), tb} }

// online answers as the authorities of the world would today.
type online struct{ w *padestest.World }

func (o online) Revocation(ctx context.Context, cert, issuer *x509.Certificate) (ocsp, crls [][]byte, err error) {
	r, err := o.w.Revocation(ctx, cert, issuer)
	return r.OCSP, r.CRLs, err
}

// config trusts the world and asks its authorities.
func (w *world) config() pades.Config {
	return pades.Config{
		Roots: []pades.Anchor{{Certificate: w.Root.Certificate}}, TSARoots: []pades.Anchor{{Certificate: w.TSARoot.Certificate}},
		Clock: w.Clock, Revocation: online{w.World},
	}
}

// offline trusts the world and has only what is in the file.
func (w *world) offline() pades.Config {
	c := w.config()
	c.Revocation = nil
	return c
}

func (w *world) sign(level sign.Level, in []byte, req sign.Request) []byte {
	w.tb.Helper()
	var out bytes.Buffer
	if _, err := w.Pades(level, padestest.P256).Sign(context.Background(), bytes.NewReader(in), int64(len(in)), &out, req); err != nil {
		w.tb.Fatal(err)
	}
	return out.Bytes()
}

func (w *world) renew(in []byte) []byte {
	w.tb.Helper()
	return w.renewBy(w, in)
}

// either asks two worlds about a certificate.
type either [2]*padestest.World

func (e either) Revocation(ctx context.Context, cert, issuer *x509.Certificate) (sign.Revocation, error) {
	r, err := e[0].Revocation(ctx, cert, issuer)
	if err != nil {
		r, err = e[1].Revocation(ctx, cert, issuer)
	}
	return r, err
}

// renewBy has another authority stamp.
func (w *world) renewBy(other *world, in []byte) []byte {
	w.tb.Helper()
	var out bytes.Buffer
	r := sign.Renewal{TSA: other.TSA, Revocation: either{w.World, other.World}, Clock: w.Clock,
		Anchors: []*x509.Certificate{w.Root.Certificate, w.TSARoot.Certificate, other.TSARoot.Certificate}}
	if _, err := r.Renew(context.Background(), bytes.NewReader(in), int64(len(in)), &out); err != nil {
		w.tb.Fatal(err)
	}
	return out.Bytes()
}

func validate(tb testing.TB, b []byte, c pades.Config) *pades.Result {
	tb.Helper()
	start := time.Now()
	r, err := pades.Validate(context.Background(), bytes.NewReader(b), int64(len(b)), c)
	if err != nil {
		tb.Fatal(err)
	}
	if took := time.Since(start); took > 20*time.Second {
		tb.Errorf("took %v", took)
	}
	return r
}

// explain writes a result for the log of a failed test.
func explain(r *pades.Result) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s %s, coverage %s, changes %s, certified %d\n", r.Outcome, string(r.Reason), r.Coverage, r.Changes, r.Certified)
	checks := func(list []verifier.Check, indent string) {
		for _, c := range list {
			if c.Result != verifier.Pass {
				fmt.Fprintf(&s, "%s%s %s required=%t %s: %s\n", indent, c.ID, c.Result, c.Required, string(c.Reason), c.Detail)
			}
		}
	}
	checks(r.Checks, " ")
	for _, g := range r.Signatures {
		fmt.Fprintf(&s, " %s ts=%t %s %s %s level=%q rev=%d %s changes=%s proven=%s by %q\n", g.Field, g.Timestamp, g.Indication, g.SubIndication, string(g.Reason), g.Level, g.Revision, g.Coverage, g.Changes, g.Proven.Format(time.RFC3339), g.ProvenBy)
		checks(g.Checks, "   ")
		for _, c := range g.ChangeList {
			fmt.Fprintf(&s, "   change r%d %s %s %s p%d: %s\n", c.Revision, c.Level, string(c.Reason), c.Field, c.Page, c.Detail)
		}
	}
	for _, f := range r.Findings {
		fmt.Fprintf(&s, " finding %v %s: %s\n", f.Grade, f.Code, f.Message)
	}
	return s.String()
}

// update puts an incremental update on a file.
func update(tb testing.TB, in []byte, edit func(u *pdf.Update)) []byte {
	tb.Helper()
	return updateWith(tb, in, "", edit)
}

func updateWith(tb testing.TB, in []byte, password string, edit func(u *pdf.Update)) []byte {
	tb.Helper()
	doc, err := pdf.Open(bytes.NewReader(in), int64(len(in)), pdf.Options{Password: password})
	if err != nil {
		tb.Fatal(err)
	}
	u, err := doc.NewUpdate()
	if err != nil {
		tb.Fatal(err)
	}
	edit(u)
	tail, err := u.Prepare()
	if err != nil {
		tb.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := tail.WriteTo(&out); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}
