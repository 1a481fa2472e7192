package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"strings"
	"sync"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
)

// maxPicture bounds a badge's picture in bytes.
const maxPicture = 1 << 20

// storePicture stores the pictures of a type's badge: the one that was given, or a seal
// drawn here, as PNG and as SVG. Those of the test environment say so.
func (s *Service) storePicture(ctx context.Context, e Environment, v *StoredType) error {
	put := func(media string, b []byte) (string, error) {
		if e == Test {
			var err error
			if b, err = watermark(media, b); err != nil {
				return "", unfit(err)
			}
		}
		digest, _, err := s.c.Blobs.Put(ctx, bytes.NewReader(b))
		if err != nil {
			return "", err
		}
		return digest, s.notePicture(ctx, digest)
	}
	var err error
	if v.Achievement != nil && v.Achievement.Image != "" {
		media, b, err := dataURL(v.Achievement.Image)
		if err != nil {
			return err
		}
		if err := bakeable(media, b); err != nil {
			return unfit(err)
		}
		if media == chancery.MediaPNG {
			v.PNG, err = put(media, b)
		} else {
			v.SVG, err = put(media, b)
		}
		return err
	}
	drawn, err := sealPNG()
	if err != nil {
		return err
	}
	if v.PNG, err = put(chancery.MediaPNG, drawn); err != nil {
		return err
	}
	v.SVG, err = put(chancery.MediaSVG, []byte(sealSVG))
	return err
}

func unfit(err error) error {
	return &Error{Code: CodeValidation, Detail: "achievement.image cannot hold a badge", Fields: map[string][]string{"achievement.image": {"cannot hold a badge"}}, Err: err}
}

// pictureRecord is the id of the record, in the scope of the installation, that says that a
// file is a badge's picture: those are public, and stay.
func pictureRecord(digest string) string { return "picture/" + digest }

func (s *Service) notePicture(ctx context.Context, digest string) error {
	now := s.now()
	err := s.update(ctx, func(tx Tx) error {
		_, err := tx.Get(ctx, Scope{}, KindSetting, pictureRecord(digest))
		if !errors.Is(err, ErrNotFound) {
			return err
		}
		return tx.Put(ctx, Scope{}, Record{Kind: KindSetting, ID: pictureRecord(digest), Created: now, Updated: now, Body: []byte("{}")})
	})
	if errors.Is(err, ErrExists) { // another call was first
		return nil
	}
	return err
}

// bakeable tries to put something into a picture.
func bakeable(media string, b []byte) error {
	if len(b) > maxPicture {
		return fmt.Errorf("service: expected a picture of at most %d bytes", maxPicture)
	}
	if media == chancery.MediaPNG {
		if c, err := png.DecodeConfig(bytes.NewReader(b)); err != nil || c.Width > 4096 || c.Height > 4096 {
			return errors.New("service: expected a PNG of at most 4096 by 4096")
		}
	}
	trial := chancery.Secured{MediaType: chancery.MediaVC, Bytes: []byte(`{"@context":["` + chancery.ContextV2 + `","` + badge.ContextOB3 +
		`"],"type":["VerifiableCredential","OpenBadgeCredential"],"issuer":"urn:x:y","credentialSubject":{"type":["AchievementSubject"]},"proof":{"type":"DataIntegrityProof"}}`)}
	return badge.Bake(io.Discard, bytes.NewReader(b), trial, badge.BakeOptions{})
}

// blob reads a whole file of bounded size.
func (s *Service) blob(ctx context.Context, digest string, limit int64) ([]byte, error) {
	r, size, err := s.c.Blobs.Get(ctx, digest)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if size > limit {
		return nil, fmt.Errorf("service: stored file of %d bytes, expected at most %d", size, limit)
	}
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) != size {
		err = errors.New("service: stored file: expected another size")
	}
	return b, err
}

// Picture returns a badge's picture by the last part of its address: digest and extension.
func (s *Service) Picture(ctx context.Context, name string) (File, error) {
	digest, extension, _ := strings.Cut(name, ".")
	media := map[string]string{"png": chancery.MediaPNG, "svg": chancery.MediaSVG}[extension]
	if media == "" || len(digest) != 64 || strings.Trim(digest, "0123456789abcdef") != "" {
		return File{}, NotFound("picture")
	}
	// Blobs hold other files too, which their digests do not open.
	err := s.view(ctx, func(tx Tx) error {
		_, err := tx.Get(ctx, Scope{}, KindSetting, pictureRecord(digest))
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return File{}, NotFound("picture")
	}
	if err != nil {
		return File{}, err
	}
	b, err := s.blob(ctx, digest, maxPicture)
	if errors.Is(err, ErrNotFound) {
		return File{}, NotFound("picture")
	}
	if err == nil {
		if kind, err := chancery.Detect(b); err != nil || kind.MediaType != media {
			return File{}, NotFound("picture")
		}
	}
	return File{Name: name, MediaType: media, Digest: digest, Bytes: b}, err
}

// sealSVG is the picture of badges whose type brings none.
const sealSVG = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 200" role="img" aria-label="Seal">
  <circle cx="100" cy="100" r="96" fill="#FBFAF6" stroke="#8A1C1C" stroke-width="5"/>
  <circle cx="100" cy="100" r="85" fill="none" stroke="#8A1C1C" stroke-width="1.5"/>
  <path d="M100 38 L114.6 80 L159 80.8 L123.5 107.6 L136.4 150.1 L100 124.6 L63.6 150.1 L76.5 107.6 L41 80.8 L85.4 80 Z" fill="none" stroke="#8A1C1C" stroke-width="4" stroke-linejoin="round"/>
  <circle cx="100" cy="98" r="12" fill="#14213D"/>
</svg>
`

// sealPNG draws the same seal as rings and rosette, smooth at the edges.
var sealPNG = sync.OnceValues(func() ([]byte, error) {
	const size, samples = 400, 3
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			var ink, disc float64
			for n := range samples * samples {
				dx := float64(x) + (float64(n%samples)+0.5)/samples - size/2
				dy := float64(y) + (float64(n/samples)+0.5)/samples - size/2
				i, d := sealAt(math.Hypot(dx, dy)/(size/2), math.Atan2(dy, dx))
				ink, disc = ink+i, disc+d
			}
			ink, disc = ink/(samples*samples), disc/(samples*samples)
			mix := func(paper, seal float64) uint8 { return uint8(paper + (seal-paper)*ink) }
			img.Set(x, y, color.NRGBA{mix(0xFB, 0x8A), mix(0xFA, 0x1C), mix(0xF6, 0x1C), uint8(255 * disc)})
		}
	}
	var b bytes.Buffer
	err := png.Encode(&b, img)
	return b.Bytes(), err
})

// sealAt says whether a point, by distance from the centre (1 is the edge) and angle, is
// inked and lies on the seal.
func sealAt(r, angle float64) (ink, disc float64) {
	if r > 0.97 {
		return 0, 0
	}
	for _, ring := range []struct{ at, width float64 }{{0.94, 0.03}, {0.85, 0.008}, {0.06, 0.06}} {
		if math.Abs(r-ring.at) < ring.width {
			return 1, 1
		}
	}
	// A star of five points: its edge in polar coordinates.
	turn := math.Mod(angle+math.Pi/2+4*math.Pi, 2*math.Pi/5)
	across := math.Abs(turn-math.Pi/5) / (math.Pi / 5) // 1 at a point, 0 in a valley
	edge := 0.27 + 0.36*across*across*across
	if math.Abs(r-edge) < 0.02+0.015*across {
		return 1, 1
	}
	return 0, 1
}
