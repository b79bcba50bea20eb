package embedded

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"agentfactory/internal/config"
	"agentfactory/internal/embedded/temporalserver"
	"agentfactory/internal/version"
)

// ServeOptions say how a stack runs.
type ServeOptions struct {
	Config config.Config
	// Foreground stacks belong to a terminal: they end with it and never for idleness.
	Foreground bool
	// IdleAfter is how long a background stack stays without clients and open runs; 0 is 10 minutes.
	IdleAfter   time.Duration
	PayloadKeys []string // IDs of the keys that payloads are encrypted with
	// SearchAttributes are registered when the Temporal database is created.
	SearchAttributes map[string]enumspb.IndexedValueType
	// StartWorker starts the worker when the servers answer. The context is for starting alone.
	StartWorker func(context.Context, Addresses) (Worker, error)
	// Ready, if set, is told when everything answers.
	Ready func(Health)
	Log   *slog.Logger // nil discards
}

const defaultIdleAfter = 10 * time.Minute

// Serve runs the stack of a data directory in this process until the context ends, a
// client asks it to stop, or nobody has needed it for a while; all of these return nil.
// ErrRunning means that another process runs it.
func Serve(ctx context.Context, o ServeOptions) error {
	o.IdleAfter = cmp.Or(o.IdleAfter, defaultIdleAfter)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if !o.Foreground {
		signal.Ignore(syscall.SIGHUP) // the terminal it was started from may close
	}
	if err := config.CheckDataDir(o.Config.Data); err != nil {
		return err
	}
	l := layout{dir: o.Config.Data}
	lock, err := acquire(ctx, l)
	if err != nil {
		return err
	}
	defer lock.Close()
	s := &stack{options: o, layout: l, log: o.Log}
	defer s.close()
	if err := s.start(ctx); err != nil {
		return err
	}
	return s.run(ctx)
}

// stack is what Serve has started so far.
type stack struct {
	options ServeOptions
	layout  layout
	log     *slog.Logger
	worker  Worker
	control *control
	closers []func() // run in reverse order
	state   state
}

func (s *stack) start(ctx context.Context) error {
	if err := os.MkdirAll(s.layout.logs(), 0o700); err != nil {
		return fmt.Errorf("create the log directory: %w", err)
	}
	removeOtherBinaries(s.layout)
	last, err := readState(s.layout.state())
	if err != nil {
		return err
	}
	// Without a control address it says who is starting, so that Stop can end a start that hangs.
	s.state = last
	s.state.Process, s.state.StartedAt, s.state.Version = identify(os.Getpid()), time.Now().UTC(), version.String()
	s.state.Control, s.state.Token = "", ""
	if err := s.state.write(s.layout.state()); err != nil {
		return err
	}
	addresses, err := s.startServers(ctx, last)
	if err != nil {
		return err
	}
	s.worker, err = s.options.StartWorker(ctx, addresses)
	if err != nil {
		return fmt.Errorf("start the worker: %w", err)
	}
	s.closers = append(s.closers, s.worker.Stop)
	return s.open(addresses)
}

// startServers starts those servers that are not configured elsewhere.
func (s *stack) startServers(ctx context.Context, last state) (Addresses, error) {
	var a Addresses
	if s.options.Config.S3.Bucket == "" {
		if err := s.startStorage(ctx, last, &a); err != nil {
			return a, err
		}
	}
	if !s.options.Config.Temporal.Configured {
		if err := s.startTemporal(ctx, last, &a); err != nil {
			return a, err
		}
	}
	return a, nil
}

func (s *stack) startStorage(ctx context.Context, last state, a *Addresses) error {
	out, err := s.openLog(s.layout.s3Log())
	if err != nil {
		return err
	}
	storage, access, err := startStorage(ctx, s.layout, last.S3, out, s.log)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, storage.Stop)
	a.S3 = access
	return nil
}

func (s *stack) startTemporal(ctx context.Context, last state, a *Addresses) error {
	out, err := s.openLog(s.layout.temporalLog())
	if err != nil {
		return err
	}
	server, err := temporalserver.Start(ctx, temporalserver.Options{
		Dir:              s.layout.temporal(),
		FrontendPort:     portOf(last.Temporal),
		UIPort:           portOf(last.UI),
		SearchAttributes: s.options.SearchAttributes,
		Logger:           slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, func() {
		if err := server.Stop(); err != nil {
			s.log.Error("the Temporal server did not stop cleanly", "error", err)
		}
	})
	a.Temporal, a.UI = server.Address(), "http://"+server.UIAddress()
	return nil
}

func (s *stack) openLog(path string) (io.Writer, error) {
	out, err := newRotatingLog(path)
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, func() { out.Close() })
	return out, nil
}

// open lets commands in: from here on the stack can be found.
func (s *stack) open(a Addresses) error {
	self := Health{PID: os.Getpid(), StartedAt: s.state.StartedAt, Version: s.state.Version, Build: ownBuild(), Addresses: a, PayloadKeys: s.options.PayloadKeys}
	token := rand.Text()
	control, err := startControl(self, token, s.worker, s.log)
	if err != nil {
		return err
	}
	s.control = control
	s.closers = append(s.closers, control.Close)
	s.state.Temporal, s.state.UI, s.state.S3, s.state.Bucket = a.Temporal, a.UI, a.S3.Endpoint, a.S3.Bucket
	s.state.Control, s.state.Token = control.addr, token
	if err := s.state.write(s.layout.state()); err != nil {
		return err
	}
	s.log.Info("the embedded stack is ready", "pid", self.PID, "version", self.Version, "temporal", a.Temporal, "ui", a.UI, "s3", a.S3.Endpoint)
	if s.options.Ready != nil {
		s.options.Ready(self)
	}
	return nil
}

// run returns when the stack is to end.
func (s *stack) run(ctx context.Context) error {
	tick := time.NewTicker(max(time.Millisecond, min(s.options.IdleAfter/4, 15*time.Second)))
	defer tick.Stop()
	needed, seen := time.Now(), 0
	for {
		select {
		case <-ctx.Done():
			s.log.Info("the embedded stack ends: it was told to", "reason", context.Cause(ctx))
			return nil
		case <-s.control.leaving:
			s.log.Info("the embedded stack ends: a command asked for it")
			return nil
		case <-tick.C:
		}
		clients, arrivals := s.control.present()
		if s.options.Foreground || clients > 0 || arrivals != seen || s.control.openRuns(ctx) != 0 {
			needed, seen = time.Now(), arrivals
		}
		if time.Since(needed) >= s.options.IdleAfter && s.control.leaveIfIdle(ctx) {
			s.log.Info("the embedded stack ends: nobody needed it", "for", s.options.IdleAfter)
			return nil
		}
	}
}

// close ends what was started, last first: commands, worker, Temporal, S3.
func (s *stack) close() {
	for i := len(s.closers) - 1; i >= 0; i-- {
		s.closers[i]()
	}
}
