package cms

// Limits on a message. A PAdES signature with timestamp and chain is 5 to 30 KB; files signed in
// Adobe's way may carry CRLs of some megabytes inside.
const (
	MaxSize         = 32 << 20 // bytes of a whole message, unless ParseConfig says otherwise
	MaxCertificates = 256
	MaxCRLs         = 256
	MaxSigners      = 64
	MaxAttributes   = 256 // in one set
	MaxValues       = 64  // of one attribute
	MaxESSCerts     = 64  // references in one signing-certificate attribute
)
