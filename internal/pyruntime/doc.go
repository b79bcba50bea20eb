// Package pyruntime runs subagents: it finds a Python, provides the modules `llm` and
// `tools` and the packages that a subagent declares (PEP 723), runs main(query) in the
// sandbox, and turns whatever happens into an answer or a precise failure.
//
// It imports internal/sandbox and internal/secret, and nothing else of this project; the
// gateway behind the modules comes in as an http.Handler.
package pyruntime
