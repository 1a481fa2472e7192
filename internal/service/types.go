package service

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/chancery-dev/chancery/internal/layout"
	"github.com/chancery-dev/chancery/proof"
)

var outputNames = []string{"vc", "vc.jwt", "pdf", "badge"}

var kinds = []string{"diploma", "transcript", "certificate", "badge"}

func typeLookup(scope Scope, key string) string {
	return scope.Tenant + "/" + string(scope.Environment) + "/" + key
}

// CreateType implements Types.
func (s *Service) CreateType(ctx context.Context, c Caller, in NewType, i Idempotency) (Result[Type], error) {
	if err := c.Need(MayTypes); err != nil {
		return Result[Type]{}, err
	}
	if out, found, err := Replayed[Type](ctx, s.c.Store, s.now(), c.Scope, i, nil); err != nil || found {
		return out, err
	}
	var bad Invalid
	if in.From != "" {
		from, err := s.typeToCopy(ctx, c, in.From)
		if IsNotFound(err) {
			bad.Add("from", "names no starter and no type")
		} else if err != nil {
			return Result[Type]{}, err
		}
		in = merge(from, in)
	}
	if in.Key == "" {
		in.Key = slug("type", in.DisplayName)
	}
	stored, issuer, err := s.draft(ctx, c, &bad, in)
	if err != nil {
		return Result[Type]{}, err
	}
	id := NewID()
	out, err := Once(ctx, s.c.Store, s.now(), c.Scope, i, nil, func(tx Tx) (Result[Type], error) {
		now := s.now()
		if _, _, err := tx.Find(ctx, KindType, typeLookup(c.Scope, stored.Key)); err == nil {
			return Result[Type]{}, &Error{Code: CodeDuplicate, Detail: "a credential type with that key exists"}
		} else if !errors.Is(err, ErrNotFound) {
			return Result[Type]{}, err
		}
		r := Record{Kind: KindType, ID: id, Lookup: typeLookup(c.Scope, stored.Key), Created: now, Updated: now}
		if err := Put(ctx, tx, c.Scope, r, StoredTypeHead{Key: stored.Key, Version: 1, Active: true}); err != nil {
			return Result[Type]{}, err
		}
		stored.Type, stored.Version, stored.At = id, 1, now
		if err := putVersion(ctx, tx, c.Scope, stored); err != nil {
			return Result[Type]{}, err
		}
		if err := WriteAudit(ctx, tx, c, now, "type.create", id, map[string]any{"key": stored.Key}); err != nil {
			return Result[Type]{}, err
		}
		return Result[Type]{Value: typeView(c.Scope, stored, issuer.ID, true, now), Created: true}, nil
	})
	if errors.Is(err, ErrExists) {
		err = &Error{Code: CodeDuplicate, Detail: "a credential type with that key exists", Err: err}
	}
	return out, err
}

func putVersion(ctx context.Context, tx Tx, scope Scope, t StoredType) error {
	r := Record{Kind: KindVersion, ID: versionID(t.Type, t.Version), Parent: t.Type, Created: t.At, Updated: t.At}
	if t.Version == 1 {
		r.Lookup = t.Type // by which the scope of a schema is found
	}
	return Put(ctx, tx, scope, r, t)
}

func versionID(id string, version int) string { return fmt.Sprintf("%s.%d", id, version) }

// typeToCopy finds what a new type begins with: a starter, or a type of the caller's own.
func (s *Service) typeToCopy(ctx context.Context, c Caller, ref string) (NewType, error) {
	if t, ok := starter(ref); ok {
		return definition(t), nil
	}
	t, err := s.LoadType(ctx, c, ref)
	if err != nil {
		return NewType{}, err
	}
	return t.version.NewType, nil
}

// definition is what a type was made of.
func definition(t Type) NewType {
	anchor := t.Anchor
	return NewType{
		DisplayName: t.DisplayName, Kind: t.Kind, Fields: t.Fields, Outputs: t.Outputs, Suite: t.Suite,
		Validity: t.Validity, Layout: t.Layout, Mail: t.Mail, Achievement: t.Achievement, Anchor: &anchor,
	}
}

