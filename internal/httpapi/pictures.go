package httpapi

import (
	"context"
	"strings"

	"github.com/chancery-dev/chancery/internal/service"
)

// pictures is what a service.Public may have besides: the pictures that the achievements of
// credentials point to, by digest and extension.
type pictures interface {
	Picture(ctx context.Context, name string) (service.File, error)
}

// pictureAge lets pictures be kept for a year: their address is their content's digest.
var pictureAge = []string{"public, max-age=31536000, immutable"}

// addPictures registers where the pictures of achievements are found.
func (a *api) addPictures() {
	source, ok := a.Public.(pictures)
	if !ok {
		return
	}
	o := operation{Tag: "Published", Public: true, Path: "/pictures/{picture}", ID: "getPicture", Summary: "Read the picture of an achievement"}
	o.Description = "`picture` is the SHA-256 of the picture in lower-case hexadecimal, then .png or .svg, as the `achievement.image` of credentials names it. What is there never changes."
	bytesOf(a, o, []string{"image/png", "image/svg+xml"}, func(c *call) (service.File, []string, error) {
		f, err := source.Picture(c.ctx, c.id("picture"))
		if err != nil {
			return f, nil, err
		}
		h := c.w.Header()
		h["Cross-Origin-Resource-Policy"] = []string{"cross-origin"} // any site may show it
		if strings.HasPrefix(f.MediaType, "image/svg") {
			h["Content-Security-Policy"] = []string{svgPolicy}
		}
		return f, pictureAge, nil
	})
}

// svgPolicy has an SVG run nothing and fetch nothing, opened by itself.
const svgPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
