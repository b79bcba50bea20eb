package config

import (
	"encoding"
	"fmt"
	"slices"
	"strings"
)

// Setting describes one thing that can be configured, for help texts, `doctor` and
// the documentation.
type Setting struct {
	Key     string // in config.yaml; "" when the environment alone sets it
	Env     string // "" when the file alone sets it
	Flag    string // of the worker command, without its dashes; "" when it has none
	Default string // in words
	Purpose string
	Secret  bool // its value is never shown

	field func(*Config) *string                  // where the variable goes; nil when an SDK or Load reads it
	typed func(*Config) encoding.TextUnmarshaler // the same for what is no text
}

// read puts the variable of a setting into its field.
func (s Setting) read(c *Config, getenv func(string) string) error {
	value := strings.TrimSpace(getenv(s.Env))
	switch {
	case value == "":
	case s.field != nil:
		*s.field(c) = value
	case s.typed != nil:
		if err := s.typed(c).UnmarshalText([]byte(value)); err != nil {
			return fmt.Errorf("%s: %w", s.name(), err)
		}
	}
	return nil
}

// name is how messages speak of a setting: the flag where it has one, the variable, and the key where it has both.
func (s Setting) name() string {
	if s.Flag == "" {
		return s.Env
	}
	return fmt.Sprintf("--%s (%s, %s)", s.Flag, s.Env, s.Key)
}

// settingOf finds a setting that the table holds by its key.
func settingOf(key string) Setting {
	return settings[slices.IndexFunc(settings, func(s Setting) bool { return s.Key == key })]
}

// Settings returns all settings in the order in which they are best explained.
func Settings() []Setting { return slices.Clone(settings) }

