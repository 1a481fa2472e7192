package service_test

import (
	"slices"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/verifier"
)

// rounds interleaves two operations and reports the median of how many times the first
// takes as long as the second.
func rounds(b *testing.B, limit float64, ours, raw func()) {
	const n, each = 11, 60
	var ratios []float64
	var ourTime time.Duration
	for b.Loop() {
		ratios, ourTime = ratios[:0], 0
		for range n {
			start := time.Now()
			for range each {
				raw()
			}
			middle := time.Now()
			for range each {
				ours()
			}
			took := time.Since(middle)
			ourTime += took
			ratios = append(ratios, float64(took)/float64(middle.Sub(start)))
		}
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[n/2], "x_raw")
	b.ReportMetric(limit, "x_limit")
	b.ReportMetric(float64(n*each)/ourTime.Seconds(), "per_s")
}

// BenchmarkTargetIssue compares an issue, checked, signed and stored in memory, with the
// signature alone.
func BenchmarkTargetIssue(b *testing.B) {
	w := newWorld(b)
	c := w.school("north")
	got := w.issue(c)
	doc, err := strictjson.Parse(w.file(c, got.ID, "vc"), strictjson.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	text := doc.Rewrite(0, nil, "proof")
	private, err := signer.Generate(signer.Ed25519)
	if err != nil {
		b.Fatal(err)
	}
	key, err := signer.NewKey(private)
	if err != nil {
		b.Fatal(err)
	}
	sign := &signer.DataIntegrity{Key: key, Created: w.clock()}
	rounds(b, 2.5, func() { w.issue(c) }, func() {
		credential, err := chancery.Parse(text)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := sign.Sign(w.ctx, credential); err != nil {
			b.Fatal(err)
		}
	})
}

// pinned is a verifier with what the service knows, pinned in a trust file.
func pinned(b *testing.B, w *world, c service.Caller, vc []byte) *verifier.Verifier {
	issuer := must(w.s.ListIssuers(w.ctx, c, service.Page{}))(b).Items[0]
	list := must(chancery.Parse(vc))(b).Status()[0].ListCredential
	published, _, err := w.s.StatusList(w.ctx, list[len(base+"/status/"):])
	if err != nil {
		b.Fatal(err)
	}
	return must(verifier.New(verifier.Config{Clock: w.clock, Trust: &verifier.Trust{
		Issuers: []verifier.TrustedIssuer{{ID: issuer.DID, Name: issuer.Name}},
		Documents: []verifier.PinnedDocument{
			{URL: issuer.DID, Kind: verifier.KindController, Document: must(w.s.DIDDocument(w.ctx, "i/"+issuer.ID))(b).Bytes},
			{URL: list, Kind: verifier.KindStatusList, Document: published.Bytes, FetchedAt: w.clock()},
		},
	}}))(b)
}

// BenchmarkTargetVerify compares the verdict on an upload with verifier.Verify on the same
// document, with all documents pinned.
func BenchmarkTargetVerify(b *testing.B) {
	w := newWorld(b)
	c := w.school("north")
	vc := w.file(c, w.issue(c).ID, "vc")
	v := pinned(b, w, c, vc)
	upload := []service.Upload{{Bytes: vc}}
	rounds(b, 1.25, func() {
		verdict, err := w.s.VerifyFiles(w.ctx, upload, "api")
		if err != nil || verdict.Report.Outcome != verifier.Valid {
			b.Fatal(err, verdict.Report.Reason)
		}
	}, func() {
		if _, err := v.Verify(w.ctx, chancery.Secured{MediaType: chancery.MediaVC, Bytes: vc}); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkVerifyID is the verdict on a stored credential.
func BenchmarkVerifyID(b *testing.B) {
	w := newWorld(b)
	c := w.school("north")
	got := w.issue(c)
	for b.Loop() {
		w.verifyID(got.PublicID)
	}
}
