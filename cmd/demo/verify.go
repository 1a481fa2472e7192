package main

import (
	"bytes"
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
	number := fmt.Sprintf("diploma-%d.", last+1)
	for i := range t.expected {
		if strings.HasPrefix(t.expected[i].file, number) {
			t.expected[i].outcome, t.expected[i].reason = "invalid", string(verifier.CredentialRevoked)
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
	doc, err := strictjson.Parse(t.students[0].badge.Bytes, strictjson.Limits{})
	if err != nil {
		return nil, err
	}
	credential, err := chancery.Parse(doc.Rewrite(0, nil, "proof"))
	if err != nil {
		return nil, err
	}
	secured, err := (&signer.DataIntegrity{Key: key, Created: t.now}).Sign(t.ctx, credential)
	return secured.Bytes, err
}

// trust writes what an auditor needs: the institution's identifier and its status list.
func (t *tour) trust() error {
	list, err := os.ReadFile(filepath.Join(t.dir, "status-list.json"))
	if err != nil {
		return err
	}
	v := jsontext.Value(`{"version":1,"issuers":[{"id":` + strictjson.Quote(t.institution.did) + `,"name":` + strictjson.Quote(university) + `}],"documents":[{"url":` +
		strictjson.Quote(statusURL) + `,"kind":"statusList","fetchedAt":` + strictjson.Quote(t.now.Format(time.RFC3339)) + `,"text":` + strictjson.Quote(string(list)) + `}]}`)
	if err := v.Indent(jsontext.WithIndent("  ")); err != nil {
		return err
	}
	return t.write("trust.json", append(v, '\n'))
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
	v, err := verifier.New(verifier.Config{Trust: trust, Clock: func() time.Time { return t.now.Add(time.Minute) }})
	if err != nil {
		return err
	}
	slices.SortStableFunc(t.expected, func(a, b expectation) int { return strings.Compare(a.file, b.file) })
	for _, e := range t.expected {
		if err := t.judge(v, e); err != nil {
			return err
		}
	}
	return nil
}

func (t *tour) judge(v *verifier.Verifier, e expectation) error {
	b, err := os.ReadFile(filepath.Join(t.dir, e.file))
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
	var bad *verifier.Error
	if errors.As(err, &bad) {
		outcome, reason, text = bad.Report.Outcome.String(), string(bad.Reason), bad.Reason.Text()
	}
	if e.file == "status-list.json" && err == nil {
		text = "the list itself, by " + university
	}
	look := map[string][2]string{"valid": {"✓", "32"}, "invalid": {"✗", "31"}, "indeterminate": {"?", "33"}}[outcome]
	t.say("  %s %-22s %s %s", t.paint(look[1], look[0]+" "+fmt.Sprintf("%-13s", outcome)), e.file, text, t.paint("2", took.String()))
	if outcome != e.outcome || reason != e.reason {
		t.failed++
		t.say("    %s", t.paint("31", fmt.Sprintf("expected %s %s, found %s %s", e.outcome, e.reason, outcome, reason)))
	}
	return nil
}
