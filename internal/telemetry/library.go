package telemetry

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// LibrarySize returns how many current skills the live library has, by trust.
type LibrarySize func(ctx context.Context) (map[string]int, error)

// WatchLibrary serves the size of the library. It is read when somebody asks for the metrics, at most once a minute.
func (t *Telemetry) WatchLibrary(size LibrarySize) {
	t.registry.MustRegister(&library{read: size})
}

var librarySkills = prometheus.NewDesc("agentfactory_library_skills", "Current skills of the live library, retired ones left out.", []string{"trust"}, nil)

const (
	libraryStale   = time.Minute
	libraryTimeout = 5 * time.Second // below Prometheus' default of 10 s for a whole scrape
)

// library keeps what was read last, so that scrapes cost little and go on when S3 is away.
type library struct {
	read LibrarySize

	mu     sync.Mutex
	at     time.Time
	skills map[string]int
}

// Describe implements prometheus.Collector.
func (l *library) Describe(ch chan<- *prometheus.Desc) { ch <- librarySkills }

// Collect implements prometheus.Collector.
func (l *library) Collect(ch chan<- prometheus.Metric) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.at) > libraryStale {
		l.refresh()
	}
	for trust, n := range l.skills {
		ch <- prometheus.MustNewConstMetric(librarySkills, prometheus.GaugeValue, float64(n), trust)
	}
}

func (l *library) refresh() {
	ctx, cancel := context.WithTimeout(context.Background(), libraryTimeout)
	defer cancel()
	skills, err := l.read(ctx)
	l.at = time.Now() // after a failure, too: the next scrape must not wait again
	if err != nil {
		slog.Warn("the size of the library is not known; the metrics show the last one", "error", err)
		return
	}
	l.skills = skills
}
