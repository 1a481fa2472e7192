package httpapi

import (
	"container/list"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rate is a token bucket: Burst requests at once, and PerSecond after that. The zero
// value does not limit. With several processes each has its own buckets.
type Rate struct {
	PerSecond float64
	Burst     int
}

// maxBuckets bounds how many callers are remembered; the one not seen for longest is
// forgotten first, and begins with a full bucket.
const maxBuckets = 100_000

type limiter struct {
	Rate
	name   string // of the policy
	policy string
	mu     sync.Mutex
	byKey  map[bucketKey]*list.Element
	order  *list.List // of *bucket, the latest first
}

// bucketKey is who a bucket belongs to: a key of a tenant, or a network.
type bucketKey struct {
	tenant, actor string
	network       netip.Prefix
}

type bucket struct {
	key bucketKey
	lim *rate.Limiter
}

// newLimiter returns nil where nothing is limited.
func newLimiter(name string, r Rate) *limiter {
	if r.PerSecond <= 0 {
		return nil
	}
	r.Burst = max(r.Burst, 1)
	window := int(math.Ceil(float64(r.Burst) / r.PerSecond))
	policy := `"` + name + `";q=` + strconv.Itoa(r.Burst) + `;w=` + strconv.Itoa(max(window, 1))
	return &limiter{Rate: r, name: name, policy: policy, byKey: map[bucketKey]*list.Element{}, order: list.New()}
}

func (l *limiter) bucket(key bucketKey) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.byKey[key]; ok {
		l.order.MoveToFront(e)
		return e.Value.(*bucket).lim
	}
	if l.order.Len() >= maxBuckets {
		last := l.order.Back()
		delete(l.byKey, last.Value.(*bucket).key)
		l.order.Remove(last)
	}
	b := &bucket{key: key, lim: rate.NewLimiter(rate.Limit(l.PerSecond), l.Burst)}
	l.byKey[key] = l.order.PushFront(b)
	return b.lim
}

// take asks for one request of a caller and says so in the headers
// (draft-ietf-httpapi-ratelimit-headers). Where it is refused, wait is how long to wait.
func (l *limiter) take(h http.Header, key bucketKey, now time.Time) (wait time.Duration, ok bool) {
	if l == nil {
		return 0, true
	}
	b := l.bucket(key)
	ok = b.AllowN(now, 1)
	left := b.TokensAt(now)
	l.write(h, left)
	if ok {
		return 0, true
	}
	return l.until(1 - left), false
}

// more counts n more requests of a caller, of which it turned out that what he was answered
// is worth them: he waits the longer before the next.
func (l *limiter) more(key bucketKey, n int, now time.Time) {
	if l != nil && n > 0 {
		l.bucket(key).ReserveN(now, min(n, l.Burst))
	}
}

// empty reports whether a caller has nothing left, without taking anything.
func (l *limiter) empty(h http.Header, key bucketKey, now time.Time) (wait time.Duration, empty bool) {
	if l == nil {
		return 0, false
	}
	left := l.bucket(key).TokensAt(now)
	if left >= 1 {
		return 0, false
	}
	l.write(h, left)
	return l.until(1 - left), true
}

func (l *limiter) write(h http.Header, left float64) {
	full := int(math.Ceil((float64(l.Burst) - left) / l.PerSecond))
	var b [48]byte
	v := append(b[:0], '"')
	v = append(v, l.name...)
	v = append(v, `";r=`...)
	v = strconv.AppendInt(v, int64(max(left, 0)), 10)
	v = append(v, `;t=`...)
	v = strconv.AppendInt(v, int64(max(full, 0)), 10)
	h["Ratelimit"] = []string{string(v)}
	h["Ratelimit-Policy"] = []string{l.policy}
}

func (l *limiter) until(tokens float64) time.Duration {
	return time.Duration(math.Ceil(tokens / l.PerSecond * float64(time.Second)))
}
