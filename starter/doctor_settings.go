package main

import (
	"cmp"
	"fmt"
	"os"
	"strings"

	"github.com/goccy/go-yaml"

	"agentfactory/internal/config"
	"agentfactory/internal/secret"
)

// setting is one thing that can be configured, with its value.
type setting struct {
	Env     string `json:"env,omitempty"`
	Key     string `json:"key,omitempty"` // in config.yaml
	Value   string `json:"value"`         // "set" for secrets, addresses without their logins
	Source  string `json:"source"`        // environment, file or default
	Purpose string `json:"purpose"`
}

// settingsOf lists all settings with their values and where they come from.
func settingsOf(c config.Config, getenv func(string) string) []setting {
	var file map[string]any
	// Load has read the file already and complained if it could not.
	if text, err := os.ReadFile(c.File); err == nil {
		_ = yaml.Unmarshal(text, &file)
	}
	var list []setting
	for _, s := range config.Settings() {
		v := setting{Env: s.Env, Key: s.Key, Value: s.Default, Source: "default", Purpose: s.Purpose}
		if found := lookUp(file, s.Key); found != "" {
			v.Value, v.Source = found, "file"
		}
		if found := environment(getenv, s.Env); found != "" {
			v.Value, v.Source = found, "environment"
		}
		if s.Secret && v.Source != "default" {
			v.Value = "set"
		}
		v.Value = secret.WithoutLogins(v.Value)
		list = append(list, v)
	}
	return list
}

func environment(getenv func(string) string, name string) string {
	if name == "" {
		return ""
	}
	return strings.TrimSpace(getenv(name))
}

// lookUp finds a dotted key; a mapping is told as the number of its entries.
func lookUp(file map[string]any, key string) string {
	first, rest, nested := strings.Cut(key, ".")
	switch v := file[first].(type) {
	case nil:
		return ""
	case map[string]any:
		if nested {
			return lookUp(v, rest)
		}
		return fmt.Sprintf("%d of them", len(v))
	default:
		return fmt.Sprint(v)
	}
}

// printSettings shows those that are set, or all.
func (a *app) printSettings(list []setting, all bool) error {
	var rows [][]string
	for _, s := range list {
		if all || s.Source != "default" {
			rows = append(rows, []string{cmp.Or(s.Env, s.Key), s.Source, oneLine(s.Value), s.Purpose})
		}
	}
	if len(rows) == 0 {
		fmt.Fprintln(a.stdout, "\nNothing is configured; `starter doctor --settings` lists what can be.")
		return nil
	}
	fmt.Fprintln(a.stdout)
	return table(a.stdout, []string{"SETTING", "FROM", "VALUE", "WHAT FOR"}, rows)
}
