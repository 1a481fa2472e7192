package service

import (
	"bytes"
	"context"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/verifier"
)

// VerifyCredential implements Verifying. What it judges is not parsed before: the verifier
// does that, and where it finds something else than expected nothing has happened yet.
func (s *Service) VerifyCredential(ctx context.Context, b []byte, source string) (Verdict, bool, error) {
	v, about, ok, err := s.verifyPlain(ctx, b)
	if err == nil && ok {
		s.logUpload(about, v, source)
	}
	return v, ok, err
}

// verifyPlain judges a credential with embedded proofs, and names the public id of what the
// verdict is about; false for what may be anything else.
func (s *Service) verifyPlain(ctx context.Context, b []byte) (Verdict, string, bool, error) {
	if !plainCredential(b) {
		return Verdict{}, "", false, nil
	}
	secured := chancery.Secured{MediaType: chancery.MediaVC, Bytes: b}
	report, err := s.judge(ctx, secured)
	if err != nil {
		return Verdict{}, "", false, err
	}
	for _, id := range [...]string{verifier.CheckDocument, verifier.CheckModel} {
		if check, ok := report.Check(id); ok && check.Result != verifier.Pass {
			return Verdict{}, "", false, nil
		}
	}
	v, about, err := s.finish(ctx, report, secured)
	return v, about, err == nil, err
}

// plainCredential recognises, without parsing, texts that chancery.Detect takes for a
// credential if they are one at all: with Data Integrity proofs, not of Blockcerts, and no
// presentation, whose name could be written with escapes.
func plainCredential(b []byte) bool {
	if !bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte("{")) || !bytes.Contains(b, []byte(`"DataIntegrityProof"`)) {
		return false
	}
	if bytes.Contains(b, []byte("Presentation")) || bytes.Contains(b, []byte(`\u`)) {
		return false
	}
	// MerkleProof, merkle-proof and blockcerts, from the letter in them that is rare.
	for i := bytes.IndexByte(b, 'k'); i >= 0; i = bytes.IndexByte(b, 'k') {
		b = b[i:]
		if bytes.HasPrefix(b, []byte("kleProof")) || bytes.HasPrefix(b, []byte("kle-proof")) || bytes.HasPrefix(b, []byte("kcerts")) {
			return false
		}
		b = b[1:]
	}
	return true
}
