package blob

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

// Names beside the files, after all digests in the order of names.
const (
	keeperName = "keeper"
	asideDir   = "set-aside"
	maxKeeper  = 100
	maxListed  = 1000
)

// errAside: a name that no listing has given.
var errAside = errors.New("blob: expected the name of a file that was set aside")

// asideName names a file that was set aside: its digest, and when, in seconds. Each time has
// a name of its own, so that who drops the one does not drop the other.
func asideName(digest string, at time.Time) string {
	return fmt.Sprintf("%s-%010d", digest, max(at.Unix(), 0))
}

// parseAside reads such a name.
func parseAside(name string) (service.BlobFile, bool) {
	digest, seconds, _ := strings.Cut(name, "-")
	n, err := strconv.ParseInt(seconds, 10, 64)
	at := time.Unix(n, 0).UTC()
	if err != nil || checkDigest(digest) != nil || asideName(digest, at) != name {
		return service.BlobFile{}, false
	}
	return service.BlobFile{Name: name, Digest: digest, At: at}, true
}

func checkAside(name string) error {
	if _, ok := parseAside(name); !ok {
		return errAside
	}
	return nil
}

func checkKeeper(text string) error {
	if len(text) > maxKeeper {
		return fmt.Errorf("blob: expected a text of at most %d bytes", maxKeeper)
	}
	return nil
}

// listed bounds a listing.
func listed(n int) int { return max(1, min(n, maxListed)) }
