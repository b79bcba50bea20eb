"""Language model calls of an exported skill: from llm import call_llm, transcribe

They go to the OpenAI-compatible server at OPENAI_BASE_URL with OPENAI_API_KEY, to the model that
AGENTFACTORY_SUBAGENT_MODEL, AGENTFACTORY_MODEL or OPENAI_MODEL names.
"""
import os

import _media
from _call import CallError


class LLMError(CallError):
    """The call was refused or failed; code says why (invalid_request, unavailable)."""


def call_llm(system, messages, max_tokens=None):
    """Ask the model; returns the text of its reply.

    system is the instruction, messages a list of {"role", "content"} or just a text. content is a text, or a list of
    parts: {"type": "text", "text": ...}, {"type": "image", "path": a file of the working directory} or {"type":
    "image_url", "url": "data:image/png;base64,..."}. At most 8 images (png, jpeg, gif, webp) of 5 MiB each.
    """
    import _openai

    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    with _raised():
        return _openai.complete(system or "", _media.with_images(messages, "."), max_tokens)


def transcribe(path, language=None):
    """Write down what is said in an audio file of the working directory, at most 25 MiB; returns the text.

    language is a code such as "en" and may help; the model finds it out otherwise.
    """
    import _openai

    with _raised():
        data = _media.read(path, ".", _media.MAX_AUDIO, "split it, or write a smaller format")
        return _openai.transcribe(os.path.basename(path), language, data)


class _raised:
    """Errors of a call as those of a model."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        if isinstance(error, CallError):
            raise LLMError(error.code, str(error), error.missing) from None
        if isinstance(error, _media.MediaError):
            raise LLMError("invalid_request", str(error)) from None
