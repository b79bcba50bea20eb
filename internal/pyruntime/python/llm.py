"""Language model calls for subagents: from llm import call_llm, transcribe"""
import _gateway
import _media


class LLMError(_gateway.GatewayError):
    """The call was refused or failed; code says why (budget_exhausted, unavailable, ...)."""


def call_llm(system, messages, max_tokens=None):
    """Ask the model; returns the text of its reply.

    system is the instruction, messages a list of {"role", "content"} or just a text. content is a text, or a list of
    parts: {"type": "text", "text": ...}, {"type": "image", "path": a file of the workspace} or {"type": "image_url",
    "url": "data:image/png;base64,..."}. At most 8 images (png, jpeg, gif, webp) of 5 MiB each.
    """
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    payload = {"system": system or None, "messages": _read(_media.with_images, messages, _workspace()), "max_tokens": max_tokens}
    return _call("/v1/llm", payload)["text"]


def transcribe(path, language=None):
    """Write down what is said in an audio file of the workspace, at most 25 MiB; returns the text.

    language is a code such as "en" and may help; the model finds it out otherwise.
    """
    import base64
    import os

    data = _read(_media.read, path, _workspace(), _media.MAX_AUDIO, "split it, or write a smaller format")
    payload = {"name": os.path.basename(path), "language": language, "audio": base64.b64encode(data).decode()}
    return _call("/v1/transcribe", payload)["text"]


def _call(path, payload):
    try:
        return _gateway.call(path, payload)
    except _gateway.GatewayError as e:
        raise LLMError(e.code, str(e)) from None


def _read(take, *args):
    try:
        return take(*args)
    except _media.MediaError as e:
        raise LLMError("invalid_request", str(e)) from None


def _workspace():
    return _gateway.workspace or "."
