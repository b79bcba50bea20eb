package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"agentfactory/internal/config"
)

// EnsureOptions say which stack is wanted and how one is started.
type EnsureOptions struct {
	Config     config.Config
	Executable string       // our own binary; "" is the running one
	Args       []string     // of the hidden command that calls Serve
	Progress   func(string) // one line for a person who waits; nil is silent
	// PayloadKeys are the IDs of the keys that payloads are encrypted with: a stack with others could not read them.
	PayloadKeys []string
}

const (
	// startWithin is long: the first start copies the binary and makes the databases, perhaps under load.
	startWithin = 2 * time.Minute
	pollEvery   = 20 * time.Millisecond
	// remindEvery is how often somebody who waits is told what for.
	remindEvery = 10 * time.Second
	// starts: ports that were free a moment ago may have been taken; the second try chooses anew.
	starts = 2
)

// Ensure returns a hold on the running stack of the configured data directory, after
// starting one in the background if there is none. Several commands that come at once
// share one. A stack of another build, or of another setup, is replaced while nobody
// needs it; else the former is used as it is, and the latter is ErrOtherSetup. When no
// stack comes up the error holds its last words and where its log is.
func Ensure(ctx context.Context, o EnsureOptions) (*Client, error) {
	o = o.withDefaults()
	unusable := config.CheckDataDir(o.Config.Data)
	if unusable != nil && !errors.Is(unusable, config.ErrNoSpace) {
		return nil, unusable
	}
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	e := &ensurer{EnsureOptions: o, layout: layout{dir: o.Config.Data}}
	for {
		client, err := e.find(ctx)
		switch {
		case client != nil || !errors.Is(err, ErrNotRunning):
			return client, err
		case ctx.Err() != nil:
			return nil, e.gaveUp(ctx)
		case unusable != nil:
			return nil, unusable // a full disk keeps a stack from starting, not from being asked
		}
		if err := e.launch(ctx); err != nil {
			return nil, err
		}
		time.Sleep(pollEvery) // the one that was found may be about to end
	}
}

func (o EnsureOptions) withDefaults() EnsureOptions {
	o.Executable = cmp.Or(o.Executable, "/proc/self/exe") // works when `go run` has removed the file, too
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	return o
}

// ensurer is one Ensure under way.
type ensurer struct {
	EnsureOptions
	layout   layout
	launched int
	told     string // the last line of progress
}

// tell repeats nothing: a stack that ends or starts is looked at many times.
func (e *ensurer) tell(line string) {
	if line != e.told {
		e.told = line
		e.Progress(line)
	}
}

// find returns a hold on the stack that runs, or ErrNotRunning.
func (e *ensurer) find(ctx context.Context) (*Client, error) {
	h, conn, err := inspect(ctx, e.layout)
	if err != nil {
		return nil, err
	}
	if ok, err := e.acceptable(ctx, h, conn); !ok {
		return nil, err
	}
	client, err := conn.attend(ctx, h)
	if err != nil {
		// It ended in this moment, for idleness or by command.
		return nil, fmt.Errorf("%w: %w", ErrNotRunning, err)
	}
	return client, nil
}

// acceptable decides whether the running stack is the one that is wanted. It returns
// ErrNotRunning when it is not and was told to end.
func (e *ensurer) acceptable(ctx context.Context, h Health, conn connection) (bool, error) {
	sameSetup := (h.Addresses.Temporal == "") == e.Config.Temporal.Configured && (h.Addresses.S3.Endpoint == "") == (e.Config.S3.Bucket != "") &&
		slices.Equal(h.PayloadKeys, e.PayloadKeys)
	sameBuild := h.Build == buildOf(e.Executable)
	if sameSetup && sameBuild {
		return true, nil
	}
	err := conn.stop(ctx, stopRequest{OnlyIfIdle: true})
	var busy refusal
	switch {
	case err == nil:
		e.tell("replacing the embedded stack of another build or setup")
		return false, ErrNotRunning
	case !errors.As(err, &busy):
		return false, fmt.Errorf("%w: %w", ErrNotRunning, err)
	case !sameSetup:
		return false, fmt.Errorf("%w (%d clients, %d open runs): stop it first, or set AGENTFACTORY_DATA to another directory", ErrOtherSetup, h.Clients, h.OpenRuns)
	}
	e.tell(fmt.Sprintf("using the busy embedded stack of another build (%s)", h.Version))
	return true, nil
}

// launch starts a stack unless another process is at it, and returns when one answers
// or the one that was started has died of a race that a further try can win.
func (e *ensurer) launch(ctx context.Context) error {
	if busy, err := live(e.layout); err != nil {
		return err
	} else if busy {
		return e.await(ctx, nil)
	}
	e.tell("starting the embedded stack (" + e.parts() + ")…")
	e.launched++
	c, err := spawn(e.EnsureOptions, e.layout)
	if err != nil {
		return err
	}
	err = e.await(ctx, c)
	if errors.Is(err, errDied) && e.launched < starts {
		return nil
	}
	return err
}

func (e *ensurer) parts() string {
	var parts []string
	if !e.Config.Temporal.Configured {
		parts = append(parts, "Temporal")
	}
	if e.Config.S3.Bucket == "" {
		parts = append(parts, "S3")
	}
	return strings.Join(append(parts, "worker"), ", ")
}

var errDied = errors.New("the embedded stack did not start")

// await returns nil when a stack answers, or when the lock is free again so that a new
// one can be tried; the child, if there is one, died for a reason when it is errDied.
func (e *ensurer) await(ctx context.Context, c *child) error {
	began := time.Now()
	reminder := began.Add(remindEvery)
	for {
		if _, _, err := inspect(ctx, e.layout); err == nil {
			return nil
		}
		busy, err := live(e.layout)
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return e.gaveUp(ctx)
		case !busy && c == nil:
			return nil
		case !busy && c.exited():
			return c.died(e.layout)
		}
		if now := time.Now(); now.After(reminder) {
			e.Progress(fmt.Sprintf("still waiting for the embedded stack (%d s), its log is %s", int(now.Sub(began).Seconds()), e.layout.stackLog()))
			reminder = now.Add(remindEvery)
		}
		time.Sleep(pollEvery)
	}
}

// gaveUp explains the end of the context.
func (e *ensurer) gaveUp(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err() // by whoever called
	}
	return fmt.Errorf("wait for the embedded stack: %w: its process lives and does not answer, stop it or see %s", ctx.Err(), e.layout.stackLog())
}