// merge lays a change over what was there. Absent members stay.
func merge(old, in NewType) NewType {
	out := old
	out.Key, out.From = in.Key, ""
	text := func(to *string, v string) {
		if v != "" {
			*to = v
		}
	}
	text(&out.DisplayName, in.DisplayName)
	text(&out.Kind, in.Kind)
	text(&out.Issuer, in.Issuer)
	text(&out.Suite, in.Suite)
	if in.Fields != nil {
		out.Fields = in.Fields
	}
	if in.Outputs != nil {
		out.Outputs = in.Outputs
	}
	if in.Validity != nil {
		out.Validity = in.Validity
	}
	if in.Layout != nil {
		out.Layout = in.Layout
	}
	if in.Mail != nil {
		out.Mail = in.Mail
	}
	if in.Achievement != nil {
		out.Achievement = in.Achievement
	}
	if in.Anchor != nil {
		out.Anchor = in.Anchor
	}
	out.Active = in.Active
	return out
}

// checkType checks a whole definition, and makes what a version needs beside it: bad holds
// what was found before.
func (s *Service) checkType(ctx context.Context, c Caller, bad *Invalid, in NewType) (StoredType, StoredIssuer, error) {
	if !namePattern.MatchString(in.Key) {
		bad.Add("key", "must be 1 to 64 of A-Z a-z 0-9 . _ -, and begin with a letter or digit")
	}
	checkName(bad, "displayName", in.DisplayName, true)
	if in.Kind == "" {
		in.Kind = "certificate"
	}
	if !slices.Contains(kinds, in.Kind) {
		bad.Add("kind", "must be one of "+strings.Join(kinds, ", "))
	}
	in.Fields = checkFields(bad, in.Fields)
	in.Outputs = checkOutputs(bad, in.Outputs)
	issuer, err := s.typeIssuer(ctx, c, bad, in.Issuer)
	if err != nil {
		return StoredType{}, issuer, err
	}
	in.Issuer = issuer.ID
	checkSuite(bad, in.Suite, issuer)
	if v := in.Validity; v != nil && (v.Years < 0 || v.Months < 0 || v.Days < 0 || v.Years > 200 || v.Months > 2400 || v.Days > 73000) {
		bad.Add("validity", "must be at most 200 years, and not negative")
	}
	if in.Validity != nil && *in.Validity == (Validity{}) {
		in.Validity = nil
	}
	s.checkLayout(bad, in)
	checkMailText(bad, in.Mail, in.Fields)
	if in.Anchor != nil && *in.Anchor && s.c.Stamper == nil {
		bad.Add("anchor", "this installation does not anchor")
	}
	s.checkAchievement(bad, in.Achievement)
	in.From, in.Active = "", nil
	out := StoredType{NewType: in}
	if err := bad.Err(); err != nil {
		return out, issuer, err
	}
	if slices.Contains(in.Outputs, "badge") {
		if err := s.storePicture(ctx, c.Environment, &out); err != nil {
			return out, issuer, err
		}
	}
	// The rules of Open Badges, on a credential as it will be.
	out.Type, out.Version = "check", 1
	t, err := s.load(c.Scope, out, issuer)
	if err == nil {
		err = s.tryType(t)
	}
	if err != nil {
		bad.Add("achievement", "does not make a badge by the rules of Open Badges 3.0")
		s.log.DebugContext(ctx, "type refused", "error", err)
		return out, issuer, bad.Err()
	}
	return out, issuer, nil
}

func checkOutputs(bad *Invalid, outputs []string) []string {
	for i, o := range outputs {
		if !slices.Contains(outputNames, o) {
			bad.Add(path("outputs", i), "must be one of "+strings.Join(outputNames, ", "))
		}
	}
	out := []string{"vc"}
	for _, name := range outputNames[1:] {
		if slices.Contains(outputs, name) {
			out = append(out, name)
		}
	}
	return out
}

// typeIssuer finds the issuer that a type names, or the only one of the scope.
func (s *Service) typeIssuer(ctx context.Context, c Caller, bad *Invalid, ref string) (StoredIssuer, error) {
	var out StoredIssuer
	err := s.view(ctx, func(tx Tx) error {
		if ref != "" {
			var err error
			_, out, err = findIssuer(ctx, tx, c.Scope, ref)
			if IsNotFound(err) {
				bad.Add("issuer", "names no issuer")
				return nil
			}
			return err
		}
		all, err := tx.List(ctx, c.Scope, KindIssuer, nil, Page{Limit: 2})
		if err != nil {
			return err
		}
		switch len(all.Items) {
		case 0:
			bad.Add("issuer", "make an issuer first")
		case 1:
			out, err = readIssuer(c.Scope, all.Items[0])
		default:
			bad.Add("issuer", "is required, since there are several")
		}
		return err
	})
	return out, err
}

