package serving

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// systemFonts is where systems keep their fonts. Not all have any.
const systemFonts = "/usr/share/fonts"

// fonts names the directories with fonts. One that was named and is not there is a
// mistake; that of the system may be missing.
func (op *opener) fonts() error {
	for _, dir := range op.c.Fonts {
		info, err := os.Stat(dir)
		if errors.Is(err, fs.ErrNotExist) && dir == systemFonts {
			continue
		}
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return fmt.Errorf("expected a directory, found that %s is none", dir)
		}
		op.p.FontDirs = append(op.p.FontDirs, dir)
	}
	return nil
}
