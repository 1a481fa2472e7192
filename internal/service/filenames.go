package service

import (
	"crypto/sha256"
	"strconv"
	"strings"
)

// FileNames gives credentials names that files and folders can have on every system: their
// ids, as far as that goes. The zero value is not ready: make one for each archive. What it
// remembers of a name is a hash of it.
type FileNames map[[16]byte]struct{}

// Add tells whether a text is there for the first time.
func (f FileNames) Add(s string) bool {
	sum := sha256.Sum256([]byte(s))
	h := [16]byte(sum[:16])
	_, there := f[h]
	f[h] = struct{}{}
	return !there
}

// Of names the credential of an id: by the id, with a ~, which no id has, where the id alone
// would be no file's name or that of another, whatever the case of letters. n is a number
// that no other credential of the archive has.
func (f FileNames) Of(id string, n int64) string {
	// Some systems leave out dots at the end.
	if !f.Add("name " + strings.ToLower(strings.TrimRight(id, "."))) {
		return id + "~" + strconv.FormatInt(n, 10)
	}
	name := id
	if first, _, _ := strings.Cut(id, "."); first == "" || deviceNames[strings.ToUpper(first)] {
		name = "~" + name
	}
	if strings.HasSuffix(name, ".") {
		name += "~"
	}
	return name
}

// deviceNames are no names of files on some systems, whatever follows the dot. A name that
// begins with a dot is hidden on others.
var deviceNames = map[string]bool{
	"CON": true, "PRN": true, "AUX": true, "NUL": true,
	"COM1": true, "COM2": true, "COM3": true, "COM4": true, "COM5": true, "COM6": true, "COM7": true, "COM8": true, "COM9": true,
	"LPT1": true, "LPT2": true, "LPT3": true, "LPT4": true, "LPT5": true, "LPT6": true, "LPT7": true, "LPT8": true, "LPT9": true,
}
