"""An OpenAI-compatible server: chat completions and transcriptions, in the words of call_llm and transcribe."""
import json
import re
import secrets
import urllib.parse
import urllib.request

import _settings
from _call import CallError, cut, refuse, shown
from _exchange import Exchange, Failure

OPENAI = "https://api.openai.com/v1"
TIME = 600  # seconds for all attempts: a long answer of a slow server takes minutes
MOST = 64 << 20  # bytes of a reply; no model writes that much
MAX_TEXT = 4 << 20  # bytes of all texts of a call
ROLES = ("system", "user", "assistant")
NO_MODEL = "set AGENTFACTORY_SUBAGENT_MODEL, AGENTFACTORY_MODEL or OPENAI_MODEL to the name of a model"

_old_limits = set()  # (server, model) that knows max_tokens instead of max_completion_tokens


class Server:
    """The configured model server; settings that are missing are CallErrors that name them."""

    def __init__(self):
        self.base = _settings.get("OPENAI_BASE_URL", OPENAI).rstrip("/")
        parts = urllib.parse.urlsplit(self.base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise CallError("unavailable", "OPENAI_BASE_URL is no http or https URL; give one such as %s" % OPENAI, "OPENAI_BASE_URL")
        self.is_openai = parts.hostname == "api.openai.com" or parts.hostname.endswith(".api.openai.com")
        self.name = "%s://%s%s" % (parts.scheme, parts.netloc.rpartition("@")[2], parts.path)
        self.key = _settings.key("OPENAI_API_KEY")
        if self.is_openai and not self.key:
            raise CallError("unavailable", "set OPENAI_API_KEY, or OPENAI_BASE_URL for another OpenAI-compatible server", "OPENAI_API_KEY")

    def post(self, path, body, content_type):
        """POST a body; returns the JSON object of the answer, or raises exchange's Failure."""
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        if self.key:
            headers["Authorization"] = "Bearer " + self.key
        request = urllib.request.Request(self.base + path, body, headers)
        answer = Exchange(TIME, lambda _: MOST, attempts=5, first_wait=0.5, passes=_passes).do(request)
        if answer.cut:
            raise _failed(self, "too_large", 0, "the reply is larger than %d MiB" % (MOST >> 20))
        try:
            reply = json.loads(answer.body)
        except ValueError as e:
            raise _failed(self, "malformed", 0, "the reply is malformed: %s" % e) from None
        if not isinstance(reply, dict):
            raise _failed(self, "malformed", 0, "the reply is malformed: it is no JSON object")
        return reply

    def mask(self, text):
        """A text from outside without the key, and without whatever looks like one."""
        if self.key:
            text = text.replace(self.key, "[secret]")
        return _KEY_SHAPE.sub("[secret]", text)


# What providers echo of a wrong key, masked halves included.
_KEY_SHAPE = re.compile(r"\b(sk|pk|rk|gsk|xai|AIza)[-_][A-Za-z0-9_*.-]{6,}")


def model():
    """The name of the model that is called, "" if none is set."""
    return next(filter(None, map(_settings.get, ("AGENTFACTORY_SUBAGENT_MODEL", "AGENTFACTORY_MODEL", "OPENAI_MODEL"))), "")


def complete(system, messages, max_tokens):
    """The text of the model's reply."""
    _check(system, messages, max_tokens)
    name = model()
    if not name:
        raise CallError("unavailable", "call_llm: no model is named; " + NO_MODEL, "AGENTFACTORY_MODEL")
    server, wire = Server(), [{"role": "system", "content": system}] if system else []
    payload = {"model": name, "messages": wire + [_wire(m) for m in messages]}
    return _text(server, _ask(server, payload, max_tokens))


def _check(system, messages, max_tokens):
    if max_tokens is not None and (isinstance(max_tokens, bool) or not isinstance(max_tokens, int) or max_tokens < 1):
        raise refuse("max_tokens is %s; give 1 or more, or leave it out", max_tokens)
    if not isinstance(system, str):
        raise refuse("system is no text")
    if not messages and not system:
        raise refuse('messages is empty; give at least one, such as {"role": "user", "content": "…"}')
    texts = [system]
    for i, message in enumerate(messages):
        _check_message(i, message)
        content = message.get("content") or ""
        texts += [content] if isinstance(content, str) else [p.get("text", "") for p in content]
    if sum(len(t.encode("utf-8", "replace")) for t in texts) > MAX_TEXT:
        raise refuse("the request is larger than %d bytes", MAX_TEXT)


def _check_message(i, message):
    if not isinstance(message, dict):
        raise refuse('messages[%d] is no object such as {"role": "user", "content": "…"}', i)
    for name in set(message) - {"role", "content"}:
        raise refuse("messages[%d]: unknown field %s", i, shown(name))
    if message.get("role") not in ROLES:
        raise refuse("messages[%d].role is %s; use system, user or assistant", i, shown(message.get("role") or ""))
    content = message.get("content")
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list):
        raise refuse("messages[%d].content is neither a text nor a list of parts", i)
    if not content:
        raise refuse("messages[%d].content is an empty list; give at least one part", i)
    for j, part in enumerate(content):
        where = "messages[%d].content[%d]" % (i, j)
        if part["type"] == "text" and (set(part) - {"type", "text"} or not isinstance(part.get("text", ""), str)):
            raise refuse("%s: a text has type and text and nothing else", where)
        if part["type"] == "image" and message["role"] != "user":
            raise refuse("%s: an image is in a message of the role %s; models take images from user alone", where, message["role"])


