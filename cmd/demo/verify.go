package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/evidence"
	"github.com/chancery-dev/chancery/verifier/pades"
)

// revoke revokes the last diploma and publishes the list.
func (t *tour) revoke() error {
	last := len(t.students) - 1
	if err := t.institution.status.Set(t.students[last].index, 1); err != nil {
		return err
	}
	credential, err := t.institution.status.Credential(signer.StatusPublication{
		Issuer: t.institution.did, ValidFrom: t.now, ValidUntil: t.now.AddDate(1, 0, 0),
	})
	if err != nil {
		return err
	}
	list, err := (&signer.DataIntegrity{Key: t.institution.key, Created: t.now}).Sign(t.ctx, credential)
	if err != nil {
		return err
	}
	// What carries the badge falls with it: pictures say so themselves, the page and the
	// evidence because the credential inside is invalid.
	number := fmt.Sprintf("-%d.", last+1)
	for i := range t.expected {
		e := &t.expected[i]
		if !strings.Contains(e.file, number) || e.outcome != "valid" {
			continue
		}
		e.outcome, e.reason = "invalid", string(verifier.CredentialRevoked)
		if strings.HasSuffix(e.file, ".pdf") || strings.HasSuffix(e.file, ".cbor") {
			e.reason = string(verifier.InnerInvalid)
		}
	}
	t.expect("status-list.json", "valid", "")
	return t.write("status-list.json", list.Bytes)
}

// tamper makes copies in which one thing is changed.
func (t *tour) tamper() error {
	first := t.students[0].badge.Bytes
	change := func(name, old, changed, reason string) error {
		if bytes.Count(first, []byte(old)) < 1 {
			return fmt.Errorf("%s: nothing to change", name)
		}
		t.expect(name, "invalid", reason)
		return t.write(name, bytes.Replace(first, []byte(old), []byte(changed), 1))
	}
	name := strictjson.Quote(t.students[0].name)
	if err := change("tampered-name.json", name, `"Somebody Else"`, string(verifier.SignatureInvalid)); err != nil {
		return err
	}
	if err := change("tampered-extra.json", `"name":"Bachelor of Science"`, `"name":"Bachelor of Science","honours":"summa cum laude"`, string(verifier.UndefinedTerm)); err != nil {
		return err
	}
	if err := change("tampered-proof.json", `"proofValue":"z`, `"proofValue":"zz`, string(verifier.ProofMalformed)); err != nil {
		return err
	}
	// A badge by someone else in the institution's name: a good signature, another key.
	forged, err := t.forge()
	if err != nil {
		return err
	}
	t.expect("forged-issuer.json", "invalid", string(verifier.IssuerMismatch))
	if err := t.write("forged-issuer.json", forged); err != nil {
		return err
	}
	// A picture whose badge was swapped for a tampered one.
	png, err := os.ReadFile(filepath.Join(t.dir, "diploma-1.png"))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	swapped := chancery.Secured{MediaType: chancery.MediaVC, Bytes: bytes.Replace(first, []byte(name), []byte(`"Somebody Else"`), 1)}
	if err := badge.Bake(&b, bytes.NewReader(png), swapped, badge.BakeOptions{Overwrite: true}); err != nil {
		return err
	}
	t.expect("tampered-badge.png", "invalid", string(verifier.SignatureInvalid))
	return t.write("tampered-badge.png", b.Bytes())
}

// forge signs a diploma that names the institution with a key that is not its own.
func (t *tour) forge() ([]byte, error) {
	private, err := signer.Generate(signer.Ed25519)
	if err != nil {
		return nil, err
	}
	key, err := signer.NewKey(private)
	if err != nil {
		return nil, err
	}
	// Package signer signs no credential for somebody else, but a second proof it adds: the
	// forger leaves out the first.
	added, err := (&signer.DataIntegrity{Key: key, Created: t.now}).Add(t.ctx, chancery.Secured{MediaType: chancery.MediaVC, Bytes: t.students[0].badge.Bytes})
	if err != nil {
		return nil, err
	}
	both, err := strictjson.Parse(added.Bytes, strictjson.Limits{})
	if err != nil {
		return nil, err
	}
	mine := both.Next(both.First(both.Get(0, "proof")))
	if mine == strictjson.None {
		return nil, errors.New("demo: expected a second proof")
	}
	return both.Rewrite(0, []strictjson.Member{{Name: "proof", Value: both.Raw(mine)}}), nil
}

