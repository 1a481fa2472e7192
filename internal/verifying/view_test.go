package verifying

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/verifier"
)

// TestView: the JSON view of evidence gets the verdict that the file gets, alone and with a
// document, right or wrong.
func TestView(t *testing.T) {
	r := newRegistrar(t)
	document := []byte("a thesis")
	file := r.stamp(evidence.SubjectStamp, document)
	bundle, err := evidence.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	view, err := bundle.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(FileForm(view), file) || !bytes.Equal(FileForm(file), file) || !IsProof(view) {
		t.Fatal("the view is not read as what it shows")
	}
	laidOut := append([]byte("\n"), bytes.ReplaceAll(view, []byte(`","`), []byte(`" ,  "`))...)
	for name, document := range map[string][]byte{"right": document, "wrong": []byte("another"), "none": nil} {
		want := r.judge(file, document)
		for _, v := range [][]byte{view, laidOut} {
			got := r.judge(v, document)
			if got.Outcome != want.Outcome || got.Reason != want.Reason || got.MediaType != want.MediaType {
				t.Errorf("%s: the file is %v %s, the view %v %s %s", name, want.Outcome, want.Reason, got.Outcome, got.Reason, got.MediaType)
			}
			if sum := sha256.Sum256(v); got.Digest != "sha-256:"+hex.EncodeToString(sum[:]) {
				t.Errorf("%s: the digest %s is not of what was given", name, got.Digest)
			}
		}
		if name == "right" && want.Outcome != verifier.Valid || name == "wrong" && want.Outcome != verifier.Invalid {
			t.Errorf("%s: %v", name, want.Outcome)
		}
	}
	files := []File{Bytes("a", document), Bytes("b", view)}
	if got := Arrange(files); len(got) != 1 || got[0].File != 1 || got[0].Document != 0 {
		t.Errorf("arranged as %+v", got)
	}
	// What only looks like it stays what it is.
	for _, b := range []string{`{"batchHeader":{}}`, `{"batchHeader"`, `["batchHeader"]`, `{"@context":[],"x":"\"batchHeader\""}`} {
		if !bytes.Equal(FileForm([]byte(b)), []byte(b)) || IsProof([]byte(b)) {
			t.Errorf("%s is taken for evidence", b)
		}
	}
	broken := bytes.Replace(view, []byte(`"size":1`), []byte(`"size":2`), 1)
	if got := r.judge(broken, document); bytes.Equal(broken, view) || got.Outcome == verifier.Valid {
		t.Errorf("a view that was changed: %v", got.Outcome)
	}
}
