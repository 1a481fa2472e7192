package blockcerts

import "strings"

const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// decodeBase58 decodes up to MaxProofValue characters. Package multikey stops at
// lengths of keys. Five digits are taken at a time, so that the quadratic work stays
// at some millions of steps.
func decodeBase58(s string) ([]byte, bool) {
	zeros := 0
	for zeros < len(s) && s[zeros] == '1' {
		zeros++
	}
	var limbs []uint32 // least significant first
	for rest := s[zeros:]; rest != ""; {
		n := min(5, len(rest))
		factor, add := uint64(1), uint64(0)
		for i := range n {
			d := strings.IndexByte(alphabet, rest[i])
			if d < 0 {
				return nil, false
			}
			factor, add = factor*58, add*58+uint64(d)
		}
		rest = rest[n:]
		for i := range limbs {
			add += uint64(limbs[i]) * factor
			limbs[i] = uint32(add)
			add >>= 32
		}
		if add > 0 {
			limbs = append(limbs, uint32(add))
		}
	}
	out := make([]byte, zeros, zeros+4*len(limbs))
	leading := true
	for i := len(limbs) - 1; i >= 0; i-- {
		for shift := 24; shift >= 0; shift -= 8 {
			b := byte(limbs[i] >> shift)
			if leading = leading && b == 0; !leading {
				out = append(out, b)
			}
		}
	}
	return out, true
}

func encodeBase58(b []byte) string {
	zeros := 0
	for zeros < len(b) && b[zeros] == 0 {
		zeros++
	}
	var digits []byte // least significant first
	for _, c := range b[zeros:] {
		carry := int(c)
		for i := range digits {
			carry += int(digits[i]) << 8
			digits[i] = byte(carry % 58)
			carry /= 58
		}
		for ; carry > 0; carry /= 58 {
			digits = append(digits, byte(carry%58))
		}
	}
	var out strings.Builder
	for range zeros {
		out.WriteByte('1')
	}
	for i := len(digits) - 1; i >= 0; i-- {
		out.WriteByte(alphabet[digits[i]])
	}
	return out.String()
}
