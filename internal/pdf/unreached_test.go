package pdf

import (
	"bytes"
	"testing"
)

func TestUnreached(t *testing.T) {
	a := newAsm().doc()
	a.WriteString("9 0 obj <</Shadow true>> endobj\n") // no entry
	a.table("")
	signed := a.Len()
	a.WriteString("8 0 obj\n[1\n")                                                                                                // malformed
	a.WriteString("% 7 0 obj in a comment\n%%EOF\n")                                                                              // marker
	a.WriteString("xref\n0 0\ntrailer\n<</Size 1>>\n")                                                                            // section outside the chain
	a.obj(4, "(four)").stream(5, "/Type/ObjStm/N 2/First 8", "6 0 7 2 1 2").entry(9, "0000000000 00000 f \n").sized(10).table("") // objects 6 and 7 unreached
	a.WriteString("10 0 obj 1 endobj")
	d := mustOpen(t, a.Bytes())
	un, err := d.Latest().Unreached(Span{0, d.Size()})
	if err != nil {
		t.Fatal(err)
	}
	type want struct {
		kind   UnreachedKind
		num    uint32
		parsed bool
	}
	var got []want
	for _, u := range un {
		if u.Kind != UnreachedBytes {
			got = append(got, want{u.Kind, u.Ref.Num, u.Parsed})
		}
		if u.Kind == UnreachedObject && !bytes.HasPrefix(a.Bytes()[u.Span.Start:], []byte(Ref{Num: u.Ref.Num}.String()[:2])) {
			t.Errorf("span %v of %v", u.Span, u.Ref)
		}
	}
	for i, w := range []want{{UnreachedObject, 9, true}, {UnreachedObject, 8, false}, {UnreachedMarker, 0, false}, {UnreachedXref, 0, false},
		{UnreachedXref, 0, false}, {UnreachedObject, 10, true}, {UnreachedInStream, 6, true}, {UnreachedInStream, 7, true}} {
		if i >= len(got) || got[i] != w {
			t.Fatalf("finding %d: got %+v, want %+v (all: %+v)", i, got, w, un)
		}
	}
	// As of the first revision only object 9 is hidden in its bytes.
	un, err = d.Revisions()[0].Unreached(Span{0, int64(signed)})
	if err != nil || len(un) != 1 || un[0].Ref.Num != 9 || un[0].Kind.String() != "object" {
		t.Errorf("%+v, %v", un, err)
	}
	// Seen from the first revision, all of the second is unreached.
	un, err = d.Revisions()[0].Unreached(Span{int64(signed), d.Size()})
	if err != nil || len(un) < 5 {
		t.Errorf("%+v, %v", un, err)
	}
}

// An object that a later revision brings to life is hidden in the signed one.
func TestUnreachedComesToLife(t *testing.T) {
	a := newAsm().doc()
	at := a.Len()
	a.obj(4, "(evil)")
	delete(a.at, 4)
	a.table("")
	end := int64(a.Len())
	a.at[4] = at
	a.table("")
	d := mustOpen(t, a.Bytes())
	if err := d.Check(); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{1, 0} {
		if un, err := d.Revisions()[i].Unreached(Span{0, end}); err != nil || len(un) != want {
			t.Errorf("revision %d: %+v, %v", i, un, err)
		}
	}
}

func TestUnreachedNoneInGenuineFiles(t *testing.T) {
	for _, k := range kinds {
		d := mustOpen(t, sample(t, k, 5))
		if un, err := d.Latest().Unreached(Span{0, d.Size()}); err != nil || len(un) != 0 {
			t.Errorf("%s: %+v, %v", k.name, un, err)
		}
	}
}
