// Package service assembles a worker from its parts: the activities with what they
// depend on, the workflows, and the two task queues. The worker command and the
// embedded stack both run it. It may import everything but the embedded servers.
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"go.temporal.io/sdk/workflow"

	"agentfactory/activities"
	"agentfactory/internal/codec"
	"agentfactory/internal/config"
	"agentfactory/internal/evaluation/archive"
	"agentfactory/internal/export"
	"agentfactory/internal/export/check"
	"agentfactory/internal/export/proof"
	"agentfactory/internal/gateway"
	"agentfactory/internal/llm/scripted"
	"agentfactory/internal/netguard"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/offlinesite"
	"agentfactory/internal/pdftext"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/run"
	"agentfactory/internal/sandbox"
	"agentfactory/internal/telemetry"
	"agentfactory/skillstore"
	"agentfactory/workflows"
)

// Parts are what a worker is made of.
type Parts struct {
	Config   config.Config
	Temporal Temporal
	Objects  objectstore.Store
	Worker   config.Worker     // how the queues are served; the zero value serves both, unversioned
	State    string            // directory for caches and scratch files
	Scripts  map[string][]byte // scripted models that are served, by their names
	// Tools are tool skills beside shell_command that this worker can carry out, by name.
	Tools map[string]gateway.Tool
	// Dial connects subagents' HTTP requests and browser pages; nil reaches the public internet and the configured private
	// hosts. The hosts of internal/offlinesite are on board and reached in either case.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Telemetry takes spans and metrics; nil counts for nobody.
	Telemetry *telemetry.Telemetry
}

// Service is a worker on one or both of the task queues.
type Service struct {
	queues
	models   *Models
	python   *pyruntime.Runtime
	exporter *activities.Exporter
	listing  *listing // nil where no workflows are served
	tools    toolSet
	rules    rules
	scripts  []*scripted.Running
	level    sandbox.Level
	scratch  string // of this process
}

// New checks every part, so that a wrong configuration shows at the start and not in
// the middle of a run. It starts nothing but the scripted model.
func New(ctx context.Context, p Parts) (*Service, error) {
	if p.Telemetry == nil {
		p.Telemetry = telemetry.New()
	}
	s := &Service{queues: newQueues(p.Worker)}
	if err := s.openModels(p); err != nil {
		return nil, err
	}
	records := run.NewRecords(p.Objects)
	blobs, err := objectstore.NewBlobs(p.Objects, filepath.Join(p.State, "cache"), maxCache)
	if err != nil {
		return nil, fmt.Errorf("open the cache: %w", err)
	}
	if err := s.openPython(ctx, p); err != nil {
		return nil, err
	}
	s.scratch, err = scratchDir(s.python.WorkDir())
	if err != nil {
		return nil, err
	}
	if s.rules, err = loadRules(p.Config.Policy); err != nil {
		return nil, err
	}
	network, err := netguard.ParseNetworks(p.Config.Tools.PrivateHosts)
	if err != nil {
		return nil, err
	}
	if p.Dial == nil {
		p.Dial = network.DialContext
	}
	p.Dial = offlinesite.Dialer(p.Dial)
	installable := func(_ context.Context, name, version string) error { return s.rules.pack("", name, version) }
	s.tools = openTools(ctx, p, s.rules, network, pdftext.Reader{Python: s.python, Allow: installable}.Text)
	s.tools.byName = observedTools(s.tools.byName, p.Telemetry)
	s.assemble(p, records, blobs, skillstore.NewLibraries(p.Objects, skillstore.WithEmbedder(s.models)))
	return s, nil
}

// maxCache bounds the local copies of blobs, in bytes.
const maxCache = 2 << 30

func (s *Service) openModels(p Parts) error {
	models, err := NewModels(p.Config)
	if err != nil {
		return err
	}
	models.telemetry = p.Telemetry
	s.models = models
	for name, source := range p.Scripts {
		if err := s.serveScript(name, source); err != nil {
			return fmt.Errorf("serve the model %s: %w", name, err)
		}
	}
	return nil
}

func (s *Service) serveScript(model string, source []byte) error {
	script, err := scripted.Parse(source)
	if err != nil {
		return err
	}
	server, err := scripted.NewServer(script, scripted.Options{})
	if err != nil {
		return err
	}
	running, err := scripted.Start("127.0.0.1:0", server)
	if err != nil {
		return err
	}
	s.scripts = append(s.scripts, running)
	return s.models.serveScripted(model, running.URL)
}

