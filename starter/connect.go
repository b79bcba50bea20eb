package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"agentfactory/internal/codec"
	"agentfactory/internal/config"
	"agentfactory/internal/embedded"
	"agentfactory/internal/embedded/s3server"
	"agentfactory/internal/evaluation/archive"
	"agentfactory/internal/objectstore"
	runs "agentfactory/internal/run"
	"agentfactory/internal/service"
	"agentfactory/skillstore"
)

// connection is what commands work with, wherever the servers are.
type connection struct {
	Config      config.Config
	Temporal    *service.Temporal // nil in a connection to the library alone
	Objects     *objectstore.Bucket
	Blobs       *objectstore.Blobs
	Libraries   *skillstore.Libraries
	Skills      skillstore.Store // the live library
	Records     *runs.Records
	Evaluations *archive.Archive
	Stack       *embedded.Client // nil when everything is configured

	wanted wanted
}

// wanted says what a command needs of a connection.
type wanted struct {
	libraryOnly bool // no Temporal
	embedded    bool // our own servers, whatever is configured
}

// load reads the configuration.
func (a *app) load() (config.Config, error) {
	c, err := config.Load(a.getenv)
	if err != nil {
		return c, withCode(exitUsage, err)
	}
	for _, w := range c.Warnings {
		a.say("warning: %s", w)
	}
	return c, nil
}

// connect dials the configured servers, and gets the embedded stack for those that are
// not configured. Its errors have an exit code.
func (a *app) connect(ctx context.Context, cfg config.Config, w wanted) (*connection, error) {
	if w.embedded {
		cfg.Temporal.Configured, cfg.S3.Bucket = false, ""
	}
	c := &connection{Config: cfg, wanted: w}
	if err := c.dial(ctx, a); err != nil {
		c.Close()
		if errors.Is(err, context.Canceled) || errors.Is(err, codec.ErrKeys) {
			return nil, err
		}
		return nil, withCode(exitUnreachable, err)
	}
	return c, nil
}

func (c *connection) dial(ctx context.Context, a *app) error {
	keys, err := service.PayloadKeys(c.Config.Encryption)
	if err != nil {
		return err
	}
	var at embedded.Addresses
	if c.needsStack() {
		stack, err := embedded.Ensure(ctx, embedded.EnsureOptions{
			Config: c.Config, Args: serveArgs(c.wanted), Progress: func(line string) { a.say("%s", line) },
			PayloadKeys: keys.IDs(),
		})
		if err != nil {
			return err
		}
		c.Stack, at = stack, stack.Addresses()
	}
	if err := c.openObjects(ctx, at.S3); err != nil {
		return err
	}
	if c.wanted.libraryOnly {
		return nil
	}
	temporal, err := service.DialTemporal(ctx, at.Temporal, c.Config.Encryption)
	if err != nil {
		return err
	}
	c.Temporal = &temporal
	return nil
}

// needsStack: the worker of the embedded stack is needed as soon as one of the two
// servers is embedded, because a worker elsewhere could not reach it.
func (c *connection) needsStack() bool {
	if c.wanted.libraryOnly {
		return c.Config.S3.Bucket == ""
	}
	return c.Config.S3.Bucket == "" || !c.Config.Temporal.Configured
}

func (c *connection) openObjects(ctx context.Context, at embedded.S3) error {
	objects, err := bucket(ctx, c.Config, at)
	if err != nil {
		return err
	}
	blobs, err := objectstore.NewBlobs(objects, filepath.Join(c.Config.Data, "cache"), maxCache)
	if err != nil {
		return err
	}
	c.Objects, c.Blobs = objects, blobs
	models, err := service.NewModels(c.Config)
	if err != nil {
		return err
	}
	c.Records, c.Evaluations, c.Libraries = runs.NewRecords(objects), archive.New(objects), skillstore.NewLibraries(objects, skillstore.WithEmbedder(models))
	c.Skills = c.Libraries.Live()
	if at.Endpoint != "" {
		return nil // the stack has looked
	}
	if err := service.Check(ctx, objects); err != nil {
		return fmt.Errorf("use bucket %s: %w", c.Config.S3.Bucket, err)
	}
	return nil
}

// maxCache bounds this command's copies of blobs, in bytes.
const maxCache = 256 << 20

// bucket is the embedded one at an address, or the configured one.
func bucket(ctx context.Context, c config.Config, at embedded.S3) (*objectstore.Bucket, error) {
	if at.Endpoint != "" {
		return objectstore.NewBucket(s3server.Client(at.Endpoint, at.Region, at.AccessKey, at.SecretKey.Reveal()), at.Bucket), nil
	}
	return service.OpenBucket(ctx, c, nil)
}

// open loads the configuration and connects.
func (a *app) open(ctx context.Context, w wanted) (*connection, error) {
	cfg, err := a.load()
	if err != nil {
		return nil, err
	}
	return a.connect(ctx, cfg, w)
}

// Close lets the stack go; it and its runs go on.
func (c *connection) Close() {
	if c.Temporal != nil {
		c.Temporal.Close()
	}
	if c.Stack != nil {
		c.Stack.Close()
	}
}

// gone is closed when the embedded stack ends; it is nil, and never ready, without one.
func (c *connection) gone() <-chan struct{} {
	if c.Stack == nil {
		return nil
	}
	return c.Stack.Gone()
}

// setModel gives the stack's worker the model that is configured here and now. A
// worker elsewhere has its own.
func (c *connection) setModel(ctx context.Context) error {
	if c.Stack == nil || c.Config.Model.Check() != nil {
		return nil
	}
	return withCode(exitUnreachable, c.Stack.SetModel(ctx, c.Config.Model))
}

// checkModel refuses early what no worker of ours could run. A worker elsewhere has a
// model of its own, which is not known here.
func checkModel(c config.Config, model string) error {
	if c.Temporal.Configured && c.S3.Bucket != "" {
		return nil
	}
	m := c.Model
	m.Name = cmp.Or(model, m.Name)
	if err := m.Check(); err != nil {
		return badInput("%w; `starter demo` shows a run without one", err)
	}
	return nil
}
