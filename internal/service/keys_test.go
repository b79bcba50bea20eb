package service

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/codec"
	"agentfactory/internal/config"
)

const someKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" // the bytes 0 to 31

func keysFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestPayloadKeysComeFromTheEnvironmentOrAFile(t *testing.T) {
	keys, err := PayloadKeys(config.Encryption{})
	require.NoError(t, err)
	require.Empty(t, keys.Encrypting())
	keys, err = PayloadKeys(config.Encryption{PayloadKeys: "a:" + someKey})
	require.NoError(t, err)
	require.Equal(t, "a", keys.Encrypting())
	keys, err = PayloadKeys(config.Encryption{PayloadKeysFile: keysFile(t, "# ours\nb:"+someKey+"\n")})
	require.NoError(t, err)
	require.Equal(t, "b", keys.Encrypting())
}

func TestWrongPayloadKeysAreReportedInALineWithTheSetting(t *testing.T) {
	for says, e := range map[string]config.Encryption{
		"AGENTFACTORY_PAYLOAD_KEYS (encryption.payload_keys): payload keys: number 1 (a) is not 32 bytes": {PayloadKeys: "a:secret"},
		"no such file or directory": {PayloadKeysFile: filepath.Join(t.TempDir(), "none")},
		"is a directory":            {PayloadKeysFile: t.TempDir()},
		"is larger than 64 KiB":     {PayloadKeysFile: keysFile(t, strings.Repeat("#secret\n", maxKeysFile))},
		"there is none in":          {PayloadKeysFile: keysFile(t, "# nothing yet\n")},
		"is not written like":       {PayloadKeysFile: keysFile(t, "secret")},
	} {
		_, err := PayloadKeys(e)
		require.ErrorIs(t, err, codec.ErrKeys, says)
		require.ErrorContains(t, err, says)
		require.NotContains(t, err.Error(), "\n")
		require.NotContains(t, strings.ReplaceAll(err.Error(), "encryption", ""), "secret")
	}
}

func TestPayloadKeysAreKeptOutOfWhatCodePrints(t *testing.T) {
	require.Contains(t, secrets(config.Config{Encryption: config.Encryption{PayloadKeys: "a:" + someKey}}), someKey)
}
