"""Images and audio of call_llm and transcribe, read alike beside a subagent and in an export."""
import os

MAX_IMAGE = 5 << 20  # bytes
MAX_IMAGES = 8  # of one call
MAX_AUDIO = 25 << 20  # bytes


class MediaError(ValueError):
    """What was handed over cannot be taken; the message says why and what to do."""


def with_images(messages, root):
    """The messages with every image in them as {"type", "media_type", "data"}; their files lie below root."""
    done, images = [], 0
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, list):
            parts = [_part(p, root) for p in content]
            images += sum(p.get("type") == "image" for p in parts)
            message = {**message, "content": parts}
        done.append(message)
    if images > MAX_IMAGES:
        raise MediaError("the call has %d images; at most %d are taken" % (images, MAX_IMAGES))
    return done


def _part(part, root):
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text":
        return part
    if kind == "image" and "path" in part:
        return _image(read(part["path"], root, MAX_IMAGE, "make it smaller"), part["path"])
    if kind == "image_url":
        return _image(_data_url(part), "the image_url")
    raise MediaError(
        'a part of a message is {"type": "text", "text": ...}, {"type": "image", "path": ...} or '
        '{"type": "image_url", "url": "data:..."}, not %.80r' % (part,),
    )


def _data_url(part):
    import base64
    import binascii

    url = part.get("url") or part.get("image_url")
    if isinstance(url, dict):  # as OpenAI writes it
        url = url.get("url")
    head, comma, data = str(url).partition(",")
    if not head.startswith("data:") or not head.endswith(";base64") or not comma:
        raise MediaError("image_url takes a data: URL with base64; save a picture of the web as a file and give its path")
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as e:
        raise MediaError("the data: URL of an image is not base64: %s" % e) from None


def _image(data, name):
    import base64

    kind = _kind(data)
    if kind is None:
        raise MediaError("%s is no png, jpeg, gif or webp; convert it" % name)
    if len(data) > MAX_IMAGE:
        raise MediaError("%s has %d bytes; at most %d are taken: make it smaller" % (name, len(data), MAX_IMAGE))
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


def read(path, root, limit, remedy):
    """A file below root, the workspace, and of nowhere else."""
    full = os.path.realpath(path)
    if not full.startswith(os.path.realpath(root).rstrip(os.sep) + os.sep):
        raise MediaError("%s is not in the workspace" % path)
    try:
        with open(full, "rb") as f:
            data = f.read(limit + 1)
    except OSError as e:
        raise MediaError("%s cannot be read: %s" % (path, e.strerror or e)) from None
    if len(data) > limit:
        raise MediaError("%s has more than %d bytes: %s" % (path, limit, remedy))
    if not data:
        raise MediaError("%s is empty" % path)
    return data
