package pdf

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// anyObject draws a direct object.
func anyObject(depth int) *rapid.Generator[Object] {
	return rapid.Custom(func(t *rapid.T) Object {
		n := 8
		if depth == 0 {
			n = 6
		}
		switch rapid.IntRange(0, n).Draw(t, "kind") {
		case 0:
			return Null{}
		case 1:
			return Bool(rapid.Bool().Draw(t, "bool"))
		case 2:
			return Integer(rapid.Int64().Draw(t, "int"))
		case 3:
			// Reals of hundreds of digits cannot be read, and so are not written.
			return Real(float64(rapid.Int64Range(-1<<50, 1<<50).Draw(t, "real")) / 1e4)
		case 4:
			return Name(rapid.StringMatching(`[\x01-\x7f]{0,12}`).Draw(t, "name"))
		case 5:
			return String{Value: rapid.SliceOfN(rapid.Byte(), 0, 30).Draw(t, "string"), Hex: rapid.Bool().Draw(t, "hex")}
		case 6:
			return Ref{Num: rapid.Uint32Range(1, 9).Draw(t, "num"), Gen: rapid.Uint16Range(0, 3).Draw(t, "gen")}
		case 7:
			return NewArray(rapid.SliceOfN(anyObject(depth-1), 0, 5).Draw(t, "items")...)
		}
		d := NewDict()
		for i := range rapid.IntRange(0, 16).Draw(t, "keys") {
			d.Set(Name(rapid.StringMatching(`[A-Za-z#/ ]{1,6}`).Draw(t, "key"))+Name(rune('a'+i)), anyObject(depth-1).Draw(t, "value"))
		}
		return d
	})
}

// What the writer writes the reader reads.
func TestObjectRoundTrip(t *testing.T) {
	lim := Limits{}.withDefaults()
	rapid.Check(t, func(t *rapid.T) {
		o := anyObject(4).Draw(t, "object")
		e := newEncoder(0, nil)
		if err := e.object(o); err != nil {
			t.Fatal(err)
		}
		l := memoryLexer(e.buf, &lim)
		got, err := l.object(0)
		if err != nil || !Equal(got, o) || l.peek() >= 0 {
			t.Fatalf("%q became %#v, %v", e.buf, got, err)
		}
		if !Equal(Clone(o), o) {
			t.Fatal("clone differs")
		}
	})
}

// Updates change what they say and nothing else, in every kind of file, for every revision.
func TestUpdateRoundTrip(t *testing.T) {
	bases := [][]byte{sample(t, kinds[0], 3), sample(t, kinds[1], 3), hybrid().Bytes()}
	rapid.Check(t, func(t *rapid.T) {
		file := rapid.SampledFrom(bases).Draw(t, "base")
		var states []map[Ref]Object
		for range rapid.IntRange(1, 4).Draw(t, "updates") {
			d, err := Open(bytes.NewReader(file), int64(len(file)), Options{})
			if err != nil {
				t.Fatal(err)
			}
			state := readAll(t, d.Latest())
			states = append(states, state)
			u, err := d.NewUpdate()
			if err != nil {
				t.Fatal(err)
			}
			changed := drawUpdate(t, u, state)
			out, err := writeUpdate(u)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(out, file) {
				t.Fatal("the input changed")
			}
			file = out
			if d, err = Open(bytes.NewReader(file), int64(len(file)), Options{}); err != nil {
				t.Fatal(err)
			}
			if err := d.Check(); err != nil {
				t.Fatal(err)
			}
			wantState(t, d.Latest(), state, changed)
			for i, r := range d.Revisions()[:len(states)] {
				wantState(t, r, states[i], nil)
			}
			if un, err := d.Latest().Unreached(Span{0, d.Size()}); err != nil || len(un) > 0 {
				t.Fatal(un, err)
			}
		}
	})
}

