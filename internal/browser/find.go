package browser

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Version is the Playwright that the driver must have; playwright-go speaks its protocol and no other.
const Version = "1.60.0"

// minNode is the oldest major version of Node.js that the driver runs on.
const minNode = 18

// ErrNotInstalled: Node.js, the driver or a browser is missing. The message says what to install, in one line.
var ErrNotInstalled = errors.New("browser_automation is not installed")

// Places says where to look for the parts. Empty fields mean: find it.
type Places struct {
	Driver     string // directory with package/, as `npm pack playwright-core` unpacks it
	Executable string // Chromium, or a browser built on it
	StateDir   string // where a driver that was fetched is kept
}

// Installation is what browser_automation runs with.
type Installation struct {
	Driver     string // directory that holds package/cli.js
	Node       string
	NodeVer    string
	Executable string
}

// String is one line for people.
func (i Installation) String() string {
	return fmt.Sprintf("%s, Playwright %s in %s, Node.js %s at %s", i.Executable, Version, i.Driver, i.NodeVer, i.Node)
}

// Find looks for the parts and starts nothing but `node --version`. Where the driver alone is missing and npm is there,
// Fetch can get it. The error is ErrNotInstalled.
func Find(ctx context.Context, p Places) (Installation, error) {
	node, version, err := findNode(ctx)
	if err != nil {
		return Installation{}, notInstalled(err)
	}
	i := Installation{Node: node, NodeVer: version}
	if i.Executable, err = findExecutable(p.Executable); err != nil {
		return i, notInstalled(err)
	}
	if i.Driver, err = findDriver(p); err != nil {
		return i, notInstalled(err)
	}
	return i, nil
}

func notInstalled(err error) error { return fmt.Errorf("%w: %w", ErrNotInstalled, err) }

// nodeVariable is PLAYWRIGHT_NODEJS_PATH, which is taken out of the environment: playwright-go would start that program
// instead of our launcher, with all keys in its environment.
var nodeVariable = sync.OnceValue(func() string {
	path := os.Getenv("PLAYWRIGHT_NODEJS_PATH")
	_ = os.Unsetenv("PLAYWRIGHT_NODEJS_PATH") // fails for malformed names only
	return path
})

func findNode(ctx context.Context) (path, version string, err error) {
	path, err = exec.LookPath(cmp.Or(nodeVariable(), "node"))
	if err != nil {
		return "", "", fmt.Errorf("there is no Node.js; install version %d or later (apt install nodejs npm)", minNode)
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "--version")
	cmd.Env = plainEnv("/")
	out, err := cmd.Output()
	if err != nil {
		return "", "", fmt.Errorf("%s does not run: %w; install Node.js %d or later", path, err, minNode)
	}
	version = strings.TrimPrefix(strings.TrimSpace(string(out)), "v")
	major, _ := strconv.Atoi(strings.SplitN(version, ".", 2)[0])
	if major < minNode {
		return "", "", fmt.Errorf("%s is Node.js %.20s; install version %d or later", path, version, minNode)
	}
	return path, version, nil
}

// executables are tried in this order: the headless shell needs half the memory.
var executables = []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "microsoft-edge-stable"}

func findExecutable(given string) (string, error) {
	names := executables
	if given != "" {
		names = []string{given}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return filepath.Abs(path)
		}
	}
	if given != "" {
		return "", fmt.Errorf("there is no browser %s; set AGENTFACTORY_CHROMIUM to a Chromium", given)
	}
	return "", errors.New("there is no Chromium; install it (apt install chromium) or set AGENTFACTORY_CHROMIUM to one")
}

// findDriver takes the directory that was given and no other, else what was fetched, else Playwright's usual cache.
func findDriver(p Places) (string, error) {
	if p.Driver != "" {
		return p.Driver, checkDriver(p.Driver)
	}
	places := []string{fetched(p.StateDir)}
	if home, err := os.UserHomeDir(); err == nil {
		places = append(places, filepath.Join(home, ".cache", "ms-playwright-go", Version))
	}
	for _, dir := range places {
		if checkDriver(dir) == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("there is no Playwright driver; run `starter browser install`, or `npm pack playwright-core@%s`, unpack it into DIR and set PLAYWRIGHT_DRIVER_PATH=DIR", Version)
}

// fetched is where Fetch puts the driver.
func fetched(stateDir string) string { return filepath.Join(stateDir, "playwright-"+Version) }

func checkDriver(dir string) error {
	body, err := os.ReadFile(filepath.Join(dir, "package", "package.json"))
	if err != nil {
		return fmt.Errorf("%s holds no Playwright driver: %w; unpack `npm pack playwright-core@%s` into it", dir, err, Version)
	}
	var found struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(body, &found); err != nil || found.Version != Version {
		return fmt.Errorf("%s holds Playwright %.20q; exactly %s is needed (npm pack playwright-core@%[3]s)", dir, found.Version, Version)
	}
	return nil
}

// Check finds the parts, and starts the driver and the browser once to see that they work. It takes a few seconds.
func Check(ctx context.Context, p Places) (Installation, error) {
	i, err := Find(ctx, p)
	if err != nil {
		return i, err
	}
	e, err := start(ctx, i, p.StateDir, launchOptions{headless: true})
	if err != nil {
		return i, err
	}
	e.stop()
	return i, nil
}

// plainEnv is the environment of the driver and of the browser: none of ours, so that no key is in it.
func plainEnv(home string) []string {
	env := []string{"HOME=" + home}
	for _, name := range []string{"PATH", "LANG", "LC_ALL", "TZ"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}
