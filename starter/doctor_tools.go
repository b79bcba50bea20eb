package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"

	"agentfactory/internal/browser"
	"agentfactory/internal/pdftext"
	"agentfactory/internal/policy"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/sandbox"
	"agentfactory/internal/service"
	"agentfactory/internal/web"
)

// reach is a subagent that asks the proxy of its run for a page.
const reach = `import urllib.request
def main(query):
    return {"answer": urllib.request.urlopen(query, timeout=5).read().decode(), "summary": ""}
`

// reachLimits are ample for one request.
var reachLimits = sandbox.Limits{
	Wall: 8 * time.Second, CPU: 8 * time.Second, Memory: 512 << 20, Processes: 32, Output: 16 << 10, FileSize: 1 << 20, Disk: 8 << 20,
}

// egress tells whether Python's HTTP libraries get out of the sandbox, by a request to a proxy that answers itself.
func (d *diagnosis) egress(ctx context.Context) []finding {
	if d.subagents == nil {
		return nil
	}
	f := finding{Check: "sandbox egress", Status: fine, Detail: "HTTP libraries of subagents reach the proxy of their run"}
	if d.box.Level() < sandbox.Namespaced {
		f.Status, f.Detail = warning, fmt.Sprintf("level %s has no network: HTTP libraries of subagents reach nothing, the tools work", d.box.Level())
		f.Remedy = "install bubblewrap and allow user namespaces, for the level namespaced"
		return []finding{f}
	}
	if err := d.reach(ctx); err != nil {
		f.Status, f.Detail, f.Remedy = warning, "HTTP libraries of subagents reach nothing: "+err.Error(), "the tools work; report this with the output of `starter doctor --json`"
	}
	return []finding{f}
}

func (d *diagnosis) reach(ctx context.Context) error {
	dir, err := os.MkdirTemp(d.subagents.WorkDir(), "doctor-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "subagent.py"), []byte(reach), 0o644); err != nil {
		return err
	}
	var asked atomic.Bool
	proxy := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Store(true)
		fmt.Fprint(w, "reached")
	})
	got, err := d.subagents.Run(ctx, pyruntime.Call{Workspace: dir, Entry: "subagent.py", Query: "http://proxy.invalid/", Egress: proxy, Limits: reachLimits})
	switch {
	case err != nil:
		return err
	case got.Failure != nil:
		return errors.New(got.Failure.Message)
	case got.Answer != "reached" || !asked.Load():
		return errors.New("the proxy was not asked")
	}
	return nil
}

// leastFree is the space on the disk, in bytes, below which the next large package may not fit.
const leastFree = 1 << 30

// packages looks for what installs packages and asks the index. Runs that declare none do without.
func (d *diagnosis) packages(ctx context.Context) []finding {
	if d.subagents == nil {
		return nil
	}
	f := finding{Check: "packages", Status: fine}
	s, err := d.subagents.Environments().Survey(ctx)
	kept := fmt.Sprintf("%s in %s take %s of %s, %s free", plural(s.Count, "environment"), s.Dir, humanize.IBytes(uint64(s.Used)), humanize.IBytes(uint64(s.Limit)), humanize.IBytes(uint64(s.Free)))
	if err != nil {
		f.Status, f.Detail, f.Remedy = warning, kept+"; nothing installs further ones: "+err.Error(), "install uv, or python3-pip; AGENTFACTORY_UV names a uv elsewhere"
		return []finding{f}
	}
	err = d.subagents.Environments().CheckIndex(ctx)
	d.index = err == nil
	switch {
	case err != nil:
		f.Status, f.Detail = warning, fmt.Sprintf("%s; %s gives no packages, so that only those run that are installed: %v; %s", s.Installer, d.indexName(), err, kept)
		f.Remedy = "set AGENTFACTORY_PACKAGE_INDEX to an index that this machine reaches"
	case s.Free < leastFree:
		f.Status, f.Detail = warning, fmt.Sprintf("%s; %s", s.Installer, kept)
		f.Remedy = "free space, or set AGENTFACTORY_PACKAGES to a directory on another disk"
	default:
		f.Detail = fmt.Sprintf("%s; %s answers; %s", s.Installer, d.indexName(), kept)
	}
	return []finding{f}
}

// indexName tells the index without what may be secret in its address.
func (d *diagnosis) indexName() string {
	u, err := url.Parse(d.cfg.Packages.IndexURL.Reveal())
	if err != nil || u.Host == "" {
		return "the index"
	}
	return "the index " + u.Scheme + "://" + u.Host + u.Path
}

