package vcalm

import (
	"context"
	"errors"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/proof"
	"github.com/chancery-dev/chancery/signer"
)

// Derive returns what a holder discloses of a credential with a base proof of
// ecdsa-sd-2023 (VCALM 1.0, 3.5.1): what its issuer made mandatory, and what the pointers
// select. It needs no key of the instance, keeps nothing and writes no log: a base proof
// is the holder's secret. Whether the credential is to be believed is not asked here.
func (p *Plane) Derive(ctx context.Context, in *Instance, caller *service.Caller, document Value, pointers []string) (Value, error) {
	if err := in.Need(caller, service.MayRead); err != nil {
		return nil, err
	}
	secured, err := securedOf(document, "verifiableCredential")
	if err != nil {
		return nil, err
	}
	if secured.MediaType != chancery.MediaVC {
		return nil, badRequest("verifiableCredential: expected a credential with a base proof of " + proof.ECDSASD2023)
	}
	shown, err := (&signer.Disclosure{Pointers: pointers}).Derive(ctx, secured)
	switch {
	case err == nil:
		return Value(shown.Bytes), nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, proof.ErrPointer):
		return nil, badRequest("options.selectivePointers: a pointer names nothing in the credential, or a part of what has a meaning as a whole only, or nothing is selected")
	case errors.Is(err, signer.ErrNoBaseProof), errors.Is(err, proof.ErrNoProof), errors.Is(err, proof.ErrProofValue):
		return nil, badRequest("verifiableCredential: expected one base proof of " + proof.ECDSASD2023)
	case errors.Is(err, proof.ErrSignature):
		return nil, badRequest("verifiableCredential: its base proof is of another document")
	}
	return nil, badRequest("verifiableCredential: " + bounded(err))
}
