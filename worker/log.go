package main

import (
	"io"
	"log/slog"

	sdklog "go.temporal.io/sdk/log"

	"agentfactory/internal/config"
)

// logger writes one line for each event, in the configured format.
func logger(w config.Worker, out io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(w.LogLevel)) // checked when it was loaded
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: rename}
	if w.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(out, o))
	}
	return slog.New(slog.NewTextHandler(out, o))
}

// names are those of the SDK's attributes as the rest of the system writes them, in results and in the library.
var names = map[string]string{
	"Namespace": "namespace", "TaskQueue": "task_queue", "WorkerID": "worker_id",
	"WorkflowType": "workflow", "WorkflowID": "workflow_id", "RunID": "run_id", "Attempt": "attempt",
	"ActivityType": "activity", "ActivityID": "activity_id", "Error": "error", "BuildID": "build_id",
}

func rename(_ []string, a slog.Attr) slog.Attr {
	if name, ok := names[a.Key]; ok {
		a.Key = name
	}
	return a
}

func temporalLogger(log *slog.Logger) sdklog.Logger { return sdklog.NewStructuredLogger(log) }
