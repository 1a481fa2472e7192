package evidence_test

import (
	"testing"

	"github.com/chancery-dev/chancery"
	proofs "github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/verifier"
	"github.com/chancery-dev/chancery/verifier/evidence"
)

// TestMaterial: what a holder puts into the evidence, or an institution that is trusted for
// its own documents, vouches for nothing but itself.
func TestMaterial(t *testing.T) {
	w := newWorld(t)
	material := w.material(t)
	controller := material[0]
	endless, err := w.list.Credential(signer.StatusPublication{Issuer: issuer, ValidFrom: issued})
	if err != nil {
		t.Fatal(err)
	}
	old := proofs.NewMaterial("statusList", listURL, sign(t, w.vcKey, issuer+"#vc", endless))

	const revocations = "https://registry.example.edu/revoked"
	c, err := chancery.Draft{ID: "https://registry.example.edu/c/2", Issuer: issuer, ValidFrom: issued, Subject: map[string]any{"id": "did:example:holder", "name": "Aina Rahman"},
		Contexts: []string{"https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json", "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json"},
		Status:   []chancery.StatusEntry{{ID: revocations, Type: "1EdTechRevocationList"}}}.Build()
	if err != nil {
		t.Fatal(err)
	}
	listed := sign(t, w.vcKey, issuer+"#vc", c)
	unsigned := proofs.NewMaterial("statusList", revocations, []byte(`{"id":"`+revocations+`","issuer":"`+issuer+`","revokedCredential":[]}`))

	// A badge of Open Badges 2.0 that its issuer has never seen.
	const other = "https://other.example/"
	assertion := `{"@context":"https://w3id.org/openbadges/v2","type":"Assertion","id":"` + other + `a","recipient":{"type":"email","hashed":false,"identity":"a@example.org"},"issuedOn":"2026-01-01T00:00:00Z","badge":"` + other + `b","verification":{"type":"HostedBadge"}}`
	class := `{"@context":"https://w3id.org/openbadges/v2","type":"BadgeClass","id":"` + other + `b","name":"B","description":"D","image":"` + other + `i.png","criteria":{"narrative":"N"},"issuer":"` + other + `p"}`
	profile := `{"@context":"https://w3id.org/openbadges/v2","type":"Profile","id":"` + other + `p","name":"Other","url":"` + other + `","email":"o@example.org"}`
	badge := func(at, text string) proofs.Material { return proofs.NewMaterial("badge", other+at, []byte(text)) }

	for _, c := range []struct {
		name     string
		document []byte
		material []proofs.Material
		listed   bool
		want     verifier.Reason // of the document within
	}{
		{"a list that has an end", w.credential, material, true, ""},
		{"a list without one", w.credential, []proofs.Material{controller, old}, true, verifier.StatusListExpired},
		{"a list that nobody has signed", listed, []proofs.Material{controller, unsigned}, true, verifier.StatusUnreachable},
		{"documents of another one's badge", []byte(assertion), []proofs.Material{badge("a", assertion), badge("b", class), badge("p", profile)}, true, verifier.BadgePartsMissing},
	} {
		enc := w.bundle(t, bundlePlan{kind: "credential", document: c.document, inside: true, material: c.material, listed: c.listed})
		trust := trustFile(t, finalBlock(t, enc), "")
		trust.Issuers = append(trust.Issuers, verifier.TrustedIssuer{ID: other + "p"})
		r := judge(t, trust, &evidence.Handler{}, enc, verifier.Expect{})
		if len(r.Sub) != 1 || r.Sub[0].Report.Reason != c.want || (r.Outcome == verifier.Valid) != (c.want == "") {
			t.Errorf("%s: expected %q, found %s", c.name, string(c.want), describe(r))
		}
		// The documents are good enough where it is the auditor who has them.
		for _, m := range c.material {
			trust.Documents = append(trust.Documents, verifier.PinnedDocument{URL: m.URL, Kind: m.Kind, Document: m.Bytes})
		}
		if r := judge(t, trust, &evidence.Handler{}, enc, verifier.Expect{}); r.Outcome != verifier.Valid {
			t.Errorf("%s, pinned: %s", c.name, describe(r))
		}
	}
}
