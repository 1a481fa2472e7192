package evidence

import (
	"errors"
	"fmt"
)

// Errors of reading and writing, for errors.Is. Verify never returns them: it answers
// with a Result.
var (
	// ErrMalformed: not the one encoding of a bundle, or a member is missing or of the
	// wrong form.
	ErrMalformed = errors.New("evidence: malformed bundle")
	// ErrTooLarge: over one of the limits in limits.go.
	ErrTooLarge = errors.New("evidence: the bundle is over a limit")
	// ErrUnsupported: a version, member, anchor or algorithm that this package does not
	// know and must not ignore. Whether the evidence is good is open.
	ErrUnsupported = errors.New("evidence: the bundle needs a newer reader")
	// ErrBuild: what a bundle is to be made of does not fit together.
	ErrBuild = errors.New("evidence: the parts of the bundle do not fit together")
)

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, args...))
}
