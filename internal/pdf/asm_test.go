package pdf

import (
	"bytes"
	"fmt"
	"sort"
	"strings"
	"testing"
)

// asm writes PDF files by hand, flaws included.
type asm struct {
	bytes.Buffer
	at    map[int]int // offsets of objects written since the last section
	gens  map[int]int
	prev  int // offset of the last section, 0 for none
	size  int
	extra map[int]string // entries given literally
}

func newAsm() *asm {
	a := &asm{at: map[int]int{}, gens: map[int]int{}, extra: map[int]string{}}
	a.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	return a
}

func (a *asm) obj(num int, body string) *asm {
	a.at[num] = a.Len()
	a.size = max(a.size, num+1)
	fmt.Fprintf(a, "%d %d obj\n%s\nendobj\n", num, a.gens[num], body)
	return a
}

func (a *asm) stream(num int, dict, data string) *asm {
	return a.obj(num, fmt.Sprintf("<<%s/Length %d>>\nstream\n%s\nendstream", dict, len(data), data))
}

// doc writes catalog 1, pages 2 and page 3.
func (a *asm) doc() *asm {
	return a.obj(1, "<</Type/Catalog/Pages 2 0 R>>").obj(2, "<</Type/Pages/Kids[3 0 R]/Count 1>>").
		obj(3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>")
}

func (a *asm) entries() string {
	var nums []int
	for n := range a.at {
		nums = append(nums, n)
	}
	for n := range a.extra {
		if _, ok := a.at[n]; !ok {
			nums = append(nums, n)
		}
	}
	sort.Ints(nums)
	var s strings.Builder
	if a.prev == 0 {
		s.WriteString("0 1\n0000000000 65535 f \n")
	}
	for _, n := range nums {
		e := a.extra[n]
		if e == "" {
			e = fmt.Sprintf("%010d %05d n \n", a.at[n], a.gens[n])
		}
		fmt.Fprintf(&s, "%d 1\n%s", n, e)
	}
	return s.String()
}

// table writes a section, startxref and %%EOF.
func (a *asm) table(trailer string) *asm {
	at := a.Len()
	prev := ""
	if a.prev > 0 {
		prev = fmt.Sprintf("/Prev %d", a.prev)
	}
	fmt.Fprintf(a, "xref\n%strailer\n<</Root 1 0 R/Size %d%s%s>>\nstartxref\n%d\n%%%%EOF\n", a.entries(), a.size, prev, trailer, at)
	a.prev, a.at, a.extra = at, map[int]int{}, map[int]string{}
	return a
}

// wantCode opens the file, checks it and looks at everything, and wants one of the codes.
func wantCode(t *testing.T, file []byte, want Code) *Error {
	t.Helper()
	err := everything(file, Options{})
	e, ok := err.(*Error)
	if !ok || e.Code != want {
		t.Fatalf("got %v, want %v", err, want)
	}
	return e
}

// everything opens a file and asks for all the package can tell about it.
func everything(file []byte, o Options) error {
	d, err := Open(bytes.NewReader(file), int64(len(file)), o)
	if err != nil {
		return err
	}
	if err := d.Check(); err != nil {
		return err
	}
	for _, r := range d.Revisions() {
		for e := range r.Objects() {
			if _, err := r.Get(Ref{e.Num, e.Gen}); err != nil {
				return err
			}
		}
		if _, err := r.PageCount(); err != nil {
			return err
		}
		if _, err := r.Fields(); err != nil {
			return err
		}
		if _, err := r.Unreached(Span{0, d.Size()}); err != nil {
			return err
		}
	}
	return nil
}

func openBytes(b []byte) (*Document, error) {
	return Open(bytes.NewReader(b), int64(len(b)), Options{})
}