// trust writes what an auditor needs: the institution's identifier and its status list.
func (t *tour) trust() error {
	list, err := os.ReadFile(filepath.Join(t.dir, "status-list.json"))
	if err != nil {
		return err
	}
	quote := strictjson.Quote
	v := jsontext.Value(`{"version":1,
		"issuers":[{"id":` + quote(t.institution.did) + `,"name":` + quote(university) + `}],
		"documents":[{"url":` + quote(statusURL) + `,"kind":"statusList","fetchedAt":` + quote(t.now.Format(time.RFC3339)) + `,"text":` + quote(string(list)) + `}],
		"roots":[` + quote(pemOf(t.seal.root)) + `],
		"tsaRoots":[` + quote(pemOf(t.seal.tsaRoot)) + `],
		"anchoring":{
			"chains":[{"chainId":` + fmt.Sprint(chainID) + `,"genesisHash":` + quote(fmt.Sprintf("0x%x", t.anchored.genesis)) + `,"senders":[` + quote(fmt.Sprintf("0x%x", t.anchored.sender)) + `]}],
			"checkpoints":[{"chainId":` + fmt.Sprint(chainID) + `,"number":` + fmt.Sprint(t.anchored.final.Number) + `,"hash":` + quote(fmt.Sprintf("0x%x", t.anchored.final.Hash)) + `}]}}`)
	if err := v.Indent(jsontext.WithIndent("  ")); err != nil {
		return err
	}
	return t.write("trust.json", append(v, '\n'))
}

func pemOf(cert *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
}

// verify judges every file as an auditor would, without a network, and compares with
// what was expected.
func (t *tour) verify() error {
	b, err := os.ReadFile(filepath.Join(t.dir, "trust.json"))
	if err != nil {
		return err
	}
	trust, err := verifier.ParseTrust(b)
	if err != nil {
		return err
	}
	config := verifier.Config{Trust: trust, Clock: func() time.Time { return t.now.Add(time.Minute) }}
	slices.SortStableFunc(t.expected, func(a, b expectation) int { return strings.Compare(a.file, b.file) })
	for _, e := range t.expected {
		if err := t.judge(config, e); err != nil {
			return err
		}
	}
	return nil
}

func (t *tour) judge(config verifier.Config, e expectation) error {
	b, err := os.ReadFile(filepath.Join(t.dir, e.file))
	if err != nil {
		return err
	}
	shown := e.file
	var document []byte
	if e.document != "" {
		if document, err = os.ReadFile(filepath.Join(t.dir, e.document)); err != nil {
			return err
		}
		shown += " " + e.document
	}
	config.Handlers = map[string]verifier.Handler{
		chancery.MediaPDF:      pades.Handler{},
		chancery.MediaEvidence: &evidence.Handler{Document: document},
	}
	v, err := verifier.New(config)
	if err != nil {
		return err
	}
	s, err := chancery.Detect(b)
	if err != nil {
		return fmt.Errorf("%s: %w", e.file, err)
	}
	start := time.Now()
	_, err = v.Verify(t.ctx, s)
	took := time.Since(start).Round(10 * time.Microsecond)
	outcome, reason, text := "valid", "", "not revoked, by "+university
	switch {
	case strings.HasSuffix(e.file, ".pdf"):
		text = "sealed by " + university + ", badge inside not revoked"
	case strings.HasSuffix(e.file, ".cbor"):
		text = "in the batch, on the chain, final, timestamped"
	}
	var bad *verifier.Error
	if errors.As(err, &bad) {
		outcome, reason, text = bad.Report.Outcome.String(), string(bad.Reason), bad.Reason.Text()
	}
	if e.file == "status-list.json" && err == nil {
		text = "the list itself, by " + university
	}
	look := map[string][2]string{"valid": {"✓", "32"}, "invalid": {"✗", "31"}, "indeterminate": {"?", "33"}}[outcome]
	t.say("  %s %-34s %s %s", t.paint(look[1], look[0]+" "+fmt.Sprintf("%-13s", outcome)), shown, text, t.paint("2", took.String()))
	if outcome != e.outcome || e.reason != "" && reason != e.reason {
		t.failed++
		t.say("    %s", t.paint("31", fmt.Sprintf("expected %s %s, found %s %s", e.outcome, e.reason, outcome, reason)))
	}
	return nil
}
