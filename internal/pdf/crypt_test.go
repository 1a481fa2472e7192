package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
)

// Every algorithm qpdf can write, opened, checked, updated and checked by qpdf again.
func TestEncryption(t *testing.T) {
	plain := sample(t, kinds[0], 2)
	tests := []struct {
		name string
		args []string
	}{
		{"RC4 40", []string{"--allow-weak-crypto", "--encrypt", "user", "owner", "40", "--"}},
		{"RC4 128", []string{"--allow-weak-crypto", "--encrypt", "user", "owner", "128", "--use-aes=n", "--"}},
		{"AES 128", []string{"--allow-weak-crypto", "--encrypt", "user", "owner", "128", "--use-aes=y", "--"}},
		{"AES 128, metadata in clear", []string{"--allow-weak-crypto", "--encrypt", "user", "owner", "128", "--use-aes=y", "--cleartext-metadata", "--"}},
		{"AES 256 R6", []string{"--encrypt", "user", "owner", "256", "--"}},
		{"AES 256 R6, metadata in clear", []string{"--encrypt", "user", "owner", "256", "--cleartext-metadata", "--"}},
		{"AES 256 R5", []string{"--encrypt", "user", "owner", "256", "--force-R5", "--"}},
		{"AES 256, object streams", []string{"--object-streams=generate", "--encrypt", "user", "owner", "256", "--"}},
		{"AES 256, linearized", []string{"--linearize", "--encrypt", "user", "owner", "256", "--"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := qpdf(t, plain, tt.args...)
			for pw, code := range map[string]Code{"": CodeNoPassword, "wrong": CodePassword} {
				if _, err := Open(bytes.NewReader(file), int64(len(file)), Options{Password: pw}); !errors.Is(err, code) {
					t.Errorf("password %q: %v", pw, err)
				}
			}
			for _, pw := range []string{"user", "owner"} {
				if err := everything(file, Options{Password: pw}); err != nil {
					t.Fatalf("password %q: %v", pw, err)
				}
				checkPlain(t, mustOpenWith(t, file, Options{Password: pw}))
			}
			d := mustOpenWith(t, file, Options{Password: "user"})
			u, err := d.NewUpdate()
			if err != nil {
				t.Fatal(err)
			}
			addSignature(t, u, "Sign€d", 64)
			cat, err := u.CatalogRef()
			if err != nil {
				t.Fatal(err)
			}
			cd, err := u.Edit(cat)
			if err != nil {
				t.Fatal(err)
			}
			cd.Set("Extra", u.Add(NewStream(NewDict(Name("Secret"), EncodeText("string in a stream dictionary")), []byte("new stream data"))))
			file = finish(t, u)
			checkUpdatedEncrypted(t, file)
			external(t, file, "--password=user")
		})
	}
}

