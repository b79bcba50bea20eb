package bench

import "gonum.org/v1/gonum/stat"

// Memory is that of a worker over the measurement.
type Memory struct {
	Worker string `json:"worker"`
	First  Sample `json:"first"`
	Last   Sample `json:"last"`
	Peak   int64  `json:"peak_resident_bytes"` // since the worker's start, as the kernel has it
	Trend  *Trend `json:"trend,omitempty"`     // of a measurement that is long enough to have one
}

// Trend is how a worker changes in an hour: the slope of a straight line through the samples of the second half, by least
// squares. What a worker takes once, for its caches and the heap to find their size, lies in the first half.
type Trend struct {
	Samples    int     `json:"samples"`
	Minutes    float64 `json:"minutes"`                 // that they cover
	Resident   float64 `json:"resident_bytes_per_hour"` // the same for the others
	Private    float64 `json:"private_bytes_per_hour"`
	Heap       float64 `json:"heap_bytes_per_hour"`
	Goroutines float64 `json:"goroutines_per_hour"`
}

const (
	leastSamples = 20  // of the half that is looked at
	leastSpan    = 600 // seconds that they have to cover: garbage collection alone tilts shorter ones by tens of MiB an hour
)

func memoryOf(worker string, peak int64, all []Sample) Memory {
	var own []Sample
	for _, s := range all {
		if s.Worker == worker {
			own = append(own, s)
		}
	}
	return Memory{Worker: worker, First: own[0], Last: own[len(own)-1], Peak: peak, Trend: trendOf(own[len(own)/2:])}
}

// trendOf is nil for samples that are too few.
func trendOf(samples []Sample) *Trend {
	if len(samples) < leastSamples {
		return nil
	}
	span := samples[len(samples)-1].Seconds - samples[0].Seconds
	if span < leastSpan {
		return nil
	}
	perHour := func(value func(Sample) float64) float64 {
		hours, values := make([]float64, len(samples)), make([]float64, len(samples))
		for i, s := range samples {
			hours[i], values[i] = s.Seconds/3600, value(s)
		}
		_, slope := stat.LinearRegression(hours, values, nil, false)
		return slope
	}
	return &Trend{
		Samples: len(samples), Minutes: span / 60,
		Resident:   perHour(func(s Sample) float64 { return float64(s.Resident) }),
		Private:    perHour(func(s Sample) float64 { return float64(s.Private) }),
		Heap:       perHour(func(s Sample) float64 { return float64(s.Heap) }),
		Goroutines: perHour(func(s Sample) float64 { return float64(s.Goroutines) }),
	}
}