func (s *Service) openPython(ctx context.Context, p Parts) error {
	minimum, err := sandbox.ParseLevel(p.Config.Sandbox.Min)
	if err != nil {
		return err
	}
	python, err := pyruntime.Discover(ctx, p.Config.Sandbox.Python, sandbox.Readable)
	if err != nil {
		return err
	}
	box, err := sandbox.New(sandbox.Config{Python: python.Path, ReadOnly: python.Roots, StateDir: filepath.Join(p.State, "sandbox"), Min: minimum})
	if err != nil {
		return err
	}
	s.level = box.Level()
	with, err := Python(p.Config, p.State, python, box)
	if err != nil {
		return err
	}
	if s.python, err = pyruntime.New(with); err != nil {
		return err
	}
	return s.openExporter(p, with)
}

// openExporter makes what looks at skills and runs artifacts before they are published.
func (s *Service) openExporter(p Parts, with pyruntime.Config) error {
	checker, err := check.New(check.Config{Sandbox: with.Sandbox, Python: with.Python, Packages: s.python.Environments(), Secrets: secrets(p.Config)})
	if err != nil {
		return err
	}
	prover, err := proof.New(proof.Config{Sandbox: with.Sandbox, Python: with.Python, Runtime: s.python, Limits: limits(p.Config.Limits.Subagent)})
	s.exporter = &activities.Exporter{Checker: checker, Prover: prover}
	return err
}

// Python is with what a worker runs subagents, as it is configured. state is its directory for caches.
func Python(c config.Config, state string, python pyruntime.Interpreter, box *sandbox.Runner) (pyruntime.Config, error) {
	made := pyruntime.Config{
		Python: python, Sandbox: box, Dir: filepath.Join(state, "packages"),
		UV: c.Packages.UV, IndexURL: c.Packages.IndexURL.Reveal(), MaxPackageBytes: int64(c.Packages.MaxSize),
	}
	if dir := c.Packages.Dir; dir != "" {
		made.Dir = dir
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return made, fmt.Errorf("make the directory of packages: %w: set AGENTFACTORY_PACKAGES (packages.dir) to one that is yours", err)
		}
		if err := sandbox.Readable(filepath.Dir(dir)); err != nil {
			return made, fmt.Errorf("the sandbox cannot read the packages in %s: %w: set AGENTFACTORY_PACKAGES (packages.dir) to another directory", dir, err)
		}
	}
	return made, nil
}

// scratchDir makes a directory for this process below root, and removes those of
// processes that are gone: what a killed worker left is of no use to anybody.
func scratchDir(root string) (string, error) {
	own := filepath.Join(root, strconv.Itoa(os.Getpid()))
	left, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read the scratch directory: %w", err)
	}
	for _, d := range left {
		if pid, err := strconv.Atoi(d.Name()); err == nil && (pid == os.Getpid() || syscall.Kill(pid, 0) != nil) {
			if err := os.RemoveAll(filepath.Join(root, d.Name())); err != nil {
				return "", fmt.Errorf("clear the scratch directory: %w", err)
			}
		}
	}
	if err := os.MkdirAll(own, 0o711); err != nil {
		return "", fmt.Errorf("make the scratch directory: %w", err)
	}
	return own, nil
}

// assemble registers workflows and activities on the task queues that this worker serves.
func (s *Service) assemble(p Parts, records *run.Records, blobs *objectstore.Blobs, libraries *skillstore.Libraries) {
	skills := libraries.Live()
	agents := &activities.Subagents{
		Records: records, Blobs: blobs, Objects: p.Objects, Skills: skills, Libraries: libraries, Models: s.models, Python: s.python,
		Scratch: s.scratch, Limits: limits(p.Config.Limits.Subagent), Tools: s.tools.byName, Secrets: secrets(p.Config),
		Policy: s.rules.ruling, Packages: s.rules.pack, Dial: p.Dial, Observe: p.Telemetry.Agent,
	}
	p.Telemetry.WatchLibrary(librarySize(skills))
	evaluations, exports := archive.New(p.Objects), export.Library{Skills: skills, Blobs: blobs, Objects: p.Objects}
	if box := s.serve(p, config.QueueSandbox, sandboxOptions(p.Worker.Sandbox)); box != nil {
		s.exporter.Library = exports
		box.RegisterActivity(agents)
		box.RegisterActivity(s.exporter)
		box.RegisterActivity(&activities.Grader{Archive: evaluations, Libraries: libraries, Agents: agents})
	}
	main := s.serve(p, config.QueueMain, mainOptions(p.Worker.Main))
	if main == nil {
		return
	}
	for name, w := range workflows.All() {
		main.RegisterWorkflowWithOptions(w, workflow.RegisterOptions{Name: name})
	}
	s.listing = &listing{temporal: p.Temporal}
	versioned := p.Worker.Deployment != ""
	lessons := &activities.Lessons{Records: records, Blobs: blobs, Embedder: s.models, Open: libraries.Objects}
	main.RegisterActivity(lessons)
	library := p.Config.Library
	main.RegisterActivity(&activities.Runs{
		Records: records, Blobs: blobs, Objects: p.Objects, Skills: skills, Libraries: libraries, Lessons: lessons, Models: s.models, Tools: s.tools.offered, Defaults: defaults(p.Config.Limits.Run),
		Policy:         activities.Policy{Checks: library.Checks == config.ChecksOn, AskPromotions: library.Promotions == config.PromotionsAsk, GateCases: *library.GateCases},
		VersionsPerDay: *library.VersionsPerDay, Listed: s.listing.check, Versioned: versioned,
	})
	main.RegisterActivity(&activities.Model{Records: records, Models: s.models})
	main.RegisterActivity(&activities.Library{Records: records, Blobs: blobs, Skills: skills, Libraries: libraries, VersionsPerDay: *library.VersionsPerDay})
	main.RegisterActivity(&activities.Gates{Skills: skills, Libraries: libraries, Models: s.models})
	main.RegisterActivity(&activities.Evaluations{
		Archive: evaluations, Objects: p.Objects, Libraries: libraries, Models: s.models, Defaults: defaults(p.Config.Limits.Run),
		Namespace: p.Temporal.Namespace, Listed: s.listing.check, Webhook: webhook(p.Config.Evaluation), Versioned: versioned,
	})
	main.RegisterActivity(&activities.Exports{Library: exports})
	main.RegisterActivity(agents)
}

