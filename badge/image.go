package badge

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/limits"
	"github.com/chancery-dev/chancery/internal/strictjson"
)

// Bounds on images. They are read whole, never decoded.
const (
	maxImageBytes = limits.DocumentBytes
	maxPixelSide  = 1 << 15
	maxPixels     = 100_000_000 // what a viewer would have to hold
	maxChunks     = 1 << 16     // a 10 MB image in chunks of 160 bytes
	maxXMLDepth   = 256
	maxSVGBytes   = 3 << 20 // parsing costs ten times what checksums do: about 50 ms for the largest
	maxXMLTokens  = 250_000

	maxXMLAttributes = 64 // each is compared with the others
)

// Sentinels that callers branch on.
var (
	// ErrNoBadge: the image is sound and holds no badge.
	ErrNoBadge = errors.New("badge: expected a badge in the image, found none")
	// ErrAlreadyBaked: the image given to Bake holds a badge, and Overwrite is false.
	ErrAlreadyBaked = errors.New("badge: expected an image without a badge, found one; overwriting was not asked for")
	// ErrNotImage: neither a PNG nor an SVG.
	ErrNotImage = errors.New("badge: expected a PNG or SVG image, found something else")
)

// ImageError says why an image, or what it holds, is refused.
type ImageError struct {
	Code   string // short and stable, such as "png_bad_checksum"
	Offset int64  // bytes from the start of the image, 0 where it is about the whole
	Detail string
}

func (e *ImageError) Error() string { return fmt.Sprintf("badge: %s at byte %d", e.Detail, e.Offset) }

func imageError(code string, offset int64, detail string) error {
	return &ImageError{Code: code, Offset: offset, Detail: detail}
}

// Baked is what an image was found to hold. Nothing in it is verified.
type Baked struct {
	Payload  chancery.Secured // the badge: JSON, compact JWS, or a URL (MediaURL)
	Kind     Kind
	Image    string    // chancery.MediaPNG or chancery.MediaSVG
	Place    string    // where in the image, such as "iTXt openbadgecredential"
	Findings []Finding // what is unusual about how it was baked
}

// Unbake takes the badge out of a PNG of at most 10 MB or an SVG of at most 3 MB: an Open Badge
// 3.0, a CLR 2.0, or an Open Badge 2.0 or older. An image that is damaged or built to
// confuse (wrong checksums, chunks out of order, two badges, document type
// declarations with a subset of their own) is an *ImageError; a payload that is not
// strict JSON is a *chancery.JSONError; an image without a badge is ErrNoBadge.
func Unbake(image io.Reader) (*Baked, error) {
	b, err := readImage(image)
	if err != nil {
		return nil, err
	}
	fs := new(findings)
	var found []place
	switch mediaTypeOf(b) {
	case chancery.MediaPNG:
		found, err = pngBadges(b, fs)
	case chancery.MediaSVG:
		found, err = svgBadges(b, fs)
	default:
		return nil, ErrNotImage
	}
	if err != nil {
		return nil, err
	}
	p, err := choose(found, fs)
	if err != nil {
		return nil, err
	}
	out := &Baked{Image: mediaTypeOf(b), Place: p.where}
	if out.Payload, out.Kind, err = readPayload(p.text, fs); err != nil {
		return nil, err
	}
	if want := p.family; out.Kind != Unknown && familyOf(out.Kind) != want {
		fs.add(Note, "payload_wrong_place", "", fmt.Sprintf("a badge of kind %s lies where those of %s belong", out.Kind, want))
	}
	out.Findings = fs.list
	return out, nil
}

// A family of badges has keyword, namespace and element of its own.
type family string

const (
	famOB3 family = "Open Badges 3.0"
	famCLR family = "CLR 2.0"
	famOB2 family = "Open Badges 2.0"
)

// place is a badge as it lies in an image.
type place struct {
	family family
	where  string
	text   []byte
	offset int64
}

// duplicateBadge refuses a second badge of one family: which of them a viewer shows
// depends on the viewer.
func duplicateBadge(f family, offset int64) error {
	return imageError("duplicate_badge", offset, "expected one badge of "+string(f)+" in the image, found another")
}

