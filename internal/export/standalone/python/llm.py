"""Language model calls of an exported skill: from llm import call_llm, transcribe

They go to the OpenAI-compatible server at OPENAI_BASE_URL with OPENAI_API_KEY, to the model that
AGENTFACTORY_SUBAGENT_MODEL, AGENTFACTORY_MODEL or OPENAI_MODEL names.
"""
import base64
import binascii
import os

from _call import CallError

MAX_IMAGE = 5 << 20  # bytes
MAX_IMAGES = 8  # of one call
MAX_AUDIO = 25 << 20  # bytes


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
    messages = _with_images(messages)
    with _raised():
        return _openai.complete(system or "", messages, max_tokens)


def transcribe(path, language=None):
    """Write down what is said in an audio file of the working directory, at most 25 MiB; returns the text.

    language is a code such as "en" and may help; the model finds it out otherwise.
    """
    import _openai

    data = _read(path, MAX_AUDIO, "split it, or write a smaller format")
    with _raised():
        return _openai.transcribe(os.path.basename(path), language, data)


class _raised:
    """Errors of a call as those of a model."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        if isinstance(error, CallError):
            raise LLMError(error.code, str(error), error.missing) from None


def _with_images(messages):
    """The messages with every image in them as {"type", "media_type", "data"}."""
    done, images = [], 0
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, list):
            parts = [_part(p) for p in content]
            images += sum(p.get("type") == "image" for p in parts)
            message = {**message, "content": parts}
        done.append(message)
    if images > MAX_IMAGES:
        raise LLMError("invalid_request", "the call has %d images; at most %d are taken" % (images, MAX_IMAGES))
    return done


def _part(part):
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text":
        return part
    if kind == "image" and "path" in part:
        return _image(_read(part["path"], MAX_IMAGE, "make it smaller"), part["path"])
    if kind == "image_url":
        return _image(_data_url(part), "the image_url")
    raise LLMError(
        "invalid_request",
        'a part of a message is {"type": "text", "text": ...}, {"type": "image", "path": ...} or '
        '{"type": "image_url", "url": "data:..."}, not %.80r' % (part,),
    )


def _data_url(part):
    url = part.get("url") or part.get("image_url")
    if isinstance(url, dict):  # as OpenAI writes it
        url = url.get("url")
    head, comma, data = str(url).partition(",")
    if not head.startswith("data:") or not head.endswith(";base64") or not comma:
        raise LLMError("invalid_request", "image_url takes a data: URL with base64; save a picture of the web as a file and give its path")
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as e:
        raise LLMError("invalid_request", "the data: URL of an image is not base64: %s" % e) from None


def _image(data, name):
    kind = _kind(data)
    if kind is None:
        raise LLMError("invalid_request", "%s is no png, jpeg, gif or webp; convert it" % name)
    if len(data) > MAX_IMAGE:
        raise LLMError("invalid_request", "%s has %d bytes; at most %d are taken: make it smaller" % (name, len(data), MAX_IMAGE))
    return {"type": "image", "media_type": kind, "data": base64.b64encode(data).decode()}


def _kind(data):
    """The media type by the first bytes; names may lie."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def _read(path, limit, remedy):
    """A file of the working directory and of nowhere else."""
    full, root = os.path.realpath(path), os.path.realpath(os.getcwd())
    if not full.startswith(root.rstrip(os.sep) + os.sep):
        raise LLMError("invalid_request", "%s is not in the workspace" % path)
    try:
        with open(full, "rb") as f:
            data = f.read(limit + 1)
    except OSError as e:
        raise LLMError("invalid_request", "%s cannot be read: %s" % (path, e.strerror or e)) from None
    if len(data) > limit:
        raise LLMError("invalid_request", "%s has more than %d bytes: %s" % (path, limit, remedy))
    if not data:
        raise LLMError("invalid_request", "%s is empty" % path)
    return data