func (d *diagnosis) policy(context.Context) []finding {
	if !d.ownWorker() {
		return nil
	}
	f := finding{Check: "policy", Status: fine, Detail: "built in"}
	p, err := policy.Load(d.cfg.Policy.File)
	if err != nil {
		f.Status, f.Detail, f.Remedy = missing, err.Error(), "correct the file, or unset AGENTFACTORY_POLICY to use the built-in rules"
		return []finding{f}
	}
	f.Detail = cmp.Or(d.cfg.Policy.File, f.Detail) + ", " + plural(len(p.Rules()), "rule")
	if hosts := d.cfg.Tools.PrivateHosts; len(hosts) > 0 {
		f.Detail += "; private hosts " + strings.Join(hosts, ", ")
	}
	return []finding{f}
}

// search asks for a search without a query, which costs none.
func (d *diagnosis) search(ctx context.Context) []finding {
	if !d.ownWorker() {
		return nil
	}
	c := d.cfg.Tools.Search
	f := finding{Check: "web_search", Status: fine, Detail: "the service takes the key; it was asked without a query, so that no search is spent"}
	if c.APIKey == "" {
		f.Status, f.Detail, f.Remedy = unused, "no key: subagents are not offered it", "set SERPER_API_KEY to a key of serper.dev"
		return []finding{f}
	}
	if err := web.CheckSearch(ctx, web.SearchConfig{BaseURL: c.BaseURL, APIKey: c.APIKey.Reveal(), Timeout: serviceWithin}); err != nil {
		f.Status, f.Detail, f.Remedy = warning, err.Error(), "correct SERPER_API_KEY or SERPER_BASE_URL"
	}
	return []finding{f}
}

// serviceWithin bounds all attempts at a web service.
const serviceWithin = 5 * time.Second

// reading looks at the service behind web_reading, if there is one, and at the reader of PDF documents.
func (d *diagnosis) reading(ctx context.Context) []finding {
	if !d.ownWorker() {
		return nil
	}
	c := d.cfg.Tools.Reading
	f := finding{Check: "web_reading", Status: fine, Detail: "no key of Jina Reader: pages are fetched and extracted by the worker"}
	if c.APIKey != "" {
		f.Detail = "the service answers; its front page was asked for, so that no page is spent"
		if err := web.CheckReading(ctx, web.ReadingConfig{BaseURL: c.BaseURL, APIKey: c.APIKey.Reveal(), Timeout: serviceWithin}); err != nil {
			f.Status, f.Detail = warning, err.Error()+"; pages are fetched and extracted by the worker"
			f.Remedy = "correct JINA_API_KEY or JINA_BASE_URL, or unset the key"
		}
	}
	return append([]finding{f}, d.documents()...)
}

// documents looks for what reads PDF documents: a package like those of subagents.
func (d *diagnosis) documents() []finding {
	f := finding{Check: "PDF documents", Status: fine}
	switch {
	case d.subagents == nil:
		return nil
	case pdftext.Reader{Python: d.subagents}.Installed():
		f.Detail = "pypdf is installed"
	case d.index:
		f.Detail = "pypdf is installed with the first one"
	default:
		f.Status, f.Detail, f.Remedy = warning, "pypdf is neither installed nor to be had; web_reading reads no PDF documents", "see packages"
	}
	return []finding{f}
}

// transcription looks at the model that listens to audio. Runs without audio do without.
func (d *diagnosis) transcription(context.Context) []finding {
	if !d.ownWorker() || d.cfg.Model.Check() != nil {
		return nil
	}
	name := d.cfg.Model.TranscriptionModel
	f := finding{Check: "transcription", Status: fine, Detail: name + "; whether the server takes audio shows with the first file"}
	switch {
	case name == "":
		f.Status, f.Detail, f.Remedy = unused, "no model: audio files are not transcribed", "set AGENTFACTORY_TRANSCRIPTION_MODEL to one that the model endpoint serves"
	case len(d.served) > 0 && !slices.Contains(d.served, name):
		f.Status, f.Detail = warning, name+" is not in the list of the model endpoint"
		f.Remedy = "set AGENTFACTORY_TRANSCRIPTION_MODEL to one that it serves"
	}
	return []finding{f}
}

// browser looks for what browser_automation runs with. Runs that do not use it do without.
func (d *diagnosis) browser(ctx context.Context) []finding {
	if !d.ownWorker() {
		return nil
	}
	f := finding{Check: "browser", Status: fine}
	found, err := browser.Find(ctx, browserPlaces(d.cfg))
	if err != nil {
		said := strings.TrimPrefix(err.Error(), browser.ErrNotInstalled.Error()+": ")
		f.Status = warning
		f.Detail, f.Remedy, _ = strings.Cut(said, "; ")
		f.Detail += "; browser_automation is not available"
		return []finding{f}
	}
	f.Detail = found.String()
	return []finding{f}
}

// openPython makes what subagents are run with, as the worker does.
func (d *diagnosis) openPython() error {
	c, err := service.Python(d.cfg, filepath.Join(d.cfg.Data, "worker"), *d.interpreter, d.box)
	if err != nil {
		return err
	}
	d.subagents, err = pyruntime.New(c)
	return err
}