def _wire(message):
    """A message as servers read it: images as data URLs, texts of anyone but the user as one text."""
    content = message.get("content") or ""
    if isinstance(content, list):
        content = [_wire_part(p) for p in content]
        if message["role"] != "user":
            content = "\n".join(p["text"] for p in content)
    return {"role": message["role"], "content": content}


def _wire_part(part):
    if part["type"] == "text":
        return {"type": "text", "text": part.get("text", "")}
    return {"type": "image_url", "image_url": {"url": "data:%s;base64,%s" % (part["media_type"], part["data"])}}


def _ask(server, payload, max_tokens):
    """The reply; a server that does not know max_completion_tokens is asked with max_tokens."""
    known = (server.base, payload["model"])
    limit = "max_tokens" if known in _old_limits else "max_completion_tokens"
    try:
        return _chat(server, payload, limit, max_tokens)
    except Failure as e:
        first = e
    if max_tokens and limit != "max_tokens" and _refused(first) and "max_completion_tokens" in _said(first.body)["message"]:
        try:
            reply = _chat(server, payload, "max_tokens", max_tokens)
            _old_limits.add(known)
            return reply
        except Failure as e:
            first = first if _refused(e) else e  # the refusal of the request as it should be written says more
    raise _explained(server, first)


def _chat(server, payload, limit, max_tokens):
    body = {**payload, limit: max_tokens} if max_tokens else payload
    return server.post("/chat/completions", json.dumps(body).encode(), "application/json")


def _text(server, reply):
    if reply.get("error"):  # with status 200, as routers between models do
        raise _classified(server, 0, json.dumps(reply).encode())
    try:
        message = reply["choices"][0]["message"]
        text = message.get("content") or message.get("refusal") or ""
    except (KeyError, IndexError, TypeError, AttributeError):
        raise _failed(server, "malformed", 0, "the reply is malformed: it has no message") from None
    if not isinstance(text, str):
        raise _failed(server, "malformed", 0, "the reply is malformed: its content is no text")
    return text


def transcribe(name, language, audio):
    """What is said in an audio file; servers go by the ending of its name."""
    if not name or len(name) > 255 or any(c in name for c in '/\\"\0\r\n'):
        raise refuse("name is %s; give the file's name without a directory, such as talk.mp3", shown(name))
    if language is not None and (not isinstance(language, str) or len(language) > 35):
        raise refuse("language is %s; give a code such as en, or leave it out", shown(language))
    server = Server()
    named = _settings.get("AGENTFACTORY_TRANSCRIPTION_MODEL", "gpt-4o-mini-transcribe" if server.is_openai else "")
    if not named:
        message = "transcribe: no model for audio is configured; set AGENTFACTORY_TRANSCRIPTION_MODEL, or work without the audio"
        raise CallError("unavailable", message, "AGENTFACTORY_TRANSCRIPTION_MODEL")
    body, content_type = _form({"model": named, "response_format": "json", "language": language}, name, audio)
    try:
        reply = server.post("/audio/transcriptions", body, content_type)
    except Failure as e:
        if e.status in (404, 405, 501) and _said(e.body)["code"] != "model_not_found":
            raise _failed(server, "unsupported", e.status, "there is no /audio/transcriptions") from None
        raise _explained(server, e) from None
    if not isinstance(reply.get("text"), str):
        raise _failed(server, "malformed", 0, "the transcription is malformed: it has no text")
    return reply["text"]


