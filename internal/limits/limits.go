// Package limits holds the bounds on what comes from outside, each with its reason.
// They are generous for real documents and small enough that no input costs more
// than a fraction of a second or a few tens of megabytes.
package limits

const (
	// DocumentBytes bounds any one credential, presentation, JWT or upload: an
	// Open Badge with an embedded image rarely passes 2 MB.
	DocumentBytes = 10 << 20

	// JSONDepth bounds nesting. CLR transcripts with endorsed, nested
	// achievements stay below 30.
	JSONDepth = 64

	// JSONNodes bounds the values in one document: 28 bytes of index each.
	JSONNodes = 500_000

	// JSONNameBytes bounds one member name as it stands in the text.
	JSONNameBytes = 65_535

	// Proofs bounds the proofs on one document; each costs a public-key operation.
	Proofs = 32

	// StatusEntries bounds the status entries of one credential; each may cost a fetch.
	StatusEntries = 16

	// SDStatements bounds the statements of one document that can be disclosed each by
	// itself (ecdsa-sd-2023): each costs a public-key operation. An Open Badge has some 90.
	SDStatements = 4_096

	// SDQuads and SDBlankNodes bound all statements of such a document and the things in
	// it without identifier: a disclosure names each by its number.
	SDQuads      = 16_384
	SDBlankNodes = 8_192

	// SDPointers bounds the JSON pointers that select from one document.
	SDPointers = 512

	// Credentials bounds the credentials inside one presentation or CLR.
	Credentials = 1_000
)
