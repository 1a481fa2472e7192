package verifying

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/verifier"
)

// TestPair: a proof goes with the document that has its digest, in whatever order they are
// handed over, and with another only where nothing has to be guessed.
func TestPair(t *testing.T) {
	r := newRegistrar(t)
	one, two, changed, other := []byte("the first text"), []byte("the second text"), []byte("a changed text"), []byte("another text")
	p1, p2 := r.stamp(evidence.SubjectStamp, one), r.stamp(evidence.SubjectStamp, two)
	again := r.stamp(evidence.SubjectStamp, one)
	sum := sha256.Sum256(two)
	ots := slices.Concat([]byte("\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94\x01\x08"), sum[:], []byte("\x00\x83\xdf\xe3\x0d\x2e\xf9\x0c\x8e\x08\x07https:/"))
	table := []byte(tableHead + "0,issued,CX-1,,\n")
	names := map[string][]byte{"one": one, "two": two, "changed": changed, "other": other, "p1": p1, "p2": p2, "again": again, "ots": ots, "table": table}
	for _, c := range []struct{ files, want string }{
		{"p1 one", "p1+one"},
		{"p1 one p2 two", "p1+one p2+two"},
		{"p1 p2 one two other", "p1+one p2+two other"},
		{"p1 one other", "p1+one other"},
		{"ots one two", "ots+two one"},
		{"ots p2 two", "ots+two p2+two"},
		{"p1 changed", "p1+changed"}, // it was changed
		{"p1 again changed", "p1+changed again+changed"},
		{"ots changed", "ots+changed"},
		{"p1 changed table", "p1+changed table"},
		{"p1 p2 one", "p1+one p2"}, // a document is missing
		{"p1 p2 one changed", "p1+one p2+changed"},
		{"p1 table", "p1 table"},                  // nobody makes proofs of a table of results
		{"p1 changed other", "p1? changed other"}, // either could be it
		{"p1 p2 changed", "p1? p2? changed"},
		{"p1 ots changed other", "p1? ots? changed other"},
	} {
		given := strings.Fields(c.files)
		want := strings.Fields(c.want)
		slices.Sort(want)
		for range given { // every rotation, and its reverse
			given = append(given[1:], given[0])
			for range 2 {
				slices.Reverse(given)
				var files []File
				for _, name := range given {
					files = append(files, Bytes(name, names[name]))
				}
				var got []string
				for _, k := range Arrange(files) {
					s := files[k.File].Name
					if k.Document >= 0 {
						s += "+" + files[k.Document].Name
					}
					if k.Lost {
						s += "?"
					}
					got = append(got, s)
				}
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Errorf("%v: expected %v, found %v", given, want, got)
				}
			}
		}
	}
}

// TestPairWork: each document is hashed once, however many proofs there are.
func TestPairWork(t *testing.T) {
	r := newRegistrar(t)
	files := []File{Bytes("", r.stamp(evidence.SubjectStamp, []byte("elsewhere")))}
	for range 7 {
		files = append(files, files...)
	}
	files = files[:90]
	large := bytes.Repeat([]byte("x"), 5<<20)
	for i := range 10 {
		files = append(files, Bytes("", append([]byte(fmt.Sprint(i)), large...)))
	}
	start := time.Now()
	if got := Arrange(files); len(got) != 100 {
		t.Errorf("found %d cases", len(got))
	}
	once := time.Now()
	for i := range 10 {
		if _, err := DigestOf(files[90+i], "sha-256"); err != nil {
			t.Fatal(err)
		}
	}
	if took, hashing := once.Sub(start), time.Since(once); took > 20*hashing+2*time.Second {
		t.Errorf("took %v, where hashing all takes %v", took, hashing)
	}
}

