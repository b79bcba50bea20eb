// Package scripted is a model that says what a readable script tells it to say: an HTTP server that speaks OpenAI's wire
// protocol (chat completions with and without streaming, tool calls, usage, models, embeddings, transcriptions), can
// fail in every way that real servers do, and keeps a log of what it was asked. Demos, tests and benchmarks run on it.
//
// Replies are chosen by the request alone (see [Script]), so that concurrency, repeated calls and restarts change
// nothing. [NewRecorder] writes such scripts from the traffic of a real server. docs/scripted-model.md has the grammar.
//
// The package imports internal/llm and nothing else of this module.
package scripted
