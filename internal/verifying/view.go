package verifying

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"

	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/verifier"
)

// FileForm returns the file that b is the JSON view of, where it is one of evidence, and
// else b. Both say the same, so that evidence kept as JSON is judged as what it is.
func FileForm(b []byte) []byte {
	if !bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte("{")) || !bytes.Contains(b, []byte(`"batchHeader"`)) {
		return b
	}
	bundle, err := evidence.FromJSON(b)
	if err != nil {
		return b
	}
	form, err := bundle.Encode()
	if err != nil {
		return b
	}
	return form
}

// fileForm puts the file form in the place of a JSON view. It returns what has to be said of
// the report then: the digest is that of the bytes as they were given.
func (in *Input) fileForm() (given func(*verifier.Report), err error) {
	given = func(*verifier.Report) {}
	if in.File.Large() {
		return given, nil
	}
	b, err := in.File.Content()
	if err != nil {
		return given, err
	}
	form := FileForm(b)
	if bytes.Equal(form, b) {
		return given, nil
	}
	in.File = Bytes(in.File.Name, form)
	return func(r *verifier.Report) {
		sum := sha256.Sum256(b)
		r.Digest = "sha-256:" + hex.EncodeToString(sum[:])
	}, nil
}
