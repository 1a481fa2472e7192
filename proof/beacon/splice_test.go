package beacon

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"
)

// members lists the settable values within v, each with the way to it.
func members(v reflect.Value, path string, visit func(path string, get func(root reflect.Value) reflect.Value), get func(reflect.Value) reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		visit(path, get)
		if !v.IsNil() {
			members(v.Elem(), path+"*", visit, func(r reflect.Value) reflect.Value { return get(r).Elem() })
		}
	case reflect.Struct:
		if path != "" {
			visit(path, get)
		}
		for i := range v.NumField() {
			members(v.Field(i), path+"."+v.Type().Field(i).Name, visit, func(r reflect.Value) reflect.Value { return get(r).Field(i) })
		}
	case reflect.Slice:
		visit(path, get)
		for i := range min(v.Len(), 8) { // of keys and bits some stand for all
			members(v.Index(i), fmt.Sprintf("%s[%d]", path, i), visit, func(r reflect.Value) reflect.Value { return get(r).Index(i) })
		}
	default:
		visit(path, get)
	}
}

// changed gives other values of a kind: neighbours and powers of two, bits, orders, lengths.
func changed(v reflect.Value) []reflect.Value {
	var out []reflect.Value
	add := func(x reflect.Value) { out = append(out, x) }
	switch v.Kind() {
	case reflect.Uint64, reflect.Uint8:
		for _, n := range []uint64{0, v.Uint() - 1, v.Uint() + 1, v.Uint() ^ 8, v.Uint() + 8, v.Uint() + 64, v.Uint() - 64, 1<<64 - 1} {
			x := reflect.New(v.Type()).Elem()
			x.SetUint(n)
			add(x)
		}
	case reflect.Bool:
		add(reflect.ValueOf(!v.Bool()))
	case reflect.Array:
		for _, i := range []int{0, v.Len() / 2, v.Len() - 1} {
			x := reflect.New(v.Type()).Elem()
			x.Set(v)
			x.Index(i).SetUint(x.Index(i).Uint() ^ 1)
			add(x)
		}
		add(reflect.Zero(v.Type()))
	case reflect.Slice:
		if n := v.Len(); n > 0 {
			add(v.Slice(0, n-1))
			add(v.Slice(1, n))
			add(reflect.AppendSlice(reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, 2*n), v), v))
			turned := reflect.MakeSlice(v.Type(), n, n)
			for i := range n {
				turned.Index(i).Set(v.Index(n - 1 - i))
			}
			add(turned)
			add(reflect.Append(v.Slice3(0, n, n), reflect.Zero(v.Type().Elem())))
		}
		add(reflect.Zero(v.Type()))
	case reflect.Pointer:
		add(reflect.Zero(v.Type()))
	}
	return out
}

// TestSpliced puts the members of packs of other forks, periods and starts into a pack, and changes
// each member: whatever is still accepted says of its block what one of the packs says.
func TestSpliced(t *testing.T) {
	f := theForge()
	trust := f.trust(3, 4, 5, 6)
	trust.Cache = &CommitteeCache{}
	var packs []*Pack
	type claim struct {
		block, parent, state, receipts, beacon Root
		number, time, slot                     uint64
	}
	said := map[claim]bool{}
	claims := func(r *Finalized) claim {
		return claim{r.BlockHash, r.ParentHash, r.StateRoot, r.ReceiptsRoot, r.BeaconRoot, r.BlockNumber, r.Timestamp, r.Slot}
	}
	for _, pl := range []plan{{start: 4}, {start: 3, updates: 2}, {start: 5, attested: 330, finalized: 312}, {start: 5, attested: 319, signature: 321, finalized: 300}, {start: 6}, {start: 4, checkpoint: true, attested: 300}, {start: 3}} {
		p := f.pack(t, pl)
		if p.Checkpoint != nil {
			trust.Checkpoints = append(trust.Checkpoints, p.Checkpoint.Header.Root())
		}
		r, err := Verify(p, trust)
		if err != nil {
			t.Fatal(err)
		}
		packs, said[claims(r)] = append(packs, p), true
	}
	n, accepted := 0, 0
	for i, p := range packs[:4] {
		whole, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		try := func(what string, change func(p reflect.Value)) {
			q := clonePack(t, p)
			change(reflect.ValueOf(q).Elem())
			if b, err := q.Encode(); err == nil && bytes.Equal(b, whole) {
				return // it was so before
			}
			n++
			r, err := Verify(q, trust)
			if err != nil {
				return
			}
			if accepted++; !said[claims(r)] {
				t.Errorf("pack %d: %s: accepted as %+v", i, what, r)
			}
			if b, err := q.Encode(); err != nil {
				t.Errorf("pack %d: %s: accepted and cannot be written: %v", i, what, err)
			} else if _, err := ParsePack(b); err != nil {
				t.Errorf("pack %d: %s: accepted and cannot be read: %v", i, what, err)
			}
		}
		theirs := map[string][]reflect.Value{}
		for k, other := range packs {
			if k != i {
				root := reflect.ValueOf(clonePack(t, other)).Elem()
				members(root, "", func(path string, get func(reflect.Value) reflect.Value) {
					theirs[path] = append(theirs[path], get(root))
				}, func(r reflect.Value) reflect.Value { return r })
			}
		}
		root := reflect.ValueOf(clonePack(t, p)).Elem()
		members(root, "", func(path string, get func(reflect.Value) reflect.Value) {
			mine := get(root)
			for k, x := range changed(mine) {
				try(fmt.Sprintf("%s changed, %d", path, k), func(r reflect.Value) { get(r).Set(x) })
			}
			for k, x := range theirs[path] {
				if !reflect.DeepEqual(x.Interface(), mine.Interface()) {
					try(fmt.Sprintf("%s of another pack, %d", path, k), func(r reflect.Value) { get(r).Set(x) })
				}
			}
		}, func(r reflect.Value) reflect.Value { return r })
	}
	if t.Logf("%d changes, %d accepted", n, accepted); n < 2000 || accepted == 0 || accepted > n/50 {
		t.Error("expected thousands of changes, of which a few swap what both packs prove")
	}
}
