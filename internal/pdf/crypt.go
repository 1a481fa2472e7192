package pdf

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rc4"
	"encoding/binary"
	"errors"
	"io"
)

// method is how strings or streams are encrypted.
type method uint8

const (
	methodNone method = iota
	methodRC4
	methodAESV2
	methodAESV3
)

// crypt is the standard security handler, unlocked (ISO 32000-2, 7.6).
type crypt struct {
	key             []byte
	streams         method
	strings         method
	filters         map[Name]method // /CF
	encryptMetadata bool
	rand            io.Reader // initialization vectors when writing
}

// Encrypted reports whether the file is encrypted (and was opened with a password, perhaps the empty one).
func (d *Document) Encrypted() bool { return d.crypt != nil }

// openCrypt reads the encryption dictionary and finds the file key.
func (d *Document) openCrypt(password string) error {
	rev := d.Latest()
	o := rev.Trailer.Get("Encrypt")
	if o == nil {
		return nil
	}
	at := rev.Trailer.SpanOf("Encrypt").Start
	if ref, ok := o.(Ref); ok {
		d.encryptRef = ref
		// The same object in every revision, or the strings of the older ones would be
		// read with another key.
		for _, r := range d.revs {
			was, _ := r.Locate(ref.Num)
			if is, _ := rev.Locate(ref.Num); is != was || is.Kind != EntryInFile {
				return errAt(CodeEncryption, at, "the encryption dictionary is missing, changes between revisions or lies in an object stream")
			}
		}
		var err error
		if o, err = rev.Get(ref); err != nil {
			return err
		}
	}
	dict, ok := o.(*Dict)
	if !ok {
		return errAt(CodeEncryption, at, "/Encrypt is no dictionary")
	}
	c, err := newCrypt(dict, d.firstID(), password)
	if err != nil {
		return err
	}
	d.crypt = c
	d.objects = cache[objectKey, *indirect]{limit: d.objects.limit}
	d.objStreams, d.lastStream = cache[objectKey, *objStream]{limit: d.objStreams.limit}, nil
	return nil
}

func (d *Document) firstID() []byte {
	a, _ := d.Latest().Trailer.Get("ID").(*Array)
	s, _ := a.At(0).(String)
	return s.Value
}

// newCrypt reads the algorithm and unlocks it.
func newCrypt(dict *Dict, id []byte, password string) (*crypt, error) {
	at := dict.span.Start
	if f := dict.Get("Filter"); f != Name("Standard") {
		return nil, errAt(CodeHandler, at, "security handler is not Standard")
	}
	v, _ := dict.Get("V").(Integer)
	r, _ := dict.Get("R").(Integer)
	c := &crypt{encryptMetadata: true}
	if b, ok := dict.Get("EncryptMetadata").(Bool); ok {
		c.encryptMetadata = bool(b)
	}
	keyLen := 5
	switch {
	case v == 1 && (r == 2 || r == 3):
		c.streams, c.strings = methodRC4, methodRC4
	case v == 2 && r == 3:
		c.streams, c.strings = methodRC4, methodRC4
		if n, ok := dict.Get("Length").(Integer); ok {
			if n < 40 || n > 128 || n%8 != 0 {
				return nil, errAt(CodeEncryption, at, "key length of %d bits", n)
			}
			keyLen = int(n) / 8
		}
	case v == 4 && r == 4:
		keyLen = 16
	case v == 5 && (r == 5 || r == 6):
		keyLen = 32
	default:
		return nil, errAt(CodeHandler, at, "encryption version %d revision %d is not supported", v, r)
	}
	if v >= 4 {
		if err := c.readFilters(dict, v); err != nil {
			return nil, err
		}
	}
	h, err := newStandardHandler(dict, id, int(r), keyLen, c.encryptMetadata)
	if err != nil {
		return nil, err
	}
	if c.key, err = h.unlock([]byte(password)); err != nil {
		return nil, err
	}
	if c.key == nil {
		code := CodePassword
		if password == "" {
			code = CodeNoPassword
		}
		return nil, errAt(code, at, "the password does not open the file")
	}
	return c, nil
}

