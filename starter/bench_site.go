package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	"agentfactory/internal/bench"
	"agentfactory/internal/config"
	"agentfactory/internal/embedded/s3server"
	"agentfactory/internal/embedded/temporalserver"
	"agentfactory/internal/llm/scripted"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/service"
	"agentfactory/workflows"
)

// benchSite is where a bench takes place: its servers, its model, its directory.
type benchSite struct {
	load     bench.Load
	dir      string // of everything that it stores here
	lock     *flock.Flock
	temporal service.Temporal
	model    *scripted.Running
	s3       *s3server.Server // nil when a bucket is configured
	env      []string         // by which workers find all of it

	ownTemporal bool // it runs in this process

	temporalName, s3Name string
	leaves               []string // what stays on servers that are configured, in words
	closers              []func() // run in reverse order
}

const benchBucket = "agentfactory-bench"

// openBenchSite starts the scripted model and those servers that are not configured. Its errors have an exit code.
func (a *app) openBenchSite(ctx context.Context, cfg config.Config, load bench.Load) (*benchSite, error) {
	s := &benchSite{load: load}
	err := s.open(ctx, cfg)
	if err != nil {
		s.leaves = nil // nothing has begun
		s.close(a)
		var own *coded
		if errors.Is(err, context.Canceled) || errors.As(err, &own) {
			return nil, err
		}
		return nil, withCode(exitUnreachable, err)
	}
	return s, nil
}

func (s *benchSite) open(ctx context.Context, cfg config.Config) error {
	if err := s.makeDir(cfg); err != nil {
		return err
	}
	if err := s.startModel(); err != nil {
		return err
	}
	if err := s.openS3(ctx, cfg); err != nil {
		return err
	}
	return s.openTemporal(ctx, cfg)
}

// makeDir makes the directory of this bench, and removes those of others that did not live to do so.
func (s *benchSite) makeDir(cfg config.Config) error {
	if err := config.CheckDataDir(cfg.Data); err != nil {
		return err
	}
	root := filepath.Join(cfg.Data, "bench")
	left, err := filepath.Glob(filepath.Join(root, "bench-*"))
	if err != nil {
		return fmt.Errorf("look for directories of earlier benches: %w", err)
	}
	for _, dir := range left {
		lock := flock.New(filepath.Join(dir, "lock"))
		if free, err := lock.TryLock(); err == nil && free {
			_ = os.RemoveAll(dir) // tried again the next time
			_ = lock.Close()
		}
	}
	s.dir = filepath.Join(root, s.load.ID)
	if err := os.MkdirAll(s.dir, 0o711); err != nil { // the sandbox's user passes through
		return fmt.Errorf("make the directory of the bench: %w", err)
	}
	s.closers = append(s.closers, func() { _ = os.RemoveAll(s.dir) })
	s.lock = flock.New(filepath.Join(s.dir, "lock"))
	if _, err := s.lock.TryLock(); err != nil {
		return fmt.Errorf("lock the directory of the bench: %w", err)
	}
	s.closers = append(s.closers, func() { _ = s.lock.Close() })
	return nil
}

func (s *benchSite) startModel() error {
	model, err := s.load.Model()
	if err != nil {
		return err
	}
	if s.model, err = scripted.Start("127.0.0.1:0", model); err != nil {
		return err
	}
	s.closers = append(s.closers, func() { _ = s.model.Close() })
	// A key of its own, so that no worker shows the configured one to this server.
	s.env = append(s.env, "OPENAI_BASE_URL="+s.model.URL, "OPENAI_API_KEY=none-needed", "AGENTFACTORY_MODEL="+bench.ModelName)
	return nil
}

