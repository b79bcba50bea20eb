// Package config says what is configured: environment variables first, then one
// YAML file, then defaults. It checks what it reads and reports mistakes in one line
// with file and line. It knows the names of Temporal's and AWS's own settings but
// leaves reading them to their SDKs. Of this project it imports internal/netguard alone, which
// knows what may be said of one's own network.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Config is everything that is configured. The yaml tags are the keys of config.yaml.
type Config struct {
	Data           string           `yaml:"data"` // absolute path of the data directory; see CheckDataDir
	Model          Model            `yaml:"model"`
	S3             S3               `yaml:"s3"`
	Temporal       Temporal         `yaml:"-"`
	Encryption     Encryption       `yaml:"encryption"`
	Sandbox        Sandbox          `yaml:"sandbox"`
	Browser        Browser          `yaml:"browser"`
	Prices         map[string]Price `yaml:"prices"`          // by model name; added to the built-in table
	ContextWindows map[string]int   `yaml:"context_windows"` // tokens by model name; added to the built-in table
	Limits         Limits           `yaml:"limits"`
	Library        Library          `yaml:"library"`
	Tools          Tools            `yaml:"tools"`
	Packages       Packages         `yaml:"packages"`
	Policy         Policy           `yaml:"policy"`
	Evaluation     Evaluation       `yaml:"evaluation"`
	Worker         Worker           `yaml:"worker"`
	Retention      Retention        `yaml:"retention"`

	File     string   `yaml:"-"` // absolute path of the configuration file that was read, "" when there is none
	Warnings []string `yaml:"-"` // one line each: works, but deserves a look
}

// Model is the OpenAI-compatible endpoint that the meta-agent and the subagents call.
type Model struct {
	BaseURL       string `yaml:"base_url"` // "" is OpenAI itself
	APIKey        Secret `yaml:"api_key"`
	Name          string `yaml:"name"`          // "" when the endpoint is not OpenAI's and nothing was set
	SubagentModel string `yaml:"subagent_name"` // the same as Name unless set
	// EmbeddingModel lets the library be searched by meaning as well; "": by words alone.
	EmbeddingModel string `yaml:"embedding_name"`
	// TranscriptionModel writes down the audio that subagents hand in; "": none does.
	TranscriptionModel string `yaml:"transcription_name"`
}

// S3 is where skills, runs and blobs are kept. Region, credentials and endpoint are
// the AWS SDK's own settings.
type S3 struct {
	Bucket    string `yaml:"bucket"`      // "" means the embedded server
	SSE       string `yaml:"sse"`         // server-side encryption that writes ask for: AES256, aws:kms, or "" for the bucket's own
	SSEKMSKey string `yaml:"sse_kms_key"` // ID or ARN of the key for aws:kms; "" means the account's own for S3
	Prefix    string `yaml:"prefix"`      // of all keys in the bucket, so that several teams share one; "" is all of it
}

// What can be said of server-side encryption.
const (
	SSEAES256 = "AES256"
	SSEKMS    = "aws:kms"
)

// Temporal says whether a server is configured. Its options are envconfig's own settings.
type Temporal struct {
	Configured bool // false means the embedded server
}

// Encryption is what payloads are encrypted with before Temporal gets them; without keys it gets them as they are. One
// of the two is given, or neither.
type Encryption struct {
	PayloadKeys     Secret `yaml:"payload_keys"`      // each ID:BASE64, of 32 bytes; the first encrypts, all decrypt
	PayloadKeysFile string `yaml:"payload_keys_file"` // path of a file with the same, a key in a line
}

// Sandbox is how subagents are isolated.
type Sandbox struct {
	Min    string `yaml:"min"`    // weakest level that may be used: confined or namespaced
	Python string `yaml:"python"` // the interpreter; "" means the best one found
}

// Policy is what subagents may do.
type Policy struct {
	File string `yaml:"file"` // path of the rules; "" means the built-in ones
}

// Evaluation is what happens around evaluations.
type Evaluation struct {
	Webhook Secret `yaml:"webhook"` // URL that is told of evaluations that got worse, which may hold a token; "" tells nobody
}

// Retention is how long `starter gc` keeps what nothing else keeps.
type Retention struct {
	Runs        Duration `yaml:"runs"`        // zero leaves the built-in default in force
	Evaluations Duration `yaml:"evaluations"` // zero is for ever
}

// Browser is what browser_automation runs with.
type Browser struct {
	Executable string `yaml:"executable"`  // a Chromium; "" means the best one found
	Driver     string `yaml:"driver"`      // directory of the Playwright driver; "" means: find it
	SessionKey Secret `yaml:"session_key"` // seals stored logins; "" means one kept in the data directory
}

// Library is what has to happen before a version of a skill replaces another.
type Library struct {
	Checks         string `yaml:"checks"`           // on or off: a model writes checks for new cases
	Promotions     string `yaml:"promotions"`       // auto, or ask: a person releases every replacement
	GateCases      *int   `yaml:"gate_cases"`       // past cases that a candidate is held against, at most
	VersionsPerDay *int   `yaml:"versions_per_day"` // of one skill that runs may make within 24 hours
}

