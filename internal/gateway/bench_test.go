package gateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/gateway"
)

// What the gateway adds to a call of a model that answers at once: most of it is the journal's write to S3.
func BenchmarkCall(b *testing.B) {
	for name, journal := range map[string]func() gateway.Journal{
		"journalled on S3":  func() gateway.Journal { return gateway.NewJournal(s3test.Bucket(b), prefix) },
		"without a journal": func() gateway.Journal { return &memory{} },
	} {
		b.Run(name, func(b *testing.B) {
			var s *gateway.Session
			var took []time.Duration
			n := 0
			for b.Loop() {
				if n%4000 == 0 { // below the limit of calls of one run
					var err error
					s, err = gateway.New(gateway.Config{LLM: (&model{}).complete, MaxTokens: -1, MaxCostUSD: -1, Journal: journal()})
					require.NoError(b, err)
				}
				n++
				r := httptest.NewRequest(http.MethodPost, "/v1/llm", strings.NewReader(ask(fmt.Sprint(n))))
				r.Header.Set("Authorization", "Bearer "+s.Token())
				w, begun := httptest.NewRecorder(), time.Now()
				s.ServeHTTP(w, r)
				took = append(took, time.Since(begun))
				require.Equal(b, 200, w.Code)
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
		})
	}
}
