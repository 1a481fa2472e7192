// Package pades holds the interoperability test of PDF signatures: files made by
// signer/pades, judged by pyHanko, EU DSS, pdfsig, mutool, qpdf and openssl. It runs with
// CHANCERY_INTEROP=1 and skips what is not present, by name.
package pades

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/pdf"
	"github.com/chancery-dev/chancery/signer/pades"
	"github.com/chancery-dev/chancery/signer/pades/padestest"
	"github.com/chancery-dev/chancery/testvectors/interop"
)

// file is one signed file and what validators are to say.
type file struct {
	path     string
	password string
	level    pades.Level
	made     int // signatures made here, all of one level
	earlier  int // signatures of the input
	stamps   int // document timestamps
}

type suite struct {
	kind  padestest.KeyKind
	dir   string
	world *padestest.World
	roots []string // DER files
	pems  string
	files []*file
}

// matrix signs every kind of input at every level with RSA and P-256, visible and not, as approval and
// certification, one to three times.
func matrix(t *testing.T) []*suite {
	t.Helper()
	var all []*suite
	for _, kind := range []padestest.KeyKind{padestest.RSA2048, padestest.P256} {
		s := newSuite(t, kind)
		for i, in := range s.world.Inputs(t) {
			for level := pades.LevelB; level <= pades.LevelLTA; level++ {
				for combo := range 4 {
					certify := combo&1 != 0
					if certify && in.Signatures > 0 {
						continue
					}
					s.add(t, kind, in, level, combo&2 != 0, certify, 1+(i+int(level)+combo)%3)
				}
			}
		}
		all = append(all, s)
	}
	for _, kind := range []padestest.KeyKind{padestest.PSS2048, padestest.P384} {
		s := newSuite(t, kind)
		for level := pades.LevelB; level <= pades.LevelLTA; level++ {
			s.add(t, kind, padestest.Input{Name: "table", Bytes: padestest.Sample{}.Build(t)}, level, true, false, 2)
		}
		all = append(all, s)
	}
	return all
}

