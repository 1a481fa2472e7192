package pades

import "time"

// Limits on what others send and on what a file may ask for. All are far above what occurs.
const (
	maxChain       = 16       // certificates in one path
	maxText        = 4096     // bytes of a reason, name, location, contact or line of text
	maxFieldName   = 256      // bytes of a new field's name
	maxSignatures  = 512      // signature fields of a file that are looked at
	maxRequests    = 64       // revocation answers gathered for one file
	maxContents    = 4 << 20  // bytes of a signature's /Contents
	maxStoreItems  = 4096     // objects of an existing document security store that are compared
	maxStoreBytes  = 64 << 20 // decoded bytes of all of them
	maxMovedAnnots = 4096     // annotations that become objects of their own; where there are more, none does
	maxImagePixels = 16 << 20
	maxImageBytes  = 16 << 20
	maxFontBytes   = 32 << 20

	// tokenSlack is what a timestamp token may be longer than the one its size was taken from: serial
	// number, fractions of a second, accuracy and ECDSA signature vary by some bytes.
	tokenSlack = 64

	byteRangeWidth = 63 // of "[0 a b c]" with numbers of up to 19 digits

	defaultTimeout   = 30 * time.Second
	defaultTSABytes  = 256 << 10 // a timestamp response with chain and revocation data stays below 64 KB
	defaultOCSPBytes = 256 << 10
	defaultCRLBytes  = 32 << 20
	defaultCertBytes = 64 << 10
)
