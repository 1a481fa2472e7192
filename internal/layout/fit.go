package layout

import (
	"math"
	"slices"
	"strings"
)

// fitted is text broken into lines at the size it is set in.
type fitted struct {
	lines []shapedLine
	size  float64 // points
}

// room says what text may take up.
type room struct {
	width, height  float64 // points
	size, min      float64 // points
	wrap           float64 // below this size a further line is taken
	lines          int
	leading        float64
	breakAnywhere  bool // between any two letters, where words alone do not fit
	elementPointer string
}

// fit sets text as large as its room allows: on one line, shrunk down to room.wrap; then
// on more lines, evenly filled; then smaller. Line feeds always break.
func (s *shaper) fit(text string, st textStyle, r room) (fitted, error) {
	var best fitted
	paragraphs := strings.Split(text, "\n")
	var measured []measuredText
	for _, p := range paragraphs {
		m, err := s.measure([]rune(strings.TrimSpace(p)), st)
		if err != nil {
			return best, err
		}
		if st.base < 0 && len(measured) == 0 && m.rtl { // one direction for the whole text
			st.base = 1
		}
		measured = append(measured, m)
	}
	if most := r.mostSize(measured); most < r.min {
		return best, &FitError{Element: r.elementPointer, Min: r.min, Needed: most}
	}
	for k := len(paragraphs); k <= max(r.lines, len(paragraphs)); k++ {
		f, err := s.fitLines(measured, st, r, k)
		if err != nil {
			return best, err
		}
		if f.size > best.size+0.01 {
			best = f
		}
		if best.size >= min(r.wrap, r.size) {
			break
		}
	}
	if best.size < r.min && !r.breakAnywhere {
		r.breakAnywhere = true
		for i := range measured {
			measured[i].graphemes(s)
		}
		f, err := s.fitLines(measured, st, r, max(r.lines, len(paragraphs)))
		if err != nil {
			return best, err
		}
		if f.size > best.size {
			best = f
		}
	}
	if best.size < r.min-0.005 {
		return best, &FitError{Element: r.elementPointer, Min: r.min, Needed: best.size}
	}
	return best, nil
}

// mostSize is a size above which text does not fit on the lines there are, however it is
// broken: what is found out at once of a text that is much too long.
func (r room) mostSize(paragraphs []measuredText) float64 {
	inked := 0.0
	for _, m := range paragraphs {
		for i, c := range m.text {
			if c != ' ' {
				inked += m.sum[i+1] - m.sum[i]
			}
		}
	}
	if inked == 0 {
		return math.Inf(1)
	}
	const slack = 1.25 // letters at the ends of lines may be narrower than among others
	return slack * 1000 * r.width * float64(max(r.lines, len(paragraphs))) / inked
}

// measuredText is a paragraph with the advance of each character and the places where
// lines may end.
type measuredText struct {
	text   []rune
	line   shapedLine // all of it
	sum    []float64  // advance of all before, thousandths of an em
	breaks []int      // ends of lines, the last being the end of the text
	rtl    bool
}

func (s *shaper) measure(text []rune, st textStyle) (measuredText, error) {
	m := measuredText{text: text, sum: make([]float64, len(text)+1)}
	line, err := s.line(text, st)
	if err != nil {
		return m, err
	}
	m.line, m.rtl = line, line.rtl
	adv := make([]float64, len(text))
	for _, g := range line.glyphs {
		adv[g.from] += g.advance
	}
	for i, a := range adv {
		m.sum[i+1] = m.sum[i] + a
	}
	s.seg.Init(text)
	it := s.seg.LineIterator()
	for it.Next() {
		l := it.Line()
		m.breaks = append(m.breaks, l.Offset+len(l.Text))
	}
	if len(m.breaks) == 0 {
		m.breaks = []int{len(text)}
	}
	return m, nil
}

// graphemes allows breaks between any two letters.
func (m *measuredText) graphemes(s *shaper) {
	m.breaks = m.breaks[:0]
	s.seg.Init(m.text)
	it := s.seg.GraphemeIterator()
	for it.Next() {
		g := it.Grapheme()
		m.breaks = append(m.breaks, g.Offset+len(g.Text))
	}
	if len(m.breaks) == 0 {
		m.breaks = []int{len(m.text)}
	}
}

// trimmed drops the white space around a line.
func (m *measuredText) trimmed(from, to int) (int, int) {
	for from < to && m.text[from] == ' ' {
		from++
	}
	for to > from && m.text[to-1] == ' ' {
		to--
	}
	return from, to
}

func (m *measuredText) width(from, to int) float64 {
	from, to = m.trimmed(from, to)
	return m.sum[to] - m.sum[from]
}

// split cuts the paragraph into k lines so that the widest is as narrow as can be.
func (m *measuredText) split(k int) (cuts []int, widest float64) {
	n := len(m.breaks)
	k = min(k, n)
	start := func(i int) int { // where a line after break i begins
		if i == 0 {
			return 0
		}
		return m.breaks[i-1]
	}
	cost := make([][]float64, k+1) // cost[j][i]: j lines up to break i
	from := make([][]int, k+1)
	for j := range cost {
		cost[j], from[j] = make([]float64, n+1), make([]int, n+1)
		for i := range cost[j] {
			cost[j][i] = math.Inf(1)
		}
	}
	cost[0][0] = 0
	for j := 1; j <= k; j++ {
		for i := j; i <= n; i++ {
			for p := i - 1; p >= j-1; p-- {
				w := m.width(start(p), m.breaks[i-1])
				if w >= cost[j][i] {
					break // further back it only gets wider
				}
				if c := max(cost[j-1][p], w); c < cost[j][i] {
					cost[j][i], from[j][i] = c, p
				}
			}
		}
	}
	cuts = make([]int, k)
	for j, i := k, n; j > 0; j-- {
		cuts[j-1] = m.breaks[i-1]
		i = from[j][i]
	}
	return cuts, cost[k][n]
}