// checkPlain wants the strings and streams of sample back.
func checkPlain(t *testing.T, d *Document) {
	t.Helper()
	if !d.Encrypted() {
		t.Fatal("not seen as encrypted")
	}
	fs, err := d.Latest().Fields()
	if err != nil || fs[0].Name != "Näme" || TextString(fs[0].V.(String)) != `x (y) \ z` {
		t.Fatalf("fields %+v, %v", fs, err)
	}
	i := 0
	if err := d.Latest().Pages(func(p *Page) bool {
		i++
		r, err := d.Latest().Content(p.Dict, 0)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if want := fmt.Sprintf("(Page %d) Tj", i); err != nil || !bytes.Contains(b, []byte(want)) {
			t.Fatalf("content %q, %v", b, err)
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
}

func checkUpdatedEncrypted(t *testing.T, file []byte) {
	t.Helper()
	for _, clear := range []string{"new stream data", "string in a stream", "D:20260101"} {
		if bytes.Contains(file, []byte(clear)) {
			t.Errorf("%q stands in the file in clear", clear)
		}
	}
	if err := everything(file, Options{Password: "owner"}); err != nil {
		t.Fatal(err)
	}
	d := mustOpenWith(t, file, Options{Password: "owner"})
	fs, err := d.Latest().Fields()
	if err != nil || len(fs) != 2 || fs[1].Name != "Sign€d" {
		t.Fatalf("fields %+v, %v", fs, err)
	}
	sig, err := d.Latest().Get(fs[1].V.(Ref))
	if err != nil {
		t.Fatal(err)
	}
	sd := sig.(*Dict)
	if m := sd.Get("M").(String); string(m.Value) != "D:20260101000000Z" {
		t.Errorf("M is %q", m.Value)
	}
	if c := sd.Get("Contents").(String); !bytes.Equal(c.Value, make([]byte, 64)) {
		t.Errorf("Contents is %x", c.Value)
	}
	cat, err := d.Latest().Catalog()
	if err != nil {
		t.Fatal(err)
	}
	st, err := d.Latest().StreamAt(cat, "Extra")
	if err != nil {
		t.Fatal(err)
	}
	b, err := st.Decode(0)
	if s := st.Dict.Get("Secret").(String); err != nil || string(b) != "new stream data" || string(s.Value) != "string in a stream dictionary" {
		t.Errorf("%q, %q, %v", b, s.Value, err)
	}
}

func TestEncryptionEmptyPassword(t *testing.T) {
	file := qpdf(t, sample(t, kinds[1], 2), "--encrypt", "", "owner", "256", "--")
	checkPlain(t, mustOpen(t, file))
}

func TestEncryptionAltered(t *testing.T) {
	file := qpdf(t, sample(t, kinds[0], 1), "--encrypt", "user", "owner", "256", "--")
	i := bytes.Index(file, []byte("/P -"))
	if i < 0 {
		t.Fatal("no /P")
	}
	b := bytes.Clone(file)
	b[i+4]++
	if b[i+4] > '9' {
		b[i+4] = '1'
	}
	if _, err := Open(bytes.NewReader(b), int64(len(b)), Options{Password: "user"}); !errors.Is(err, CodeEncryption) {
		t.Errorf("altered permissions: %v", err)
	}
	for old, c := range map[string]struct {
		with string
		code Code
	}{
		"/Filter /Standard": {"/Filter /Standarx", CodeHandler},
		"/V 5":              {"/V 9", CodeHandler},
		"/CFM /AESV3":       {"/CFM /AESV2", CodeHandler},
		"/StmF /StdCF":      {"/StmF /StdCX", CodeEncryption},
	} {
		b := replaced(file, old, c.with)
		if _, err := Open(bytes.NewReader(b), int64(len(b)), Options{Password: "user"}); !errors.Is(err, c.code) {
			t.Errorf("%s: %v", c.with, err)
		}
	}
}

// Encryption that begins or ends with an update would give two readings of one file.
func TestEncryptionChangesBetweenRevisions(t *testing.T) {
	a := newAsm().doc().table("").obj(4, "<</Filter/Standard/V 1/R 2/O(x)/U(x)/P 0>>").table("/Encrypt 4 0 R")
	wantCode(t, a.Bytes(), CodeEncryption)
}

// A stream of the /Identity crypt filter stays as it is.
func TestCryptFilterIdentity(t *testing.T) {
	file := qpdf(t, sample(t, kinds[0], 1), "--encrypt", "user", "owner", "256", "--")
	d := mustOpenWith(t, file, Options{Password: "user"})
	u, err := d.NewUpdate()
	if err != nil {
		t.Fatal(err)
	}
	ref := u.Add(NewStream(NewDict(Name("Filter"), NewArray(Name("Crypt"))), []byte("in clear")))
	out := finish(t, u)
	if !bytes.Contains(out, []byte("in clear")) {
		t.Error("stream was encrypted")
	}
	o, err := mustOpenWith(t, out, Options{Password: "user"}).Latest().Get(ref)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := o.(*Stream).Decode(0); err != nil || string(b) != "in clear" {
		t.Errorf("%q, %v", b, err)
	}
}

// Long streams go through the block-wise decrypter.
func TestDecryptLongStreams(t *testing.T) {
	file := qpdf(t, sample(t, kinds[0], 1), "--encrypt", "user", "owner", "256", "--")
	d := mustOpenWith(t, file, Options{Password: "user"})
	for _, n := range []int{0, 1, 15, 16, 17, 4063, 4064, 4079, 4080, 4081, 4096, 8160, 300 << 10} {
		data := bytes.Repeat([]byte("0123456789abcde"), n/15+1)[:n]
		u, err := d.NewUpdate()
		if err != nil {
			t.Fatal(err)
		}
		ref := u.Add(NewStream(nil, data))
		o, err := mustOpenWith(t, finish(t, u), Options{Password: "user"}).Latest().Get(ref)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := o.(*Stream).Decode(0); err != nil || !bytes.Equal(b, data) {
			t.Errorf("%d bytes: got %d, %v", n, len(b), err)
		}
	}
}
