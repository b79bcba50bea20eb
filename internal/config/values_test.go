package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

func TestASecretNeverShows(t *testing.T) {
	c := Config{Model: Model{APIKey: "sk-very-secret"}}
	var shown bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
		fmt.Fprintf(&shown, verb+"\n", c)
		fmt.Fprintf(&shown, verb+"\n", c.Model.APIKey)
		fmt.Fprintf(&shown, verb+"\n", &c.Model)
	}
	logger := slog.New(slog.NewJSONHandler(&shown, nil))
	logger.Info("config", "config", c, "key", c.Model.APIKey)
	require.NoError(t, json.NewEncoder(&shown).Encode(c))
	require.NoError(t, yaml.NewEncoder(&shown).Encode(c))

	require.NotContains(t, shown.String(), "very-secret")
	require.NotContains(t, shown.String(), fmt.Sprintf("%x", "sk-very-secret"))
	require.Contains(t, shown.String(), `"key":"set"`)
	require.Empty(t, Secret("").String())
}

func TestSizesReadAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string]Bytes{
		"1048576": 1 << 20, "2GiB": 2 << 30, "2 GiB": 2 << 30, "512MB": 512_000_000, "0": 0, "1.5KiB": 1536,
	} {
		var b Bytes
		require.NoError(t, b.UnmarshalText([]byte(text)), text)
		require.Equal(t, want, b, text)
	}
	for _, text := range []string{"", "-1", "lots", "1XB", "99999999999 GiB"} {
		require.Error(t, new(Bytes).UnmarshalText([]byte(text)), text)
	}
	require.Equal(t, "2.0 GiB", Bytes(2<<30).String())
}

func TestDurationsReadAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string]time.Duration{"90s": 90 * time.Second, "1h30m": 90 * time.Minute, "90d": 90 * 24 * time.Hour, "0d": 0} {
		var d Duration
		require.NoError(t, d.UnmarshalText([]byte(text)), text)
		require.Equal(t, want, time.Duration(d), text)
	}
	for _, text := range []string{"", "d", "-1d", "1.5d", "1d12h", "99999d", "soon"} {
		require.Error(t, new(Duration).UnmarshalText([]byte(text)), text)
	}
}

func FuzzBytes(f *testing.F) {
	for _, seed := range []string{"2GiB", "1e3", "-5", ".", "18446744073709551615", "9EiB"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var b Bytes
		if b.UnmarshalText([]byte(text)) == nil {
			require.GreaterOrEqual(t, b, Bytes(0))
		}
	})
}
