package config

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"agentfactory/internal/netguard"
)

var sandboxLevels = []string{"confined", "namespaced"}

// check refuses values that could only fail later, in the middle of a run.
func (c *Config) check() error {
	if err := c.checkURLs(); err != nil {
		return err
	}
	if !slices.Contains(sandboxLevels, c.Sandbox.Min) {
		return fmt.Errorf("AGENTFACTORY_SANDBOX_MIN (sandbox.min) is %q: choose one of %s",
			c.Sandbox.Min, strings.Join(sandboxLevels, ", "))
	}
	for model, p := range c.Prices {
		if lowest := min(p.Input, p.CachedInput, p.Output); math.IsNaN(lowest) || lowest < 0 {
			return fmt.Errorf("prices.%s holds %v: give USD per million tokens", model, lowest)
		}
	}
	for model, tokens := range c.ContextWindows {
		if tokens <= 0 {
			return fmt.Errorf("context_windows.%s is %d: give the number of tokens that fit", model, tokens)
		}
	}
	if _, err := netguard.ParseNetworks(c.Tools.PrivateHosts); err != nil {
		return fmt.Errorf("AGENTFACTORY_PRIVATE_HOSTS (tools.private_hosts): %w", err)
	}
	if err := c.S3.check(); err != nil {
		return err
	}
	if err := c.Encryption.check(); err != nil {
		return err
	}
	if err := c.Packages.check(); err != nil {
		return err
	}
	if err := c.Library.check(); err != nil {
		return err
	}
	if err := c.Worker.check(); err != nil {
		return err
	}
	return c.Limits.check()
}

func (s S3) check() error {
	switch {
	case s.SSE != "" && s.SSE != SSEAES256 && s.SSE != SSEKMS:
		return fmt.Errorf("AGENTFACTORY_S3_SSE (s3.sse) is %q: choose %s or %s, or leave it out for the bucket's own", s.SSE, SSEAES256, SSEKMS)
	case s.SSEKMSKey != "" && s.SSE != SSEKMS:
		return fmt.Errorf("AGENTFACTORY_S3_SSE_KMS_KEY (s3.sse_kms_key) needs AGENTFACTORY_S3_SSE (s3.sse) to be %s", SSEKMS)
	}
	return nil
}

// check leaves the keys themselves to those who use them.
func (e Encryption) check() error {
	if e.PayloadKeys != "" && e.PayloadKeysFile != "" {
		return errors.New("AGENTFACTORY_PAYLOAD_KEYS (encryption.payload_keys) and AGENTFACTORY_PAYLOAD_KEYS_FILE (encryption.payload_keys_file) are both set: keep one")
	}
	return nil
}

// check never shows the index: it may hold a login.
func (p Packages) check() error {
	switch {
	case p.IndexURL != "" && !isURL(p.IndexURL.Reveal()):
		return errors.New("AGENTFACTORY_PACKAGE_INDEX (packages.index_url) is not a URL: write it like https://pypi.org/simple")
	case p.MaxSize != 0 && p.MaxSize < minPackages:
		return fmt.Errorf("AGENTFACTORY_PACKAGES_MAX_SIZE (packages.max_size) is %v: give %v or more, or leave it out for the default", p.MaxSize, Bytes(minPackages))
	case p.Dir != "" && !filepath.IsAbs(p.Dir):
		return fmt.Errorf("AGENTFACTORY_PACKAGES (packages.dir) is %q: give an absolute path", p.Dir)
	}
	return nil
}

// maxGateCases is what a gate works through in minutes.
const maxGateCases = 500

func (l Library) check() error {
	switch {
	case l.Checks != ChecksOn && l.Checks != ChecksOff:
		return fmt.Errorf("AGENTFACTORY_CHECKS (library.checks) is %q: choose %s or %s", l.Checks, ChecksOn, ChecksOff)
	case l.Promotions != PromotionsAuto && l.Promotions != PromotionsAsk:
		return fmt.Errorf("AGENTFACTORY_PROMOTIONS (library.promotions) is %q: choose %s or %s", l.Promotions, PromotionsAuto, PromotionsAsk)
	case *l.GateCases < 1 || *l.GateCases > maxGateCases:
		return fmt.Errorf("library.gate_cases is %d: give 1 to %d, or leave it out for %d", *l.GateCases, maxGateCases, defaultGateCases)
	case *l.VersionsPerDay < 1:
		return fmt.Errorf("library.versions_per_day is %d: give 1 or more, or leave it out for %d; to keep a skill as it is, freeze it", *l.VersionsPerDay, defaultVersionsPerDay)
	}
	return nil
}

func (c *Config) checkURLs() error {
	for _, u := range []struct{ setting, value, example string }{
		{"OPENAI_BASE_URL (model.base_url)", c.Model.BaseURL, "http://localhost:11434/v1"},
		{"SERPER_BASE_URL (tools.search.base_url)", c.Tools.Search.BaseURL, "https://google.serper.dev"},
		{"JINA_BASE_URL (tools.reading.base_url)", c.Tools.Reading.BaseURL, "https://r.jina.ai"},
	} {
		if u.value != "" && !isURL(u.value) {
			return fmt.Errorf("%s is not a URL: write it like %s", u.setting, u.example)
		}
	}
	return nil
}

func isURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

func (l Limits) check() error {
	for _, f := range []struct {
		name  string
		value float64
	}{
		{"turns", float64(l.Run.Turns)},
		{"orchestration_tokens", float64(l.Run.OrchestrationTokens)},
		{"subagent_tokens", float64(l.Run.SubagentTokens)},
		{"cost_usd", l.Run.CostUSD},
		{"wall_time", time.Duration(l.Run.WallTime).Seconds()},
		{"subagent_runs", float64(l.Run.SubagentRuns)},
		{"subagents_created", float64(l.Run.SubagentsCreated)},
		{"rounds", float64(l.Run.Rounds)},
	} {
		if math.IsNaN(f.value) || f.value < 0 {
			return fmt.Errorf("limits.run.%s is %v: give a positive value, or leave it out for the default", f.name, f.value)
		}
	}
	for name, d := range map[string]Duration{"first_token": l.Model.FirstToken, "stall": l.Model.Stall} {
		if d < 0 {
			return fmt.Errorf("limits.model.%s is %v: give a positive duration, or leave it out for the default", name, time.Duration(d))
		}
	}
	return l.Subagent.check()
}

func (l SubagentLimits) check() error {
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"timeout", int64(l.Timeout)},
		{"cpu_time", int64(l.CPUTime)},
		{"memory", int64(l.Memory)},
		{"processes", int64(l.Processes)},
		{"output", int64(l.Output)},
		{"file_size", int64(l.FileSize)},
		{"disk", int64(l.Disk)},
	} {
		if f.value < 0 {
			return fmt.Errorf("limits.subagent.%s is negative: give a positive value, or leave it out for the default", f.name)
		}
	}
	return nil
}
