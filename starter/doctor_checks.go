package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"

	"agentfactory/internal/config"
	"agentfactory/internal/embedded"
	"agentfactory/internal/llm"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/sandbox"
	"agentfactory/internal/secret"
	"agentfactory/internal/service"
	"agentfactory/workflows"
)

// diagnosis holds what later checks need of earlier ones.
type diagnosis struct {
	cfg      config.Config
	getenv   func(string) string
	findings []finding

	polled      bool                   // a worker polls the configured Temporal server
	unrouted    string                 // why those that poll are given no new runs
	served      []string               // models that the endpoint lists
	interpreter *pyruntime.Interpreter // nil when there is none
	box         *sandbox.Runner        // nil when there is none
	subagents   *pyruntime.Runtime     // what runs them; nil when there is none
	index       bool                   // packages can be had
}

// ownWorker tells whether runs are carried out on this machine.
func (d *diagnosis) ownWorker() bool { return !d.cfg.Temporal.Configured || d.cfg.S3.Bucket == "" }

func (d *diagnosis) settings(context.Context) []finding {
	found := "none; environment and defaults"
	if d.cfg.File != "" {
		found = d.cfg.File
	}
	findings := []finding{{Check: "configuration file", Status: fine, Detail: found}}
	for _, w := range d.cfg.Warnings {
		findings = append(findings, finding{Check: "configuration", Status: warning, Detail: w})
	}
	return findings
}

func (d *diagnosis) data(context.Context) []finding {
	f := finding{Check: "data directory", Status: fine, Detail: d.cfg.Data}
	if err := config.CheckDataDir(d.cfg.Data); err != nil {
		f.Status, f.Detail, f.Remedy = missing, err.Error(), "set AGENTFACTORY_DATA to a directory that is yours and has space"
	}
	return []finding{f}
}

func (d *diagnosis) model(ctx context.Context) []finding {
	m := d.cfg.Model
	f := finding{Check: "model", Status: fine}
	if err := m.Check(); err != nil {
		f.Status, f.Detail = missing, errors.Unwrap(err).Error()
		f.Remedy = err.Error()[len(f.Detail)+2:] + "; or try `starter demo`"
		if !d.ownWorker() {
			f.Status, f.Remedy = unused, ""
			f.Detail += " here; the worker has its own"
		}
		return []finding{f}
	}
	f.Detail = fmt.Sprintf("%s at %s", m.Name, secret.WithoutLogins(cmp.Or(m.BaseURL, llm.DefaultBaseURL)))
	client, err := llm.New(llm.Endpoint{BaseURL: m.BaseURL, APIKey: m.APIKey.Reveal()}, llm.Options{})
	if err == nil {
		d.served, err = client.Models(ctx)
	}
	var failure *llm.Error
	switch {
	case errors.As(err, &failure) && failure.Kind == llm.KindNotFound:
		f.Status, f.Detail = warning, f.Detail+"; the server does not list its models"
	case err != nil:
		f.Status, f.Detail = missing, f.Detail+": "+err.Error()
		f.Remedy = "check OPENAI_BASE_URL, OPENAI_API_KEY and that the server runs"
	case !slices.Contains(d.served, m.Name) && len(d.served) > 0:
		f.Status, f.Detail = warning, f.Detail+", which does not list that model"
		f.Remedy = fmt.Sprintf("set AGENTFACTORY_MODEL to one of %s", someOf(d.served))
	}
	return []finding{f}
}

func someOf(names []string) string {
	const most = 8
	text := ""
	for i, name := range names {
		if i == most {
			return text + ", …"
		}
		text += map[bool]string{true: ", "}[i > 0] + name
	}
	return text
}

func (d *diagnosis) temporal(ctx context.Context) []finding {
	if !d.cfg.Temporal.Configured {
		return []finding{d.stack(ctx, "Temporal", func(a embedded.Addresses) string { return a.Temporal + ", UI " + a.UI })}
	}
	f := finding{Check: "Temporal", Status: fine, Detail: cmp.Or(d.getenv("TEMPORAL_ADDRESS"), "the server of the configured profile")}
	c, err := service.DialTemporal(ctx, "", d.cfg.Encryption)
	if err != nil {
		f.Status, f.Detail, f.Remedy = missing, err.Error(), "check TEMPORAL_ADDRESS and that the server runs, or unset it to use the embedded one"
		return []finding{f}
	}
	defer c.Close()
	if err := service.CheckNamespace(ctx, c); err != nil {
		f.Status, f.Detail, f.Remedy = missing, err.Error(), "set TEMPORAL_NAMESPACE, or the profile's namespace, to one that is there and that you may use"
		return []finding{f}
	}
	d.polled, d.unrouted = (&connection{Temporal: &c}).polled(ctx), unrouted(ctx, c)
	return []finding{f, searchAttributes(ctx, c)}
}

