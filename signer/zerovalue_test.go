package signer_test

import (
	"testing"

	"github.com/chancery-dev/chancery/internal/archtest/zerovalue"
	"github.com/chancery-dev/chancery/signer"
)

// TestZeroValues: nothing that the package exports panics over what is missing.
func TestZeroValues(t *testing.T) {
	zerovalue.Test(t, []any{
		new(signer.DataIntegrity), new(signer.Disclosure), new(signer.JOSE), new(signer.KeyFile), new(signer.StatusList),
	}, map[string]any{
		"Algorithms": signer.Algorithms, "Encrypted": signer.Encrypted, "Envelop": signer.Envelop, "Generate": signer.Generate,
		"Identifier": signer.Identifier, "ImportPKCS12": signer.ImportPKCS12, "InsecureWriteKey": signer.InsecureWriteKey, "NewKey": signer.NewKey,
		"NewStatusList": signer.NewStatusList, "ReadKey": signer.ReadKey, "ReadStatusList": signer.ReadStatusList, "WriteKey": signer.WriteKey,
	})
}
