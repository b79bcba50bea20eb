// Package llm is the client for language models that speak OpenAI's Chat Completions protocol: OpenAI itself and
// every compatible server (vLLM, Ollama, LiteLLM, llama.cpp, the scripted model in llm/scripted).
//
// One call of [Client.Complete] is one HTTP request. The client never retries on its own: whoever calls it owns the
// retries, and learns from [Error] what went wrong, whether another attempt can help, and how long to wait.
//
// The package knows nothing of Temporal, of workspaces or of skills; of this module it imports internal/secret alone. What
// a server says is returned without the key that it was sent, however long the way on which it repeats it.
package llm
