package pyruntime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"agentfactory/internal/secret"
)

// oldestPip is the first version that reports what it would install.
var oldestPip = []int{22, 2}

// startPip runs pip so that it can start no program. --only-binary alone does not keep
// source code out: a wheel may require a source archive by its address, and pip would run
// its setup.py. The one program let through is the loader that tells musl's version.
// An argument other than "" is the directory of another Python's pip.
const startPip = `
import importlib.machinery, os, runpy, sys
elsewhere = sys.argv.pop(1)
if elsewhere:
    class Finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            return importlib.machinery.PathFinder.find_spec(name, [elsewhere]) if name == "pip" else None
    sys.meta_path.insert(0, Finder)
starts = {"subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "pty.spawn"}
def refuse(event, args):
    if event in starts and "/ld-musl-" not in os.fsdecode(args[0] if args else ""):
        raise PermissionError("` + refusedProgram + `")
sys.addaudithook(refuse)
runpy.run_module("pip", run_name="__main__", alter_sys=True)
`

const refusedProgram = "only wheels are installed, and this needs a program to run"

// pipInstaller is the interpreter's own pip or, when it has none (Debian packs it apart), another Python's pip that the
// interpreter runs.
type pipInstaller struct {
	bench
	command []string
}

func (p pipInstaller) String() string { return "pip of " + p.python.Path }