var settings = []Setting{
	{Env: "AGENTFACTORY_CONFIG", Default: "$XDG_CONFIG_HOME/agentfactory/config.yaml", Purpose: "the configuration file"},
	{Key: "data", Env: "AGENTFACTORY_DATA", Default: "$XDG_DATA_HOME/agentfactory", Purpose: "directory of the embedded servers and of caches",
		field: func(c *Config) *string { return &c.Data }},

	{Key: "model.api_key", Env: "OPENAI_API_KEY", Purpose: "key of the model endpoint", Secret: true,
		field: func(c *Config) *string { return (*string)(&c.Model.APIKey) }},
	{Key: "model.base_url", Env: "OPENAI_BASE_URL", Default: "OpenAI", Purpose: "OpenAI-compatible endpoint (Ollama, vLLM, LiteLLM, llama.cpp, ...)",
		field: func(c *Config) *string { return &c.Model.BaseURL }},
	{Key: "model.name", Env: "AGENTFACTORY_MODEL", Default: DefaultModel + " on OpenAI", Purpose: "model of the meta-agent",
		field: func(c *Config) *string { return &c.Model.Name }},
	{Key: "model.subagent_name", Env: "AGENTFACTORY_SUBAGENT_MODEL", Default: "the meta-agent's", Purpose: "model of the subagents' own calls",
		field: func(c *Config) *string { return &c.Model.SubagentModel }},
	{Key: "model.embedding_name", Env: "AGENTFACTORY_EMBEDDING_MODEL", Default: "none: the library is searched by words alone", Purpose: "embedding model of that endpoint, to search the library by meaning too",
		field: func(c *Config) *string { return &c.Model.EmbeddingModel }},
	{Key: "tools.search.api_key", Env: "SERPER_API_KEY", Default: "none: there is no web_search", Purpose: "key of Serper, which carries out web_search", Secret: true,
		field: func(c *Config) *string { return (*string)(&c.Tools.Search.APIKey) }},
	{Key: "tools.search.base_url", Env: "SERPER_BASE_URL", Default: "https://google.serper.dev", Purpose: "server that speaks Serper's API",
		field: func(c *Config) *string { return &c.Tools.Search.BaseURL }},
	{Key: "tools.reading.api_key", Env: "JINA_API_KEY", Default: "none: web_reading fetches pages itself", Purpose: "key of Jina Reader, which carries out web_reading", Secret: true,
		field: func(c *Config) *string { return (*string)(&c.Tools.Reading.APIKey) }},
	{Key: "tools.reading.base_url", Env: "JINA_BASE_URL", Default: "https://r.jina.ai", Purpose: "server that speaks Jina Reader's API",
		field: func(c *Config) *string { return &c.Tools.Reading.BaseURL }},
	{Key: "tools.private_hosts", Env: "AGENTFACTORY_PRIVATE_HOSTS", Default: "none: the public internet alone", Purpose: "names, addresses and networks of your own that subagents may reach, if the policy allows it too",
		typed: func(c *Config) encoding.TextUnmarshaler { return (*separated)(&c.Tools.PrivateHosts) }},

	{Key: "model.transcription_name", Env: "AGENTFACTORY_TRANSCRIPTION_MODEL", Default: DefaultTranscriptionModel + " on OpenAI, else none", Purpose: "model of that endpoint that transcribes audio for subagents",
		field: func(c *Config) *string { return &c.Model.TranscriptionModel }},
	{Key: "prices", Default: "a built-in table", Purpose: "USD per million tokens by model: {input, cached_input, output}"},
	{Key: "context_windows", Default: "a built-in table", Purpose: "tokens that fit, by model"},

	{Key: "s3.bucket", Env: "AGENTFACTORY_S3_BUCKET", Default: "the embedded S3 server", Purpose: "bucket of the skill library and of runs",
		field: func(c *Config) *string { return &c.S3.Bucket }},
	{Key: "s3.prefix", Env: "AGENTFACTORY_S3_PREFIX", Default: "none: the whole bucket", Purpose: "what begins every key in that bucket, so that several teams share it",
		field: func(c *Config) *string { return &c.S3.Prefix }},
	{Key: "s3.sse", Env: "AGENTFACTORY_S3_SSE", Default: "the bucket's own", Purpose: "server-side encryption that writes ask for: AES256 or aws:kms",
		field: func(c *Config) *string { return &c.S3.SSE }},
	{Key: "s3.sse_kms_key", Env: "AGENTFACTORY_S3_SSE_KMS_KEY", Default: "the account's own for S3", Purpose: "ID or ARN of the key for aws:kms",
		field: func(c *Config) *string { return &c.S3.SSEKMSKey }},
	{Env: "AWS_ENDPOINT_URL_S3", Default: "AWS", Purpose: "S3-compatible server of that bucket"},
	{Env: "AWS_REGION", Purpose: "region of that bucket"},
	{Env: "AWS_PROFILE", Default: "default", Purpose: "profile of the shared AWS configuration"},
	{Env: "AWS_ACCESS_KEY_ID", Purpose: "S3 access key", Secret: true},
	{Env: "AWS_SECRET_ACCESS_KEY", Purpose: "S3 secret key", Secret: true},
	{Env: "AWS_SESSION_TOKEN", Purpose: "S3 session token", Secret: true},

	{Env: "TEMPORAL_ADDRESS", Default: "the embedded Temporal server", Purpose: "Temporal frontend, host:port"},
	{Env: "TEMPORAL_PROFILE", Default: "default", Purpose: "profile of Temporal's configuration file"},
	{Env: "TEMPORAL_CONFIG_FILE", Default: "Temporal's own", Purpose: "Temporal's configuration file"},
	{Env: "TEMPORAL_NAMESPACE", Default: "default", Purpose: "Temporal namespace"},
	{Env: "TEMPORAL_API_KEY", Purpose: "key of Temporal Cloud", Secret: true},
	{Env: "TEMPORAL_TLS", Default: "on with a key or a certificate", Purpose: "true or false: TLS to Temporal"},
	{Env: "TEMPORAL_TLS_SERVER_CA_CERT_PATH", Default: "the system's", Purpose: "certificates that vouch for the Temporal server"},
	{Env: "TEMPORAL_TLS_SERVER_NAME", Default: "as in the address", Purpose: "name that its certificate has to have"},
	{Env: "TEMPORAL_TLS_CLIENT_CERT_PATH", Default: "none", Purpose: "certificate that is shown to it (mTLS)"},
	{Env: "TEMPORAL_TLS_CLIENT_KEY_PATH", Default: "none", Purpose: "private key of that certificate"},

	{Key: "encryption.payload_keys", Env: "AGENTFACTORY_PAYLOAD_KEYS", Default: "none: Temporal gets payloads as they are", Purpose: "keys that encrypt what Temporal stores, each ID:BASE64 of 32 bytes; the first encrypts, all decrypt", Secret: true,
		field: func(c *Config) *string { return (*string)(&c.Encryption.PayloadKeys) }},
	{Key: "encryption.payload_keys_file", Env: "AGENTFACTORY_PAYLOAD_KEYS_FILE", Default: "none", Purpose: "file with these keys, one in a line",
		field: func(c *Config) *string { return &c.Encryption.PayloadKeysFile }},

	{Key: "sandbox.min", Env: "AGENTFACTORY_SANDBOX_MIN", Default: "confined", Purpose: "weakest isolation that is accepted: confined or namespaced",
		field: func(c *Config) *string { return &c.Sandbox.Min }},
	{Key: "sandbox.python", Env: "AGENTFACTORY_PYTHON", Default: "the best one found", Purpose: "Python interpreter of subagents",
		field: func(c *Config) *string { return &c.Sandbox.Python }},

	{Key: "policy.file", Env: "AGENTFACTORY_POLICY", Default: "none: the built-in rules", Purpose: "rules of what subagents may do",
		field: func(c *Config) *string { return &c.Policy.File }},

	{Key: "packages.index_url", Env: "AGENTFACTORY_PACKAGE_INDEX", Default: "as uv and pip are configured", Purpose: "index of the Python packages that subagents declare", Secret: true,
		field: func(c *Config) *string { return (*string)(&c.Packages.IndexURL) }},
	{Key: "packages.uv", Env: "AGENTFACTORY_UV", Default: "the one on PATH, else pip", Purpose: "uv that installs them, or none for pip",
		field: func(c *Config) *string { return &c.Packages.UV }},
	{Key: "packages.dir", Env: "AGENTFACTORY_PACKAGES", Default: "in the data directory", Purpose: "directory in which they are kept",
		field: func(c *Config) *string { return &c.Packages.Dir }},
	{Key: "packages.max_size", Env: "AGENTFACTORY_PACKAGES_MAX_SIZE", Default: "10GiB", Purpose: "size of that directory, beyond which those used longest ago go",
		typed: func(c *Config) encoding.TextUnmarshaler { return &c.Packages.MaxSize }},

	{Key: "browser.executable", Env: "AGENTFACTORY_CHROMIUM", Default: "the best one found", Purpose: "Chromium of browser_automation",
		field: func(c *Config) *string { return &c.Browser.Executable }},
	{Key: "browser.driver", Env: "PLAYWRIGHT_DRIVER_PATH", Default: "found or fetched", Purpose: "directory of the Playwright driver",
		field: func(c *Config) *string { return &c.Browser.Driver }},
	{Key: "browser.session_key", Env: "AGENTFACTORY_SESSION_KEY", Default: "one kept in the data directory", Purpose: "key that seals stored browser logins, 32 bytes in base64", Secret: true,
		field: func(c *Config) *string { return (*string)(&c.Browser.SessionKey) }},

	{Key: "limits.run.turns", Default: "60", Purpose: "model calls of the meta-agent in a run"},
	{Key: "limits.run.orchestration_tokens", Default: "no limit", Purpose: "output tokens of the meta-agent in a run"},
	{Key: "limits.run.subagent_tokens", Default: "200000", Purpose: "output tokens of subagents' own calls in a run"},
	{Key: "limits.run.cost_usd", Default: "no limit", Purpose: "cost of a run by the price table"},
	{Key: "limits.run.wall_time", Default: "1h", Purpose: "time a run may work"},
	{Key: "limits.run.subagent_runs", Default: "100", Purpose: "executions of subagents in a run"},
	{Key: "limits.run.subagents_created", Default: "20", Purpose: "subagents that a run may create"},
	{Key: "limits.run.rounds", Default: "5", Purpose: "repaired skills that a run may hold against their past cases"},

	{Key: "library.checks", Env: "AGENTFACTORY_CHECKS", Default: ChecksOn, Purpose: "on or off: a model writes checks for the cases of new skills",
		field: func(c *Config) *string { return &c.Library.Checks }},
	{Key: "library.promotions", Env: "AGENTFACTORY_PROMOTIONS", Default: PromotionsAuto, Purpose: "auto, or ask: a person releases every version that replaces another",
		field: func(c *Config) *string { return &c.Library.Promotions }},
	{Key: "library.gate_cases", Default: "50", Purpose: "past cases that a repaired skill is held against, at most"},
	{Key: "library.versions_per_day", Default: "20", Purpose: "versions of one skill that runs may make within 24 hours"},

	{Key: "evaluation.webhook", Env: "AGENTFACTORY_EVALUATION_WEBHOOK", Default: "none", Purpose: "URL that gets a POST with JSON when an evaluation got worse than the one before", Secret: true,
		field: func(c *Config) *string { return (*string)(&c.Evaluation.Webhook) }},

	{Key: "retention.runs", Env: "AGENTFACTORY_KEEP_RUNS", Default: "90d", Purpose: "how long `starter gc` keeps runs that nothing refers to",
		typed: func(c *Config) encoding.TextUnmarshaler { return &c.Retention.Runs }},
	{Key: "retention.evaluations", Env: "AGENTFACTORY_KEEP_EVALUATIONS", Default: "for ever", Purpose: "how long `starter gc` keeps evaluations",
		typed: func(c *Config) encoding.TextUnmarshaler { return &c.Retention.Evaluations }},

	{Key: "limits.model.first_token", Default: "3m", Purpose: "silence of the model's server before a reply"},
	{Key: "limits.model.stall", Default: "1m", Purpose: "its silence in the middle of a reply"},

	{Key: "limits.subagent.timeout", Default: "5m", Purpose: "time of one execution of a subagent"},
	{Key: "limits.subagent.cpu_time", Default: "5m", Purpose: "CPU time of all of its processes"},
	{Key: "limits.subagent.memory", Default: "2GiB", Purpose: "its memory"},
	{Key: "limits.subagent.processes", Default: "256", Purpose: "its processes and threads"},
	{Key: "limits.subagent.output", Default: "256KiB", Purpose: "its stdout and its stderr, each"},
	{Key: "limits.subagent.file_size", Default: "256MiB", Purpose: "one file that it writes"},
	{Key: "limits.subagent.disk", Default: "1GiB", Purpose: "all files of its workspace"},

	{Key: "worker.queues", Env: "AGENTFACTORY_WORKER_QUEUES", Flag: "queues", Default: "both", Purpose: "task queues that a worker serves: main (workflows, model, library), sandbox (subagents)",
		typed: func(c *Config) encoding.TextUnmarshaler { return (*separated)(&c.Worker.Queues) }},
	{Key: "worker.address", Env: "AGENTFACTORY_WORKER_ADDRESS", Flag: "address", Default: "none", Purpose: "host:port on which it answers /healthz, /readyz and /metrics",
		field: func(c *Config) *string { return &c.Worker.Address }},
	{Key: "worker.profiles", Env: "AGENTFACTORY_WORKER_PROFILES", Flag: "profiles", Default: "none", Purpose: "host:port of the machine itself on which it answers /debug/pprof/, for Go's profiler",
		field: func(c *Config) *string { return &c.Worker.Profiles }},
	{Key: "worker.log_format", Env: "AGENTFACTORY_WORKER_LOG_FORMAT", Flag: "log-format", Default: "text", Purpose: "its log: text or json",
		field: func(c *Config) *string { return &c.Worker.LogFormat }},
	{Key: "worker.log_level", Env: "AGENTFACTORY_WORKER_LOG_LEVEL", Flag: "log-level", Default: "info", Purpose: "least level of what it logs: debug, info, warn or error",
		field: func(c *Config) *string { return &c.Worker.LogLevel }},
	{Key: "worker.wait", Env: "AGENTFACTORY_WORKER_WAIT", Flag: "wait", Default: "5m", Purpose: "how long it waits for Temporal and S3 at its start",
		typed: func(c *Config) encoding.TextUnmarshaler { return &c.Worker.Wait }},
	{Key: "worker.drain", Env: "AGENTFACTORY_WORKER_DRAIN", Flag: "drain", Default: "30s", Purpose: "how long it takes to end: what is being done is finished, or handed over to another worker",
		typed: func(c *Config) encoding.TextUnmarshaler { return &c.Worker.Drain }},
	{Key: "worker.main.workflow_tasks", Env: "AGENTFACTORY_WORKER_MAIN_WORKFLOW_TASKS", Flag: "main-workflow-tasks", Default: "1000", Purpose: "workflow tasks of queue main at once",
		typed: func(c *Config) encoding.TextUnmarshaler { return (*count)(&c.Worker.Main.WorkflowTasks) }},
	{Key: "worker.main.activities", Env: "AGENTFACTORY_WORKER_MAIN_ACTIVITIES", Flag: "main-activities", Default: "1000", Purpose: "activities of queue main at once: model calls, reads and writes of S3",
		typed: func(c *Config) encoding.TextUnmarshaler { return (*count)(&c.Worker.Main.Activities) }},
	{Key: "worker.main.workflow_pollers", Env: "AGENTFACTORY_WORKER_MAIN_WORKFLOW_POLLERS", Flag: "main-workflow-pollers", Default: "2", Purpose: "connections that wait for workflow tasks",
		typed: func(c *Config) encoding.TextUnmarshaler { return (*count)(&c.Worker.Main.WorkflowPollers) }},
	{Key: "worker.main.activity_pollers", Env: "AGENTFACTORY_WORKER_MAIN_ACTIVITY_POLLERS", Flag: "main-activity-pollers", Default: "2", Purpose: "connections that wait for activities of queue main",
		typed: func(c *Config) encoding.TextUnmarshaler { return (*count)(&c.Worker.Main.ActivityPollers) }},
	{Key: "worker.sandbox.activities", Env: "AGENTFACTORY_WORKER_SANDBOX_ACTIVITIES", Flag: "sandbox-activities", Default: "one per processor, at least 2", Purpose: "subagent runs at once",
		typed: func(c *Config) encoding.TextUnmarshaler { return (*count)(&c.Worker.Sandbox.Activities) }},
	{Key: "worker.sandbox.activity_pollers", Env: "AGENTFACTORY_WORKER_SANDBOX_ACTIVITY_POLLERS", Flag: "sandbox-activity-pollers", Default: "2", Purpose: "connections that wait for subagent runs",
		typed: func(c *Config) encoding.TextUnmarshaler { return (*count)(&c.Worker.Sandbox.ActivityPollers) }},
	{Key: "worker.deployment", Env: "AGENTFACTORY_WORKER_DEPLOYMENT", Flag: "deployment", Default: "none: not versioned", Purpose: "Temporal worker deployment that it belongs to",
		field: func(c *Config) *string { return &c.Worker.Deployment }},
	{Key: "worker.build_id", Env: "AGENTFACTORY_WORKER_BUILD_ID", Flag: "build-id", Default: "none: not versioned", Purpose: "version of that deployment that it is",
		field: func(c *Config) *string { return &c.Worker.BuildID }},
}
