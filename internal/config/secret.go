package config

import (
	"fmt"
	"io"
)

// Secret is a setting that is never printed. The zero value is not set.
type Secret struct{ text string }

// NewSecret makes one.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal is its text.
func (s Secret) Reveal() string { return s.text }

// Set reports whether there is one.
func (s Secret) Set() bool { return s.text != "" }

// String tells only whether it is set.
func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return "(set)"
}

// GoString is String.
func (s Secret) GoString() string { return s.String() }

// Format is String, with every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText is String: for JSON, YAML and logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
