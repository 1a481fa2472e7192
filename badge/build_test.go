package badge

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery"
)

// TestDraftRoundTrip: what a draft says is what is read from it, for every field.
func TestDraftRoundTrip(t *testing.T) {
	full := richDraft()
	full.Description, full.Image, full.AwardedDate = "d", "https://example.edu/b.png", "2026-01-01T00:00:00Z"
	full.Issuer.Email, full.Subject.Identifiers = "a@example.edu", append(full.Subject.Identifiers, Identifier{Type: "name", Value: "A. B."})
	full.Achievements[0].CriteriaID, full.Achievements[0].Image, full.Achievements[0].HumanCode = "https://example.edu/c", "data:image/png;base64,AA==", "X1"
	full.Achievements[0].Creator = Party{ID: "https://example.edu/faculty", Name: "Faculty"}
	for name, d := range map[string]Draft{
		"rich":        richDraft(),
		"full":        full,
		"minimal":     {View: View{Kind: OB3Achievement, Subject: Party{ID: "did:example:1"}, Achievements: []Achievement{{ID: "urn:a:1", Name: "A", Description: "A", CriteriaNarrative: "A"}}}},
		"endorsement": {View: View{Kind: OB3Endorsement, Name: "E", Subject: Party{ID: "urn:a:1"}, Comment: "Good.", Issuer: Party{ID: "urn:i:1"}}},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := d.JSON()
			if err != nil {
				t.Fatal(err)
			}
			if again, err := d.JSON(); err != nil || string(again) != string(b) {
				t.Error("two writings differ")
			}
			if got := Read(parse(t, string(b)), 0); !reflect.DeepEqual(got, d.View) {
				t.Errorf("expected %+v\nfound %+v", d.View, got)
			}
			if fs, err := ValidateBadge(parse(t, edit(t, edit(t, edit(t, string(b), "/id", `"urn:x:1"`), "/issuer", `"urn:x:2"`), "/validFrom", `"2026-01-01T00:00:00Z"`)), 0, Canonical); err != nil || len(fs) > 0 {
				t.Errorf("the schema finds %v, %v", fs, err)
			}
		})
	}
}

func TestDraftCLR(t *testing.T) {
	inner := richJSON(t)
	d := Draft{View: View{Kind: CLR, ID: "urn:clr:1", Name: "Transcript", Partial: true, Issuer: Party{ID: "urn:i:1"}, ValidFrom: "2026-01-01T00:00:00Z",
		Subject:      Party{ID: "did:example:1"},
		Achievements: []Achievement{{ID: "urn:a:2", Name: "B", Description: "B", CriteriaNarrative: "B"}},
		Associations: []Association{{"isChildOf", "https://example.edu/a/1", "urn:a:2"}}},
		Credentials: []chancery.Secured{secured(inner), secured(jwsOf(inner))}}
	b, err := d.JSON()
	if err != nil {
		t.Fatal(err)
	}
	doc := parse(t, string(b))
	if got := Check(doc, Strict); len(got) > 0 {
		t.Errorf("found %v", got)
	}
	if got := Read(doc, 0); !reflect.DeepEqual(got, d.View) {
		t.Errorf("found %+v", got)
	}
	if fs, err := ValidateBadge(doc, 0, Canonical); err != nil || len(fs) > 0 {
		t.Errorf("the schema finds %v, %v", fs, err)
	}
	in, err := Inner(doc, 0)
	if err != nil || len(in) != 2 || string(in[0].Secured.Bytes) != inner || string(in[1].Secured.Bytes) != jwsOf(inner) ||
		in[0].Pointer != "/credentialSubject/verifiableCredential/0" || in[1].Secured.MediaType != chancery.MediaVCJWT {
		t.Errorf("found %v, %v", in, err)
	}
	bad := edit(t, string(b), "/credentialSubject/verifiableCredential/1/id", `"https://example.org/"`)
	if _, err := Inner(parse(t, bad), 0); err == nil {
		t.Error("unwrapped what is no data: URL")
	}
}

