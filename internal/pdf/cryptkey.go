package pdf

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
)

// standardHandler holds what the standard security handler derives the file key from.
type standardHandler struct {
	r, keyLen       int
	o, u, oe, ue    []byte
	perms           []byte
	p               int64
	id              []byte
	encryptMetadata bool
}

func newStandardHandler(d *Dict, id []byte, r, keyLen int, encryptMetadata bool) (*standardHandler, error) {
	h := &standardHandler{r: r, keyLen: keyLen, id: id, encryptMetadata: encryptMetadata}
	at := d.span.Start
	p, ok := d.Get("P").(Integer)
	if !ok || p < -1<<31 || p > 1<<32-1 {
		return nil, errAt(CodeEncryption, at, "/P missing or no 32-bit integer")
	}
	h.p = int64(p)
	size := 32
	if r >= 5 {
		size = 48
	}
	for _, f := range []struct {
		key  Name
		to   *[]byte
		size int
		from int
	}{{"O", &h.o, size, 2}, {"U", &h.u, size, 2}, {"OE", &h.oe, 32, 5}, {"UE", &h.ue, 32, 5}, {"Perms", &h.perms, 16, 5}} {
		if r < f.from {
			continue
		}
		s, ok := d.Get(f.key).(String)
		if !ok || len(s.Value) < f.size || len(bytes.Trim(s.Value[f.size:], "\x00")) > 0 {
			return nil, errAt(CodeEncryption, at, "/%s missing or not of %d bytes", f.key, f.size)
		}
		*f.to = s.Value[:f.size]
	}
	return h, nil
}

// unlock returns the file key, or nil if the password is neither user nor owner password.
func (h *standardHandler) unlock(password []byte) ([]byte, error) {
	if h.r >= 5 {
		return h.unlock256(password)
	}
	if key := h.tryUser(padPassword(password)); key != nil {
		return key, nil
	}
	return h.tryUser(h.userFromOwner(password)), nil
}

var passwordPad = []byte("\x28\xBF\x4E\x5E\x4E\x75\x8A\x41\x64\x00\x4E\x56\xFF\xFA\x01\x08\x2E\x2E\x00\xB6\xD0\x68\x3E\x80\x2F\x0C\xA9\xFE\x64\x53\x69\x7A")

func padPassword(p []byte) []byte {
	return append(append([]byte{}, p[:min(len(p), 32)]...), passwordPad...)[:32]
}

// fileKey is algorithm 2.
func (h *standardHandler) fileKey(padded []byte) []byte {
	m := md5.New()
	m.Write(padded)
	m.Write(h.o)
	m.Write(le32(h.p))
	m.Write(h.id)
	if h.r >= 4 && !h.encryptMetadata {
		m.Write([]byte{255, 255, 255, 255})
	}
	return h.strengthen(m.Sum(nil))
}

func (h *standardHandler) strengthen(sum []byte) []byte {
	if h.r >= 3 {
		for range 50 {
			s := md5.Sum(sum[:h.keyLen])
			sum = s[:]
		}
	}
	return sum[:h.keyLen]
}

// tryUser is algorithms 4, 5 and 6.
func (h *standardHandler) tryUser(padded []byte) []byte {
	key := h.fileKey(padded)
	if h.r == 2 {
		want := rc4Rounds(key, passwordPad, 0, 0)
		if subtle.ConstantTimeCompare(want, h.u) == 1 {
			return key
		}
		return nil
	}
	m := md5.New()
	m.Write(passwordPad)
	m.Write(h.id)
	want := rc4Rounds(key, m.Sum(nil), 0, 19)
	if subtle.ConstantTimeCompare(want, h.u[:16]) == 1 {
		return key
	}
	return nil
}

// userFromOwner is algorithm 7: the padded user password hidden under the owner password.
func (h *standardHandler) userFromOwner(owner []byte) []byte {
	sum := md5.Sum(padPassword(owner))
	key := h.strengthen(sum[:])
	if h.r == 2 {
		return rc4Rounds(key, h.o, 0, 0)
	}
	return rc4Rounds(key, h.o, 19, 0)
}

// rc4Rounds applies RC4 with the key XORed by first, …, last.
func rc4Rounds(key, data []byte, first, last int) []byte {
	out := bytes.Clone(data)
	step := 1
	if last < first {
		step = -1
	}
	for i := first; ; i += step {
		k := bytes.Clone(key)
		for j := range k {
			k[j] ^= byte(i)
		}
		c, err := rc4.NewCipher(k)
		if err != nil {
			return nil // keys are 5 to 16 bytes
		}
		c.XORKeyStream(out, out)
		if i == last {
			return out
		}
	}
}

// unlock256 is algorithm 2.A, with algorithms 11 to 13.
func (h *standardHandler) unlock256(password []byte) ([]byte, error) {
	password = password[:min(len(password), 127)]
	var key []byte
	var err error
	switch {
	case subtle.ConstantTimeCompare(h.hash(password, h.o[32:40], h.u), h.o[:32]) == 1:
		key, err = unwrap(h.hash(password, h.o[40:48], h.u), h.oe)
	case subtle.ConstantTimeCompare(h.hash(password, h.u[32:40], nil), h.u[:32]) == 1:
		key, err = unwrap(h.hash(password, h.u[40:48], nil), h.ue)
	default:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	var perms [16]byte
	b.Decrypt(perms[:], h.perms)
	meta := byte('F')
	if h.encryptMetadata {
		meta = 'T'
	}
	if string(perms[9:12]) != "adb" || !bytes.Equal(perms[:4], le32(h.p)) || perms[8] != meta {
		return nil, &Error{Code: CodeEncryption, Offset: -1, Msg: "encryption dictionary was altered", Err: errPermissions}
	}
	return key, nil
}

func unwrap(kek, wrapped []byte) ([]byte, error) {
	b, err := aes.NewCipher(kek)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 32)
	cipher.NewCBCDecrypter(b, make([]byte, aes.BlockSize)).CryptBlocks(out, wrapped)
	return out, nil
}

// hash is algorithm 2.B; revision 5 is one SHA-256. It ends after at most 287 rounds,
// because the last byte of a block is at most 255.
func (h *standardHandler) hash(password, salt, udata []byte) []byte {
	sum := sha256.Sum256(bytes.Join([][]byte{password, salt, udata}, nil))
	k := sum[:]
	if h.r == 5 {
		return k
	}
	for i := 1; ; i++ {
		e := bytes.Repeat(bytes.Join([][]byte{password, k, udata}, nil), 64)
		b, err := aes.NewCipher(k[:16])
		if err != nil {
			return nil // a 16-byte key is always good
		}
		cipher.NewCBCEncrypter(b, k[16:32]).CryptBlocks(e, e)
		mod := 0
		for _, c := range e[:16] {
			mod += int(c)
		}
		switch mod % 3 {
		case 0:
			s := sha256.Sum256(e)
			k = s[:]
		case 1:
			s := sha512.Sum384(e)
			k = s[:]
		default:
			s := sha512.Sum512(e)
			k = s[:]
		}
		if i >= 64 && int(e[len(e)-1]) <= i-32 {
			return k[:32]
		}
	}
}