// webhook is what is told of evaluations that got worse.
func webhook(c config.Evaluation) *activities.Webhook {
	if c.Webhook == "" {
		return nil
	}
	return &activities.Webhook{URL: c.Webhook.Reveal(), Client: http.DefaultClient}
}

// Start registers the search attributes where it may and begins to poll the task queues.
func (s *Service) Start(ctx context.Context) error {
	if s.listing != nil {
		if err := s.listing.register(ctx); err != nil {
			slog.WarnContext(ctx, "runs cannot be listed by search attributes; `starter doctor` shows what to do", "error", err)
		}
	}
	for _, w := range s.workers {
		if err := w.Start(); err != nil {
			s.Stop()
			return fmt.Errorf("start the worker: %w", err)
		}
	}
	return nil
}

// Stop ends polling at once and returns when what is being done is finished or handed over, within Worker.Drain.
func (s *Service) Stop() {
	s.drain()
	s.tools.browser.Close()
	for _, script := range s.scripts {
		script.Close()
	}
	os.RemoveAll(s.scratch)
}

// SetModel replaces the model endpoint while runs are going on.
func (s *Service) SetModel(m config.Model) error { return s.models.Set(m) }

// Level is the isolation that subagents run under.
func (s *Service) Level() sandbox.Level { return s.level }

func limits(c config.SubagentLimits) sandbox.Limits {
	return sandbox.Limits{
		Wall: time.Duration(c.Timeout), CPU: time.Duration(c.CPUTime), Memory: int64(c.Memory), Processes: c.Processes,
		Output: int64(c.Output), FileSize: int64(c.FileSize), Disk: int64(c.Disk),
	}
}

func defaults(c config.RunLimits) run.Budget {
	return run.Budget{
		Turns: c.Turns, OrchestrationTokens: c.OrchestrationTokens, SubagentTokens: c.SubagentTokens, CostUSD: c.CostUSD,
		WallSeconds: int64(time.Duration(c.WallTime).Seconds()), SubagentRuns: c.SubagentRuns, SubagentsCreated: c.SubagentsCreated,
		Rounds: c.Rounds,
	}
}

// secrets are the values that nothing which code prints may show to a model: keys, and the logins in addresses of the
// configuration and of the environment.
func secrets(c config.Config) []string {
	found := []string{c.Model.APIKey.Reveal(), c.Tools.Search.APIKey.Reveal(), c.Tools.Reading.APIKey.Reveal(), c.Browser.SessionKey.Reveal(),
		os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN"), os.Getenv("TEMPORAL_API_KEY")}
	found = append(found, codec.Secrets(c.Encryption.PayloadKeys.Reveal())...)
	found = slices.DeleteFunc(found, func(s string) bool { return s == "" })
	return append(found, pyruntime.IndexLogins(os.Environ(), c.Packages.IndexURL.Reveal(), c.Model.BaseURL, c.Tools.Search.BaseURL, c.Tools.Reading.BaseURL)...)
}

// Check reports whether the bucket can be used at all, before runs are taken on.
func Check(ctx context.Context, objects objectstore.Store) error {
	_, err := objects.Stat(ctx, "skills/none/head.json")
	switch {
	case errors.Is(err, objectstore.ErrNotFound):
		return nil
	case errors.Is(err, objectstore.ErrNoBucket):
		return fmt.Errorf("%w; `worker setup` makes it", err)
	}
	return err
}
