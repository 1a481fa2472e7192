package pdf

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// Looking up in a file of many revisions agrees with looking through each in turn.
func TestManyRevisions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := newAsm().doc().table("")
		n := rapid.IntRange(2, 30).Draw(t, "revisions")
		for i := range n {
			for _, num := range rapid.SliceOfNDistinct(rapid.IntRange(4, 12), 0, 4, rapid.ID).Draw(t, "objects") {
				if rapid.IntRange(0, 3).Draw(t, "free") == 0 {
					a.entry(num, "0000000000 00000 f \n").sized(max(a.size, num+1))
				} else {
					a.obj(num, fmt.Sprint(i))
				}
			}
			a.table("")
		}
		d := mustOpenRapid(t, a.Bytes())
		if err := d.Check(); err != nil {
			t.Fatal(err)
		}
		if (d.mentions != nil) != (n+1 > indexFromRevisions) {
			t.Fatal("index made at the wrong size")
		}
		for _, r := range d.revs {
			objects := make(map[uint32]Entry)
			for e := range r.Objects() {
				objects[e.Num] = e
			}
			for num := range uint32(14) {
				var want Entry
				var by *Revision
				for i := r.Index; i >= 0 && by == nil; i-- {
					if e, ok := d.revs[i].Own(num); ok {
						want, by = e, d.revs[i]
					}
				}
				got, gotBy, ok := r.Entry(num)
				if ok != (by != nil) || got != want || gotBy != by {
					t.Fatalf("revision %d object %d: %v by %v, want %v by %v", r.Index, num, got, gotBy, want, by)
				}
				if inUse := by != nil && want.Kind != EntryFree; objects[num] != want && inUse || !inUse && objects[num] != (Entry{}) {
					t.Fatalf("revision %d lists object %d as %v, want %v", r.Index, num, objects[num], want)
				}
			}
		}
	})
}

func mustOpenRapid(t *rapid.T, b []byte) *Document {
	d, err := openBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