// readFilters reads /CF, /StmF and /StrF (ISO 32000-2, 7.6.6).
func (c *crypt) readFilters(dict *Dict, v Integer) error {
	at := dict.span.Start
	c.filters = map[Name]method{"Identity": methodNone}
	cf, _ := dict.Get("CF").(*Dict)
	for name, o := range cf.All() {
		f, _ := o.(*Dict)
		m, ok := cryptMethod(f.Get("CFM"), v == 5)
		if !ok {
			return errAt(CodeHandler, at, "crypt filter with a method that does not belong to encryption version %d", v)
		}
		if name == "Identity" {
			return errAt(CodeEncryption, at, "crypt filter Identity redefined")
		}
		c.filters[name] = m
	}
	for key, to := range map[Name]*method{"StmF": &c.streams, "StrF": &c.strings} {
		name := Name("Identity")
		if o := dict.Get(key); o != nil {
			var ok bool
			if name, ok = o.(Name); !ok {
				return errAt(CodeEncryption, at, "/%s is no name", key)
			}
		}
		m, ok := c.filters[name]
		if !ok {
			return errAt(CodeEncryption, at, "/%s names no crypt filter", key)
		}
		*to = m
	}
	return nil
}

// cryptMethod reads /CFM; version 5 has only AES-256, version 4 only the older two.
func cryptMethod(o Object, v5 bool) (method, bool) {
	switch o {
	case nil, Name("None"):
		return methodNone, true
	case Name("V2"):
		return methodRC4, !v5
	case Name("AESV2"):
		return methodAESV2, !v5
	case Name("AESV3"):
		return methodAESV3, v5
	}
	return 0, false
}

// objectKey derives the key of one object (ISO 32000-2, algorithm 1).
func (c *crypt) objectKey(m method, ref Ref) []byte {
	if m == methodAESV3 {
		return c.key
	}
	h := md5.New()
	h.Write(c.key)
	h.Write([]byte{byte(ref.Num), byte(ref.Num >> 8), byte(ref.Num >> 16), byte(ref.Gen), byte(ref.Gen >> 8)})
	if m == methodAESV2 {
		h.Write([]byte("sAlT"))
	}
	return h.Sum(nil)[:min(len(c.key)+5, 16)]
}

// decryptObject decrypts the strings of an indirect object, in place. Streams stay as they are until read.
func (c *crypt) decryptObject(o Object, ref Ref) (Object, error) {
	if st, ok := o.(*Stream); ok {
		if st.Dict.Get("Type") == Name("XRef") {
			st.plain = true
			return st, nil
		}
		_, err := c.eachString(st.Dict, func(b []byte) ([]byte, error) { return c.openString(b, ref) })
		return st, err
	}
	return c.eachString(o, func(b []byte) ([]byte, error) { return c.openString(b, ref) })
}

// isSignature tells the dictionaries whose /Contents is never encrypted (ISO 32000-2, 7.6.2).
func isSignature(d *Dict) bool {
	t := d.Get("Type")
	return t == Name("Sig") || t == Name("DocTimeStamp") || t == nil && d.Has("ByteRange") && d.Has("Filter")
}

// eachString replaces every string by what f makes of it.
func (c *crypt) eachString(o Object, f func([]byte) ([]byte, error)) (Object, error) {
	var err error
	switch o := o.(type) {
	case String:
		o.Value, err = f(o.Value)
		return o, err
	case *Array:
		for i := range o.items {
			if o.items[i], err = c.eachString(o.items[i], f); err != nil {
				return nil, err
			}
		}
	case *Dict:
		sig := isSignature(o)
		for i := range o.entries {
			e := &o.entries[i]
			if sig && e.key == "Contents" {
				continue
			}
			if e.value, err = c.eachString(e.value, f); err != nil {
				return nil, err
			}
		}
	}
	return o, nil
}

func (c *crypt) openString(b []byte, ref Ref) ([]byte, error) {
	if c.strings == methodNone || len(b) == 0 {
		return b, nil
	}
	r, err := c.open(c.strings, bytes.NewReader(b), ref)
	if err == nil {
		b, err = io.ReadAll(r)
	}
	if err != nil {
		return nil, &Error{Code: CodeEncryption, Offset: -1, Object: ref, Msg: "a string does not decrypt", Err: err}
	}
	return b, nil
}

// streamMethod tells how a stream is encrypted.
func (c *crypt) streamMethod(d *Dict) (method, error) {
	if t := d.Get("Type"); t == Name("XRef") || t == Name("Metadata") && !c.encryptMetadata {
		return methodNone, nil
	}
	first, parms := d.Get("Filter"), d.Get("DecodeParms")
	if a, ok := first.(*Array); ok {
		first = a.At(0)
	}
	if first != Name("Crypt") {
		return c.streams, nil
	}
	if a, ok := parms.(*Array); ok {
		parms = a.At(0)
	}
	p, _ := parms.(*Dict)
	name, ok := p.Get("Name").(Name)
	if !ok {
		name = "Identity"
	}
	m, ok := c.filters[name]
	if !ok {
		return 0, errAt(CodeEncryption, d.span.Start, "a stream names a crypt filter that does not exist")
	}
	return m, nil
}

