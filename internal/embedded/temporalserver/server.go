// Package temporalserver runs a Temporal server with a SQLite file and the Temporal UI
// inside this process, bound to 127.0.0.1. It is what `starter` uses when no Temporal
// is configured: durable over crashes and reboots, one machine, no cluster. It knows
// nothing of workflows; of this project it imports only the choice of ports.
package temporalserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"time"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/server/temporal"
	"go.uber.org/dig"

	"agentfactory/internal/embedded/loopback"
)

// Namespace is the one namespace that the server has from the start.
const Namespace = "default"

// The ports that Temporal's own development server uses; people know them.
const (
	usualFrontendPort = 7233
	usualUIPort       = 8233
)

// AnyPort asks for any free port. A caller that looked for one itself could lose it to
// somebody else before the server binds it.
const AnyPort = -1

// defaultRetention is how long closed workflows can be looked at.
const defaultRetention = 30 * 24 * time.Hour

// Options say where the server keeps its state and how it is reached.
type Options struct {
	Dir          string        // holds temporal.db; created when missing
	FrontendPort int           // preferred; 0 is 7233, AnyPort none. A free one is chosen when it is taken
	UIPort       int           // preferred; 0 is 8233, AnyPort none. A free one is chosen when it is taken
	Retention    time.Duration // of closed workflows; 0 is 30 days. Set when the database is created
	// SearchAttributes are registered when the database is created; later ones are added by a client.
	SearchAttributes map[string]enumspb.IndexedValueType
	Logger           *slog.Logger // nil discards
}

// Server is a running Temporal server with its UI.
type Server struct {
	server   temporal.Server
	ui       *uiserver.Server
	frontend int
	uiPort   int
}

// Start starts the server and returns when it answers. A database is created when
// there is none; one that an interrupted creation left behind is replaced, and one of
// another version is ErrOtherSchema.
func Start(ctx context.Context, o Options) (*Server, error) {
	o.Retention = cmp.Or(o.Retention, defaultRetention)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("create Temporal's directory: %w", err)
	}
	database := filepath.Join(o.Dir, "temporal.db")
	if err := prepareDatabase(database, o); err != nil {
		return nil, fmt.Errorf("prepare Temporal's database %s: %w", database, err)
	}
	defer loopback.Lock(ctx)() // Temporal and its UI end the process when a port was lost
	p, err := choosePorts(o)
	if err != nil {
		return nil, err
	}
	server, err := newServer(database, p, o.Logger)
	if err != nil {
		return nil, fmt.Errorf("configure the Temporal server: %w", explain(err))
	}
	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("start the Temporal server: %w", err)
	}
	s := &Server{server: server, frontend: p.frontend, uiPort: p.ui}
	if err := s.waitUntilHealthy(ctx); err != nil {
		s.Stop()
		return nil, fmt.Errorf("wait for the Temporal server at %s: %w", s.Address(), err)
	}
	if err := s.startUI(ctx); err != nil {
		s.Stop()
		return nil, fmt.Errorf("start the Temporal UI at %s: %w", s.UIAddress(), err)
	}
	return s, nil
}

// Address is the frontend's host:port.
func (s *Server) Address() string { return loopback.Address(s.frontend) }

// UIAddress is the UI's host:port; it speaks plain HTTP.
func (s *Server) UIAddress() string { return loopback.Address(s.uiPort) }

// Stop ends the UI and the server and closes the database. Open workflows go on at the
// next start.
func (s *Server) Stop() error {
	if s.ui != nil {
		s.ui.Stop()
	}
	if err := s.server.Stop(); err != nil {
		return fmt.Errorf("stop the Temporal server: %w", err)
	}
	return nil
}

// healthyWithin is long: on a busy machine the server takes many times the second that it needs on an idle one.
const healthyWithin = 2 * time.Minute

func (s *Server) waitUntilHealthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthyWithin)
	defer cancel()
	c, err := client.DialContext(ctx, client.Options{
		HostPort: s.Address(), Logger: slog.New(slog.DiscardHandler),
		ConnectionOptions: client.ConnectionOptions{GetSystemInfoTimeout: healthyWithin}, // the first call; the SDK gives it 5 s
	})
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.CheckHealth(ctx, &client.CheckHealthRequest{})
	return err
}

func (s *Server) startUI(ctx context.Context) error {
	s.ui = uiserver.NewServer(uioptions.WithConfigProvider(&uiconfig.Config{
		Host:                loopback.Host,
		Port:                s.uiPort,
		TemporalGRPCAddress: s.Address(),
		DefaultNamespace:    Namespace,
		EnableUI:            true,
		DisableNewsFetch:    true,
		CORS:                uiconfig.CORS{CookieInsecure: true}, // plain HTTP on loopback
		HideLogs:            true,
	}))
	go s.ui.Start() // returns after Stop; a port lost since it was chosen ends the process
	return loopback.WaitFor(ctx, s.UIAddress())
}

// explain cuts the server's dependency injection down to what went wrong.
func explain(err error) error {
	cause := dig.RootCause(err)
	var unknown user.UnknownUserIdError
	if errors.As(cause, &unknown) {
		return fmt.Errorf("%w: the server wants a user that has a name; add one to /etc/passwd, or use a Temporal server of your own (TEMPORAL_ADDRESS)", cause)
	}
	return cause
}
