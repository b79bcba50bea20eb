package bench

import (
	"slices"
	"time"

	"gonum.org/v1/gonum/stat"
)

// Distribution sums up values of one sort. The percentiles are values that were seen, none is interpolated; of nothing all
// are 0.
type Distribution struct {
	N    int     `json:"n"`
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	Max  float64 `json:"max"`
}

func distributionOf(values []float64) Distribution {
	if len(values) == 0 {
		return Distribution{}
	}
	sorted := slices.Sorted(slices.Values(values))
	at := func(p float64) float64 { return stat.Quantile(p, stat.Empirical, sorted, nil) }
	return Distribution{N: len(sorted), Mean: stat.Mean(sorted, nil), P50: at(0.50), P95: at(0.95), P99: at(0.99), Max: sorted[len(sorted)-1]}
}

// milliseconds is the unit of all times in a report.
func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
