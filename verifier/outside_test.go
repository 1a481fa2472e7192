package verifier_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/testvectors"
	"github.com/chancery-dev/chancery/verifier"
)

// outsideClock is when the documents by others were judged.
var outsideClock = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

func readTable(tb testing.TB, elem ...string) [][]string {
	tb.Helper()
	text := string(testvectors.ReadShared(tb, elem...))
	var rows [][]string
	for _, line := range strings.Split(strings.TrimSpace(text), "\n")[1:] {
		rows = append(rows, strings.Split(line, "\t"))
	}
	return rows
}

func TestDCC(t *testing.T) {
	root := testvectors.Shared(t, "badges")
	trust := verifier.TrustAny()
	for _, name := range []string{"oidf", "legacy"} {
		b, err := os.ReadFile(filepath.Join(root, "dcc-fixtures", "dids", name, "did.json"))
		if err != nil {
			t.Fatal(err)
		}
		trust.Documents = append(trust.Documents, verifier.PinnedDocument{URL: "did:web:digitalcredentials.github.io:vc-test-fixtures:dids:" + name, Kind: verifier.KindController, Document: b})
	}
	v, err := verifier.New(verifier.Config{Trust: trust, Clock: clockAt(outsideClock)})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range readTable(t, "badges", "dcc-verdicts.tsv") {
		b, err := os.ReadFile(filepath.Join(root, row[0]))
		if err != nil {
			t.Fatal(err)
		}
		r := judge(t, v, chancery.Secured{Bytes: b})
		fmt.Println(strings.TrimPrefix(row[0], "dcc-fixtures/verifiableCredentials/"), "|", row[1], "|", r.Outcome, r.Reason)
		for _, c := range r.Checks {
			if c.Result != verifier.Pass && c.Required {
				fmt.Println("     ", c.ID, c.Reason, c.Detail)
			}
		}
	}
}
