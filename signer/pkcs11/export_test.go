//go:build pkcs11

package pkcs11

// Opened is how often the token was opened, or tried to be.
func (t *Token) Opened() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.opened
}
