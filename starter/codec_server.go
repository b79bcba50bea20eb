package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"agentfactory/internal/codec"
	"agentfactory/internal/config"
	"agentfactory/internal/service"
)

// codecServerOptions are the flags of codec-server.
type codecServerOptions struct {
	listen     string
	origins    []string
	tokenFile  string
	namespaces []string
}

func (a *app) codecServerCommand() *cobra.Command {
	o := codecServerOptions{}
	cmd := &cobra.Command{
		Use:   "codec-server",
		Short: "Let the Temporal UI and CLI read encrypted payloads",
		Long: `Serve Temporal's codec protocol with the configured payload keys: the UI and the temporal
command then show inputs, results and failures in the clear, and what they send is encrypted.

Whoever reaches it can read every payload. Without --token-file it listens on the machine
itself only. It speaks plain HTTP: to serve others, put a proxy that speaks TLS before it.`,
		Example: `  starter codec-server --cors http://127.0.0.1:8233      # the origin of the Temporal UI
  temporal workflow show --workflow-id ID --codec-endpoint http://127.0.0.1:8888

  starter codec-server --listen 0.0.0.0:8888 --token-file /run/secrets/codec --cors https://ui.example.org
  temporal workflow show --workflow-id ID --codec-endpoint https://codec.example.org \
    --codec-auth "Bearer $(cat /run/secrets/codec)"`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.codecServer(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:8888", "address to listen at")
	f.StringSliceVar(&o.origins, "cors", nil, "origin of a Temporal UI that may call it, such as http://127.0.0.1:8233; repeatable")
	f.StringVar(&o.tokenFile, "token-file", "", "file with the token that requests must carry")
	f.StringSliceVar(&o.namespaces, "namespace", nil, "refuse requests that name another Temporal namespace; repeatable")
	return cmd
}

func (a *app) codecServer(ctx context.Context, o codecServerOptions) error {
	serves, err := o.serves()
	if err != nil {
		return err
	}
	cfg, err := a.load()
	if err != nil {
		return err
	}
	keys, err := someKeys(cfg.Encryption)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return badInput("--listen: %v", err)
	}
	a.say("serving http://%s; new payloads are encrypted with key %s", listener.Addr(), keys.Encrypting())
	return serveUntil(ctx, listener, &http.Server{
		Handler: codec.Handler(keys, serves), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
	})
}

// someKeys refuses to serve without a key.
func someKeys(e config.Encryption) (*codec.Keys, error) {
	keys, err := service.PayloadKeys(e)
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	if keys.Encrypting() == "" {
		return nil, badInput("no payload keys are configured: set AGENTFACTORY_PAYLOAD_KEYS_FILE to a file with a line such as 2026-11:BASE64, made with `openssl rand -base64 32`")
	}
	return keys, nil
}

// serves checks the flags.
func (o codecServerOptions) serves() (codec.ServerOptions, error) {
	serves := codec.ServerOptions{Namespaces: o.namespaces}
	for _, origin := range o.origins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.TrimSuffix(u.Path, "/") != "" {
			return serves, badInput("--cors %q is no origin: write it like http://127.0.0.1:8233", origin)
		}
		serves.Origins = append(serves.Origins, u.Scheme+"://"+u.Host)
	}
	if o.tokenFile == "" {
		at, err := netip.ParseAddrPort(o.listen)
		if err != nil || !at.Addr().IsLoopback() {
			return serves, badInput("--listen %q: give an address of the machine itself, such as 127.0.0.1:8888, or --token-file", o.listen)
		}
		return serves, nil
	}
	var err error
	serves.Token, err = readToken(o.tokenFile)
	return serves, err
}

// The length of a token, in bytes: `openssl rand -hex 32` prints 64.
const (
	minToken = 32
	maxToken = 4096
)

func readToken(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", badInput("--token-file: %v", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxToken+1))
	token := strings.TrimSpace(string(text))
	switch {
	case err != nil:
		return "", badInput("--token-file: %v", err)
	case len(token) < minToken || len(text) > maxToken || strings.ContainsAny(token, " \t\r\n"):
		return "", badInput("--token-file %s: give one word of %d to %d characters, as `openssl rand -hex 32` makes it", path, minToken, maxToken)
	}
	return token, nil
}

// serveUntil serves until the context ends, and gives requests under way a moment.
func serveUntil(ctx context.Context, listener net.Listener, server *http.Server) error {
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishWithin)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		_ = server.Close() // what is left is cut off
	}
	<-ended
	return nil
}
