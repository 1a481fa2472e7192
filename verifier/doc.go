// Package verifier decides: is this document what it says it is, by whom it says,
// now. It takes credentials and presentations of the W3C data models 2.0 and 1.1
// with embedded proofs or as JWTs, Open Badges 3.0 and 2.0, Comprehensive Learner
// Records 2.0, and the images they are baked into.
//
// There is one way to use it: make a Trust (ParseTrust), a Config around it, a
// Verifier with New, and call Verify. Its error is nil when the outcome is valid,
// and only then; otherwise it is an *Error that carries the Reason and the Report.
//
// There are three outcomes. Invalid: something required was checked and failed.
// Indeterminate: nothing failed, but something required could not be checked, such as
// a status list that cannot be had. Valid: every required check passed.
//
// Verify opens no socket. What it cannot find in the document, the trust file or the
// embedded contexts is asked from the sources in Config, all nil by default; package
// verifier/online has sources that fetch.
//
// By itself it judges credentials, presentations, badges and pictures. PDFs, evidence and
// proofs in the formats of others are judged by the handlers that Config.Handlers names;
// see the example of Config. A picture that a badge is baked into is held against those
// that the credential names as Chancery does. Other files that a credential names by their
// digests (relatedResource, VC Data Model 2.0, 5.3) are compared where the trust file pins
// them; the finding related_resource_not_at_hand says of which this was not done, and the
// caller who holds such a file, such as the PDF of a credential, asks Verified.Names.
//
// A time written in a document (created, validFrom) is a claim of whoever holds the
// key. It is compared, but never taken for proof of when something was signed: see
// TrustedKey.
package verifier
