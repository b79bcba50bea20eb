package topology

import (
	"crypto/rand"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/loopback"
)

// UIURL is where a browser finds Temporal's UI.
func (top *Topology) UIURL() string { return "https://" + loopback.Address(top.ports.ui) }

// CodecURL is where payloads are decrypted for the UI and the Temporal CLI; "" where they are not encrypted.
func (top *Topology) CodecURL() string {
	if !top.options.Encrypted {
		return ""
	}
	return "http://" + loopback.Address(top.ports.codec)
}

func (top *Topology) startUI() {
	top.t.Helper()
	production := filepath.Join(top.module, "docs", "production")
	top.UI = top.start("ui", func() *exec.Cmd {
		cmd := exec.Command(top.servers.ui, "--root", production, "--config", ".", "--env", "ui", "start")
		cmd.Env = []string{
			"PATH=" + os.Getenv("PATH"), "TEMPORAL_ADDRESS=" + top.temporalAddress(), "TLS_DIR=" + top.tls.dir, "BIND_ON_IP=127.0.0.1",
			"UI_PORT=" + strconv.Itoa(top.ports.ui), "UI_ORIGIN=" + top.UIURL(), "CODEC_ENDPOINT=" + top.CodecURL(),
		}
		return cmd
	}, top.serves(top.UIURL()+"/healthz"))
}

// startCodec makes a payload key and starts what decrypts for people.
func (top *Topology) startCodec() {
	top.t.Helper()
	key := make([]byte, 32)
	_, err := rand.Read(key)
	require.NoError(top.t, err)
	top.payloads = top.path("payload.keys")
	require.NoError(top.t, os.WriteFile(top.payloads, []byte("test:"+base64.StdEncoding.EncodeToString(key)+"\n"), 0o600))
	top.Codec = top.start("codec-server", func() *exec.Cmd {
		return top.Starter().command(top.t.Context(), "codec-server", "--listen", loopback.Address(top.ports.codec), "--cors", top.UIURL())
	}, top.listens(loopback.Address(top.ports.codec)))
}
