package verifier_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/multikey"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/testvectors"
	"github.com/chancery-dev/chancery/verifier"
)

var conformanceFile = flag.String("conformance", "", "write the section on documents by others for docs/conformance.md to this file")

// outsideClock is when the documents by others were judged.
var outsideClock = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

// explained says, for each document by others on which this verifier disagrees with
// its recorded verdict, why. A test fails for a disagreement that is not here, and for
// a line that explains nothing.
var explained = map[string]string{
	"dcc/v?/*/did*/*Sta*":                  "the status list is not by the credential's issuer, and nobody says that its issuer may keep it: what it says is not believed",
	"dcc/v2/ed25519/didWeb/badDidWeb.json": "a did:web that cannot be resolved is an outage, not a bad signature: indeterminate",
	"dcc/v2/dataIntegrityProof/didKey/oidf-noStatus-notExpired-notYetValid.json": "no verdict is recorded upstream; validFrom is in 2099",
	"1edtech/ob30/simple-multiple-proofs.json":                                   "one of two proofs is of an unknown type: in this profile any good proof of the issuer suffices, and the other is reported",
	"1edtech/ob30/velocity.jwt":                                                  "signed under a DID method that is not known here and whose document is not at hand: indeterminate, never valid",
	"1edtech/ob30/simple-err-proof-method.json":                                  "the method is a URL without a key in it, which has to be fetched: indeterminate offline, never valid",
	"1edtech/ob30/complete.json":                                                 "the revocation list is not among the files provided, so the status is unknown; the inline schema is judged by our own",
	"1edtech/ob30/bit-string-list/credential-status-revoked-blank-nodes.json":    "the address of its status list serves no file among those provided: the status is unknown, never valid",
	"1edtech/clr20/simple_v1.json":                                               "its verification method is no URL, so no key can be found; upstream warns",
	"1edtech/ob20/basic-assertion.json":                                          "its badge class is not among the files provided: indeterminate",
	"1edtech/ob20/simple-badge.png":                                              "its badge class is not among the files provided: indeterminate",
	"1edtech/ob20/basic-assertion-no-public-key.json":                            "its badge class is not among the files provided: indeterminate",
	"1edtech/ob20/basic-assertion-with-allowed-origins.json":                     "its badge class is not among the files provided: indeterminate",
	"1edtech/ob20/assertion-with-extension-node-basic.json":                      "its badge class is not among the files provided: indeterminate",
	"1edtech/ob20/assertion-with-multiple-extensions.json":                       "its badge class is not among the files provided: indeterminate",
	"1edtech/ob20/assertion-with-extension-node-invalid.json":                    "its badge class is not among the files provided: indeterminate, never valid",
	"1edtech/ob20/basic-assertion-expired.json":                                  "its badge class is not among the files provided: indeterminate, never valid",
	"1edtech/ob20/simple-not-revoked.jwt":                                        "the issuer's profile is not among the files provided: indeterminate",
	"1edtech/ob20/simple-revoked.jwt":                                            "its badge class is not among the files provided: indeterminate, never valid",
	"1edtech/ob20/assets/badgeclass1.json":                                       "a badge class is no assertion: there is nothing in it to be verified",
	"1edtech/ob20/assets/badge-with-data-image.json":                             "a badge class is no assertion: there is nothing in it to be verified",
	"1edtech/ob20/warning-with-redirection.json":                                 "the document at the address has another id: redirects are not followed, and an id must be its address",
}

func explanation(file string, used map[string]bool) string {
	if text, ok := explained[file]; ok {
		used[file] = true
		return text
	}
	for pattern, text := range explained {
		if ok, err := path.Match(pattern, file); err == nil && ok {
			used[pattern] = true
			return text
		}
	}
	return ""
}

func readTable(tb testing.TB, elem ...string) [][]string {
	tb.Helper()
	text := string(testvectors.ReadShared(tb, elem...))
	var rows [][]string
	for _, line := range strings.Split(strings.TrimSpace(text), "\n")[1:] {
		rows = append(rows, strings.Split(line, "\t"))
	}
	return rows
}

