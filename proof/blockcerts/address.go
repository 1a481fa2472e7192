package blockcerts

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

const methodPrefix = "ecdsa-koblitz-pubkey:"

// senderOf turns a public key as Blockcerts write it, which is an address, into the
// form of Judged.Sender; "" for other keys.
func senderOf(method string) string {
	s := strings.TrimPrefix(method, methodPrefix)
	if rest, ok := strings.CutPrefix(strings.ToLower(s), "0x"); ok {
		if b, err := hex.DecodeString(rest); err != nil || len(b) != 20 {
			return ""
		}
		return "0x" + rest
	}
	if len(s) < 26 || len(s) > 40 {
		return ""
	}
	// Base58Check of a version byte (0 on Bitcoin, 111 on its test networks) and the
	// key hash.
	b, ok := decodeBase58(s)
	if !ok || len(b) != 25 || b[0] != 0 && b[0] != 111 {
		return ""
	}
	once := sha256.Sum256(b[:21])
	twice := sha256.Sum256(once[:])
	if string(twice[:4]) != string(b[21:]) {
		return ""
	}
	return hex.EncodeToString(b[1:21])
}