// Tools are the services behind the tool skills.
type Tools struct {
	Search  ToolService `yaml:"search"`  // Serper; without a key there is no web_search
	Reading ToolService `yaml:"reading"` // Jina Reader; without a key web_reading fetches pages itself
	// PrivateHosts are hosts and networks of one's own that subagents may reach although they are not on the public
	// internet, in the manner of netguard.ParseNetworks; the policy has to allow them as well.
	PrivateHosts []string `yaml:"private_hosts"`
}

// Packages is how the Python packages that subagents declare are provided.
type Packages struct {
	Dir      string `yaml:"dir"`       // where they are kept; "" means in the data directory
	UV       string `yaml:"uv"`        // the uv that installs them, a path or a name on PATH; "" means the one found, else pip; none means pip
	IndexURL Secret `yaml:"index_url"` // where they come from, which may hold a login; "" means as uv and pip are configured
	MaxSize  Bytes  `yaml:"max_size"`  // of all of them together; zero leaves the built-in default in force
}

// minPackages holds one environment with pandas and matplotlib.
const minPackages = 512 << 20

// ToolService is a web service that a tool skill calls.
type ToolService struct {
	BaseURL string `yaml:"base_url"` // "" is the service's own
	APIKey  Secret `yaml:"api_key"`
}

// What can be said of checks and promotions.
const (
	ChecksOn       = "on"
	ChecksOff      = "off"
	PromotionsAuto = "auto"
	PromotionsAsk  = "ask"
)

const (
	defaultGateCases      = 50
	defaultVersionsPerDay = 20
)

// Price is what a model costs, in USD per million tokens.
type Price struct {
	Input       float64 `yaml:"input" json:"input"`
	CachedInput float64 `yaml:"cached_input" json:"cached_input"`
	Output      float64 `yaml:"output" json:"output"`
}

// Limits bound what a run may spend, how long it waits for a model that says nothing, and
// what one execution of a subagent may use.
type Limits struct {
	Run      RunLimits      `yaml:"run"`
	Model    ModelLimits    `yaml:"model"`
	Subagent SubagentLimits `yaml:"subagent"`
}

// ModelLimits are how long the model's server may be silent. Zero leaves the built-in
// default in force.
type ModelLimits struct {
	FirstToken Duration `yaml:"first_token"` // before a reply begins
	Stall      Duration `yaml:"stall"`       // in the middle of a reply
}

// RunLimits are the budget of a run that says nothing itself. Zero leaves the
// built-in default in force.
type RunLimits struct {
	Turns               int      `yaml:"turns"`
	OrchestrationTokens int64    `yaml:"orchestration_tokens"` // output tokens of the meta-agent
	SubagentTokens      int64    `yaml:"subagent_tokens"`      // output tokens of the subagents' own calls
	CostUSD             float64  `yaml:"cost_usd"`
	WallTime            Duration `yaml:"wall_time"`
	SubagentRuns        int      `yaml:"subagent_runs"`
	SubagentsCreated    int      `yaml:"subagents_created"`
	Rounds              int      `yaml:"rounds"` // repaired skills that are held against their past cases
}

// SubagentLimits are the resources of one execution of a subagent. Load replaces zeros
// by defaults: untrusted code never runs without limits.
type SubagentLimits struct {
	Timeout   Duration `yaml:"timeout"`
	CPUTime   Duration `yaml:"cpu_time"` // over all of its processes
	Memory    Bytes    `yaml:"memory"`
	Processes int      `yaml:"processes"`
	Output    Bytes    `yaml:"output"` // of stdout and of stderr, each
	FileSize  Bytes    `yaml:"file_size"`
	Disk      Bytes    `yaml:"disk"` // of its whole workspace
}

// What is used when the endpoint is OpenAI's and no model is named.
const (
	DefaultModel              = "gpt-5-mini"
	DefaultTranscriptionModel = "gpt-4o-mini-transcribe"
)

// What a run needs and Load does not insist on; see Model.Check.
var (
	ErrNoModel  = errors.New("no model is configured")
	ErrNoAPIKey = errors.New("no API key is configured")
)

var defaultSubagentLimits = SubagentLimits{
	Timeout:   Duration(5 * time.Minute),
	CPUTime:   Duration(5 * time.Minute),
	Memory:    2 << 30,
	Processes: 256,
	Output:    256 << 10,
	FileSize:  256 << 20,
	Disk:      1 << 30,
}

// Load reads the configuration. getenv is os.Getenv or a test's stand-in. An error is
// one line that names the variable, or the file and line, at fault. A missing model or
// key is no error here: many commands do without (Model.Check).
func Load(getenv func(string) string) (Config, error) {
	var c Config
	path, required, err := filePath(getenv)
	if err != nil {
		return Config{}, err
	}
	if err := c.readFile(path, required); err != nil {
		return Config{}, err
	}
	for _, s := range settings {
		if err := s.read(&c, getenv); err != nil {
			return Config{}, err
		}
	}
	if err := c.complete(getenv); err != nil {
		return Config{}, err
	}
	return c, c.check()
}