// unrouted is "" unless all workers belong to a deployment without a current version: then none is given new runs, and it says so.
func unrouted(ctx context.Context, c service.Temporal) (detail string) {
	q, err := c.DescribeTaskQueue(ctx, workflows.TaskQueue, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	if err != nil || q.GetVersioningInfo().GetCurrentDeploymentVersion() != nil {
		return ""
	}
	for _, p := range q.GetPollers() {
		version := p.GetDeploymentOptions()
		if version.GetWorkerVersioningMode() != enumspb.WORKER_VERSIONING_MODE_VERSIONED {
			return ""
		}
		detail = service.Routing(ctx, c, config.Worker{Deployment: version.GetDeploymentName(), BuildID: version.GetBuildId()})
	}
	return detail
}

// searchAttributes looks for those by which runs are listed; runs do without, too.
func searchAttributes(ctx context.Context, c service.Temporal) finding {
	f := finding{Check: "search attributes", Status: fine, Detail: "registered"}
	lacking, err := service.MissingSearchAttributes(ctx, c)
	switch {
	case err != nil:
		f.Status, f.Detail = warning, err.Error()
		f.Remedy = "if listing them is not allowed, have an operator run: " + strings.Join(service.RegisterCommands(c.Namespace, workflows.SearchAttributes()), " && ")
	case len(lacking) > 0:
		f.Status, f.Detail = warning, fmt.Sprintf("%d are not registered; a worker does it where it may", len(lacking))
		f.Remedy = strings.Join(service.RegisterCommands(c.Namespace, lacking), " && ")
	}
	return f
}

func (d *diagnosis) storage(ctx context.Context) []finding {
	if d.cfg.S3.Bucket == "" {
		return []finding{d.stack(ctx, "S3", func(a embedded.Addresses) string { return a.S3.Endpoint + ", bucket " + a.S3.Bucket })}
	}
	f := finding{Check: "S3", Status: fine, Detail: "bucket " + d.cfg.S3.Bucket}
	if d.cfg.S3.SSE != "" {
		f.Detail += ", writes ask for encryption by " + d.cfg.S3.SSE
	}
	objects, err := service.OpenBucket(ctx, d.cfg, nil)
	if err == nil {
		err = service.Check(ctx, objects)
	}
	if err != nil {
		f.Status, f.Detail = missing, f.Detail+": "+err.Error()
		f.Remedy = "check AGENTFACTORY_S3_BUCKET, AWS_ENDPOINT_URL_S3 and the AWS credentials, or unset the bucket to use the embedded server"
	}
	return []finding{f}
}

// stack tells whether an embedded server runs; one that does not starts by itself.
func (d *diagnosis) stack(ctx context.Context, check string, where func(embedded.Addresses) string) finding {
	f := finding{Check: check, Status: fine, Detail: "embedded; starts with the first command that needs it"}
	if h, err := embedded.Inspect(ctx, d.cfg.Data); err == nil {
		f.Detail = "embedded, running at " + where(h.Addresses)
	}
	return f
}

func (d *diagnosis) workers(context.Context) []finding {
	f := finding{Check: "worker", Status: fine, Detail: "part of the embedded stack"}
	switch {
	case d.ownWorker():
	case d.unrouted != "":
		f.Status, f.Detail, f.Remedy = missing, d.unrouted, "make the version of the workers the current one by that command"
	case d.polled:
		f.Detail = fmt.Sprintf("one polls task queue %q", workflows.TaskQueue)
	default:
		f.Status, f.Detail = missing, fmt.Sprintf("none polls task queue %q", workflows.TaskQueue)
		f.Remedy = "start the worker binary with the same configuration"
	}
	return []finding{f}
}

// python looks for the interpreter of subagents, which the sandbox needs as well.
func (d *diagnosis) python(ctx context.Context) []finding {
	if !d.ownWorker() {
		return nil
	}
	f := finding{Check: "Python", Status: fine}
	python, err := pyruntime.Discover(ctx, d.cfg.Sandbox.Python, sandbox.Readable)
	if err != nil {
		f.Status, f.Detail, f.Remedy = missing, err.Error(), "install Python 3.9 or later, or set AGENTFACTORY_PYTHON to its interpreter"
		return []finding{f}
	}
	d.interpreter = &python
	f.Detail = fmt.Sprintf("%s, version %s", python.Path, python.Version)
	return []finding{f}
}

// isolation looks at the sandbox by really running in it.
func (d *diagnosis) isolation(context.Context) []finding {
	switch {
	case !d.ownWorker():
		return []finding{{Check: "sandbox", Status: unused, Detail: "subagents run where the worker is"}}
	case d.interpreter == nil:
		return []finding{{Check: "sandbox", Status: missing, Detail: "not tried: it needs Python"}}
	}
	box, err := d.sandbox()
	if err != nil {
		return []finding{{Check: "sandbox", Status: missing, Detail: err.Error(), Remedy: "install bubblewrap (apt install bubblewrap, dnf install bubblewrap)"}}
	}
	d.box = box
	findings := sandboxFindings(box)
	if err := d.openPython(); err != nil {
		findings = append(findings, finding{Check: "packages", Status: missing, Detail: err.Error(), Remedy: "set AGENTFACTORY_PACKAGES to a directory that is yours and that other users may enter"})
	}
	return findings
}

func (d *diagnosis) sandbox() (*sandbox.Runner, error) {
	minimum, err := sandbox.ParseLevel(d.cfg.Sandbox.Min)
	if err != nil {
		return nil, err
	}
	return sandbox.New(sandbox.Config{
		Python: d.interpreter.Path, ReadOnly: d.interpreter.Roots, StateDir: filepath.Join(d.cfg.Data, "worker", "sandbox"), Min: minimum,
	})
}

func sandboxFindings(box *sandbox.Runner) []finding {
	f := finding{Check: "sandbox", Status: fine, Detail: "level " + box.Level().String()}
	for _, why := range box.Why() {
		f.Detail += "; " + why
	}
	if box.Level() < sandbox.Namespaced {
		f.Status, f.Remedy = warning, "the stronger level is namespaced: install bubblewrap and allow user namespaces"
	}
	wrap := finding{Check: "bubblewrap", Status: fine}
	path, err := exec.LookPath("bwrap")
	wrap.Detail = path
	if err != nil {
		wrap.Status, wrap.Detail, wrap.Remedy = warning, "not found", "apt install bubblewrap, or dnf install bubblewrap"
	}
	return []finding{f, wrap}
}
