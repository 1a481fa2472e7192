package evidence

import (
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/chancery-dev/chancery/internal/strictjson"
)

// appendJSON writes JCS (RFC 8785): byte strings as lower-case hex.
func (v *value) appendJSON(b []byte) []byte {
	switch v.kind {
	case kindUint:
		return strconv.AppendUint(b, v.n, 10)
	case kindBytes:
		return append(hex.AppendEncode(append(b, '"'), v.b), '"')
	case kindText:
		return append(b, strictjson.Quote(string(v.b))...)
	case kindArray:
		b = append(b, '[')
		for i := range v.list {
			if i > 0 {
				b = append(b, ',')
			}
			b = v.list[i].appendJSON(b)
		}
		return append(b, ']')
	}
	// Member names are ASCII, so that byte order is JCS's order of UTF-16 units.
	order := make([]int, len(v.keys))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		if v.keys[i] < v.keys[j] {
			return -1
		}
		return 1
	})
	b = append(b, '{')
	for n, i := range order {
		if n > 0 {
			b = append(b, ',')
		}
		b = append(append(b, strictjson.Quote(v.keys[i])...), ':')
		b = v.list[i].appendJSON(b)
	}
	return append(b, '}')
}

// fromJSON makes the data item of a JSON value. Texts stay texts.
func fromJSON(doc *strictjson.Doc, n strictjson.Node) (value, error) {
	switch doc.Kind(n) {
	case strictjson.Number:
		i, ok := doc.Int(n)
		if !ok || i < 0 || i > maxUint {
			return value{kind: kindOther}, nil
		}
		return value{kind: kindUint, n: uint64(i)}, nil
	case strictjson.Bool, strictjson.Null:
		return value{kind: kindOther}, nil
	case strictjson.String:
		return value{kind: kindText, b: []byte(doc.String(n))}, nil
	case strictjson.Array:
		v := value{kind: kindArray, list: make([]value, 0, doc.Len(n))}
		for c := doc.First(n); c != strictjson.None; c = doc.Next(c) {
			item, err := fromJSON(doc, c)
			if err != nil {
				return value{}, err
			}
			v.list = append(v.list, item)
		}
		return v, nil
	case strictjson.Object:
		v := value{kind: kindMap}
		if doc.Len(n) > maxMembers {
			return value{}, ErrTooLarge
		}
		for c := doc.First(n); c != strictjson.None; c = doc.Next(c) {
			item, err := fromJSON(doc, c)
			if err != nil {
				return value{}, err
			}
			v.put(doc.Name(c), item)
		}
		return v, nil
	}
	return value{}, malformed("expected a JSON value at %q", doc.Pointer(n))
}
