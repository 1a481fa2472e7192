package main

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"encoding/csv"
	"fmt"
	"strings"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/signer"
)

//go:embed class.csv
var classCSV string

const (
	university = "Universität Grünau"
	statusURL  = "https://gruenau.example/status/1"
)

// institution is who issues.
type institution struct {
	key    signer.Key
	did    string
	status *signer.StatusList
}

// student is one row of class.csv and what was issued to it.
type student struct {
	name, email, thesis, grade string
	id                         string
	index                      int // in the status list
	badge                      chancery.Secured
	pdf                        []byte // the sealed page
}

// expectation is a file and the verdict it must get; document is what an evidence file
// is judged with.
type expectation struct {
	file, document, outcome, reason string
}

func (t *tour) expect(file, outcome, reason string) { t.expectWith(file, "", outcome, reason) }

func (t *tour) expectWith(file, document, outcome, reason string) {
	t.expected = append(t.expected, expectation{file, document, outcome, reason})
}

// found makes the institution's key and its status list.
func (t *tour) found() error {
	private, err := signer.Generate(signer.Ed25519)
	if err != nil {
		return err
	}
	in := &t.institution
	if in.key, err = signer.NewKey(private); err != nil {
		return err
	}
	if in.did, _, err = signer.Identifier(private.Public()); err != nil {
		return err
	}
	in.status, err = signer.NewStatusList(signer.StatusConfig{ID: statusURL, Purpose: "revocation"})
	return err
}

// issue signs a diploma for every row of the class.
func (t *tour) issue() error {
	rows, err := csv.NewReader(strings.NewReader(classCSV)).ReadAll()
	if err != nil {
		return err
	}
	sign := &signer.DataIntegrity{Key: t.institution.key, Created: t.now}
	for i, row := range rows[1:] {
		s := student{name: row[0], email: row[1], thesis: row[2], grade: row[3], id: fmt.Sprintf("https://gruenau.example/students/2026-%d", i+1)}
		credential, err := t.diploma(&s)
		if err != nil {
			return fmt.Errorf("row %d: %w", i+1, err)
		}
		if s.badge, err = sign.Sign(t.ctx, credential); err != nil {
			return fmt.Errorf("row %d: %w", i+1, err)
		}
		t.students = append(t.students, s)
		name := fmt.Sprintf("diploma-%d.json", i+1)
		if err := t.write(name, s.badge.Bytes); err != nil {
			return err
		}
		t.expect(name, "valid", "")
	}
	first, err := t.diploma(&t.students[0])
	if err != nil {
		return err
	}
	jwt, err := (&signer.JOSE{Key: t.institution.key, Kind: signer.OpenBadgeJWT}).Sign(t.ctx, first)
	if err != nil {
		return err
	}
	t.expect("diploma-1.jwt", "valid", "")
	return t.write("diploma-1.jwt", jwt.Bytes)
}

// diploma makes the credential of a student, with an entry in the status list.
func (t *tour) diploma(s *student) (*chancery.Credential, error) {
	const salt = "Grünau 2026"
	draft := badge.Draft{View: badge.View{
		Kind:   badge.OB3Achievement,
		Name:   "Bachelor of Science",
		Issuer: badge.Party{ID: t.institution.did, Name: university, URL: "https://gruenau.example/"},
		Subject: badge.Party{
			ID: s.id,
			Identifiers: []badge.Identifier{
				{Type: "name", Value: s.name},
				{Type: "emailAddress", Value: badge.HashIdentity(s.email, salt), Salt: salt, Hashed: true},
			},
		},
		Achievements: []badge.Achievement{{
			ID: "https://gruenau.example/achievements/bsc", Type: "BachelorDegree", Name: "Bachelor of Science",
			Description:       "A first degree in the natural sciences.",
			CriteriaNarrative: "180 credits and a thesis.", HumanCode: "BSC", Credits: 180,
			ResultDescriptions: []badge.ResultDescription{{
				ID: "https://gruenau.example/achievements/bsc#grade", Name: "Thesis", Type: "LetterGrade", AllowedValues: []string{"A", "B", "C"}, RequiredValue: "C",
			}},
		}},
		Results:     []badge.Result{{Description: "https://gruenau.example/achievements/bsc#grade", Value: s.grade}},
		Evidence:    []badge.Evidence{{Name: "Thesis", Narrative: s.thesis}},
		AwardedDate: t.now.Format(time.RFC3339),
	}}
	text, err := draft.JSON()
	if err != nil {
		return nil, err
	}
	if s.index, err = t.institution.status.Allocate(); err != nil {
		return nil, err
	}
	entry, err := t.institution.status.EntryText(s.index)
	if err != nil {
		return nil, err
	}
	doc, err := strictjson.Parse(text, strictjson.Limits{})
	if err != nil {
		return nil, err
	}
	text = doc.Rewrite(0, []strictjson.Member{{Name: "credentialStatus", Value: string(entry)}})
	return chancery.FillDraft(text, chancery.Defaults{Issuer: t.institution.did, ValidFrom: t.now, Random: rand.Reader})
}

// bake puts each badge into a picture that is drawn here.
func (t *tour) bake() error {
	png, err := sealPNG()
	if err != nil {
		return err
	}
	for i, s := range t.students {
		for ext, image := range map[string][]byte{"png": png, "svg": []byte(sealSVG)} {
			var b bytes.Buffer
			if err := badge.Bake(&b, bytes.NewReader(image), s.badge, badge.BakeOptions{}); err != nil {
				return err
			}
			name := fmt.Sprintf("diploma-%d.%s", i+1, ext)
			if err := t.write(name, b.Bytes()); err != nil {
				return err
			}
			t.expect(name, "valid", "")
		}
	}
	return nil
}
