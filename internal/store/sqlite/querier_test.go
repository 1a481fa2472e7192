package sqlite

import "testing"

func TestPositional(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"SELECT 1", "SELECT 1"},
		{"a = $1", "a = ?"},
		{"VALUES ($1, $2,$3), ($4, $5, $6)", "VALUES (?, ?,?), (?, ?, ?)"},
		{"a = $1 AND b = $1", "a = $1 AND b = $1"}, // the same value twice
		{"a = $2 AND b = $1", "a = $2 AND b = $1"},
		{"a = $2", "a = $2"},
		{"$1 $2 $3 $4 $5 $6 $7 $8 $9 $10 $11", "? ? ? ? ? ? ? ? ? ? ?"},
		{"$1 $11", "$1 $11"},
		{"json_extract(a, '$.key') = $1", "json_extract(a, '$.key') = $1"},
		{"$", "$"},
		{"$01", "$01"},
	} {
		if got := positional(c.text); got != c.want {
			t.Errorf("%s: got %s, expected %s", c.text, got, c.want)
		}
	}
}
