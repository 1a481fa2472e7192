package testvectors

import "embed"

// FS holds the project's own vectors, one file each, as README.md in this folder
// describes: vectors/AREA/NAME.json.
//
//go:embed vectors README.md
var FS embed.FS
