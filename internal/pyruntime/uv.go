package pyruntime

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"

	"agentfactory/internal/secret"
)

// uvInstaller is uv (https://docs.astral.sh/uv). It never builds a source archive with --no-build, refuses requirements
// by address that are not direct ones, and reads metadata without downloading wheels where the index allows it.
type uvInstaller struct {
	bench
	path string
}

func (u uvInstaller) String() string { return "uv at " + u.path }

// resolve reads the lock file that uv writes (pylock.toml, PEP 751).
func (u uvInstaller) resolve(ctx context.Context, wanted []string) ([]Pin, error) {
	input, output := filepath.Join(u.tmp, "requirements.in"), filepath.Join(u.tmp, "pylock.toml")
	if err := os.WriteFile(input, []byte(strings.Join(wanted, "\n")+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("write the requirements: %w", err)
	}
	if err := u.uv(ctx, "compile", "--generate-hashes", "--format", "pylock.toml", "--no-header", "--no-annotate", "--output-file", output, input); err != nil {
		return nil, err
	}
	body, err := os.ReadFile(output)
	if err != nil {
		return nil, fmt.Errorf("read what uv resolved: %w", err)
	}
	return u.readLock(string(body))
}

// pylock is the part of a pylock.toml that matters here. uv names the wheels that fit the interpreter, and no others.
type pylock struct {
	Packages []struct {
		Name    string `toml:"name"`
		Version string `toml:"version"`
		Wheels  []struct {
			Hashes struct {
				SHA256 string `toml:"sha256"`
			} `toml:"hashes"`
		} `toml:"wheels"`
	} `toml:"packages"`
}

func (u uvInstaller) readLock(text string) ([]Pin, error) {
	var lock pylock
	if _, err := toml.Decode(text, &lock); err != nil {
		return nil, fmt.Errorf("read what uv resolved: %w", err)
	}
	var pins []Pin
	for _, p := range lock.Packages {
		line := p.Name + "==" + p.Version
		for _, w := range p.Wheels {
			if w.Hashes.SHA256 != "" {
				line += " --hash=sha256:" + w.Hashes.SHA256
			}
		}
		pin, err := parsePin(line)
		if err != nil {
			return nil, &DependencyError{Requirements: u.names, Reason: fmt.Sprintf("the index offers no wheel of %s %s with a digest for %s", p.Name, p.Version, u.python.ABI)}
		}
		pins = append(pins, pin)
	}
	return pins, nil
}

// install copies files instead of linking them to the cache: what is done to one must not be done to the other.
func (u uvInstaller) install(ctx context.Context, pins, packages string) error {
	return u.uv(ctx, "install", "--no-deps", "--require-hashes", "--link-mode", "copy", "--compile-bytecode", "--target", packages, "-r", pins)
}

// uv runs `uv pip`, wheels only.
func (u uvInstaller) uv(ctx context.Context, command string, arguments ...string) error {
	argv := []string{u.path, "pip", command, "--no-build", "--python", u.python.Path, "--no-progress", "--quiet", "--color", "never"}
	_, stderr, err := u.run(ctx, u.environ(u.outside), append(argv, arguments...)...)
	if err == nil || ctx.Err() != nil {
		return err
	}
	return u.judge(err, stderr)
}

// environ adds the user's configuration, and the index where only pip is told of it.
func (u uvInstaller) environ(environ []string) []string {
	env := append([]string{"UV_HTTP_RETRIES=2"}, u.bench.environ(environ, "UV_")...)
	if file := firstExisting(configFiles(filepath.Join("uv", "uv.toml"))); file != "" && value(env, "UV_CONFIG_FILE") == "" {
		env = append(env, "UV_CONFIG_FILE="+file)
	}
	for _, same := range [][2]string{{"UV_DEFAULT_INDEX", "PIP_INDEX_URL"}, {"UV_INDEX", "PIP_EXTRA_INDEX_URL"}, {"UV_FIND_LINKS", "PIP_FIND_LINKS"}, {"SSL_CERT_FILE", "PIP_CERT"}} {
		if told := value(environ, same[1]); told != "" && value(env, same[0]) == "" && !(same[0] == "UV_DEFAULT_INDEX" && value(env, "UV_INDEX_URL") != "") {
			env = append(env, same[0]+"="+told)
		}
	}
	return append(env, "UV_CACHE_DIR="+filepath.Join(u.cache, "uv"), "UV_PYTHON_DOWNLOADS=never")
}

var (
	// unfetched is how uv says that it got no answer from an index.
	unfetched = regexp.MustCompile("(?:Failed to fetch|error sending request for url)[:` (]*(https?://[^`)\\s]+)|Request failed after")
	// unauthorised is how it says that an index wants another login.
	unauthorised = regexp.MustCompile(`An index URL \((\S+)\) could not be queried due to a lack of valid authentication credentials`)
	// unsolvable is how it says that the requirements are to blame.
	unsolvable = regexp.MustCompile(`(?i)no solution found|couldn't parse|could not parse|failed to parse|URL dependenc|building from source|--no-build|failed to download|failed to read|invalid`)
)

// judge tells whether the requirements or the circumstances made uv fail. It explains itself in lines: an error, its
// causes, a hint.
func (u uvInstaller) judge(err error, stderr string) error {
	said := shortened(secret.WithoutLogins(strings.TrimPrefix(oneLine(strings.ReplaceAll(stderr, "\n  cause:", ";")), "error: ")))
	if full := u.noSpace(stderr); full != nil {
		return full
	}
	if strings.Contains(stderr, "Hash mismatch") {
		return &DependencyError{Requirements: u.names, Reason: otherFiles}
	}
	if index := unfetched.FindStringSubmatch(stderr); index != nil {
		return u.noIndex(index[1], said)
	}
	if index := unauthorised.FindStringSubmatch(stderr); index != nil {
		return u.noIndex(index[1], "401 Unauthorized")
	}
	if unsolvable.MatchString(stderr) {
		return &DependencyError{Requirements: u.names, Reason: said}
	}
	return fmt.Errorf("uv failed for %s: %w: %s", strings.Join(u.names, ", "), err, said)
}

// maxSaid bounds what is passed on of an installer's explanation, in bytes.
const maxSaid = 600

func shortened(said string) string {
	if len(said) <= maxSaid {
		return said
	}
	return strings.ToValidUTF8(said[:maxSaid], "") + "…"
}