// together opens a ZIP and judges all of it.
func (r *registrar) together(entries ...entry) *verifier.Report {
	r.t.Helper()
	f := Bytes("x.zip", archive("", entries...))
	a, err := OpenZIP(f, Bounds{})
	if err != nil || a == nil {
		r.t.Fatalf("%v, %v", a, err)
	}
	out, err := JudgeAll(r.t.Context(), verifier.Config{Trust: r.trust, Clock: r.w.Clock}, NewArchiveSet(a), Input{File: f})
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// TestTogether: an archive is valid where all in it is, and says of each file what became of
// it.
func TestTogether(t *testing.T) {
	r := newRegistrar(t)
	good, _ := r.credential()
	revoked, index := r.credential()
	if err := r.list.Set(index, 1); err != nil {
		t.Fatal(err)
	}
	r.publish()
	text := []byte("a text that was stamped")
	proof := r.stamp(evidence.SubjectStamp, text)
	r.w.Now = r.w.Now.Add(time.Hour)
	is := func(name string, b []byte) entry { return entry{name: name, content: b, store: true} }
	locked := edited(is("locked", []byte("x")), func(m *made) { m.local.flags, m.listed.flags = 1, 1 })
	table := is("results.csv", []byte(tableHead+"0,issued,CX-1,,\n"))
	for name, c := range map[string]struct {
		files  []entry
		want   string
		fates  string
		detail string
	}{
		"two good ones":         {[]entry{is("a", good), is("b", good)}, "valid ", "file.1=valid file.2=valid", ""},
		"with a proof":          {[]entry{is("a", good), is("p", proof), is("t", text)}, "valid ", "file.1=valid file.2=valid file.3=with file 2", ""},
		"one revoked":           {[]entry{is("a", good), is("b", revoked)}, "invalid inner_invalid", "file.1=valid file.2=invalid revoked", "file 2"},
		"a table":               {[]entry{table, is("a", good)}, "indeterminate not_judged", "file.1=indeterminate not_judged file.2=valid", "file 1: a batch's table of results: what it says is proven by nothing"},
		"a table, one revoked":  {[]entry{table, is("b", revoked)}, "invalid inner_invalid", "file.1=indeterminate not_judged file.2=invalid revoked", "file 2"},
		"a text":                {[]entry{is("a", good), is("t", text)}, "indeterminate not_judged", "file.1=valid file.2=indeterminate not_judged", "file 2: The file holds nothing that can be verified."},
		"JSON of another kind":  {[]entry{is("a", good), is("t", []byte(`{"a":1}`))}, "indeterminate not_judged", "file.1=valid file.2=indeterminate not_judged", "file 2: " + verifier.NotACredential.Text()},
		"what was a credential": {[]entry{is("a", good), is("b", good[:len(good)-10])}, "invalid inner_invalid", "file.1=valid file.2=invalid malformed_json", "file 2"},
		"locked":                {[]entry{is("a", good), locked}, "indeterminate not_judged", "file.1=valid file.2=indeterminate not_judged", "file 2: the file is encrypted"},
		"a proof that is lost":  {[]entry{is("p", proof), is("t", []byte("changed")), is("u", []byte("x"))}, "indeterminate inner_indeterminate", "file.1=indeterminate evidence_document_missing file.2=indeterminate not_judged file.3=indeterminate not_judged", "file 1"},
		"only one, locked":      {[]entry{locked}, "indeterminate not_judged", "", "the file is encrypted"},
		"only one":              {[]entry{is("a", good)}, "valid ", "", ""},
		"a proof and its text":  {[]entry{is("t", text), is("p", proof)}, "valid ", "", ""},
		"files that are hidden": {[]entry{is("a", good), edited(is("x", revoked), func(m *made) { m.unlisted = true }), is("b", good)}, "indeterminate not_judged", "file.1=valid file.2=valid", "the archive: its files do not follow one another as its directory says"},
		"only one, with hidden": {[]entry{is("a", good), edited(is("x", revoked), func(m *made) { m.unlisted = true })}, "indeterminate not_judged", "file.1=valid", "the archive: its directory does not follow its files"},
	} {
		out := r.together(c.files...)
		if got := out.Outcome.String() + " " + string(out.Reason); got != c.want {
			t.Errorf("%s: expected %s, found %s", name, c.want, got)
		}
		var fates []string
		detail := ""
		for _, k := range out.Checks {
			for _, f := range k.Evidence {
				if strings.HasPrefix(f.Name, "file.") {
					fates = append(fates, f.Name+"="+f.Value)
				}
			}
			if k.Required && k.Reason == out.Reason && detail == "" {
				detail = k.Detail
			}
		}
		slices.Sort(fates)
		if got := strings.Join(fates, " "); got != c.fates {
			t.Errorf("%s: expected of the files %q, found %q", name, c.fates, got)
		}
		if c.detail != "" && detail != c.detail {
			t.Errorf("%s: expected %q, found %q", name, c.detail, detail)
		}
		if out.EvaluatedAt.IsZero() || out.Profile != "strict" || !out.Offline {
			t.Errorf("%s: judged at %v by %q", name, out.EvaluatedAt, out.Profile)
		}
	}
}

// TestTogetherInsecure: what weakens a check of one file is said of all.
func TestTogetherInsecure(t *testing.T) {
	r := newRegistrar(t)
	good, _ := r.credential()
	f := Bytes("x.zip", archive("", entry{name: "a", content: good}, entry{name: "b", content: good}))
	a, err := OpenZIP(f, Bounds{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := JudgeAll(t.Context(), verifier.Config{Trust: r.trust, Clock: r.w.Clock, Policy: verifier.Policy{InsecureNoStatus: true}}, NewArchiveSet(a), Input{File: f})
	if err != nil || out.Outcome != verifier.Valid || len(out.Insecure) == 0 || len(out.TrustInputs) == 0 {
		t.Errorf("%v: %+v", err, out)
	}
}
