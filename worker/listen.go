package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"

	"agentfactory/internal/config"
)

// listen answers probes and profiles at the addresses that are set. The returned close ends that.
func listen(ctx context.Context, c config.Worker, p *probes, log *slog.Logger) (close func(), err error) {
	var open []*http.Server
	close = func() {
		for _, s := range open {
			_ = s.Close() // nothing is left to be done about it
		}
	}
	for _, at := range []answering{{"probes", "--address", c.Address, p.handler()}, {"profiles", "--profiles", c.Profiles, profiles()}} {
		if at.address == "" {
			continue
		}
		s, err := at.listen(ctx, log)
		if err != nil {
			close()
			return nil, err
		}
		open = append(open, s)
	}
	return close, nil
}

// answering is what is answered at one address, and the flag that gives it.
type answering struct {
	what, flag, address string
	handler             http.Handler
}

func (a answering) listen(ctx context.Context, log *slog.Logger) (*http.Server, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.address)
	if err != nil {
		return nil, fmt.Errorf("%w: listen for %s on %s %s: %w", errConfig, a.what, a.flag, a.address, err)
	}
	server := &http.Server{Handler: a.handler, ReadHeaderTimeout: patience, ReadTimeout: patience, WriteTimeout: 2 * patience}
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error(a.what+" are answered no longer", "error", err)
		}
	}()
	log.Info(a.what+" are answered", "address", l.Addr().String())
	return server, nil
}

// profiles are Go's own, of this process. A recording of some seconds moves the server's deadline for its answer itself.
func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index) // with heap, goroutine and the other snapshots below it
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	return mux
}
