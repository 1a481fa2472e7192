// Package pades judges signed PDF files: PAdES signatures and document timestamps
// (ETSI EN 319 142-1, EN 319 102-1), and everything that was done to the file after
// each signature.
//
// There is one way to use it: call Validate with the anchors to trust and the time to
// judge at, and read the Result. Handler makes the same available to a
// verifier.Verifier for application/pdf.
//
// Two questions are answered apart. Signature.Indication says, in the words of
// EN 319 102-1, whether the signed bytes were signed by whom they name.
// Signature.Changes and Result.Outcome say whether what a reader sees today is what
// was signed: docs/formats/pdf-changes.md has the rules. A file without a signature
// is never valid, a broken signature is never skipped, and a broken file is not repaired.
//
// Nothing here dials, and no clock but Config.Clock is read. A time counts only when
// a timestamp by a trusted authority proves it; otherwise the time is now. The time a
// document claims is reported and never believed.
//
// # Caveats
//
// The newest timestamp is judged with status data that were fresh when it was made:
// what became of its authority later only Config.Revocation can tell. Whether a text
// field shows its value is checked where its fonts can be read; where not, a finding
// says so. Page content is compared as bytes, never rendered.
package pades