// verdict is one row of the table of agreement.
type verdict struct {
	file, theirs string
	report       *verifier.Report
	agree        bool
}

// TestByOthers compares our verdicts with those recorded for documents by others.
func TestByOthers(t *testing.T) {
	rows := append(dccVerdicts(t), edtechVerdicts(t)...)
	used := map[string]bool{}
	var out strings.Builder
	agreed := 0
	out.WriteString("| document | recorded | ours | |\n|---|---|---|---|\n")
	for _, v := range rows {
		note := "agrees"
		if v.agree {
			agreed++
		} else if note = explanation(v.file, used); note == "" {
			t.Errorf("%s: recorded %s, not explained:\n%s", v.file, v.theirs, explain(v.report))
		}
		ours := v.report.Outcome.String()
		if v.report.Reason != "" {
			ours += " `" + string(v.report.Reason) + "`"
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s |\n", v.file, strings.ReplaceAll(v.theirs, "|", "/"), ours, note)
	}
	for pattern := range explained {
		if !used[pattern] {
			t.Errorf("%s: explains no disagreement", pattern)
		}
	}
	summary := fmt.Sprintf("%d documents by others: %d agree, %d differ and are explained, 0 unexplained.\n\n", len(rows), agreed, len(rows)-agreed)
	t.Log(summary + out.String())
	if *conformanceFile != "" {
		if err := os.WriteFile(*conformanceFile, []byte("## Badges by others\n\n"+summary+out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// dccVerdicts judges the fixtures of the Digital Credentials Consortium, with their
// DID documents and status lists pinned, and compares signature, expiry and
// revocation one by one.
func dccVerdicts(t *testing.T) []verdict {
	root := testvectors.Shared(t, "badges")
	trust := verifier.TrustAny()
	file := func(kind, url string, elem ...string) {
		trust.Documents = append(trust.Documents, pin(kind, url, string(testvectors.ReadShared(t, append([]string{"badges", "dcc-fixtures"}, elem...)...))))
	}
	for _, name := range []string{"oidf", "legacy"} {
		file(verifier.KindController, "did:web:digitalcredentials.github.io:vc-test-fixtures:dids:"+name, "dids", name, "did.json")
	}
	for _, name := range []string{"e5WK8CbZ1GjycuPombrj", "tampered", "expired", "notYetValid"} {
		file(verifier.KindStatusList, "https://digitalcredentials.github.io/vc-test-fixtures/statusLists/didkey-ed25519Signature2020/"+name, "statusLists", "didkey-ed25519Signature2020", name)
	}
	file(verifier.KindStatusList, "https://raw.githubusercontent.com/digitalcredentials/verifier-core/refs/heads/main/src/test-fixtures/status/e5WK8CbZ1GjycuPombrj", "status-verifier-core", "e5WK8CbZ1GjycuPombrj")
	v, err := verifier.New(verifier.Config{Trust: trust, Clock: clockAt(outsideClock)})
	if err != nil {
		t.Fatal(err)
	}
	var out []verdict
	for _, row := range readTable(t, "badges", "dcc-verdicts.tsv") {
		b, err := os.ReadFile(filepath.Join(root, row[0]))
		if err != nil {
			t.Fatal(err)
		}
		r := judge(t, v, chancery.Secured{Bytes: b})
		name := "dcc/" + strings.TrimPrefix(row[0], "dcc-fixtures/verifiableCredentials/")
		out = append(out, verdict{name, row[1], r, sameParts(r, row[1])})
	}
	return out
}

// sameParts compares the parts of a verdict by verifier-core with our checks.
func sameParts(r *verifier.Report, theirs string) bool {
	result := func(id string) verifier.Result { c, _ := r.Check(id); return c.Result }
	same := func(word, id string) bool {
		switch {
		case strings.Contains(theirs, word+":true"):
			return result(id) == verifier.Pass
		case strings.Contains(theirs, word+":false"):
			return result(id) == verifier.Fail
		case strings.Contains(theirs, word+":ERR"):
			return result(id) == verifier.Undecided
		}
		return true
	}
	if strings.Contains(theirs, "FATAL") || theirs == "" {
		return result(verifier.CheckSignature) == verifier.Fail
	}
	return same("valid_signature", verifier.CheckSignature) && same("expiration", verifier.CheckValidity) && same("revocation_status", verifier.CheckStatus)
}

// edtechVerdicts judges the samples of 1EdTech's validator under the profile 1edtech,
// with the keys that the samples carry pinned for their issuers: that validator takes
// them as they are, which here nobody's word but an auditor's can make good.
func edtechVerdicts(t *testing.T) []verdict {
	root := testvectors.Shared(t, "badges", "1edtech-validator")
	trust := verifier.TrustAny()
	assets, err := filepath.Glob(filepath.Join(root, "ob20", "assets", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range assets {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, base := range []string{"https://example.org/", "http://example.org/"} {
			trust.Documents = append(trust.Documents, pin(verifier.KindBadge, base+filepath.Base(f), string(b)))
		}
	}
	rows := readTable(t, "badges", "1edtech-verdicts.tsv")
	texts := make([][]byte, len(rows))
	keys := map[string][]verifier.TrustedKey{}
	for i, row := range rows {
		if texts[i], err = os.ReadFile(filepath.Join(root, row[1])); err != nil {
			t.Fatal(err)
		}
		carriedKeys(texts[i], keys)
	}
	for issuer, list := range keys {
		trust.Issuers = append(trust.Issuers, verifier.TrustedIssuer{ID: issuer, Keys: list})
	}
	v, err := verifier.New(verifier.Config{Trust: trust, Clock: clockAt(outsideClock), Policy: verifier.Policy{Profile: verifier.Profile1EdTech}})
	if err != nil {
		t.Fatal(err)
	}
	var out []verdict
	for i, row := range rows {
		if row[2] == "DISABLED " {
			continue
		}
		r := judge(t, v, chancery.Secured{Bytes: texts[i]})
		good := strings.HasPrefix(row[2], "Valid") || strings.HasPrefix(row[2], "Warning")
		agree := good && r.Outcome == verifier.Valid || !good && r.Outcome == verifier.Invalid
		out = append(out, verdict{"1edtech/" + row[1], strings.TrimSpace(row[2]), r, agree})
	}
	return out
}

// carriedKeys collects the keys that a sample names in its methods or JWT header, by
// issuer: an auditor's statement for the purpose of this comparison.
func carriedKeys(text []byte, to map[string][]verifier.TrustedKey) {
	s := chancery.Secured{Bytes: text}
	if baked, err := badge.Unbake(bytes.NewReader(text)); err == nil {
		s = baked.Payload
	}
	add := func(issuer string, key any) {
		for _, k := range to[issuer] {
			if multikey.Equal(k.Key, key) {
				return
			}
		}
		to[issuer] = append(to[issuer], verifier.TrustedKey{Key: key})
	}
	if jws, err := proof.ParseJWS(bytes.TrimSpace(s.Bytes)); err == nil {
		k, err := multikey.ParsePublicJWK(jws.Header, jws.JWK)
		claims, err2 := proof.ReadClaims(proof.TokenJWT, jws.Payload)
		if err == nil && err2 == nil {
			add(claims.Issuer, k.Key)
		}
		return
	}
	c, err := chancery.Parse(s.Bytes)
	if err != nil {
		return
	}
	doc := c.Document()
	doc.Each(doc.Get(0, "proof"), func(n strictjson.Node) bool {
		_, fragment, _ := strings.Cut(doc.String(doc.Get(n, "verificationMethod")), "#")
		if key, err := multikey.Parse(fragment); err == nil && strings.HasPrefix(c.Issuer(), "https:") {
			add(c.Issuer(), key)
		}
		return true
	})
}
