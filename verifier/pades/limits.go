package pades

import "github.com/chancery-dev/chancery/internal/pdf"

// Bounds on what one file may cost. Each is far above what signed documents need.
const (
	// maxSignatures bounds signature fields: an archive renewed yearly has some dozens.
	maxSignatures = 256

	// maxStoreItems and maxStoreBytes bound the validation data taken from a file. A CRL
	// of a large authority has a few megabytes.
	maxStoreItems = 1024
	maxStoreBytes = 32 << 20

	// maxStoreWork bounds what is decoded for that, whether it is of use or not.
	maxStoreWork = 64 << 20

	// maxTokens bounds the timestamps of one signature; each costs a chain.
	maxTokens = 8

	// maxNodes bounds the objects that the difference analysis looks at, in all.
	maxNodes = 2 << 20

	// fieldCost is what a field of a form counts for among them, each time that the fields
	// of a revision are read: they are read for every signature.
	fieldCost = 2

	// maxDepth bounds nesting while walking from object to object within one value.
	maxDepth = 96

	// maxChanges bounds the changes listed for one revision; the first that is not
	// allowed is always among them.
	maxChanges = 200

	// hashFactor bounds how often the bytes of a file are hashed: a signature covers all
	// before it once, and what follows it again.
	hashFactor = 4
	hashSlack  = 64 << 20

	// maxContent bounds the page content that is read to find what a field covers.
	maxContent = 8 << 20

	// maxContents bounds the content and appearances that are read in all: a page may draw
	// one form a thousand times.
	maxContents = 64 << 20

	// maxMarks bounds the pieces of text and images located on one page.
	maxMarks = 50_000

	// maxForms bounds the form XObjects drawn on one page: a form that draws itself would
	// not end.
	maxForms = 4096

	// maxAttachments bounds the embedded files that may be credentials, maxEmbedded those
	// of any kind that are looked at, maxAttachment the bytes of one, and
	// maxAttachmentBytes those of all.
	maxAttachments     = 64
	maxEmbedded        = 4096
	maxAttachment      = 10 << 20
	maxAttachmentBytes = 32 << 20

	// maxNoted bounds what is listed of one kind of oddity.
	maxNoted = 32
)

// readerLimits are the defaults of package pdf with less memory: a verifier is given
// anything.
func readerLimits() pdf.Limits {
	return pdf.Limits{StreamBytes: 48 << 20, InflateBytes: 512 << 20, Revisions: 512}
}
