"""Language model calls for subagents: from llm import call_llm"""
import _gateway


class LLMError(_gateway.GatewayError):
    """The call was refused or failed; code says why (budget_exhausted, unavailable, ...)."""


def call_llm(system, messages, max_tokens=None):
    """Ask the model; returns the text of its reply.

    system is the instruction, messages a list of {"role", "content"} or just a text.
    """
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    payload = {"system": system or None, "messages": messages, "max_tokens": max_tokens}
    try:
        return _gateway.call("/v1/llm", payload)["text"]
    except _gateway.GatewayError as e:
        raise LLMError(e.code, str(e)) from None
