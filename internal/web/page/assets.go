package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"strings"
)

//go:embed assets/page.css assets/page.js assets/garamond.woff2
var assetFiles embed.FS

// Assets are the files that pages link to. Their names hold the digest of their content,
// so that they may be kept for ever.
type Assets struct {
	Style, Script, Font string // paths as pages link to them
	files               map[string]Asset
}

// Asset is a file with its form for transfer.
type Asset struct {
	MediaType string
	Bytes     []byte
	Gzip      []byte // nil where that is not smaller
	ETag      string
}

// Get returns a file by the last part of its path.
func (a Assets) Get(name string) (Asset, bool) {
	f, ok := a.files[name]
	return f, ok
}

// newAssets reads the embedded files. The style sheet names the font, so the font comes
// first.
func newAssets(root string) (Assets, error) {
	a := Assets{files: map[string]Asset{}}
	add := func(name, mediaType string, replace ...string) (string, error) {
		b, err := assetFiles.ReadFile("assets/" + name)
		if err != nil {
			return "", fmt.Errorf("page: asset: %w", err)
		}
		if len(replace) > 0 {
			b = []byte(strings.NewReplacer(replace...).Replace(string(b)))
		}
		digest := sha256.Sum256(b)
		stem, ext, _ := strings.Cut(name, ".")
		hashed := stem + "." + hex.EncodeToString(digest[:6]) + "." + ext
		asset := Asset{MediaType: mediaType, Bytes: b, ETag: `"` + hex.EncodeToString(digest[:16]) + `"`}
		if mediaType != "font/woff2" {
			var z bytes.Buffer
			w, err := gzip.NewWriterLevel(&z, gzip.BestCompression)
			if err != nil {
				return "", fmt.Errorf("page: asset: %w", err)
			}
			if _, err := w.Write(b); err != nil {
				return "", fmt.Errorf("page: asset: %w", err)
			}
			if err := w.Close(); err != nil {
				return "", fmt.Errorf("page: asset: %w", err)
			}
			if z.Len() < len(b) {
				asset.Gzip = z.Bytes()
			}
		}
		a.files[hashed] = asset
		return root + "/assets/" + hashed, nil
	}
	var err error
	if a.Font, err = add("garamond.woff2", "font/woff2"); err != nil {
		return a, err
	}
	if a.Script, err = add("page.js", "text/javascript; charset=utf-8"); err != nil {
		return a, err
	}
	if a.Style, err = add("page.css", "text/css; charset=utf-8", "{{font}}", a.Font); err != nil {
		return a, err
	}
	return a, nil
}
