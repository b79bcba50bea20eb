// Package bench puts a load of runs on workers, and measures what they make of it: throughput, the time of a turn and of
// its parts, bytes of history, requests to S3, CPU and memory. `starter bench` brings the servers and the workers.
//
// Every figure has one source, which the report's fields name: the events of the histories for times, Temporal's description
// of a run for its size, the workers' /metrics for requests to S3, and /proc for CPU and memory. The model is scripted, so
// that tokens and answers say nothing; what it takes to think is a setting.
//
// It may import the contracts of runs (workflows, internal/run) and knows nothing of how servers and workers are started.
package bench
