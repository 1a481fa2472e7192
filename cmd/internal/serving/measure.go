package serving

import (
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
)

// measures count what goes wrong in the background.
type measures struct {
	anchoring prometheus.Counter
	jobs      *prometheus.CounterVec
}

func newMeasures() measures {
	return measures{
		anchoring: prometheus.NewCounter(prometheus.CounterOpts{Name: "chancery_anchoring_failures_total", Help: "Rounds in which something kept batches from going on: the log says what."}),
		jobs:      prometheus.NewCounterVec(prometheus.CounterOpts{Name: "chancery_job_failures_total", Help: "Attempts of background jobs that failed."}, []string{"kind", "given_up"}),
	}
}

// register adds them to a registry.
func (m measures) register(r *prometheus.Registry) { r.MustRegister(m.anchoring, m.jobs) }

// maxLogged bounds what is logged of an error, which may be about many batches.
const maxLogged = 2048

func logged(err error) string {
	text := err.Error()
	if len(text) <= maxLogged {
		return text
	}
	text = text[:maxLogged]
	for !utf8.ValidString(text) {
		text = text[:len(text)-1]
	}
	return text + "…"
}
