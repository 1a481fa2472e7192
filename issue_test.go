package chancery_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/cputime"
)

const minimal = `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"issuer":"did:example:issuer","credentialSubject":{"id":"did:example:subject"}}`

const minimalV1 = `{"@context":["https://www.w3.org/2018/credentials/v1"],"type":["VerifiableCredential"],"issuer":"did:example:issuer","issuanceDate":"2024-01-01T00:00:00Z","credentialSubject":{"id":"did:example:subject"}}`

// with adds a member to a credential.
func with(doc, member string) string { return strings.TrimSuffix(doc, "}") + "," + member + "}" }

func TestCheckIssue(t *testing.T) {
	const status = `"type":"BitstringStatusListEntry","statusPurpose":"revocation","statusListIndex":"7","statusListCredential":"https://a.example/1"`
	for name, v := range map[string]struct {
		text    string
		pointer string // of the one fault; "-" for none
	}{
		"minimal":                    {minimal, "-"},
		"minimal 1.1":                {minimalV1, "-"},
		"1.1, no date":               {strings.Replace(minimalV1, `"issuanceDate":"2024-01-01T00:00:00Z",`, "", 1), "/issuanceDate"},
		"1.1, bad date":              {strings.Replace(minimalV1, `2024-01-01T00:00:00Z`, "2024-01-01", 1), "/issuanceDate"},
		"id text":                    {with(minimal, `"id":"no url"`), "/id"},
		"id relative":                {with(minimal, `"id":"/credentials/1"`), "/id"},
		"id list":                    {with(minimal, `"id":["urn:a"]`), "/id"},
		"id null":                    {with(minimal, `"id":null`), "/id"},
		"id with space":              {with(minimal, `"id":"https://a.example/ x"`), "/id"},
		"id with angle":              {with(minimal, `"id":"https://a.example/>"`), "/id"},
		"id URN":                     {with(minimal, `"id":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33"`), "-"},
		"id IRI":                     {with(minimal, `"id":"https://a.example/ä"`), "-"},
		"context number":             {strings.Replace(minimal, `v2"]`, `v2",1]`, 1), "/@context/1"},
		"context relative":           {strings.Replace(minimal, `v2"]`, `v2","x.json"]`, 1), "/@context/1"},
		"type number":                {strings.Replace(minimal, `"VerifiableCredential"]`, `"VerifiableCredential",1]`, 1), "/type/1"},
		"type twice":                 {strings.Replace(minimal, `"VerifiableCredential"]`, `"VerifiableCredential","VerifiableCredential"]`, 1), "/type/1"},
		"issuer text":                {strings.Replace(minimal, "did:example:issuer", "issuer", 1), "/issuer"},
		"issuer id text":             {strings.Replace(minimal, `"did:example:issuer"`, `{"id":"issuer"}`, 1), "/issuer/id"},
		"issuer name":                {strings.Replace(minimal, `"did:example:issuer"`, `{"id":"did:example:issuer","name":7}`, 1), "/issuer/name"},
		"subject empty":              {strings.Replace(minimal, `{"id":"did:example:subject"}`, "{}", 1), "/credentialSubject"},
		"subject id":                 {strings.Replace(minimal, "did:example:subject", "subject", 1), "/credentialSubject/id"},
		"second subject":             {strings.Replace(minimal, `{"id":"did:example:subject"}`, `[{"id":"did:example:subject"},{"id":"x"}]`, 1), "/credentialSubject/1/id"},
		"name":                       {with(minimal, `"name":"Badge"`), "-"},
		"name values":                {with(minimal, `"name":[{"@value":"Badge","@language":"en"},{"@value":"شارة","@language":"ar","@direction":"rtl"}]`), "-"},
		"name number":                {with(minimal, `"name":1`), "/name"},
		"name without value":         {with(minimal, `"name":{"@language":"en"}`), "/name"},
		"name language":              {with(minimal, `"name":{"@value":"x","@language":"no language!"}`), "/name/@language"},
		"name direction":             {with(minimal, `"name":{"@value":"x","@direction":"up"}`), "/name/@direction"},
		"name extra":                 {with(minimal, `"name":{"@value":"x","url":"https://a.example"}`), "/name/url"},
		"description":                {with(minimal, `"description":["a",true]`), "/description/1"},
		"validFrom":                  {with(minimal, `"validFrom":"2024-02-30T00:00:00Z"`), "/validFrom"},
		"no zone":                    {with(minimal, `"validFrom":"2024-02-20T00:00:00"`), "/validFrom"},
		"decimal comma":              {with(minimal, `"validFrom":"2024-02-20T00:00:00,5Z"`), "/validFrom"},
		"date number":                {with(minimal, `"validUntil":1700000000`), "/validUntil"},
		"dates":                      {with(minimal, `"validFrom":"2024-01-01T00:00:00Z","validUntil":"2024-01-01T00:00:00Z"`), "-"},
		"dates reversed":             {with(minimal, `"validFrom":"2024-01-01T00:00:01Z","validUntil":"2024-01-01T00:00:00Z"`), "/validUntil"},
		"dates in zones":             {with(minimal, `"validFrom":"2024-01-01T00:00:00+02:00","validUntil":"2023-12-31T23:00:00Z"`), "-"},
		"status":                     {with(minimal, `"credentialStatus":{`+status+`}`), "-"},
		"status without type":        {with(minimal, `"credentialStatus":{"id":"https://a.example/1"}`), "/credentialStatus/type"},
		"second status without type": {with(minimal, `"credentialStatus":[{`+status+`},{"id":"https://a.example/1"}]`), "/credentialStatus/1/type"},
		"status text":                {with(minimal, `"credentialStatus":"https://a.example/1"`), "/credentialStatus"},
		"status id":                  {with(minimal, `"credentialStatus":{"id":"x",`+status+`}`), "/credentialStatus/id"},
		"status 1.1":                 {with(minimalV1, `"credentialStatus":{`+status+`}`), "/credentialStatus/id"},
		"index number":               {with(minimal, `"credentialStatus":{`+strings.Replace(status, `"7"`, "7", 1)+`}`), "/credentialStatus/statusListIndex"},
		"index negative":             {with(minimal, `"credentialStatus":{`+strings.Replace(status, `"7"`, `"-7"`, 1)+`}`), "/credentialStatus/statusListIndex"},
		"index padded":               {with(minimal, `"credentialStatus":{`+strings.Replace(status, `"7"`, `"07"`, 1)+`}`), "/credentialStatus/statusListIndex"},
		"list":                       {with(minimal, `"credentialStatus":{`+strings.Replace(status, `https://a.example/1`, `x`, 1)+`}`), "/credentialStatus/statusListCredential"},
		"purpose":                    {with(minimal, `"credentialStatus":{`+strings.Replace(status, `revocation`, ``, 1)+`}`), "/credentialStatus/statusPurpose"},
		"size":                       {with(minimal, `"credentialStatus":{`+status+`,"statusSize":0}`), "/credentialStatus/statusSize"},
		"size without messages":      {with(minimal, `"credentialStatus":{`+status+`,"statusSize":2}`), "/credentialStatus/statusMessage"},
		"messages":                   {with(minimal, `"credentialStatus":{`+status+`,"statusSize":1,"statusMessage":[{"status":"0x0","message":"a"},{"status":"0x1","message":"b"}]}`), "-"},
		"few messages":               {with(minimal, `"credentialStatus":{`+status+`,"statusSize":2,"statusMessage":[{"status":"0x0","message":"a"}]}`), "/credentialStatus/statusMessage"},
		"empty message":              {with(minimal, `"credentialStatus":{`+status+`,"statusMessage":[{"status":"0x0","message":"a"},{"status":"0x1"}]}`), "/credentialStatus/statusMessage/1"},
		"schema":                     {with(minimal, `"credentialSchema":{"id":"https://a.example/s","type":"JsonSchema"}`), "-"},
		"schema without type":        {with(minimal, `"credentialSchema":{"id":"https://a.example/s"}`), "/credentialSchema/type"},
		"schema without id":          {with(minimal, `"credentialSchema":{"type":"JsonSchema"}`), "/credentialSchema/id"},
		"evidence":                   {with(minimal, `"evidence":[{"type":"Evidence"},{"id":"https://a.example"}]`), "/evidence/1/type"},
		"refreshService":             {with(minimal, `"refreshService":{"id":"https://a.example"}`), "/refreshService/type"},
		"termsOfUse":                 {with(minimal, `"termsOfUse":[{"id":"https://a.example"}]`), "/termsOfUse/0/type"},
		"types empty":                {with(minimal, `"termsOfUse":{"type":[]}`), "/termsOfUse/type"},
		"resource":                   {with(minimal, `"relatedResource":{"id":"https://www.w3.org/ns/credentials/v2","digestSRI":"sha256-WVXO1mlN+iP+K1WW/r5TCKsWhCgG9YZ9HUes6IqmDkYM="}`), "/relatedResource/digestSRI"},
		"right digest":               {with(minimal, `"relatedResource":{"id":"https://www.w3.org/ns/credentials/v2","digestSRI":"`+sriV2+`"}`), "-"},
		"digests":                    {with(minimal, `"relatedResource":{"id":"https://www.w3.org/ns/credentials/v2","digestSRI":"`+sriV2+` sha256-AAAA"}`), "/relatedResource/digestSRI"},
		"wrong digest":               {with(minimal, `"relatedResource":{"id":"https://www.w3.org/ns/credentials/v2","digestSRI":"sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}`), "/relatedResource/digestSRI"},
		"unknown bytes":              {with(minimal, `"relatedResource":{"id":"https://a.example/1","digestSRI":"sha384-OLBgp1GsljhM2TJ+sbHjaiH9txEUvgdDTAzHv2P24donTt6/529l+9Ua0vFImLlb"}`), "-"},
		"multibase":                  {with(minimal, `"relatedResource":{"id":"https://a.example/1","digestMultibase":"uEiDjsMRCmPwcFJr79MiZb7kkJ65B5GSbk0yklZkbeFK4VQ"}`), "-"},
		"multibase short":            {with(minimal, `"relatedResource":{"id":"https://a.example/1","digestMultibase":"uEiDjsMRC"}`), "/relatedResource/digestMultibase"},
		"no digest":                  {with(minimal, `"relatedResource":{"id":"https://a.example/1"}`), "/relatedResource"},
		"resource twice":             {with(minimal, `"relatedResource":[{"id":"https://a.example/1","digestMultibase":"uEiDjsMRCmPwcFJr79MiZb7kkJ65B5GSbk0yklZkbeFK4VQ"},{"id":"https://a.example/1","digestMultibase":"uEiDjsMRCmPwcFJr79MiZb7kkJ65B5GSbk0yklZkbeFK4VQ"}]`), "/relatedResource/1/id"},
	} {
		c, err := chancery.Parse([]byte(v.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		err = chancery.CheckIssue(c)
		var faults chancery.ShapeErrors
		if v.pointer == "-" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !errors.As(err, &faults) || len(faults) != 1 || faults[0].Pointer != v.pointer {
			t.Errorf("%s: got %v, want one fault at %s", name, err, v.pointer)
		}
	}
}

// The SHA-256 that the W3C prints for credentials/v2 of 2025-02-24.
const sriV2 = "sha256-WZVc7WaX1h4D8rJVb+vlMIqxaEKEb1tYbX8fet7JJzQ="

func TestCheckIssueListsEveryFault(t *testing.T) {
	c, err := chancery.Parse([]byte(with(minimal, `"id":"x","validFrom":"y","evidence":1`)))
	if err != nil {
		t.Fatal(err)
	}
	var faults chancery.ShapeErrors
	if err := chancery.CheckIssue(c); !errors.As(err, &faults) || len(faults) != 3 {
		t.Errorf("got %v", err)
	}
	var one *chancery.ShapeError
	if !errors.As(chancery.CheckIssue(c), &one) {
		t.Error("a fault cannot be had from the list")
	}
}

// TestCheckIssueOfManyFaults: what is not listed any more costs nothing.
func TestCheckIssueOfManyFaults(t *testing.T) {
	many := func(item string) string { return "[" + strings.Repeat(item+",", 20000) + item + "]" }
	for _, change := range [][2]string{
		{`["VerifiableCredential"]`, many(`"VerifiableCredential"`)}, {`{"id":"did:example:subject"}`, many(`{}`)}, {`{"id":"did:example:subject"}`, many(`{"id":"x"}`)},
		{`"type":`, `"name":` + many(`5`) + `,"type":`}, {`"type":`, `"description":` + many(`{"@language":5,"@x":1}`) + `,"type":`}, {`credentials/v2"]`, `credentials/v2",` + many(`"x"`)[1:]},
		{`"type":`, `"relatedResource":[{"id":"https://a.example/","digestMultibase":` + many(`"x"`) + `}],"type":`}, {`"type":`, `"evidence":` + many(`{}`) + `,"type":`},
	} {
		c, err := chancery.Parse([]byte(strings.Replace(minimal, change[0], change[1], 1)))
		if err != nil {
			t.Fatalf("%.60s: %v", change[1], err)
		}
		began := cputime.Now()
		var faults chancery.ShapeErrors
		if err := chancery.CheckIssue(c); !errors.As(err, &faults) || len(faults) != 100 {
			t.Errorf("%.60s: %.200v", change[1], err)
		}
		if took := cputime.Since(began); took > 200*time.Millisecond {
			t.Errorf("%.60s: %v", change[1], took)
		}
	}
}

func TestDraftBuild(t *testing.T) {
	at := time.Date(2026, 5, 1, 12, 0, 0, 5, time.FixedZone("", 7200))
	d := chancery.Draft{
		Contexts: []string{"https://www.w3.org/ns/credentials/examples/v2"}, ID: "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
		Types: []string{"VerifiableCredential", "AlumniCredential"}, Issuer: "did:example:issuer", IssuerMembers: map[string]any{"name": "School"},
		Name: "Alumni", ValidFrom: at, Subject: map[string]any{"id": "did:example:a", "alumniOf": "School"},
		Status:  []chancery.StatusEntry{{Type: "BitstringStatusListEntry", Purpose: "revocation", ListIndex: "5", ListCredential: "https://a.example/1"}},
		Members: map[string]any{"evidence": []any{map[string]any{"type": "Evidence"}}},
	}
	c, err := d.Build()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"@context":["https://www.w3.org/ns/credentials/v2","https://www.w3.org/ns/credentials/examples/v2"],"id":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33","type":["VerifiableCredential","AlumniCredential"],"name":"Alumni","issuer":{"id":"did:example:issuer","name":"School"},"validFrom":"2026-05-01T10:00:00Z","credentialSubject":{"alumniOf":"School","id":"did:example:a"},"credentialStatus":{"type":"BitstringStatusListEntry","statusPurpose":"revocation","statusListIndex":"5","statusListCredential":"https://a.example/1"},"evidence":[{"type":"Evidence"}]}`
	if got := string(c.Raw()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	d.Model = chancery.Model1_1
	if _, err = d.Build(); err == nil {
		t.Error("1.1: a status entry without id was taken")
	}
	d.Status = nil
	if c, err = d.Build(); err != nil || c.Model() != chancery.Model1_1 {
		t.Errorf("1.1: %v", err)
	}
	for name, change := range map[string]func(*chancery.Draft){
		"no issuer":       func(d *chancery.Draft) { d.Issuer = "" },
		"no subject":      func(d *chancery.Draft) { d.Subject = nil },
		"bad id":          func(d *chancery.Draft) { d.ID = "x" },
		"member taken":    func(d *chancery.Draft) { d.Members = map[string]any{"issuer": "x"} },
		"proof":           func(d *chancery.Draft) { d.Members = map[string]any{"proof": "x"} },
		"not JSON":        func(d *chancery.Draft) { d.Subject = func() {} },
		"issuer id twice": func(d *chancery.Draft) { d.IssuerMembers = map[string]any{"id": "x"} },
		"subject text":    func(d *chancery.Draft) { d.Subject = "x" },
		"large number":    func(d *chancery.Draft) { d.Subject = map[string]any{"n": uint64(1) << 60} },
	} {
		e := d
		change(&e)
		if _, err := e.Build(); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestFillDraft(t *testing.T) {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	def := func() chancery.Defaults {
		return chancery.Defaults{Issuer: "did:example:issuer", ValidFrom: at, Random: bytes.NewReader(make([]byte, 16))}
	}
	const head, tail = "\n{ ", `"@context": ["https://www.w3.org/ns/credentials/v2"], "type": "VerifiableCredential", "credentialSubject" : {"a":1.0e0}` + "\n} "
	const id = `"id":"urn:uuid:00000000-0000-4000-8000-000000000000",`
	for name, v := range map[string]struct{ in, want string }{
		"all":           {head + tail, "\n{" + id + `"issuer":"did:example:issuer","validFrom":"2026-05-01T12:00:00Z", ` + tail},
		"nothing":       {head + `"id":"urn:a","issuer":"did:b","validFrom":"2020-01-01T00:00:00Z",` + tail, head + `"id":"urn:a","issuer":"did:b","validFrom":"2020-01-01T00:00:00Z",` + tail},
		"issuer object": {head + `"issuer":{"name":"x"},` + tail, "\n{" + id + `"validFrom":"2026-05-01T12:00:00Z", "issuer":{"id":"did:example:issuer","name":"x"},` + tail},
		"issuer empty":  {head + `"issuer":{},` + tail, "\n{" + id + `"validFrom":"2026-05-01T12:00:00Z", "issuer":{"id":"did:example:issuer"},` + tail},
		"1.1":           {strings.Replace(head+tail, "ns/credentials/v2", "2018/credentials/v1", 1), strings.Replace("\n{"+id+`"issuer":"did:example:issuer","issuanceDate":"2026-05-01T12:00:00Z", `+tail, "ns/credentials/v2", "2018/credentials/v1", 1)},
	} {
		c, err := chancery.FillDraft([]byte(v.in), def())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := string(c.Raw()); got != v.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, v.want)
		}
	}
	for name, in := range map[string]string{"empty": "", "list": "[]", "no type": `{"@context":"https://www.w3.org/ns/credentials/v2"}`, "twice": `{"a":1,"a":2}`} {
		if _, err := chancery.FillDraft([]byte(in), def()); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	short := def()
	short.Random = bytes.NewReader([]byte{1})
	if _, err := chancery.FillDraft([]byte(head+tail), short); !errors.Is(err, chancery.ErrDraft) {
		t.Errorf("too little randomness: %v", err)
	}
	if _, err := chancery.FillDraft([]byte(head+tail), chancery.Defaults{}); err == nil {
		t.Error("a draft without issuer was taken")
	}
}