func newSuite(t *testing.T, kind padestest.KeyKind) *suite {
	t.Helper()
	s := &suite{kind: kind, dir: t.TempDir(), world: padestest.NewAt(t, kind, time.Now().Add(-10*time.Second).Truncate(time.Second))}
	var pems bytes.Buffer
	for name, c := range map[string]*x509.Certificate{"root.der": s.world.Root.Certificate, "tsa.der": s.world.TSARoot.Certificate} {
		p := filepath.Join(s.dir, name)
		check(t, os.WriteFile(p, c.Raw, 0o600))
		s.roots = append(s.roots, p)
		check(t, pem.Encode(&pems, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	s.pems = filepath.Join(s.dir, "roots.pem")
	check(t, os.WriteFile(s.pems, pems.Bytes(), 0o600))
	return s
}

func (s *suite) add(t *testing.T, kind padestest.KeyKind, in padestest.Input, level pades.Level, visible, certify bool, n int) {
	t.Helper()
	f := &file{password: in.Password, level: level, earlier: in.Signatures, made: n}
	b := in.Bytes
	for i := range n {
		req := pades.Request{Password: in.Password, Reason: "Verliehen", Location: "Grünau"}
		if certify && i == 0 {
			req.Certify = pades.FormFilling + pades.Permission(len(s.files)%2)
			if n == 1 && len(s.files)%3 == 0 {
				req.Certify = pades.NoChanges
			}
		}
		if visible && (!certify || i == 0) {
			y := 60 + 110*float64(i)
			req.Visible = &pades.Appearance{Rect: [4]float64{60, y, 330, y + 90}, QR: "https://verify.example/c/7K3M"}
		}
		var out bytes.Buffer
		_, err := s.world.Pades(level, kind).Sign(t.Context(), bytes.NewReader(b), int64(len(b)), &out, req)
		check(t, err)
		b = out.Bytes()
	}
	if level == pades.LevelLTA {
		f.stamps = n
	}
	f.path = filepath.Join(s.dir, fmt.Sprintf("%03d-%s-%s-v%v-c%v-n%d.pdf", len(s.files), in.Name, level, visible, certify, n))
	check(t, os.WriteFile(f.path, b, 0o600))
	s.files = append(s.files, f)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestInterop(t *testing.T) {
	interop.Require(t)
	suites := matrix(t)
	each := func(name string, tool func(*testing.T, *suite) int) {
		t.Run(name, func(t *testing.T) {
			good, total := 0, 0
			for _, s := range suites {
				good += tool(t, s)
				total += len(s.files)
			}
			t.Logf("%s: %d of %d files accepted", name, good, total)
			if good != total {
				t.Errorf("%s refuses %d files", name, total-good)
			}
		})
	}
	each("qpdf", qpdf)
	each("pdfsig", pdfsig)
	each("mutool", mutool)
	each("openssl", openssl)
	each("pyhanko", pyhanko)
	each("eu-dss", dss)
}

// perFile runs a program once for each file and counts those it accepts.
func perFile(t *testing.T, s *suite, accept func(f *file) (string, bool)) int {
	t.Helper()
	good := 0
	for _, f := range s.files {
		if out, ok := accept(f); ok {
			good++
		} else {
			t.Errorf("%s: %s", filepath.Base(f.path), out)
		}
	}
	return good
}

func run(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	return string(out), err
}

func qpdf(t *testing.T, s *suite) int {
	interop.Require(t, "qpdf")
	return perFile(t, s, func(f *file) (string, bool) {
		out, err := run("qpdf", "--password="+f.password, "--check", f.path)
		return out, err == nil && !strings.Contains(out, "WARNING")
	})
}

func pdfsig(t *testing.T, s *suite) int {
	interop.Require(t, "pdfsig")
	return perFile(t, s, func(f *file) (string, bool) {
		out, _ := run("pdfsig", "-nocert", "-upw", f.password, f.path) // its exit code judges trust, which is not its to judge here
		return out, strings.Count(out, "Signature is Valid.") == f.made+f.earlier
	})
}

func mutool(t *testing.T, s *suite) int {
	interop.Require(t, "mutool")
	return perFile(t, s, func(f *file) (string, bool) {
		if s.kind == padestest.PSS2048 {
			return "", true // mutool knows no RSASSA-PSS: its digest error says nothing about the file
		}
		out, _ := run("mutool", "sign", "-v", "-p", f.password, f.path)
		intact := strings.Count(out, "The document is unchanged since signing.") + strings.Count(out, "The signature is valid but there have been edits since signing.")
		return out, intact == f.made+f.earlier
	})
}

func openssl(t *testing.T, s *suite) int {
	interop.Require(t, "openssl")
	return perFile(t, s, func(f *file) (string, bool) {
		b, err := os.ReadFile(f.path)
		check(t, err)
		doc, err := pdf.Open(bytes.NewReader(b), int64(len(b)), pdf.Options{Password: f.password})
		check(t, err)
		fields, err := doc.Latest().Fields()
		check(t, err)
		seen := 0
		for _, field := range fields {
			o, err := doc.Latest().Resolve(field.V)
			check(t, err)
			d, ok := o.(*pdf.Dict)
			if !ok || d.Get("Type") != pdf.Name("Sig") {
				continue
			}
			gap := d.SpanOf("Contents")
			br, err := doc.Latest().NumbersAt(d, "ByteRange")
			check(t, err)
			covered := append(bytes.Clone(b[:gap.Start]), b[gap.End:int64(br[2]+br[3])]...)
			sig, content := filepath.Join(s.dir, "sig.der"), filepath.Join(s.dir, "content")
			check(t, os.WriteFile(sig, d.Get("Contents").(pdf.String).Value, 0o600))
			check(t, os.WriteFile(content, covered, 0o600))
			out, err := run("openssl", "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", sig, "-content", content, "-CAfile", s.pems, "-purpose", "any", "-out", os.DevNull)
			if err != nil {
				return out, false
			}
			seen++
		}
		return fmt.Sprintf("%d signatures found", seen), seen == f.made+f.earlier
	})
}

// lines runs a validator that prints lines beginning with the file's name.
func (s *suite) lines(t *testing.T, at string, program string, args ...string) map[string][][]string {
	t.Helper()
	args = append(append(args, at), s.roots...)
	args = append(args, "--")
	for _, f := range s.files {
		args = append(args, f.path+"="+f.password)
	}
	cmd := exec.Command(program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	out := make(map[string][][]string)
	for l := range strings.Lines(stdout.String()) {
		if cols := strings.Split(strings.TrimRight(l, "\n"), "\t"); len(cols) > 2 {
			out[cols[0]] = append(out[cols[0]], cols[1:])
		}
	}
	return out
}

// pyhanko wants every signature and document timestamp trusted and every change acceptable. For B-LT it
// also wants them trusted with revocation data demanded and taken from the file alone, and for B-LTA the
// long-term process of EN 319 102-1 to pass, which pyHanko ends without proof of existence for B-LT.
func pyhanko(t *testing.T, s *suite) int {
	interop.Require(t, "python3")
	python := venv(t)
	lines := s.lines(t, time.Now().UTC().Format(time.RFC3339), python, "validate.py")
	return perFile(t, s, func(f *file) (string, bool) {
		plain, lt, ades, stamps := 0, 0, 0, 0
		for _, l := range lines[f.path] {
			switch {
			case strings.HasSuffix(l[0], "#lt"):
				if l[1] == "ok" {
					lt++
				}
			case strings.HasSuffix(l[0], "#ades"):
				if l[1] == "PASSED" {
					ades++
				}
			case l[1] != "ok":
				return fmt.Sprint(lines[f.path]), false
			case strings.HasPrefix(l[0], "Timestamp"):
				stamps++
			default:
				plain++
			}
		}
		ok := plain == f.made+f.earlier && stamps == f.stamps
		if f.level >= pades.LevelLT {
			ok = ok && lt >= f.made
		}
		if f.level == pades.LevelLTA {
			ok = ok && ades >= f.made
		}
		return fmt.Sprint(lines[f.path]), ok
	})
}

// dss wants the level that was meant, and for B-LT and B-LTA a passed validation.
func dss(t *testing.T, s *suite) int {
	interop.Require(t, "java", "javac", "mvn")
	classpath := maven(t)
	lines := s.lines(t, fmt.Sprint(time.Now().UnixMilli()), "java", "-cp", classpath, "Validate")
	return perFile(t, s, func(f *file) (string, bool) {
		want, good := "PAdES-BASELINE-"+strings.TrimPrefix(f.level.String(), "B-"), 0
		for _, l := range lines[f.path] {
			if l[1] == want && l[2] != "TOTAL_FAILED" && (f.level < pades.LevelLT || l[2] == "TOTAL_PASSED") {
				good++
			}
		}
		return fmt.Sprint(lines[f.path]), good >= f.made
	})
}

// cached returns a folder of the user's cache for the state of the named files.
func cached(t *testing.T, kind string, names ...string) (dir string, ready bool) {
	t.Helper()
	h := sha256.New()
	for _, n := range names {
		b, err := os.ReadFile(n)
		check(t, err)
		h.Write(b)
	}
	cache, err := os.UserCacheDir()
	check(t, err)
	dir = filepath.Join(cache, "chancery-interop", kind+"-"+hex.EncodeToString(h.Sum(nil)[:8]))
	check(t, os.MkdirAll(dir, 0o755))
	_, err = os.Stat(filepath.Join(dir, "installed"))
	return dir, err == nil
}

var installing sync.Mutex

// venv installs pyHanko and returns the interpreter.
func venv(t *testing.T) string {
	t.Helper()
	installing.Lock()
	defer installing.Unlock()
	dir, ready := cached(t, "pyhanko", "requirements.txt")
	python := filepath.Join(dir, "bin", "python")
	if ready {
		return python
	}
	for _, c := range [][]string{{"python3", "-m", "venv", dir}, {python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", "-r", "requirements.txt"}} {
		if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", c, err, out)
		}
	}
	check(t, os.WriteFile(filepath.Join(dir, "installed"), nil, 0o600))
	return python
}

// maven fetches EU DSS, compiles the validator and returns the class path.
func maven(t *testing.T) string {
	t.Helper()
	installing.Lock()
	defer installing.Unlock()
	dir, ready := cached(t, "dss", "pom.xml", "Validate.java")
	lib := filepath.Join(dir, "lib")
	classpath := filepath.Join(lib, "*") + string(os.PathListSeparator) + dir
	if ready {
		return classpath
	}
	for _, c := range [][]string{{"mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=" + lib}, {"javac", "-cp", filepath.Join(lib, "*"), "-d", dir, "Validate.java"}} {
		if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", c, err, out)
		}
	}
	check(t, os.WriteFile(filepath.Join(dir, "installed"), nil, 0o600))
	return classpath
}
