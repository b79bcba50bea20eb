package config

import (
	"maps"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// keysOf lists the keys of config.yaml as the decoder knows them.
func keysOf(t reflect.Type, prefix string) []string {
	var keys []string
	for field := range t.Fields() {
		key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		switch {
		case key == "-":
		case field.Type.Kind() == reflect.Struct:
			keys = append(keys, keysOf(field.Type, prefix+key+".")...)
		default:
			keys = append(keys, prefix+key)
		}
	}
	return keys
}

func TestTheTableOfSettingsIsComplete(t *testing.T) {
	var listed []string
	for _, s := range Settings() {
		require.NotEmpty(t, s.Purpose, s)
		require.NotEmpty(t, s.Env+s.Key)
		if s.Key != "" {
			listed = append(listed, s.Key)
		}
	}
	require.ElementsMatch(t, keysOf(reflect.TypeFor[Config](), ""), listed)
}

func TestEveryVariableReachesTheFieldOfItsKey(t *testing.T) {
	for _, s := range Settings() {
		if s.field == nil || s.Env == "" || s.Key == "worker.deployment" || s.Key == "worker.build_id" { // of those two, neither goes alone
			continue
		}
		value := map[string]string{"model.base_url": "http://x", "tools.search.base_url": "http://x", "tools.reading.base_url": "http://x", "sandbox.min": "namespaced", "data": "/x", "library.checks": "off", "library.promotions": "ask", "policy.file": "/x/policy.yaml", "packages.index_url": "http://x", "packages.dir": "/x",
			"worker.address": ":9090", "worker.profiles": "127.0.0.1:6060", "worker.log_format": "json", "worker.log_level": "debug", "s3.sse": "aws:kms", "encryption.payload_keys_file": "/x/keys"}[s.Key]
		if value == "" {
			value = "x"
		}
		needs := map[string]string{}
		if s.Key == "s3.sse_kms_key" {
			needs["AGENTFACTORY_S3_SSE"] = "aws:kms"
		}
		with := func(name, value string) func(string) string {
			vars := maps.Clone(needs)
			vars[name] = value
			return environment(t, vars)
		}
		fromEnv, err := Load(with(s.Env, value))
		require.NoError(t, err)

		lines, indent := strings.Split(s.Key, "."), ""
		var body strings.Builder
		for i, part := range lines {
			body.WriteString(indent + part + ":")
			if i == len(lines)-1 {
				body.WriteString(" " + value)
			}
			body.WriteString("\n")
			indent += "  "
		}
		fromFile, err := Load(with("AGENTFACTORY_CONFIG", configFile(t, body.String())))
		require.NoError(t, err)
		require.Equal(t, *s.field(&fromEnv), *s.field(&fromFile), s.Env)
		require.Equal(t, value, *s.field(&fromEnv), s.Env)
	}
}

func TestVariablesThatAreNoTextAreParsed(t *testing.T) {
	c, err := Load(environment(t, map[string]string{"AGENTFACTORY_PRIVATE_HOSTS": "wiki.example.org, 10.1.0.0/16  127.0.0.1", "AGENTFACTORY_PACKAGES_MAX_SIZE": "2GiB"}))
	require.NoError(t, err)
	require.Equal(t, []string{"wiki.example.org", "10.1.0.0/16", "127.0.0.1"}, c.Tools.PrivateHosts)
	require.Equal(t, Bytes(2<<30), c.Packages.MaxSize)

	c, err = Load(environment(t, map[string]string{"AGENTFACTORY_CONFIG": configFile(t, "tools: {private_hosts: [wiki.example.org, 10.1.0.0/16]}\npackages: {max_size: 1GiB, dir: kept, uv: ./uv}\n")}))
	require.NoError(t, err)
	require.Equal(t, []string{"wiki.example.org", "10.1.0.0/16"}, c.Tools.PrivateHosts)
	require.Equal(t, Bytes(1<<30), c.Packages.MaxSize)
	require.Equal(t, filepath.Join(filepath.Dir(c.File), "kept"), c.Packages.Dir, "paths are relative to the file")
	require.Equal(t, filepath.Join(filepath.Dir(c.File), "uv"), c.Packages.UV)
}

func TestSettingsOfPackagesAndOfOnesOwnNetworkAreChecked(t *testing.T) {
	for says, env := range map[string]map[string]string{
		`AGENTFACTORY_PRIVATE_HOSTS (tools.private_hosts): not a host or network of one's own: "169.254.169.254"`: {"AGENTFACTORY_PRIVATE_HOSTS": "10.0.0.1 169.254.169.254"},
		"AGENTFACTORY_PACKAGE_INDEX (packages.index_url) is not a URL":                                            {"AGENTFACTORY_PACKAGE_INDEX": "user:secret-login@index"},
		`AGENTFACTORY_PACKAGES_MAX_SIZE: "much" is no size`:                                                       {"AGENTFACTORY_PACKAGES_MAX_SIZE": "much"},
		"AGENTFACTORY_PACKAGES_MAX_SIZE (packages.max_size) is 1.0 MiB: give 512 MiB or more":                     {"AGENTFACTORY_PACKAGES_MAX_SIZE": "1MiB"},
		`AGENTFACTORY_PACKAGES (packages.dir) is "kept": give an absolute path`:                                   {"AGENTFACTORY_PACKAGES": "kept"},
	} {
		_, err := Load(environment(t, env))
		require.ErrorContains(t, err, says)
		require.NotContains(t, err.Error(), "secret-login")
		require.NotContains(t, err.Error(), "\n")
	}
}

func TestSettingsOfEncryptionAreChecked(t *testing.T) {
	for says, env := range map[string]map[string]string{
		`AGENTFACTORY_S3_SSE (s3.sse) is "AES": choose AES256 or aws:kms`:                      {"AGENTFACTORY_S3_SSE": "AES"},
		"AGENTFACTORY_S3_SSE_KMS_KEY (s3.sse_kms_key) needs AGENTFACTORY_S3_SSE":               {"AGENTFACTORY_S3_SSE_KMS_KEY": "alias/x", "AGENTFACTORY_S3_SSE": "AES256"},
		"AGENTFACTORY_PAYLOAD_KEYS_FILE (encryption.payload_keys_file) are both set: keep one": {"AGENTFACTORY_PAYLOAD_KEYS": "a:secret-key", "AGENTFACTORY_PAYLOAD_KEYS_FILE": "/x"},
	} {
		_, err := Load(environment(t, env))
		require.ErrorContains(t, err, says)
		require.NotContains(t, err.Error(), "secret-key")
		require.NotContains(t, err.Error(), "\n")
	}
}

func TestTheFileOfPayloadKeysIsRelativeToTheConfigurationFile(t *testing.T) {
	c, err := Load(environment(t, map[string]string{"AGENTFACTORY_CONFIG": configFile(t, "encryption: {payload_keys_file: keys}\n")}))
	require.NoError(t, err)
	require.Equal(t, filepath.Join(filepath.Dir(c.File), "keys"), c.Encryption.PayloadKeysFile)
}
