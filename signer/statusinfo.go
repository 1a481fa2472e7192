package signer

import "slices"

// Config returns how the list was made, without its source of randomness.
func (l *StatusList) Config() StatusConfig {
	c := l.config
	c.Messages = slices.Clone(c.Messages)
	c.Random = nil
	return c
}
