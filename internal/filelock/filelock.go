// Package filelock lets one process of several hold a file.
//
//	f, err := filelock.Take(path)
//	if errors.Is(err, filelock.ErrHeld) { … another process has it … }
//	defer f.Close()
//
// Caveat: where the system is neither Linux, macOS, a BSD nor Windows, nothing is locked, and
// Take always succeeds.
package filelock

import "errors"

// ErrHeld is that another process, or another Take in this one, holds the file.
var ErrHeld = errors.New("filelock: another process holds it")