// complete fills in defaults and what follows from other settings.
func (c *Config) complete(getenv func(string) string) error {
	data, err := dataDir(getenv, c.Data)
	if err != nil {
		return fmt.Errorf("find the data directory: %w: set AGENTFACTORY_DATA to an absolute path", err)
	}
	c.Data = data
	if c.Model.isOpenAI() {
		c.Model.Name = cmp.Or(c.Model.Name, DefaultModel)
		c.Model.TranscriptionModel = cmp.Or(c.Model.TranscriptionModel, DefaultTranscriptionModel)
	}
	c.Model.SubagentModel = cmp.Or(c.Model.SubagentModel, c.Model.Name)
	c.Sandbox.Min = cmp.Or(c.Sandbox.Min, "confined")
	c.Sandbox.Python = expandHome(getenv, c.Sandbox.Python)
	c.Policy.File = expandHome(getenv, c.Policy.File)
	c.Encryption.PayloadKeysFile = expandHome(getenv, c.Encryption.PayloadKeysFile)
	c.Browser.Executable = expandHome(getenv, c.Browser.Executable)
	c.Browser.Driver = expandHome(getenv, c.Browser.Driver)
	c.Packages.Dir = expandHome(getenv, c.Packages.Dir)
	c.Packages.UV = expandHome(getenv, c.Packages.UV)
	c.Limits.Subagent = c.Limits.Subagent.orDefault()
	c.Library = c.Library.orDefault()
	c.Worker = c.Worker.orDefault()
	c.Temporal.Configured = getenv("TEMPORAL_ADDRESS")+getenv("TEMPORAL_PROFILE")+getenv("TEMPORAL_CONFIG_FILE") != ""
	return nil
}

func (l Library) orDefault() Library {
	gateCases, versions := defaultGateCases, defaultVersionsPerDay
	return Library{
		Checks: cmp.Or(l.Checks, ChecksOn), Promotions: cmp.Or(l.Promotions, PromotionsAuto),
		GateCases: cmp.Or(l.GateCases, &gateCases), VersionsPerDay: cmp.Or(l.VersionsPerDay, &versions),
	}
}

func (l SubagentLimits) orDefault() SubagentLimits {
	d := defaultSubagentLimits
	return SubagentLimits{
		Timeout:   cmp.Or(l.Timeout, d.Timeout),
		CPUTime:   cmp.Or(l.CPUTime, d.CPUTime),
		Memory:    cmp.Or(l.Memory, d.Memory),
		Processes: cmp.Or(l.Processes, d.Processes),
		Output:    cmp.Or(l.Output, d.Output),
		FileSize:  cmp.Or(l.FileSize, d.FileSize),
		Disk:      cmp.Or(l.Disk, d.Disk),
	}
}

// Check tells whether a run can be started with this model: ErrNoModel or
// ErrNoAPIKey, each with its remedy.
func (m Model) Check() error {
	switch {
	case m.Name == "":
		return fmt.Errorf("%w for %s: set AGENTFACTORY_MODEL to one that it serves", ErrNoModel, m.endpoint())
	case m.APIKey == "" && m.isOpenAI():
		return fmt.Errorf("%w: set OPENAI_API_KEY, or OPENAI_BASE_URL for another OpenAI-compatible server", ErrNoAPIKey)
	}
	return nil
}

func (m Model) isOpenAI() bool {
	host := m.host()
	return m.BaseURL == "" || host == "api.openai.com" || strings.HasSuffix(host, ".api.openai.com")
}

func (m Model) host() string {
	u, err := url.Parse(m.BaseURL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// endpoint names the server without what may be secret in its URL.
func (m Model) endpoint() string {
	u, err := url.Parse(m.BaseURL)
	if err != nil || u.Host == "" {
		return "OpenAI"
	}
	return u.Scheme + "://" + u.Host + u.Path
}

func dataDir(getenv func(string) string, configured string) (string, error) {
	if configured != "" {
		return filepath.Abs(expandHome(getenv, configured))
	}
	home, err := xdgHome(getenv, "XDG_DATA_HOME", ".local/share")
	return filepath.Join(home, "agentfactory"), err
}

// xdgHome returns one of the base directories of the XDG specification. It is what
// adrg/xdg computes, from getenv in place of the process's environment; relative
// paths are ignored, as the specification demands.
func xdgHome(getenv func(string) string, name, fallback string) (string, error) {
	if dir := getenv(name); filepath.IsAbs(dir) {
		return dir, nil
	}
	home := getenv("HOME")
	if home == "" {
		return "", fmt.Errorf("neither %s nor HOME is set", name)
	}
	return filepath.Join(home, fallback), nil
}

// expandHome resolves a leading "~/", which no shell has expanded in a YAML file.
func expandHome(getenv func(string) string, path string) string {
	rest, ok := strings.CutPrefix(path, "~"+string(os.PathSeparator))
	if home := getenv("HOME"); ok && home != "" {
		return filepath.Join(home, rest)
	}
	return path
}
