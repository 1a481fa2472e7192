package service

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"testing"

	"github.com/chancery-dev/chancery/internal/layout"
)

// TestCachedPictures: what is kept of types is bounded by their pictures too, whose few
// bytes unpack to many megabytes. Types without pictures stay.
func TestCachedPictures(t *testing.T) {
	const side = 2900
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, side, side))); err != nil {
		t.Fatal(err)
	}
	page := func(assets string) *LoadedType {
		l, err := layout.Parse([]byte(`{"format":"chancery-template/1","name":"x","page":{"size":"A4"},"colors":{"ink":"#14213D"},"assets":{` + assets + `},
			"elements":[{"kind":"rect","box":[10,10,20,20],"stroke":"ink"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		return &LoadedType{template: l}
	}
	large, small := page(`"a":{"type":"image/png","data":"`+base64.StdEncoding.EncodeToString(b.Bytes())+`"}`), page("")
	if n := large.template.Pixels(); n != side*side {
		t.Fatalf("expected %d pixels, found %d", side*side, n)
	}
	var c typeCache
	c.init()
	ref := func(kind string, n int) versionRef { return versionRef{id: fmt.Sprint(kind, n), version: 1} }
	for n := range 30 {
		c.keep(ref("small", n), small)
		c.keep(ref("large", n), large)
		c.keep(ref("large", n), large)
		if c.versions[ref("large", n)] == nil {
			t.Fatal("expected what was loaded last to be kept")
		}
		pixels := 0
		for _, v := range c.versions {
			pixels += v.template.Pixels()
		}
		if pixels != c.pixels || pixels > maxCachedPixels {
			t.Fatalf("expected at most %d pixels, and their count, found %d and %d", maxCachedPixels, pixels, c.pixels)
		}
	}
	for n := range 30 {
		if c.versions[ref("small", n)] == nil {
			t.Error("expected types without pictures to be kept")
		}
	}
}
