package httpapi

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics counts requests by route pattern: never by path, which would be without bounds
// and personal.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge

	mu    sync.RWMutex
	found map[seriesKey]series
}

// seriesKey names one combination of labels. There are few: routes, methods and statuses
// are all from fixed sets.
type seriesKey struct {
	route, method string
	status        int
}

type series struct {
	requests prometheus.Counter
	seconds  prometheus.Observer
}

// newMetrics registers metrics; nil where there is no registry.
func newMetrics(r *prometheus.Registry) (*metrics, error) {
	if r == nil {
		return nil, nil
	}
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "chancery_http_requests_total", Help: "Requests answered."}, []string{"route", "method", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "chancery_http_request_seconds", Help: "Time to the end of the answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}}, []string{"route"}),
		found:    map[seriesKey]series{},
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "chancery_http_requests_in_flight", Help: "Requests being answered."}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.inFlight} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) begin() {
	if m != nil {
		m.inFlight.Inc()
	}
}

func (m *metrics) end(route, verb string, status int, took time.Duration) {
	if m == nil {
		return
	}
	m.inFlight.Dec()
	s := m.series(seriesKey{route, method(verb), status})
	s.requests.Inc()
	s.seconds.Observe(took.Seconds())
}

func (m *metrics) series(k seriesKey) series {
	m.mu.RLock()
	s, ok := m.found[k]
	m.mu.RUnlock()
	if !ok {
		s = series{m.requests.WithLabelValues(k.route, k.method, strconv.Itoa(k.status)), m.seconds.WithLabelValues(k.route)}
		m.mu.Lock()
		m.found[k] = s
		m.mu.Unlock()
	}
	return s
}

// MetricsHandler answers with the metrics of a registry in Prometheus' text format, for a
// listener of its own.
func MetricsHandler(r *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}