func checkSuite(bad *Invalid, suite string, issuer StoredIssuer) {
	fits := map[string][]string{
		"Ed25519": {proof.EdDSARDFC2022, proof.EdDSAJCS2022},
		"P-256":   {proof.ECDSARDFC2019, proof.ECDSAJCS2019},
		"P-384":   {proof.ECDSARDFC2019, proof.ECDSAJCS2019},
	}
	if suite == "" || issuer.ID == "" {
		return
	}
	k, err := issuer.current()
	if err != nil || !slices.Contains(fits[k.Type], suite) {
		bad.Add("suite", "does not fit the issuer's key")
	}
}

var langPattern = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)

var layoutSizes = map[string]string{"": "A4-landscape", "A4-landscape": "A4-landscape", "A4-portrait": "A4", "Letter-landscape": "Letter-landscape", "Letter-portrait": "Letter"}

func (s *Service) checkLayout(bad *Invalid, in NewType) {
	l := in.Layout
	if l == nil {
		return
	}
	if l.Name != "" && l.Name != layout.Diploma && l.Name != layout.Certificate {
		bad.Add("layout.name", "must be diploma or certificate")
	}
	if _, ok := layoutSizes[l.Size]; !ok {
		bad.Add("layout.size", "must be A4-landscape, A4-portrait, Letter-landscape or Letter-portrait")
	}
	if l.Lang != "" && (len(l.Lang) > 35 || !langPattern.MatchString(l.Lang)) {
		bad.Add("layout.lang", "must be a language tag (BCP 47) such as en or pt-BR")
	}
	if len(l.Text) > 100 {
		bad.Add("layout.text", "must be at most 100")
	}
	for name, text := range l.Text {
		if len(name) > 64 || unwritable(name, false) {
			bad.Add("layout.text", "must have names of at most 64 characters")
			continue
		}
		checkText(bad, "layout.text."+name, text)
	}
	if _, err := pageTemplate(in); err != nil {
		bad.Add("layout.template", "is not a template: "+err.Error())
	}
}

func (s *Service) checkAchievement(bad *Invalid, a *Achievement) {
	if a == nil {
		return
	}
	checkName(bad, "achievement.type", a.Type, false)
	checkText(bad, "achievement.description", a.Description)
	checkText(bad, "achievement.criteria", a.Criteria)
	if a.Image != "" {
		if _, _, err := dataURL(a.Image); err != nil {
			bad.Add("achievement.image", err.Error())
		}
	}
}

func typeView(scope Scope, t StoredType, issuer string, active bool, created time.Time) Type {
	out := Type{
		ID: t.Type, Key: t.Key, Environment: scope.Environment, Version: t.Version, Active: active, DisplayName: t.DisplayName, Kind: t.Kind,
		Issuer: issuer, Fields: t.Fields, Outputs: t.Outputs, Suite: t.Suite, Validity: t.Validity, Layout: t.Layout, Mail: t.Mail,
		Achievement: t.Achievement, Anchor: t.Anchor != nil && *t.Anchor, CreatedAt: created, UpdatedAt: t.At,
	}
	if out.Fields == nil {
		out.Fields = []Field{}
	}
	return out
}

// ListTypes implements Types: the caller's, then the starters, which are on the last page.
func (s *Service) ListTypes(ctx context.Context, c Caller, p Page) (List[Type], error) {
	if err := c.Need(MayRead); err != nil {
		return List[Type]{}, err
	}
	var out List[Type]
	err := s.view(ctx, func(tx Tx) error {
		found, err := tx.List(ctx, c.Scope, KindType, nil, p)
		if err != nil {
			return err
		}
		out = List[Type]{Items: make([]Type, 0, len(found.Items)+4), Next: found.Next, Total: found.Total}
		for _, r := range found.Items {
			t, err := readType(ctx, tx, c.Scope, r)
			if err != nil {
				return err
			}
			out.Items = append(out.Items, t)
		}
		return nil
	})
	if err == nil && out.Next == "" {
		for _, t := range starters() {
			t.Environment = c.Environment
			out.Items = append(out.Items, t)
		}
	}
	if out.Total >= 0 && p.WithTotal {
		out.Total += int64(len(starters()))
	}
	return out, err
}

func readType(ctx context.Context, tx Tx, scope Scope, r Record) (Type, error) {
	var head StoredTypeHead
	if err := decode(r.Body, &head); err != nil {
		return Type{}, err
	}
	_, v, err := Get[StoredType](ctx, tx, scope, KindVersion, versionID(r.ID, head.Version))
	if err != nil {
		return Type{}, err
	}
	return typeView(scope, v, v.Issuer, head.Active, r.Created), nil
}

