package main

import (
	"bufio"
	"context"
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"

	"agentfactory/internal/browser"
	"agentfactory/internal/config"
)

func (a *app) browserCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "browser",
		Short: "Get the browser of browser_automation ready; make logins that subagents may use",
		Example: `  starter browser install
  starter browser login shop https://shop.example/login
  starter browser sessions list`,
		Args: cobra.ArbitraryArgs,
		RunE: group,
	}
	sessions := &cobra.Command{
		Use:     "sessions",
		Short:   "List and delete stored logins",
		Example: "  starter browser sessions list",
		Args:    cobra.ArbitraryArgs,
		RunE:    group,
	}
	sessions.AddCommand(a.browserSessionsListCommand(), a.browserSessionsDeleteCommand())
	cmd.AddCommand(a.browserInstallCommand(), a.browserLoginCommand(), sessions)
	return cmd
}

// browserDir is where the worker of this machine keeps the browser's files.
func browserDir(cfg config.Config) string { return filepath.Join(cfg.Data, "browser") }

func browserPlaces(cfg config.Config) browser.Places {
	return browser.Places{Driver: cfg.Browser.Driver, Executable: cfg.Browser.Executable, StateDir: browserDir(cfg)}
}

func browserSessions(cfg config.Config) *browser.Sessions {
	return browser.OpenSessions(browserDir(cfg), cfg.Browser.SessionKey.Reveal())
}

func (a *app) browserInstallCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "install",
		Short: "Fetch the Playwright driver with npm and start the browser once",
		Long: `Fetch the Playwright driver with npm into the data directory, unless there is one, and
start the browser once to see that it works. Node.js and Chromium are not installed: where
they are missing, the command says what to install.`,
		Example: "  starter browser install",
		Args:    exactly(),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.installBrowser(cmd.Context()) },
	}
}

func (a *app) installBrowser(ctx context.Context) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	if cfg.Browser.Driver == "" {
		if err := browser.Fetch(ctx, browserDir(cfg)); err != nil {
			return err
		}
	}
	found, err := browser.Check(ctx, browserPlaces(cfg))
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"executable": found.Executable, "driver": found.Driver, "playwright": browser.Version, "node": found.Node, "node_version": found.NodeVer})
	}
	a.say("the browser works: %s", found)
	return nil
}

func (a *app) browserLoginCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "login NAME URL",
		Short: "Log in by hand in a window; subagents may use the login under this name",
		Long: `Open a browser window at URL. Log in there, then close the window or press Enter here: the
cookies and the local storage are kept under NAME, encrypted, in the data directory. They
are credentials: a subagent gets them only where the policy names its skill.`,
		Example: "  starter browser login shop https://shop.example/login",
		Args:    exactly("a NAME for the login", "the URL to begin with"),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.login(cmd.Context(), args[0], args[1]) },
	}
}

func (a *app) login(ctx context.Context, name, url string) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	sessions := browserSessions(cfg)
	if err := sessions.Check(name); err != nil { // before anybody has typed a password
		return badInput("%v", err)
	}
	a.say("a browser window opens at %s; log in there, then close the window or press Enter here", url)
	state, err := browser.Login(ctx, browserPlaces(cfg), url, a.enter())
	if err != nil {
		return err
	}
	if err := sessions.Save(name, state); err != nil {
		return err
	}
	a.say("kept as %s: %d cookies, local storage of %d sites", name, len(state.Cookies), len(state.Origins))
	return nil
}

// enter tells when a line comes in. An end of input is none: the command may run without a terminal.
func (a *app) enter() <-chan struct{} {
	pressed := make(chan struct{})
	go func() {
		if bufio.NewScanner(a.stdin).Scan() {
			close(pressed)
		}
	}()
	return pressed
}

func (a *app) browserSessionsListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the stored logins",
		Example: "  starter browser sessions list --json | jq -r '.sessions[].name'",
		Args:    exactly(),
		RunE: func(*cobra.Command, []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			list, err := browserSessions(cfg).List()
			if err != nil {
				return err
			}
			return a.printSessions(list)
		},
	}
}

func (a *app) printSessions(list []browser.SessionInfo) error {
	if a.json {
		return a.printJSON(map[string]any{"sessions": list})
	}
	if len(list) == 0 {
		a.say("there are no stored logins; make one with `starter browser login NAME URL`")
		return nil
	}
	var rows [][]string
	for _, s := range list {
		rows = append(rows, []string{s.Name, ago(s.Saved)})
	}
	return table(a.stdout, []string{"SESSION", "SAVED"}, rows)
}

func (a *app) browserSessionsDeleteCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "delete NAME",
		Short:   "Delete a stored login",
		Example: "  starter browser sessions delete shop",
		Args:    exactly("the NAME of a login"),
		RunE: func(_ *cobra.Command, args []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			err = browserSessions(cfg).Delete(args[0])
			if errors.Is(err, browser.ErrNoSession) {
				return badInput("%v", err)
			}
			return err
		},
	}
}
