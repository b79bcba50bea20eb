package bench

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
)

// WriteSamples writes them as a table with a heading, for programs that draw.
func WriteSamples(w io.Writer, samples []Sample) error {
	table := csv.NewWriter(w)
	_ = table.Write([]string{"seconds", "worker", "resident_bytes", "private_bytes", "heap_bytes", "goroutines"}) // Error tells
	for _, s := range samples {
		_ = table.Write([]string{
			strconv.FormatFloat(s.Seconds, 'f', 1, 64), s.Worker, fmt.Sprint(s.Resident), fmt.Sprint(s.Private), fmt.Sprint(s.Heap), fmt.Sprint(s.Goroutines),
		})
	}
	table.Flush()
	return table.Error()
}