// findType finds the record of a type of a scope by id or key.
func findType(ctx context.Context, tx Tx, scope Scope, ref string) (Record, error) {
	r, err := tx.Get(ctx, scope, KindType, ref)
	if errors.Is(err, ErrNotFound) {
		_, r, err = tx.Find(ctx, KindType, typeLookup(scope, ref))
	}
	if errors.Is(err, ErrNotFound) {
		return r, NotFound("credential type")
	}
	return r, err
}

// GetType implements Types. id is its id or key, or the key of a starter.
func (s *Service) GetType(ctx context.Context, c Caller, id string) (Type, error) {
	if err := c.Need(MayRead); err != nil {
		return Type{}, err
	}
	if t, ok := starter(id); ok {
		t.Environment = c.Environment
		return t, nil
	}
	var out Type
	err := s.view(ctx, func(tx Tx) error {
		r, err := findType(ctx, tx, c.Scope, id)
		if err != nil {
			return err
		}
		out, err = readType(ctx, tx, c.Scope, r)
		return err
	})
	return out, err
}

// ChangeType implements Types. What is already issued keeps its version. Switching a type
// on or off alone makes no new version.
func (s *Service) ChangeType(ctx context.Context, c Caller, id string, in NewType) (Type, error) {
	if err := c.Need(MayTypes); err != nil {
		return Type{}, err
	}
	if _, ok := starter(id); ok {
		return Type{}, &Error{Code: CodeState, Detail: "a starter cannot be changed: make a type from it"}
	}
	var bad Invalid
	if in.Key != "" {
		bad.Add("key", "cannot be changed")
	}
	if in.From != "" {
		bad.Add("from", "is for new types only")
	}
	if err := bad.Err(); err != nil {
		return Type{}, err
	}
	t, err := s.LoadType(ctx, c, id)
	if err != nil {
		return Type{}, err
	}
	old := t.version
	changed := merge(old.NewType, in)
	changed.Key = old.Key
	free, err := drafting(ctx, changed)
	if err != nil {
		return Type{}, err
	}
	defer free()
	stored, issuer, err := s.checkType(ctx, c, &bad, changed)
	if err != nil {
		return Type{}, err
	}
	same := sameDefinition(old.NewType, stored.NewType)
	if !same {
		if err := s.tryPage(ctx, c.Scope, stored, issuer); err != nil {
			return Type{}, err
		}
	}
	now := s.now()
	stored.Type, stored.Version, stored.At = t.Type.ID, old.Version, old.At
	if !same {
		stored.Version, stored.At = old.Version+1, now
	}
	var out Type
	err = s.update(ctx, func(tx Tx) (err error) {
		out, err = putType(ctx, tx, c, now, old.Version, stored, in.Active)
		return err
	})
	s.types.drop(c.Scope, id, t.Type.ID, t.Type.Key)
	if errors.Is(err, ErrConflict) {
		err = &Error{Code: CodeState, Detail: "the type was changed at the same time: read it again", Err: err}
	}
	return out, err
}

// putType makes a version the one that its type has, unless that has another than before.
// active is nil where the type stays on or off.
func putType(ctx context.Context, tx Tx, c Caller, now time.Time, before int, v StoredType, active *bool) (Type, error) {
	r, err := findType(ctx, tx, c.Scope, v.Type)
	if err != nil {
		return Type{}, err
	}
	var head StoredTypeHead
	if err := decode(r.Body, &head); err != nil {
		return Type{}, err
	}
	if head.Version != before {
		return Type{}, fmt.Errorf("%w: the type has another version", ErrConflict)
	}
	if v.Version != before {
		if err := putVersion(ctx, tx, c.Scope, v); err != nil {
			return Type{}, err
		}
	}
	head.Version = v.Version
	if active != nil {
		head.Active = *active
	}
	r.Updated = now
	if err := Put(ctx, tx, c.Scope, r, head); err != nil {
		return Type{}, err
	}
	if err := WriteAudit(ctx, tx, c, now, "type.change", v.Type, map[string]any{"version": v.Version}); err != nil {
		return Type{}, err
	}
	return typeView(c.Scope, v, v.Issuer, head.Active, r.Created), nil
}

func sameDefinition(a, b NewType) bool {
	x, err1 := json.Marshal(a, json.Deterministic(true))
	y, err2 := json.Marshal(b, json.Deterministic(true))
	return err1 == nil && err2 == nil && string(x) == string(y)
}
