// Package gateway is the one door out of a subagent run. It serves one run over HTTP, on a socket that the sandbox hands
// in: the run's own LLM calls, counted against a budget, and the tools that this subagent was granted, and no others. Each
// call is journalled with its reply before the reply is delivered, so that a rerun of the same step gets the replies
// that were already paid for instead of making the calls again.
//
// It knows neither the model client nor any tool: they come in as functions. It imports internal/objectstore, internal/record and internal/secret alone.
//
// # Wire protocol
//
// HTTP/1.1 with JSON bodies. Every request carries "Authorization: Bearer <token of the run>". Bodies have at most 4 MiB,
// those with images or audio, whose Content-Length has to be given, about 57 MiB. Unknown fields are an error. Requests
// may come from several threads at once.
//
// POST /v1/llm calls the language model.
//
//	{"system": "You …", "messages": [{"role": "user", "content": "…"}], "max_tokens": 500}
//	200 {"text": "…", "usage": {"input_tokens": 12, "output_tokens": 7}}
//
// system and max_tokens may be missing or null. Roles are system, user and assistant. There is at least one message or a
// system text. The content of a message may also be a list of parts; images come from the user, at most 8 of 5 MiB each,
// as image/png, image/jpeg, image/gif or image/webp in base64. The journal keeps their SHA-256 in place of their data.
//
//	{"role": "user", "content": [{"type": "text", "text": "…"}, {"type": "image", "media_type": "image/png", "data": "…"}]}
//
// POST /v1/transcribe writes down what is said in an audio file of at most 25 MiB, in base64. language may be missing or
// null. The journal keeps the SHA-256 of the audio.
//
//	{"name": "talk.mp3", "language": "en", "audio": "…"}
//	200 {"text": "…", "usage": {"input_tokens": 12, "output_tokens": 7}}
//
// POST /v1/tool/<name> calls a tool: web_search, web_reading, browser_automation. The body is one JSON object, and so is
// the reply; the tool defines their fields.
//
//	{"query": "…"}
//	200 {"results": […]}
//
// POST /v1/shell asks whether shell_command may run a command. The command itself runs inside the sandbox, by the one who
// asked, who then reports what came of it. timeout is in seconds and may be missing or null.
//
//	{"command": "ls -l", "timeout": 60}
//	200 {"allowed": true, "call": 3}
//
// POST /v1/shell/done reports the end of an allowed command, once per call. exit_code is -1 when a time limit ended it.
//
//	{"call": 3, "exit_code": 0, "stdout_bytes": 512, "stderr_bytes": 0}
//	200 {}
//
// Every other status carries an error whose message is one line written for the author of the subagent:
//
//	{"error": {"code": "not_granted", "message": "…"}}
//
//	400 invalid_request   the body is not what is described here; 413 when it is too large
//	401 denied            the token is missing or wrong
//	403 not_granted       the subagent was not given this tool
//	403 denied            a policy refuses the call
//	403 approval_required a policy asks a person first; every later call gets this too, and the run is repeated
//	404 unknown_tool      there is no tool, or no path, of this name
//	429 budget_exhausted  the run may spend no more tokens
//	503 unavailable       the tool or model is not configured, or failed
package gateway