def _form(fields, name, data):
    """A body of multipart/form-data (RFC 7578), and its type."""
    boundary = secrets.token_hex(16)
    head = 'Content-Disposition: form-data; name="%s"'
    parts = [(head % field + "\r\n\r\n" + value).encode() for field, value in fields.items() if value]
    file_head = head % "file" + '; filename="%s"\r\nContent-Type: application/octet-stream\r\n\r\n' % name
    parts.append(file_head.encode("utf-8", "replace") + data)
    line = ("--" + boundary).encode()
    body = b"".join(line + b"\r\n" + part + b"\r\n" for part in parts) + line + b"--\r\n"
    return body, "multipart/form-data; boundary=" + boundary


# What a person can do about the kinds of failure that waiting does not cure.
_ADVICE = {
    "auth": " (check OPENAI_API_KEY, and that the key may use this model)",
    "not_found": " (check the model's name and OPENAI_BASE_URL)",
    "quota": " (the account is out of credit)",
    "unreachable": " (check OPENAI_BASE_URL and the network)",
    "context_length": " (hand in less text, or choose a model with a larger context window)",
    "unsupported": " (this server does not transcribe audio: set OPENAI_BASE_URL and AGENTFACTORY_TRANSCRIPTION_MODEL to what does)",
    "too_large": " (no model writes that much: check which server answers at OPENAI_BASE_URL)",
}


def _failed(server, kind, status, said):
    where = "%s, HTTP %d" % (kind, status) if status else kind
    message = "model call failed (%s): %s: %s%s" % (where, server.name, server.mask(said), _ADVICE.get(kind, ""))
    return CallError("unavailable", message, "OPENAI_API_KEY" if kind == "auth" else "")


def _explained(server, failure):
    if failure.status:
        return _classified(server, failure.status, failure.body)
    return _failed(server, "unreachable", 0, str(failure))


def _classified(server, status, body):
    said = _said(body)
    kind = _kind(status, said["code"], said["type"])
    return _failed(server, kind, status, cut(" ".join(said["message"].split()), 500, 500)[0])


def _said(body):
    """What servers say about a failure: OpenAI nests it under "error", others write it bare, as a text or as "detail"."""
    text = body.decode("utf-8", "replace")
    try:
        said = json.loads(text)
        said = said["error"] if isinstance(said, dict) and said.get("error") else said
    except ValueError:
        said = text
    fields = said if isinstance(said, dict) else {}
    message = fields.get("message") or (said if isinstance(said, str) else text) or "the server gave no reason"
    if fields.get("param") and str(fields["param"]) not in str(message):
        message = "%s (parameter %s)" % (message, fields["param"])
    return {"message": str(message), "code": fields.get("code"), "type": fields.get("type")}


def _kind(status, code, kind):
    """By the status and, where that says too little, by stable codes and types; never by texts, which change."""
    if code == "context_length_exceeded" or kind == "exceed_context_size_error" or status == 413:
        return "context_length"
    if "insufficient_quota" in (code, kind) or status == 402:
        return "quota"
    named = {401: "auth", 403: "auth", 404: "not_found", 429: "rate_limited", 503: "overloaded", 529: "overloaded", 0: "server"}
    if status in named:
        return named[status]
    return "server" if status in (408, 409) or status >= 500 else "invalid_request"


def _passes(failure):
    """Whether the same request may succeed later; an account that is out of credit stays so."""
    if not failure.status:
        return failure.passing
    said = _said(failure.body)
    return _kind(failure.status, said["code"], said["type"]) in ("rate_limited", "overloaded", "server")


def _refused(failure):
    """Whether the server found fault with the form of the request."""
    return failure.status in (400, 422)
