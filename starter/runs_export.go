package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"agentfactory/internal/transcript"
)

// exportFormat is one form of a transcript.
type exportFormat struct {
	name, suffix string
	write        func(io.Writer, transcript.Document) error
}

// exportFormats are all of them, in the order in which they are written.
var exportFormats = []exportFormat{
	{"json", ".json", writeJSON},
	{"html", ".html", transcript.HTML},
	{"markdown", ".md", transcript.Markdown},
}

func (a *app) runsExportCommand() *cobra.Command {
	var format, out string
	var force bool
	cmd := &cobra.Command{
		Use:   "export ID",
		Short: "Write a run's whole transcript as JSON, HTML and Markdown",
		Long: `Write everything that was said and done in a run: every turn with its tokens, the calls
with their code, what the subagents answered in full, what people changed, the result.
The HTML page needs nothing else and prints well; the JSON form is for programs. It works
for runs that go on, that ended in any way, and that were reset. --out - prints one format.`,
		Example: `  starter runs export install-plot-the-totals-k3x9qa --out ./transcripts
  starter runs export install-plot-the-totals-k3x9qa --format json --out - | jq '.turns[].usage'`,
		Args: exactly("the ID of a run"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.exportRun(cmd.Context(), args[0], format, out, force)
		},
	}
	f := cmd.Flags()
	f.StringVar(&format, "format", "all", "json, html, markdown or all")
	f.StringVarP(&out, "out", "o", ".", "directory to write to, or - for stdout")
	f.BoolVar(&force, "force", false, "replace files that are there")
	return cmd
}

func (a *app) exportRun(ctx context.Context, id, format, out string, force bool) error {
	formats, err := chosenFormats(format, out)
	if err != nil {
		return err
	}
	doc, err := a.readTranscript(ctx, id)
	if err != nil {
		return err
	}
	if out == "-" {
		return formats[0].write(a.stdout, doc)
	}
	var written []string
	for _, f := range formats {
		var text bytes.Buffer
		if err := f.write(&text, doc); err != nil {
			return fmt.Errorf("render the transcript: %w", err)
		}
		file := filepath.Join(out, fileNameOf(id)+f.suffix)
		if err := writeNew(file, text.Bytes(), force); err != nil {
			return err
		}
		written = append(written, file)
	}
	if a.json {
		return a.printJSON(map[string]any{"workflow_id": id, "files": written})
	}
	for _, file := range written {
		fmt.Fprintln(a.stdout, file)
	}
	return nil
}

func chosenFormats(format, out string) ([]exportFormat, error) {
	if format == "all" {
		if out == "-" {
			return nil, badInput("--out - prints one format: choose it with --format json, html or markdown")
		}
		return exportFormats, nil
	}
	i := slices.IndexFunc(exportFormats, func(f exportFormat) bool { return f.name == format })
	if i < 0 {
		return nil, badInput("--format is %q: give json, html, markdown or all", format)
	}
	return exportFormats[i : i+1], nil
}

func (a *app) readTranscript(ctx context.Context, id string) (transcript.Document, error) {
	c, err := a.open(ctx, wanted{})
	if err != nil {
		return transcript.Document{}, err
	}
	defer c.Close()
	r, err := c.findRun(ctx, id)
	if err != nil {
		return transcript.Document{}, err
	}
	last, err := c.lastTurn(ctx, r)
	if err != nil {
		return transcript.Document{}, err
	}
	if last == "" {
		return transcript.Document{}, badInput("run %s has said nothing yet; try again in a moment", id)
	}
	source := transcript.Source{Records: c.Records, Objects: c.Objects, Blobs: c.Blobs}
	return source.Read(ctx, last, r.Result)
}

func writeJSON(w io.Writer, d transcript.Document) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(d)
}

// fileNameOf makes a file name of a workflow ID, which may hold anything.
func fileNameOf(id string) string {
	name := strings.Map(func(r rune) rune {
		if r == '/' || r == filepath.Separator || r < ' ' {
			return '-'
		}
		return r
	}, id)
	return strings.TrimLeft(name, ".-")
}

// writeNew writes a whole file or none, and replaces one only with force.
func writeNew(file string, data []byte, force bool) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("make the directory: %w", err)
	}
	if _, err := os.Lstat(file); !force && !errors.Is(err, fs.ErrNotExist) {
		return badInput("%s exists already; replace it with --force, or choose another directory with --out", file)
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".export-")
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Chmod(0o644), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}
