package chancery_test

import (
	"testing"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/archtest/zerovalue"
)

// TestZeroValues: nothing that the package exports panics over what is missing.
func TestZeroValues(t *testing.T) {
	zerovalue.Test(t, []any{
		new(chancery.Credential), new(chancery.Draft), new(chancery.ModelVersion), new(chancery.Presentation), new(chancery.ShapeError),
		new(chancery.ShapeErrors),
	}, map[string]any{
		"CheckIssue": chancery.CheckIssue, "Contexts": chancery.Contexts, "Detect": chancery.Detect, "FillDraft": chancery.FillDraft,
		"Parse": chancery.Parse, "ParseDigestMultibase": chancery.ParseDigestMultibase, "ParseDigestSRI": chancery.ParseDigestSRI,
		"ParsePresentation": chancery.ParsePresentation, "Unwrap": chancery.Unwrap,
	})
}