func newPip(ctx context.Context, b bench) (installer, error) {
	start := []string{b.python.Path, "-I", "-c", startPip}
	own := pipInstaller{b, append(slices.Clone(start), "")}
	refused := own.check(ctx)
	if refused == nil {
		return own, nil
	}
	for _, other := range []string{"python3", "/usr/bin/python3"} {
		asked := exec.CommandContext(ctx, other, "-I", "-c", "import os, pip; print(os.path.dirname(os.path.dirname(pip.__file__)))")
		asked.Env = withoutKeys(os.Environ())
		dir, err := asked.Output()
		if err != nil {
			continue
		}
		borrowed := pipInstaller{b, append(slices.Clone(start), strings.TrimSpace(string(dir)))}
		if borrowed.check(ctx) == nil {
			return borrowed, nil
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, fmt.Errorf("%w: no usable pip for Python %s: %w; install uv, or pip %s or newer (apt-get install python3-pip, or %s -m ensurepip)",
		ErrNoInstaller, b.python.Version, refused, dotted(oldestPip), b.python.Path)
}

// check tells what keeps this pip from being of use.
func (p pipInstaller) check(ctx context.Context) error {
	stdout, stderr, err := p.run(ctx, p.environ(p.outside), append(slices.Clone(p.command), "--version")...)
	if err != nil {
		return fmt.Errorf("%w: %s", err, lastLine(stderr))
	}
	words := strings.Fields(stdout) // pip 23.0.1 from …
	if len(words) < 2 || slices.Compare(release(words[1]), oldestPip) < 0 {
		return fmt.Errorf("%s is too old", strings.Join(words[:min(2, len(words))], " "))
	}
	return nil
}

// environ adds the user's configuration, and leaves out settings for people's shells that contradict --target.
func (p pipInstaller) environ(environ []string) []string {
	env := append([]string{"PIP_RETRIES=2"}, p.bench.environ(environ, "PIP_")...)
	if file := firstExisting(pipConfigs()); file != "" && value(env, "PIP_CONFIG_FILE") == "" {
		env = append(env, "PIP_CONFIG_FILE="+file)
	}
	if index := firstSet(environ, "UV_DEFAULT_INDEX", "UV_INDEX_URL"); index != "" && value(env, "PIP_INDEX_URL") == "" {
		env = append(env, "PIP_INDEX_URL="+index)
	}
	return append(env, "PIP_CACHE_DIR="+p.cache, "PIP_REQUIRE_VIRTUALENV=0", "PIP_USER=0")
}

func firstSet(environ []string, names ...string) string {
	for _, name := range names {
		if v := value(environ, name); v != "" {
			return v
		}
	}
	return ""
}

// pipConfigs are the files that pip would read under the real HOME, which it does not see: an organisation's own index
// is often configured there.
func pipConfigs() []string {
	files := configFiles(filepath.Join("pip", "pip.conf"))
	if home, err := os.UserHomeDir(); err == nil {
		files = append(files, filepath.Join(home, ".pip", "pip.conf"))
	}
	return files
}

// resolve has pip report what it would install. Where the index serves metadata apart (PEP 658) and pip is 23.3 or newer,
// nothing is downloaded for that; otherwise wheels are read for it, and nothing of them is unpacked.
func (p pipInstaller) resolve(ctx context.Context, wanted []string) ([]Pin, error) {
	report := filepath.Join(p.tmp, "report.json")
	if err := p.pip(ctx, append([]string{"--dry-run", "--ignore-installed", "--report", report, "--"}, wanted...)...); err != nil {
		return nil, err
	}
	body, err := os.ReadFile(report)
	if err != nil {
		return nil, fmt.Errorf("read what pip resolved: %w", err)
	}
	return p.readReport(body)
}

// readReport reads pip's installation report, version 1.
func (p pipInstaller) readReport(body []byte) ([]Pin, error) {
	var report struct {
		Install []struct {
			Direct   bool `json:"is_direct"`
			Download struct {
				Archive struct {
					Hash   string            `json:"hash"`
					Hashes map[string]string `json:"hashes"`
				} `json:"archive_info"`
			} `json:"download_info"`
			Metadata struct {
				Name    string `json:"name"`
				Version string `json:"version"`
			} `json:"metadata"`
		} `json:"install"`
	}
	if err := json.Unmarshal(body, &report); err != nil {
		return nil, fmt.Errorf("read what pip resolved: %w", err)
	}
	var pins []Pin
	for _, item := range report.Install {
		sum := item.Download.Archive.Hashes["sha256"]
		if sum == "" {
			sum, _ = strings.CutPrefix(item.Download.Archive.Hash, "sha256=")
		}
		if item.Direct {
			return nil, &DependencyError{Requirements: p.names, Reason: fmt.Sprintf("a package requires %s by its address; only packages of the index are installed", item.Metadata.Name)}
		}
		pin, err := parsePin(item.Metadata.Name + "==" + item.Metadata.Version + " --hash=sha256:" + sum)
		if err != nil {
			return nil, &DependencyError{Requirements: p.names, Reason: "the index offers what cannot be locked: " + err.Error()}
		}
		pins = append(pins, pin)
	}
	return pins, nil
}

func (p pipInstaller) install(ctx context.Context, pins, packages string) error {
	return p.pip(ctx, "--no-deps", "--require-hashes", "--target", packages, "-r", pins)
}

// pip runs `pip install`, wheels only.
func (p pipInstaller) pip(ctx context.Context, arguments ...string) error {
	log := filepath.Join(p.tmp, "pip.log")
	argv := append(slices.Clone(p.command), "install", "--only-binary=:all:", "--no-input", "--disable-pip-version-check", "--quiet", "--progress-bar=off", "--log", log)
	_, stderr, err := p.run(ctx, p.environ(p.outside), append(argv, arguments...)...)
	if err == nil || ctx.Err() != nil {
		return err
	}
	verbose, logErr := os.ReadFile(log)
	if logErr != nil && !errors.Is(logErr, fs.ErrNotExist) {
		return fmt.Errorf("read pip's log: %w", logErr)
	}
	return p.judge(err, stderr, string(verbose))
}

var (
	// unreached are the pages that pip's log says it could not read, with the reason. A
	// page that is absent or forbidden says something about the package, others do not.
	unreached = regexp.MustCompile(`Could not fetch URL (\S+): (.+) - skipping`)
	absent    = regexp.MustCompile(`^(403|404|410) Client Error`)
	// insecure is an index that pip leaves out because it is configured without TLS.
	insecure = regexp.MustCompile(`The repository located at (\S+) is not a trusted or secure host`)
	// refusal is how pip says that the requirements are to blame.
	refusal = regexp.MustCompile(`^ERROR: .*(Could not find a version that satisfies|Cannot install .* because|Invalid requirement|requires a different Python|is not a supported wheel|has (invalid|inconsistent) |` + refusedProgram + `)`)
	// altered is how it says that the index has other files than the lock names.
	altered = regexp.MustCompile(`DO NOT MATCH THE HASHES|do not match the hashes`)
	// versions is pip's list of what there is, oldest first; the submatch holds the last ones.
	versions = regexp.MustCompile(`\(from versions: .*?((?:[^, ]+, ){0,7}[^, ]+)\)`)
)

// judge tells whether the requirements or the circumstances made pip fail. pip says "no
// matching distribution" also when it did not reach the index; only its log knows.
func (p pipInstaller) judge(err error, stderr, log string) error {
	if full := p.noSpace(stderr); full != nil {
		return full
	}
	for _, page := range unreached.FindAllStringSubmatch(log, -1) {
		if !absent.MatchString(page[2]) {
			return p.noIndex(page[1], page[2])
		}
	}
	if ignored := insecure.FindStringSubmatch(log); ignored != nil {
		return p.noIndex(ignored[1], "it is configured without TLS; use https or set PIP_TRUSTED_HOST")
	}
	if altered.MatchString(stderr) {
		return &DependencyError{Requirements: p.names, Reason: otherFiles}
	}
	for line := range strings.Lines(stderr) {
		if refusal.MatchString(line) {
			return &DependencyError{Requirements: p.names, Reason: reason(line)}
		}
	}
	return fmt.Errorf("pip failed for %s: %w: %s", strings.Join(p.names, ", "), err, secret.WithoutLogins(lastLine(stderr)))
}

func reason(line string) string {
	line = secret.WithoutLogins(strings.TrimPrefix(oneLine(line), "ERROR: "))
	if before, _, none := strings.Cut(line, "(from versions: none)"); none {
		return before + "(the index has no such package, or no wheel of it for this Python; packages are not built from source)"
	}
	return versions.ReplaceAllString(line, "(there are $1)")
}