func (s *benchSite) openS3(ctx context.Context, cfg config.Config) error {
	if cfg.S3.Bucket != "" {
		prefix := path.Join(cfg.S3.Prefix, s.load.ID)
		s.env = append(s.env, "AGENTFACTORY_S3_PREFIX="+prefix)
		s.s3Name = "bucket " + cfg.S3.Bucket + ", prefix " + prefix
		objects, err := service.OpenBucket(ctx, cfg, nil)
		if err == nil {
			err = service.Check(ctx, objects)
		}
		if err != nil {
			return fmt.Errorf("use bucket %s: %w", cfg.S3.Bucket, err)
		}
		s.leaves = append(s.leaves, fmt.Sprintf("objects: aws s3 rm --recursive s3://%s/%s/", cfg.S3.Bucket, prefix))
		return nil
	}
	server, err := s3server.Start(ctx, s3server.Options{Dir: filepath.Join(s.dir, "s3"), AccessKey: "bench", SecretKey: rand.Text()})
	if err != nil {
		return err
	}
	s.s3, s.s3Name = server, "of the bench, on this machine"
	s.closers = append(s.closers, server.Stop)
	if err := objectstore.EnsureBucket(ctx, server.Client(), benchBucket); err != nil {
		return err
	}
	keys, err := server.Client().Options().Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	s.env = append(s.env, "AGENTFACTORY_S3_BUCKET="+benchBucket, "AGENTFACTORY_S3_PREFIX=", "AWS_ENDPOINT_URL_S3="+server.Endpoint, "AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID="+keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+keys.SecretAccessKey, "AWS_SESSION_TOKEN=", "AWS_PROFILE=")
	return nil
}

func (s *benchSite) openTemporal(ctx context.Context, cfg config.Config) error {
	address := ""
	if !cfg.Temporal.Configured {
		server, err := temporalserver.Start(ctx, temporalserver.Options{
			Dir: filepath.Join(s.dir, "temporal"), FrontendPort: temporalserver.AnyPort, UIPort: temporalserver.AnyPort, SearchAttributes: workflows.SearchAttributes(),
		})
		if err != nil {
			return err
		}
		s.closers = append(s.closers, func() { _ = server.Stop() })
		address, s.temporalName, s.ownTemporal = server.Address(), "of the bench, in its process", true
		s.env = append(s.env, "TEMPORAL_ADDRESS="+address)
	}
	var err error
	if s.temporal, err = service.DialTemporal(ctx, address, cfg.Encryption); err != nil {
		return err
	}
	s.closers = append(s.closers, s.temporal.Close)
	if address != "" {
		return nil
	}
	s.temporalName = "namespace " + s.temporal.Namespace
	if err := s.alone(ctx); err != nil {
		return err
	}
	s.leaves = append(s.leaves, fmt.Sprintf("workflows, until their retention is over: temporal workflow list --namespace %s --query '%s'", s.temporal.Namespace, s.load.Query()))
	return nil
}

// lastPoll is how long ago a poller may have asked that is still at work: a poll is held for a minute.
const lastPoll = 70 * time.Second

// alone refuses a namespace in which others would carry the runs out: with their model, into their library.
func (s *benchSite) alone(ctx context.Context) error {
	for _, queue := range []string{workflows.TaskQueue, workflows.SandboxTaskQueue} {
		d, err := s.temporal.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
			Namespace: s.temporal.Namespace, TaskQueue: &taskqueue.TaskQueue{Name: queue}, TaskQueueType: enumspb.TASK_QUEUE_TYPE_ACTIVITY,
		})
		if err != nil {
			return fmt.Errorf("look for workers in Temporal's namespace %s: %w", s.temporal.Namespace, err)
		}
		for _, p := range d.GetPollers() {
			if time.Since(p.GetLastAccessTime().AsTime()) < lastPoll && !gone(p.GetIdentity()) {
				return badInput("a worker (%s) serves task queue %s of namespace %s and would carry out the runs with its own model and library: end it and wait a minute, or set TEMPORAL_NAMESPACE to one of the bench's own",
					p.GetIdentity(), queue, s.temporal.Namespace)
			}
		}
	}
	return nil
}

// gone tells of a poller that was a process of this machine and is none any more, such as the worker of an earlier bench: the
// server remembers it for a while. The SDK's identities are PID@HOST@.
func gone(identity string) bool {
	id, host, _ := strings.Cut(identity, "@")
	pid, err := strconv.Atoi(id)
	own, unknown := os.Hostname()
	if err != nil || unknown != nil || strings.TrimSuffix(host, "@") != own {
		return false
	}
	return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// processes are those whose CPU time is told beside the workers'.
func (s *benchSite) processes() []bench.Process {
	own := "bench with the model"
	if s.ownTemporal {
		own += " and Temporal"
	}
	found := []bench.Process{{Name: own, PID: os.Getpid()}}
	if s.s3 != nil {
		found = append(found, bench.Process{Name: "S3 server", PID: s.s3.Pid()})
	}
	return found
}

// close ends what was started, last first, and says what stays.
func (s *benchSite) close(a *app) {
	for i := len(s.closers) - 1; i >= 0; i-- {
		s.closers[i]()
	}
	for _, line := range s.leaves {
		a.say("the bench leaves %s", line)
	}
}
