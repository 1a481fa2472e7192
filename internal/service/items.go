package service

import (
	"time"

	"github.com/chancery-dev/chancery/internal/layout"
)

// How a credential comes into being is the same for one and for many:
//
//	t, err := s.LoadType(ctx, caller, "safety-training")        // or LoadVersion
//	w, err := s.Want(t, Wish{Publish: …, Outputs: …})           // what is to be made
//	item, faults, err := s.CheckItem(ctx, caller, t, w, input)  // faults by field, nil: none
//	signed, err := s.Sign(ctx, caller, t, w, items)             // work, outside of transactions
//	err = store.Update(ctx, func(tx Tx) error { return s.Commit(ctx, tx, caller, signed) })
//
// CheckItem fixes the ids of an item, unless Checked.ID and PublicID are set by the caller
// afterwards (a batch sets those of its row), so that what runs twice makes one
// credential: Commit answers ErrExists for the second.

// Wish is what a caller asks to be made, nil members being left to the type.
type Wish struct {
	Publish *bool
	Outputs []string
	Anchor  *bool
	Notify  bool
	BatchID string
}

// Wanted is what is to be made of every item, after the type's defaults.
type Wanted struct {
	Publish bool
	Outputs []string // of vc, vc.jwt, pdf, badge; vc always
	Anchor  bool
	Notify  bool
	BatchID string
}

// LoadedType is one version of a type, ready to issue with. It is immutable and safe for
// concurrent use.
type LoadedType struct {
	// Type is the version as callers see it.
	Type Type
	// Scope is whose it is.
	Scope Scope

	issuer   StoredIssuer
	version  StoredType
	fields   map[string]*fieldRule
	static   *staticText
	template *layout.Template
}

// ID is the type's id, and Version which version of it this is: LoadVersion finds it again.
func (t *LoadedType) ID() string   { return t.Type.ID }
func (t *LoadedType) Version() int { return t.Type.Version }

// Ref names the type in answers.
func (t *LoadedType) Ref() TypeRef {
	return TypeRef{ID: t.Type.ID, Key: t.Type.Key, DisplayName: t.Type.DisplayName, Version: t.Type.Version}
}

// Checked is an item that passed every check of its type.
type Checked struct {
	// ID and PublicID are those of the credential to be; they may be set again before Sign.
	ID, PublicID string
	// Given tells that the input named the ID: it is the natural key then.
	Given bool

	input    ItemInput // normalised
	claims   map[string]any
	private  map[string]string
	texts    map[string]string // of claims
	from     time.Time
	until    time.Time // zero: for ever
	endless  bool      // whatever the type says
	document *boundDocument
	content  string // hex of the digest of all that was asked for
	issue    int    // which signed form, from 1
	// keys are the salts and private values of an item that was stored before. nil: drawn.
	keys *secrets
}

// Content is a digest of all that was asked for but names of batches and keys: the same for
// the same input, and of no use to who guesses what it was.
func (item *Checked) Content() string { return item.content }

// Signed is an item with everything that was made of it, to be committed. Where Err is
// not nil it could not be made, and Commit refuses it: a CodeValidation error, such as for
// a name that no font can write, is the item's own fault.
type Signed struct {
	ID, PublicID string
	// URL is the address of its page, "" for a draft.
	URL string
	Err error

	checked   *Checked
	t         *LoadedType
	w         Wanted
	at        time.Time
	method    string // verification method that signed
	place     StatusPlace
	body      StoredBody
	stored    StoredCredential
	artifacts []StoredArtifact
}

// StatusPlace is where the status of a credential is kept.
type StatusPlace struct {
	List  string `json:"list"`
	Index int64  `json:"index"`
	// Entries is the JSON of a credentialStatus member that names the place.
	Entries string `json:"entries,omitempty"`
}