func (c *crypt) decryptStream(r io.Reader, s *Stream) (io.Reader, error) {
	m, err := c.streamMethod(s.Dict)
	if err != nil {
		return nil, inObject(err, s.ref)
	}
	if m == methodNone || s.span.Len() == 0 {
		return r, nil
	}
	return c.open(m, r, s.ref)
}

// open decrypts with a method and an object's key.
func (c *crypt) open(m method, r io.Reader, ref Ref) (io.Reader, error) {
	key := c.objectKey(m, ref)
	if m == methodRC4 {
		k, err := rc4.NewCipher(key)
		if err != nil {
			return nil, err
		}
		return cipher.StreamReader{S: k, R: r}, nil
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	iv := make([]byte, aes.BlockSize)
	if _, err := io.ReadFull(r, iv); err != nil {
		return nil, &Error{Code: CodeEncryption, Offset: -1, Object: ref, Msg: "no initialization vector", Err: err}
	}
	return &cbcReader{r: r, mode: cipher.NewCBCDecrypter(block, iv), ref: ref}, nil
}

// cbcReader decrypts AES-CBC with PKCS#7 padding. It keeps the last block back, whose padding it checks.
type cbcReader struct {
	r    io.Reader
	mode cipher.BlockMode
	ref  Ref
	buf  [4096 + aes.BlockSize]byte
	have int // decrypted and kept back, at buf[0]
	out  []byte
	eof  bool
}

func (c *cbcReader) Read(p []byte) (int, error) {
	for len(c.out) == 0 {
		if c.eof {
			return 0, io.EOF
		}
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.out)
	c.out = c.out[n:]
	return n, nil
}

func (c *cbcReader) fill() error {
	// The block kept back moves to the front; then the next ones are decrypted behind it.
	copy(c.buf[:], c.buf[len(c.buf)-aes.BlockSize:])
	n, err := io.ReadFull(c.r, c.buf[c.have:c.have+4096-aes.BlockSize])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return err
	}
	if n%aes.BlockSize != 0 {
		return &Error{Code: CodeEncryption, Offset: -1, Object: c.ref, Msg: "encrypted data are no whole number of blocks"}
	}
	data := c.buf[:c.have+n]
	c.mode.CryptBlocks(data[c.have:], data[c.have:])
	if err == nil {
		copy(c.buf[len(c.buf)-aes.BlockSize:], data[len(data)-aes.BlockSize:])
		c.have = aes.BlockSize
		c.out = data[:len(data)-aes.BlockSize]
		return nil
	}
	c.eof = true
	if len(data) == 0 {
		return &Error{Code: CodeEncryption, Offset: -1, Object: c.ref, Msg: "no padding"}
	}
	pad := int(data[len(data)-1])
	if pad < 1 || pad > aes.BlockSize || !bytes.Equal(data[len(data)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		return &Error{Code: CodeEncryption, Offset: -1, Object: c.ref, Msg: "malformed padding"}
	}
	c.out = data[:len(data)-pad]
	return nil
}

// seal encrypts for writing.
func (c *crypt) seal(m method, b []byte, ref Ref) ([]byte, error) {
	if m == methodNone {
		return b, nil
	}
	key := c.objectKey(m, ref)
	if m == methodRC4 {
		k, err := rc4.NewCipher(key)
		if err != nil {
			return nil, err
		}
		out := make([]byte, len(b))
		k.XORKeyStream(out, b)
		return out, nil
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	pad := aes.BlockSize - len(b)%aes.BlockSize
	out := make([]byte, aes.BlockSize, aes.BlockSize+len(b)+pad)
	if _, err := io.ReadFull(c.rand, out); err != nil {
		return nil, &Error{Code: CodeIO, Offset: -1, Object: ref, Msg: "no randomness for an initialization vector", Err: err}
	}
	out = append(out, b...)
	out = append(out, bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, out[:aes.BlockSize]).CryptBlocks(out[aes.BlockSize:], out[aes.BlockSize:])
	return out, nil
}

var errPermissions = errors.New("/Perms does not agree with /P and /EncryptMetadata")

func le32(v int64) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(v)) }
