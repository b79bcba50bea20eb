package telemetry

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// metrics are what is counted. The values of every label are few: names of models, tools and activities, and kinds.
type metrics struct {
	turns        prometheus.Counter
	tokens       *prometheus.CounterVec
	cost         *prometheus.CounterVec
	calls        *prometheus.HistogramVec
	firstToken   *prometheus.HistogramVec
	subagentRuns *prometheus.CounterVec
	kills        *prometheus.CounterVec
	tools        *prometheus.HistogramVec
	gates        *prometheus.CounterVec
	promotions   *prometheus.CounterVec
	kept         *prometheus.CounterVec
	runs         *prometheus.CounterVec
	decisions    *prometheus.CounterVec
	failures     *prometheus.CounterVec
	waits        *prometheus.CounterVec
	requests     *prometheus.HistogramVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	with := promauto.With(r)
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return with.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return with.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	}
	return &metrics{
		turns:        with.NewCounter(prometheus.CounterOpts{Name: "agentfactory_turns_total", Help: "Turns that meta-agents took."}),
		tokens:       counter("agentfactory_model_tokens_total", "Tokens of model calls; cached_input is part of input, reasoning part of output.", "model", "role", "kind"),
		cost:         counter("agentfactory_model_cost_usd_total", "Cost of model calls by the price table, in US dollars.", "model", "role"),
		calls:        histogram("agentfactory_model_call_duration_seconds", "Duration of model calls; outcome is ok or the kind of error.", modelSeconds, "model", "role", "outcome"),
		firstToken:   histogram("agentfactory_model_first_token_seconds", "Time until the first piece of a model's reply.", modelSeconds, "model"),
		subagentRuns: counter("agentfactory_subagent_runs_total", "Runs of subagents in the sandbox, those of reviews and gates too; outcome is ok, the kind of failure, or error.", "outcome"),
		kills:        counter("agentfactory_sandbox_kills_total", "Subagent runs that the sandbox ended at a limit, or the kernel by a signal.", "reason"),
		tools:        histogram("agentfactory_tool_call_duration_seconds", "Duration of tool calls by subagents that were not answered from a recording.", toolSeconds, "tool", "outcome"),
		gates:        counter("agentfactory_gate_verdicts_total", "Gates that ended.", "verdict"),
		promotions:   counter("agentfactory_promotions_total", "Versions that became current; kind is new or evolved.", "kind", "library"),
		kept:         counter("agentfactory_versions_kept_total", "Versions that were stored beside the current one.", "library"),
		runs:         counter("agentfactory_runs_total", "Runs that ended.", "workflow", "outcome"),
		decisions:    counter("agentfactory_decisions_total", "Completed runs by what they made of the library: reused, evolved, built, mixed or neither.", "choice", "library"),
		failures:     counter("agentfactory_activity_failures_total", "Attempts at activities that failed, by type of error.", "activity", "type"),
		waits:        counter("agentfactory_waits_total", "Times that a run began, or went on, to wait for a service that stays away.", "service"),
		requests:     histogram("agentfactory_s3_request_duration_seconds", "Requests to S3 until the answer began, by what kind of object they are about; outcome is ok, unchanged, missing, conflict, denied or unavailable.", requestSeconds, "operation", "kind", "outcome"),
	}
}

var (
	modelSeconds   = []float64{0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640}
	toolSeconds    = []float64{0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300}
	requestSeconds = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30}
	sdkSeconds     = []float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800}
)

// inSeconds gives the Temporal SDK's timers buckets for seconds; OpenTelemetry's own are for milliseconds.
var inSeconds = sdkmetric.NewView(
	sdkmetric.Instrument{Name: "*", Kind: sdkmetric.InstrumentKindHistogram},
	sdkmetric.Stream{Aggregation: sdkmetric.AggregationExplicitBucketHistogram{Boundaries: sdkSeconds}},
)

// Turn counts a turn of a meta-agent.
func (t *Telemetry) Turn() { t.metrics.turns.Inc() }

// GateEnded counts a gate by its verdict.
func (t *Telemetry) GateEnded(verdict string) { t.metrics.gates.WithLabelValues(verdict).Inc() }

// Promoted counts a version that became current, in a library of LibraryKind.
func (t *Telemetry) Promoted(isNew bool, library string) {
	kind := "evolved"
	if isNew {
		kind = "new"
	}
	t.metrics.promotions.WithLabelValues(kind, library).Inc()
}

// Kept counts a version that was stored beside the current one.
func (t *Telemetry) Kept(library string) { t.metrics.kept.WithLabelValues(library).Inc() }

// RunEnded counts a run.
func (t *Telemetry) RunEnded(workflow, outcome string) {
	t.metrics.runs.WithLabelValues(workflow, outcome).Inc()
}

// Decided counts what a completed run made of the library.
func (t *Telemetry) Decided(choice, library string) {
	t.metrics.decisions.WithLabelValues(choice, library).Inc()
}

// Failed counts an attempt at an activity that failed.
func (t *Telemetry) Failed(activity, errorType string) {
	t.metrics.failures.WithLabelValues(activity, errorType).Inc()
}

// Waits counts that a run waits for a service: model, storage or sandbox.
func (t *Telemetry) Waits(service string) { t.metrics.waits.WithLabelValues(service).Inc() }

// S3Request counts a request by its operation, what kind of object it is about, and the HTTP status of the answer; 0: none.
func (t *Telemetry) S3Request(operation, kind string, status int, took time.Duration) {
	t.metrics.requests.WithLabelValues(operation, kind, requestOutcome(status)).Observe(took.Seconds())
}

// requestOutcome tells what is wrong from what a conditional request is answered every day.
func requestOutcome(status int) string {
	switch {
	case status >= 200 && status < 300:
		return outcomeOK
	case status == http.StatusNotModified:
		return "unchanged"
	case status == http.StatusNotFound:
		return "missing"
	case status == http.StatusConflict, status == http.StatusPreconditionFailed:
		return "conflict"
	case status == http.StatusForbidden, status == http.StatusUnauthorized:
		return "denied"
	}
	return "unavailable"
}

// LibraryKind is the label of a library: there may be many of evaluations, and one series is enough for them.
func LibraryKind(name string) string {
	if name == "" {
		return "live"
	}
	return "evaluation"
}