func familyOf(k Kind) family {
	switch k {
	case CLR:
		return famCLR
	case OB2Assertion, OB2URL, OB2BadgeClass, OB2Profile:
		return famOB2
	}
	return famOB3
}

// choose takes the badge of the newest family.
func choose(found []place, fs *findings) (place, error) {
	var best place
	for _, fam := range []family{famOB3, famCLR, famOB2} {
		for _, p := range found {
			switch {
			case p.family != fam:
			case best.text == nil:
				best = p
			case best.family == fam:
				return place{}, duplicateBadge(fam, p.offset)
			default:
				fs.add(Warning, "other_badge", "", "the image holds a badge of "+string(fam)+" too, which is not read")
			}
		}
	}
	if best.text == nil {
		return place{}, ErrNoBadge
	}
	return best, nil
}

// BakeOptions says how Bake treats the image. Its zero value is the careful one.
type BakeOptions struct {
	// Overwrite removes the badges that the image holds, of every version. False: such
	// an image is refused with ErrAlreadyBaked.
	Overwrite bool
}

// Bake writes the image with the badge put in to dst: an Open Badge 3.0 or a CLR 2.0
// with its proof, as JSON or as compact JWS, unchanged up to one thing: inside an SVG,
// "]]>" within a JSON string is written "]]\u003e", which means the same to every
// proof but enveloping ones, and those are not JSON. Everything else in the image
// keeps its bytes. Nothing is written when there is an error, except one of dst.
//
// Phones are known to drop the badge when they save a PNG: offer SVG or the bare
// document beside it.
func Bake(dst io.Writer, image io.Reader, s chancery.Secured, opt BakeOptions) error {
	fam, err := bakeable(s)
	if err != nil {
		return err
	}
	b, err := readImage(image)
	if err != nil {
		return err
	}
	var out []byte
	switch mediaTypeOf(b) {
	case chancery.MediaPNG:
		out, err = bakePNG(b, fam, s, opt)
	case chancery.MediaSVG:
		out, err = bakeSVG(b, fam, s, opt)
	default:
		return ErrNotImage
	}
	if err != nil {
		return err
	}
	if _, err := dst.Write(out); err != nil {
		return fmt.Errorf("badge: writing the image: %w", err)
	}
	return nil
}

// bakeable checks that s is a secured badge, whatever its media type claims.
func bakeable(s chancery.Secured) (family, error) {
	var kind Kind
	var err error
	switch {
	case len(s.Bytes) > limits.DocumentBytes/2:
		return "", imageError("payload_too_large", 0, fmt.Sprintf("expected a badge of at most %d bytes", limits.DocumentBytes/2))
	case isJWS(s):
		if kind, err = jwsKind(s.Bytes); err != nil {
			return "", err
		}
	default:
		doc, err := strictjson.Parse(s.Bytes, strictjson.Limits{})
		if err != nil {
			return "", err
		}
		kind = KindOf(doc, 0)
		if p := doc.Get(0, "proof"); p == strictjson.None || doc.Kind(p) == strictjson.Array && doc.Len(p) == 0 {
			return "", imageError("payload_unsecured", 0, "expected a badge with a proof, found one without")
		}
	}
	switch kind {
	case OB3Achievement:
		return famOB3, nil
	case CLR:
		return famCLR, nil
	}
	return "", imageError("payload_not_badge", 0, "expected an OpenBadgeCredential, AchievementCredential or ClrCredential")
}

func isJWS(s chancery.Secured) bool { return bytes.HasPrefix(s.Bytes, []byte("ey")) }

func readImage(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxImageBytes+1))
	if err != nil {
		return nil, fmt.Errorf("badge: reading the image: %w", err)
	}
	if len(b) > maxImageBytes {
		return nil, imageError("image_too_large", maxImageBytes, fmt.Sprintf("expected an image of at most %d bytes", maxImageBytes))
	}
	return b, nil
}

// mediaTypeOf tells the kind of image by its first bytes.
func mediaTypeOf(b []byte) string {
	s, err := chancery.Detect(b)
	if err != nil {
		return ""
	}
	return s.MediaType
}
