package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net/http"

	"github.com/spf13/cobra"

	"agentfactory/internal/llm"
	"agentfactory/internal/llm/scripted"
)

// usualModelAddress is where the model commands listen unless told otherwise.
const usualModelAddress = "127.0.0.1:8011"

func (a *app) modelCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "model",
		Short: "Record a model's replies, and serve them again without spending a token",
		Long: `A scripted model is an HTTP server that speaks OpenAI's protocol and answers from a
readable file. "record" stands between AgentFactory and the configured model and writes
such a file; "serve" answers from it. The form of the file: docs/scripted-model.md.`,
		Example: `  starter model record run.yaml &          # OPENAI_API_KEY and OPENAI_BASE_URL name the real one
  OPENAI_BASE_URL=http://127.0.0.1:8011/v1 AGENTFACTORY_MODEL=gpt-5-mini starter solve "…"

  starter model serve run.yaml &
  OPENAI_BASE_URL=http://127.0.0.1:8011/v1 AGENTFACTORY_MODEL=gpt-5-mini starter solve "…"`,
		Args: cobra.ArbitraryArgs,
		RunE: group,
	}
	cmd.AddCommand(a.modelRecordCommand(), a.modelServeCommand())
	return cmd
}

func (a *app) modelRecordCommand() *cobra.Command {
	var addr string
	cmd := &cobra.Command{
		Use:     "record SCRIPT",
		Short:   "Pass calls on to the configured model and record its replies",
		Example: "  starter model record run.yaml --addr 127.0.0.1:8011",
		Args:    exactly("the file to write"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			recorder, err := scripted.NewRecorder(cmp.Or(cfg.Model.BaseURL, llm.DefaultBaseURL), cfg.Model.APIKey.Reveal(), args[0])
			if err != nil {
				return err
			}
			return errors.Join(a.serveModel(cmd.Context(), addr, recorder), recorder.Close())
		},
	}
	cmd.Flags().StringVar(&addr, "addr", usualModelAddress, "address to listen on")
	return cmd
}

func (a *app) modelServeCommand() *cobra.Command {
	var addr string
	cmd := &cobra.Command{
		Use:     "serve SCRIPT",
		Short:   "Serve a script as a model",
		Example: "  starter model serve internal/llm/scripted/testdata/example.yaml",
		Args:    exactly("the script to serve"),
		RunE: func(cmd *cobra.Command, args []string) error {
			script, err := scripted.Load(args[0])
			if errors.Is(err, fs.ErrNotExist) {
				return badInput("there is no script %s", args[0])
			}
			if err != nil {
				return withCode(exitUsage, err)
			}
			server, err := scripted.NewServer(script, scripted.Options{})
			if err != nil {
				return err
			}
			return errors.Join(a.serveModel(cmd.Context(), addr, server), server.Close())
		},
	}
	cmd.Flags().StringVar(&addr, "addr", usualModelAddress, "address to listen on")
	return cmd
}

// serveModel listens until Ctrl-C.
func (a *app) serveModel(ctx context.Context, addr string, h http.Handler) error {
	running, err := scripted.Start(addr, h)
	if err != nil {
		return err
	}
	if a.json {
		if err := a.printJSON(map[string]string{"base_url": running.URL}); err != nil {
			return errors.Join(err, running.Close())
		}
	}
	a.say("listening; use it with OPENAI_BASE_URL=%s (Ctrl-C ends it)", running.URL)
	<-ctx.Done()
	return running.Close()
}