func TestDraftRefuses(t *testing.T) {
	for name, change := range map[string]func(*Draft){
		"kind":                func(d *Draft) { d.Kind = OB2Assertion },
		"no kind":             func(d *Draft) { d.Kind = "" },
		"no achievement":      func(d *Draft) { d.Achievements = nil },
		"two achievements":    func(d *Draft) { d.Achievements = append(d.Achievements, d.Achievements...) },
		"nobody":              func(d *Draft) { d.Subject = Party{} },
		"relative id":         func(d *Draft) { d.ID = "1" },
		"no name":             func(d *Draft) { d.Achievements[0].Name = "" },
		"achievement type":    func(d *Draft) { d.Achievements[0].Type = "Program" },
		"date":                func(d *Draft) { d.ValidFrom = "2026-01-01" },
		"period":              func(d *Draft) { d.ValidUntil = "2020-01-01T00:00:00Z" },
		"unknown description": func(d *Draft) { d.Results[0].Description = "urn:x:1" },
		"value":               func(d *Draft) { d.Results[0].Value = "Z" },
		"level":               func(d *Draft) { d.Results[3].AchievedLevel = "urn:x:1" },
		"identity":            func(d *Draft) { d.Subject.Identifiers[0].Type = "email" },
		"endorsement":         func(d *Draft) { d.Endorsements = []chancery.Secured{secured(`{"type":"X"}`)} },
		"endorsement JSON":    func(d *Draft) { d.Endorsements = []chancery.Secured{secured(`{`)} },
		"CLR of nothing":      func(d *Draft) { d.Kind, d.Results = CLR, nil },
		"CLR of no JSON":      func(d *Draft) { d.Kind, d.Credentials = CLR, []chancery.Secured{secured("{}")} },
		"CLR of no JWS":       func(d *Draft) { d.Kind, d.Credentials = CLR, []chancery.Secured{secured("eyJ.x")} },
		"endorsement no name": func(d *Draft) { *d = Draft{View: View{Kind: OB3Endorsement, Subject: Party{ID: "urn:a:1"}}} },
	} {
		d := richDraft()
		change(&d)
		if b, err := d.JSON(); err == nil || b != nil {
			t.Errorf("%s: written", name)
		} else if !strings.HasPrefix(err.Error(), "badge:") && !strings.HasPrefix(err.Error(), "strictjson:") {
			t.Errorf("%s: %v", name, err)
		}
	}
	d := richDraft()
	d.ID = "1"
	var de *DraftError
	if _, err := d.JSON(); !errors.As(err, &de) || codes(de.Findings) != "error id_not_absolute" {
		t.Errorf("found %v", err)
	}
}

func TestEndorsements(t *testing.T) {
	const e = `{"type":["VerifiableCredential","EndorsementCredential"],"issuer":{"endorsement":[{"id":"hidden"}]}}`
	doc := parse(t, `{"type":["VerifiableCredential","OpenBadgeCredential"],"endorsement":`+e+`,"endorsementJwt":["a.b.c"],
		"issuer":{"endorsement":[`+e+`],"parentOrg":{"endorsementJwt":"d.e.f"}},
		"credentialSubject":{"achievement":{"endorsement":[`+e+`,`+e+`]},"verifiableCredential":[{"endorsement":[`+e+`]}]},"proof":{"endorsement":[`+e+`]}}`)
	var got []string
	all, err := Endorsements(doc, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range all {
		got = append(got, in.Pointer+" "+in.Secured.MediaType)
		if in.Secured.MediaType == chancery.MediaVC && string(in.Secured.Bytes) != e {
			t.Errorf("found %s", in.Secured.Bytes)
		}
	}
	want := []string{
		"/endorsement application/vc", "/endorsementJwt/0 application/jwt", "/issuer/endorsement/0 application/vc", "/issuer/parentOrg/endorsementJwt application/jwt",
		"/credentialSubject/achievement/endorsement/0 application/vc", "/credentialSubject/achievement/endorsement/1 application/vc",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("found %q", got)
	}
}

func TestReadLenient(t *testing.T) {
	v := Read(parse(t, `{"type":"OpenBadgeCredential","name":{"de":"Urkunde","en":"Diploma"},"description":{"de":"x"},"image":"https://example.org/i.png","issuer":"urn:i:1","issuanceDate":"2026-01-01T00:00:00Z","credentialSubject":{"achievement":{"tag":"t"}}}`), 0)
	if v.Name != "Diploma" || v.Description != "x" || v.Image != "https://example.org/i.png" || v.Issuer.ID != "urn:i:1" || v.ValidFrom == "" || len(v.Achievements) != 1 || v.Achievements[0].Tags[0] != "t" {
		t.Errorf("found %+v", v)
	}
}
