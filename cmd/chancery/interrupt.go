package main

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// patience is how long a command may take to end after a signal. One that waits for
// standard input, a pipe or a passphrase does not end by itself.
const patience = time.Second

var errInterrupted = errors.New("interrupted")

// interruption is what has to be put in order when a command is given up.
type interruption struct {
	mu       sync.Mutex
	files    map[string]bool // that are not finished
	terminal *term.State     // before the echo was switched off
}

func (i *interruption) begun(file string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.files == nil {
		i.files = map[string]bool{}
	}
	i.files[file] = true
}

// ended removes a file, which has its own name by now if all went well.
func (i *interruption) ended(file string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.files, file)
	os.Remove(file)
}

// silently calls f with the terminal as it was remembered for giving up.
func (i *interruption) silently(fd int, f func() ([]byte, error)) ([]byte, error) {
	state, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	i.mu.Lock()
	i.terminal = state
	i.mu.Unlock()
	b, err := f()
	i.mu.Lock()
	i.terminal = nil
	i.mu.Unlock()
	return b, err
}

// giveUp leaves nothing half made. The process is to end after it.
func (i *interruption) giveUp(fd int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for file := range i.files {
		os.Remove(file)
	}
	if i.terminal != nil {
		_ = term.Restore(fd, i.terminal)
	}
}

// telling is a writer that remembers that something could not be written, so that the exit
// status says it whoever did not look.
type telling struct {
	mu  sync.Mutex
	w   io.Writer
	err error
}

func (t *telling) Write(b []byte) (int, error) {
	n, err := t.w.Write(b)
	if err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.err == nil {
			t.err = err
		}
	}
	return n, err
}

func (t *telling) failed() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}
