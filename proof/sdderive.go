package proof

import (
	"crypto/ecdsa"
	"fmt"

	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/rdfc"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// base groups the statements of the document for a base proof (ECDSA Cryptosuites 3.6.2
// and 3.6.3).
func (d *sdDocument) base(hmacKey []byte, pointers []string) (*SDBase, error) {
	mandatory, err := d.part(pointers)
	if err != nil {
		return nil, err
	}
	b := &SDBase{hmacKey: hmacKey, pointers: pointers, mandatory: mandatory.quads}
	for _, line := range d.lines {
		if mandatory.quads[line.quad] {
			b.Mandatory = append(b.Mandatory, line.text)
		} else {
			b.NonMandatory = append(b.NonMandatory, line.text)
		}
	}
	if n := len(b.NonMandatory); n > limits.SDStatements {
		return nil, fmt.Errorf("proof: %w: expected at most %d statements that are not mandatory, found %d", rdfc.ErrTooLarge, limits.SDStatements, n)
	}
	b.MandatoryHash = sdMandatoryHash(b.Mandatory)
	b.ProofHash, err = sdProofHash(d.in)
	return b, err
}

// sdOpened is a base proof with the document it is of.
type sdOpened struct {
	value sdBaseValue
	key   *ecdsa.PublicKey // scoped to the proof
	doc   *sdDocument
	base  *SDBase
}

func openSDBase(in *Input) (*sdOpened, error) {
	if err := in.prepareSD(); err != nil {
		return nil, err
	}
	o := &sdOpened{}
	var err error
	if o.value, err = parseSDBase(in.Proof.ProofValue); err != nil {
		return nil, err
	}
	if o.key, err = sdKey(o.value.publicKey); err != nil {
		return nil, err
	}
	if o.doc, err = newSDDocument(in, o.value.hmacKey); err != nil {
		return nil, err
	}
	if o.base, err = o.doc.base(o.value.hmacKey, o.value.pointers); err != nil {
		return nil, err
	}
	if have, want := len(o.value.signatures), len(o.base.NonMandatory); have != want {
		return nil, fmt.Errorf("%w: expected signatures of %d statements, found %d", ErrSignature, want, have)
	}
	return o, nil
}

// VerifySDBase checks a base proof of ecdsa-sd-2023 as its holder can, who has got it from
// the issuer: the issuer's signature with in.Key, and that of every statement. A verifier
// of somebody else's document takes derived proofs only, with Suite.Verify.
//
// Errors: those of Hash and Verify of the other suites.
func VerifySDBase(in Input) error {
	if err := (ecdsaSD{}).KeyAllowed(in.Key); err != nil {
		return err
	}
	o, err := openSDBase(&in)
	if err != nil {
		return err
	}
	if err := o.verifyBase(in.Key.(*ecdsa.PublicKey)); err != nil {
		return err
	}
	return verifyStatements(o.key, o.base.NonMandatory, o.value.signatures)
}

func (o *sdOpened) verifyBase(key *ecdsa.PublicKey) error {
	return verifyES256(key, sdSignData(o.base.ProofHash, o.value.publicKey, o.base.MandatoryHash), o.value.baseSignature)
}

// DeriveSD makes the document that a holder shows to others: from a document with a base
// proof, in.Proof, it keeps what the issuer made mandatory and what the pointers select
// (Add Derived Proof, ECDSA Cryptosuites 3.6.6). Of arrays the selected elements stay;
// an object stays with its id and types; members keep their order. Other proofs of the
// document, which cover all of it, are left out.
//
// The signatures that are passed on are checked first, and that of the issuer too where
// in.Key is given: what comes back verifies.
//
// Errors: ErrPointer where a pointer selects nothing, something that says nothing without
// the rest (an element of an ordered list), or where nothing at all is selected;
// ErrSignature where document and proof do not belong together; those of Hash.
func DeriveSD(in Input, pointers []string) ([]byte, error) {
	if err := checkPointers(pointers); err != nil {
		return nil, err
	}
	o, err := openSDBase(&in)
	if err != nil {
		return nil, err
	}
	if in.Key != nil {
		if err := (ecdsaSD{}).KeyAllowed(in.Key); err != nil {
			return nil, err
		}
		if err := o.verifyBase(in.Key.(*ecdsa.PublicKey)); err != nil {
			return nil, err
		}
	}
	shown, err := o.doc.part(append(append([]string(nil), o.value.pointers...), pointers...))
	if err != nil {
		return nil, err
	}
	if len(shown.quads) == 0 {
		return nil, fmt.Errorf("%w: nothing is mandatory and nothing selected", ErrPointer)
	}
	v := sdDerivedValue{baseSignature: o.value.baseSignature, publicKey: o.value.publicKey, labels: shown.labels}
	var lines [][]byte
	at, index := 0, 0 // in the base signatures, and among the statements shown
	for _, line := range o.doc.lines {
		isMandatory, isShown := o.base.mandatory[line.quad], shown.quads[line.quad]
		switch {
		case isMandatory:
			v.mandatory = append(v.mandatory, index)
		case isShown:
			v.signatures, lines = append(v.signatures, o.value.signatures[at]), append(lines, line.text)
		}
		if !isMandatory {
			at++
		}
		if isShown {
			index++
		}
	}
	if err := verifyStatements(o.key, lines, v.signatures); err != nil {
		return nil, err
	}
	own := in.Proof.Doc.Rewrite(in.Proof.Node, []strictjson.Member{{Name: "proofValue", Value: strictjson.Quote(v.encode())}})
	out := append(shown.text[:len(shown.text)-1:len(shown.text)-1], `,"proof":`...)
	return append(append(out, own...), '}'), nil
}
