package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"agentfactory/internal/config"
	"agentfactory/internal/service"
	"agentfactory/internal/version"
)

// probes answer whoever watches over the process: /healthz while it is worth keeping, /readyz while it takes on work. Nobody is
// asked for a password, so that the address belongs into a network of the operator's own; the answers hold no secrets.
type probes struct {
	worker  config.Worker
	metrics http.Handler

	mu      sync.Mutex
	needs   *service.Needs // nil until it serves
	leaving bool
	failure error
	last    service.Readiness
	at      time.Time // of last
}

// answersFor is how long an answer is good: many probes ask the servers no more often.
const answersFor = 3 * time.Second

func (p *probes) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", p.healthz)
	mux.HandleFunc("GET /readyz", p.readyz)
	mux.Handle("GET /metrics", p.metrics)
	return mux
}

// health is the body of both answers.
type health struct {
	Version string         `json:"version"`
	OK      bool           `json:"ok"`
	Parts   []service.Part `json:"parts,omitempty"` // of readiness
}

func (p *probes) healthz(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	failure := p.failure
	p.mu.Unlock()
	h := health{Version: version.String(), OK: failure == nil}
	if failure != nil {
		h.Parts = []service.Part{{Name: "polling", Detail: failure.Error()}}
	}
	answer(w, h)
}

func (p *probes) readyz(w http.ResponseWriter, r *http.Request) {
	ready := p.readiness(r.Context())
	answer(w, health{Version: version.String(), OK: ready.Ready, Parts: ready.Parts})
}

func answer(w http.ResponseWriter, h health) {
	w.Header().Set("Content-Type", "application/json")
	if !h.OK {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(h) // the prober has gone
}

// readiness holds the lock while it asks: probes that come meanwhile get the same answer.
func (p *probes) readiness(ctx context.Context) service.Readiness {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.needs == nil:
		return unready("starting: waits for Temporal and S3; the log says for what")
	case p.leaving:
		return unready("draining: no new work is taken on")
	case time.Since(p.at) > answersFor:
		p.last, p.at = p.needs.Ready(context.WithoutCancel(ctx)), time.Now()
	}
	return p.last
}

func unready(why string) service.Readiness {
	return service.Readiness{Parts: []service.Part{{Name: "polling", Detail: why}}}
}

// serve is told that the queues are polled.
func (p *probes) serve(parts service.Parts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.needs = &service.Needs{Temporal: parts.Temporal, Objects: parts.Objects, Worker: p.worker}
}

// leave is told that they are polled no longer, and why if that was nobody's wish.
func (p *probes) leave(failure error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leaving, p.failure = true, failure
}

// routingKnown is when the server has noticed a new version.
const routingKnown = 5 * time.Second

// sayRouting logs what a versioned worker gets to do, once.
func sayRouting(ctx context.Context, parts service.Parts, log *slog.Logger) {
	select {
	case <-ctx.Done():
		return
	case <-time.After(routingKnown):
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	switch detail := service.Routing(ctx, parts.Temporal, parts.Worker); {
	case ctx.Err() != nil:
	case detail != "":
		log.Warn(detail)
	default:
		log.Info("this is the current version of its deployment", "deployment", parts.Worker.Deployment, "build_id", parts.Worker.BuildID)
	}
}