// fitLines sets the paragraphs on at most k lines.
func (s *shaper) fitLines(paragraphs []measuredText, st textStyle, r room, k int) (fitted, error) {
	cuts := make([][]int, len(paragraphs))
	widths := make([]float64, len(paragraphs))
	used := 0
	for i := range paragraphs {
		cuts[i], widths[i] = paragraphs[i].split(1)
		used += len(cuts[i])
	}
	for used < k { // a further line for the widest paragraph
		widest := 0
		for i := range widths {
			if widths[i] > widths[widest] {
				widest = i
			}
		}
		more, w := paragraphs[widest].split(len(cuts[widest]) + 1)
		if len(more) == len(cuts[widest]) {
			break
		}
		used += len(more) - len(cuts[widest])
		cuts[widest], widths[widest] = more, w
	}
	var f fitted
	widest := 0.0
	for i, m := range paragraphs {
		from := 0
		for _, to := range cuts[i] {
			a, b := m.trimmed(from, to)
			line := m.line
			if a != 0 || b != len(m.text) || m.rtl != (st.base == 1) && st.base >= 0 {
				var err error
				if line, err = s.line(m.text[a:b], st); err != nil {
					return f, err
				}
			}
			widest = max(widest, line.width)
			if last := i == len(paragraphs)-1 && to == len(m.text); !last && (b < to || to == len(m.text)) {
				line.endSpace()
			}
			f.lines = append(f.lines, line)
			from = to
		}
	}
	f.size = r.size
	if widest > 0 {
		f.size = min(f.size, r.width/widest*1000)
	}
	high := float64(len(f.lines)-1)*r.leading + 1
	f.size = min(f.size, r.height/high)
	return f, nil
}

// endSpace puts back the space at which a line was broken, beyond its end, so that
// extracted words stay apart.
func (l *shapedLine) endSpace() {
	if len(l.glyphs) == 0 {
		return
	}
	c := &cluster{face: l.glyphs[len(l.glyphs)-1].face, width: 250, text: " "}
	x := l.width
	if l.rtl {
		c.face, x = l.glyphs[0].face, -c.width
	}
	c.key = c.identity()
	p := placed{cluster: c, x: x, from: math.MaxInt}
	if l.rtl {
		l.glyphs = append([]placed{p}, l.glyphs...)
		return
	}
	l.glyphs = append(l.glyphs, p)
}

// breakLines sets text at a size on as many lines as it takes, each as full as can be. A
// word that is wider than a line is broken between letters; one letter that is wider makes
// a *FitError.
func (s *shaper) breakLines(text string, st textStyle, size, width float64) ([]shapedLine, error) {
	var out []shapedLine
	paragraphs := strings.Split(text, "\n")
	for i, p := range paragraphs {
		m, err := s.measure([]rune(strings.TrimSpace(p)), st)
		if err != nil {
			return nil, err
		}
		if st.base < 0 && i == 0 {
			st.base = 0
			if m.rtl {
				st.base = 1
			}
		}
		var letters []int // breaks between letters, where they are needed
		for from := 0; from < len(m.text) || len(m.text) == 0; {
			line, to, err := s.nextLine(&m, &letters, from, st, size, width)
			if err != nil {
				return nil, err
			}
			last := i == len(paragraphs)-1 && to == len(m.text)
			if _, b := m.trimmed(from, to); !last && (b < to || to == len(m.text)) {
				line.endSpace()
			}
			out = append(out, line)
			if from = to; from >= len(m.text) {
				break
			}
		}
	}
	return out, nil
}

// nextLine shapes the line that begins at from, and answers where it ends.
func (s *shaper) nextLine(m *measuredText, letters *[]int, from int, st textStyle, size, width float64) (shapedLine, int, error) {
	most := width / size * 1000
	// fill returns the breaks after from up to the last one that is within the line.
	fill := func(breaks []int) []int {
		lo, _ := slices.BinarySearch(breaks, from+1)
		hi := lo
		for hi < len(breaks) && m.width(from, breaks[hi]) <= most {
			hi++
		}
		return breaks[lo:hi]
	}
	ends := fill(m.breaks)
	byLetter := false
	for {
		if len(ends) == 0 && !byLetter {
			byLetter = true
			if *letters == nil {
				*letters = s.letterBreaks(m.text)
			}
			if ends = fill(*letters); len(ends) == 0 {
				lo, _ := slices.BinarySearch(*letters, from+1)
				ends = (*letters)[lo:min(lo+1, len(*letters))]
			}
		}
		if len(m.text) == 0 {
			ends = []int{0}
		}
		to := ends[len(ends)-1]
		a, b := m.trimmed(from, to)
		line, err := s.line(m.text[a:b], st)
		if err != nil {
			return line, to, err
		}
		// Letters that joined the next line's are wider where they are the last.
		if line.width <= most+0.5 {
			return line, to, nil
		}
		if ends = ends[:len(ends)-1]; len(ends) == 0 && byLetter {
			return line, to, &FitError{Needed: size * most / line.width}
		}
	}
}

// letterBreaks are the places between any two letters.
func (s *shaper) letterBreaks(text []rune) []int {
	m := measuredText{text: text}
	m.graphemes(s)
	return m.breaks
}
