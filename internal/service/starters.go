package service

import "time"

// starters are the types that ship with the engine: CreateType copies them.
func starters() []Type {
	year := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	base := func(key, name, kind string) Type {
		return Type{
			ID: key, Key: key, Version: 1, Starter: true, Active: true, DisplayName: name, Kind: kind,
			Fields: []Field{}, Outputs: []string{"vc", "pdf"}, CreatedAt: year, UpdatedAt: year,
		}
	}
	classic := base("starter/classic", "Certificate of completion", "certificate")
	classic.Outputs = []string{"vc", "pdf", "badge"}
	classic.Layout = &Layout{Name: "certificate", Size: "A4-landscape", Lang: "en"}
	classic.Fields = []Field{
		{Key: "course", Label: "Course", Type: "text", Required: true, Visibility: visiblePublic, MaxLength: 200},
		{Key: "completedOn", Label: "Completed on", Type: "date", Visibility: visiblePublic},
		{Key: "hours", Label: "Hours", Type: "number", Visibility: visiblePublic, Minimum: number(0)},
	}
	diploma := base("starter/diploma", "Bachelor of Science", "diploma")
	diploma.Layout = &Layout{Name: "diploma", Size: "A4-landscape", Lang: "en"}
	diploma.Achievement = &Achievement{Type: "BachelorDegree", Criteria: "The degree is awarded when all examinations of the programme are passed."}
	diploma.Fields = []Field{
		{Key: "programme", Label: "Programme", Type: "text", Required: true, Visibility: visiblePublic, MaxLength: 200},
		{Key: "classification", Label: "Classification", Type: "text", Visibility: visiblePublic, MaxLength: 100},
		{Key: "thesis", Label: "Thesis", Type: "text", Visibility: visibleDisclosed, MaxLength: 300},
		{Key: "studentNumber", Label: "Student number", Type: "text", Visibility: visiblePrivate, MaxLength: 50},
	}
	transcript := base("starter/transcript", "Transcript of records", "transcript")
	transcript.Layout = &Layout{Name: "certificate", Size: "A4-portrait", Lang: "en"}
	transcript.Fields = []Field{
		{Key: "programme", Label: "Programme", Type: "text", Required: true, Visibility: visiblePublic, MaxLength: 200},
		{Key: "credits", Label: "Credits", Type: "number", Required: true, Visibility: visibleDisclosed, Minimum: number(0)},
		{Key: "average", Label: "Grade average", Type: "text", Visibility: visibleDisclosed, MaxLength: 20},
		{Key: "period", Label: "Period", Type: "text", Visibility: visibleDisclosed, MaxLength: 100},
		{Key: "studentNumber", Label: "Student number", Type: "text", Visibility: visiblePrivate, MaxLength: 50},
	}
	badge := base("starter/badge", "Digital badge", "badge")
	badge.Outputs = []string{"vc", "badge"}
	badge.Achievement = &Achievement{Type: "Badge", Description: "A badge for an achievement.", Criteria: "Awarded to who has shown the skill."}
	badge.Fields = []Field{{Key: "skill", Label: "Skill", Type: "text", Visibility: visiblePublic, MaxLength: 200}}
	return []Type{badge, classic, diploma, transcript}
}

func number(v float64) *float64 { return &v }

// starter finds one, by its key.
func starter(key string) (Type, bool) {
	for _, t := range starters() {
		if t.Key == key {
			return t, true
		}
	}
	return Type{}, false
}
