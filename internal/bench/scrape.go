package bench

import (
	"context"
	"fmt"
	"net/http"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// request is what requests to S3 are told apart by.
type request struct{ Operation, Kind, Outcome string }

// tally is how many there were, and how long they took together, in seconds.
type tally struct{ count, seconds float64 }

// exported is what a worker says about itself.
type exported struct {
	requests   map[request]tally
	heap       int64 // bytes of live and not yet collected objects
	goroutines int
}

// scraping goes to loopback or a network of the operator's own, whatever proxy is configured.
var scraping = &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}

// scrape reads a worker's /metrics.
func scrape(ctx context.Context, url string) (exported, error) {
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return exported{}, fmt.Errorf("read metrics: %w", err)
	}
	answer, err := scraping.Do(ask)
	if err != nil {
		return exported{}, fmt.Errorf("read metrics: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return exported{}, fmt.Errorf("read metrics of %s: status %d", url, answer.StatusCode)
	}
	var parser expfmt.TextParser
	families, err := parser.TextToMetricFamilies(answer.Body)
	if err != nil {
		return exported{}, fmt.Errorf("read metrics of %s: %w", url, err)
	}
	return exported{
		requests:   requestsIn(families["agentfactory_s3_request_duration_seconds"]),
		heap:       int64(gauge(families["go_memstats_heap_inuse_bytes"])),
		goroutines: int(gauge(families["go_goroutines"])),
	}, nil
}

func requestsIn(family *dto.MetricFamily) map[request]tally {
	found := map[request]tally{}
	for _, m := range family.GetMetric() {
		labels := map[string]string{}
		for _, l := range m.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		found[request{labels["operation"], labels["kind"], labels["outcome"]}] = tally{float64(m.GetHistogram().GetSampleCount()), m.GetHistogram().GetSampleSum()}
	}
	return found
}

// gauge is the value of a metric without labels; 0 when it is not there.
func gauge(family *dto.MetricFamily) float64 {
	if len(family.GetMetric()) == 0 {
		return 0
	}
	return family.GetMetric()[0].GetGauge().GetValue()
}
