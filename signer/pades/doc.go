// Package pades signs PDF files at the PAdES baseline levels (ETSI EN 319 142-1): B-B, B-T, B-LT
// and B-LTA, renews signed files without a key, and makes signatures in two phases for keys that
// are elsewhere.
//
// Fill in a Signer and call Signer.Sign:
//
//	s := &pades.Signer{Key: key, Chain: chain, Level: pades.LevelLTA, TSA: tsa, Revocation: fetcher, Clock: time.Now}
//	result, err := s.Sign(ctx, in, size, out, pades.Request{Reason: "Issued by the registrar"})
//
// Signer.Prepare and Signer.Embed do the same around a signature made elsewhere, Renew extends what
// anyone signed.
//
// The input is never rewritten: everything is an incremental update whose offsets are computed, never
// searched for. The file is read once after its structure was looked at, and not held in memory.
// Inputs that are broken or ambiguous are refused with the byte offset (errors.Is with a code of
// internal/pdf, *pdf.Error in the chain of errors).
//
// # Caveats
//
// The signer does not judge its own output: whether the result is valid is for a verifier to say.
// After an error what was written to the output is worthless and must be thrown away. A signed
// file that is certified with "no changes" may get a document timestamp (ISO 32000-2, 12.8.5.3) and
// the validation data for it; some viewers object to the latter. PDF 2.0 message authentication
// (ISO/TS 32004) and public-key encryption are not supported.
package pades