func drawUpdate(t *rapid.T, u *Update, state map[Ref]Object) map[Ref]Object {
	changed := make(map[Ref]Object)
	root, err := u.CatalogRef()
	if err != nil {
		t.Fatal(err)
	}
	var refs []Ref // that may be replaced without taking others away
	for ref, was := range state {
		st, ok := was.(*Stream)
		if ref != root && !(ok && (st.Dict.Get("Type") == Name("XRef") || st.Dict.Get("Type") == Name("ObjStm"))) {
			refs = append(refs, ref)
		}
	}
	slices.SortFunc(refs, func(a, b Ref) int { return cmp.Compare(a.Num, b.Num) })
	for range rapid.IntRange(0, 4).Draw(t, "changes") {
		o := anyObject(2).Draw(t, "new value")
		if rapid.Bool().Draw(t, "stream") {
			o = NewStream(NewDict(Name("K"), Null{}), rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "data"))
		}
		if rapid.Bool().Draw(t, "add") {
			changed[u.Add(o)] = o
			continue
		}
		ref := rapid.SampledFrom(refs).Draw(t, "ref")
		if err := u.Set(ref, o); err != nil {
			t.Fatal(err)
		}
		changed[ref] = o
	}
	return changed
}

func writeUpdate(u *Update) ([]byte, error) {
	tail, err := u.Prepare()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	_, err = tail.WriteTo(&out)
	return out.Bytes(), err
}

type fataler interface{ Fatal(args ...any) }

func readAll(t fataler, r *Revision) map[Ref]Object {
	out := make(map[Ref]Object)
	for e := range r.Objects() {
		o, err := r.Get(Ref{e.Num, e.Gen})
		if err != nil {
			t.Fatal(err)
		}
		out[Ref{e.Num, e.Gen}] = o
	}
	return out
}

func wantState(t *rapid.T, r *Revision, state, changed map[Ref]Object) {
	for ref, want := range changed {
		wantObject(t, r, ref, want)
	}
	for ref, want := range state {
		if _, ok := changed[ref]; !ok {
			wantObject(t, r, ref, want)
		}
	}
}

func wantObject(t *rapid.T, r *Revision, ref Ref, want Object) {
	got, err := r.Get(ref)
	if err != nil {
		t.Fatal(err)
	}
	ws, ok := want.(*Stream)
	if !ok {
		if !Equal(got, want) {
			t.Fatalf("%v is %#v, want %#v", ref, got, want)
		}
		return
	}
	gs, ok := got.(*Stream)
	if !ok {
		t.Fatalf("%v is no stream", ref)
	}
	a, err1 := gs.Raw()
	b, err2 := ws.Raw()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	x, err1 := io.ReadAll(a)
	y, err2 := io.ReadAll(b)
	if err1 != nil || err2 != nil || !bytes.Equal(x, y) {
		t.Fatalf("%v holds other data: %v %v", ref, err1, err2)
	}
}

// Any byte of a sound file changed: an answer, never a panic; and every byte of every
// token span is what it says.
func TestMutatedFiles(t *testing.T) {
	bases := [][]byte{sample(t, kinds[0], 2), sample(t, kinds[1], 2), hybrid().Bytes()}
	rapid.Check(t, func(t *rapid.T) {
		b := bytes.Clone(rapid.SampledFrom(bases).Draw(t, "base"))
		for range rapid.IntRange(1, 4).Draw(t, "n") {
			i := rapid.IntRange(0, len(b)-1).Draw(t, "at")
			switch rapid.IntRange(0, 2).Draw(t, "how") {
			case 0:
				b[i] = rapid.Byte().Draw(t, "byte")
			case 1:
				b = append(b[:i:i], b[i+1:]...)
			default:
				b = append(b[:i:i], append([]byte{rapid.SampledFrom([]byte("0123456789<>[]()/ \n%R")).Draw(t, "in")}, b[i:]...)...)
			}
		}
		if err := everything(b, Options{}); err != nil {
			if _, ok := err.(*Error); !ok {
				t.Fatalf("error of type %T: %v", err, err)
			}
		}
	})
}
