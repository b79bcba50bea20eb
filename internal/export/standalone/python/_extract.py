"""The text of what a server sent, by its media type or, where that says nothing, by what it looks like."""
import codecs
import io
import re
import urllib.parse

import _markdown
from _call import CallError, line

MAX_BODY = 8 << 20  # bytes that are read of a page
MAX_PDF = 32 << 20  # and of a PDF document, which is of no use when it is cut
MAX_CHARS = 250_000  # of the text of a PDF document; pages after those that fill it are not looked at

_TEXTS = (
    "application/json application/xml application/javascript application/ecmascript application/yaml application/toml "
    "application/x-yaml application/x-sh application/sql application/graphql application/x-ndjson application/csv "
    "application/rtf application/x-tex image/svg+xml"
).split()


class Document:
    """The text of a document, with what its reader should know about it."""

    def __init__(self, text, title, notes):
        self.text, self.title, self.notes = text, title, notes


def most(headers):
    """How many bytes of an answer are read."""
    return MAX_PDF if headers.get_content_type() == "application/pdf" else MAX_BODY


def extract(answer, url):
    kind = answer.headers.get_content_type() if answer.headers.get("Content-Type") else ""
    if kind in ("", "application/octet-stream", "binary/octet-stream"):
        kind = _looks_like(answer.body)
    if kind == "application/pdf" or answer.body.startswith(b"%PDF-"):
        return _pdf(answer, url)
    if kind in ("text/html", "application/xhtml+xml"):
        return _html(answer, url)
    if kind.startswith("text/") or kind.endswith(("+json", "+xml", "+yaml")) or kind in _TEXTS:
        text = decode(answer.body, answer.headers.get_content_charset())
        return Document(text, "", ["read from its own server as " + kind] + _too_much(answer))
    raise CallError("unavailable", "%s is of the type %.60s, which cannot be read as text" % (_host(url), kind))


def _host(url):
    return urllib.parse.urlsplit(url).netloc


def _too_much(answer):
    return ["only the first %d MiB were read" % (len(answer.body) >> 20)] if answer.cut else []


def _looks_like(body):
    head = body[:512].lstrip().lower()
    if head.startswith(b"%pdf-"):
        return "application/pdf"
    if re.match(rb"<(!doctype html|html|head|body|title|script|style|table|div|h1|p|a|br|!--)[\s>/-]", head):
        return "text/html"
    if re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", body[:512]):
        return "application/octet-stream"
    return "text/plain"


def _html(answer, url):
    source = decode(answer.body, answer.headers.get_content_charset(), html=True)
    try:
        title, text, note = _markdown.convert(source, url)
    except _markdown.TooSlow:
        raise CallError("unavailable", "%s cannot be read: its HTML takes too long to be taken apart" % _host(url)) from None
    if not text:
        raise CallError("unavailable", "%s holds no text; it may be made by scripts, for which there is browser_automation" % url)
    return Document(text, title, ["read from its own server, " + note] + _too_much(answer))


def _pdf(answer, url):
    if answer.cut:
        raise CallError(
            "unavailable", "%s is a PDF document of more than %d MiB, which is too large to be read" % (url, len(answer.body) >> 20)
        )
    try:
        import pypdf
    except ImportError:
        message = "%s is a PDF document: install pypdf to read it here (python -m pip install pypdf), or set JINA_API_KEY" % url
        raise CallError("unavailable", message, "pypdf") from None
    try:
        text = _pdf_text(pypdf.PdfReader(io.BytesIO(answer.body)))
    except Exception as e:  # whatever a document from outside brings about
        raise CallError("unavailable", "the PDF document %s cannot be read: %s" % (url, line(str(e) or type(e).__name__))) from None
    if not text:
        raise CallError("unavailable", "the PDF document %s holds no text; it may be made of scanned images" % url)
    return Document(text, "", ["read from its own server, text of a PDF document"])


def _pdf_text(reader):
    if reader.is_encrypted and not reader.decrypt(""):
        raise ValueError("it is encrypted, and its password is not known")
    pages, size = [], 0
    for page in reader.pages:
        pages.append(page.extract_text().strip())
        size += len(pages[-1]) + 2
        if size > MAX_CHARS:
            break
    return "\n\n".join(pages)[:MAX_CHARS].strip().encode("utf-8", "replace").decode()


# What the web calls encodings, where Python's names mean something narrower.
_ENCODINGS = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
}

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def decode(body, declared, html=False):
    """The text of a document. Servers often name the wrong encoding, so what its bytes say comes first: what is valid
    UTF-8 beyond ASCII is hardly ever anything else, and what is not UTF-8 is not taken for it.
    """
    for mark, encoding in _BOMS:
        if body.startswith(mark):
            return body[len(mark):].decode(encoding, "replace")
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(body)  # without a character that was cut in two at the end
    except UnicodeDecodeError:
        pass
    own = _in_document(body) if html else None
    for name in (declared, own):
        encoding = _encoding(name)
        if encoding and encoding != "utf-8":
            return body.decode(encoding, "replace")
    return body.decode("utf-8" if _mostly_utf8(body) else "cp1252", "replace")


def _in_document(body):
    """The encoding that a document names in its first KiB."""
    found = re.search(rb"""<meta[^>]*?charset\s*=\s*["']?\s*([\w:.-]+)|<\?xml[^>]*?encoding\s*=\s*["']([\w:.-]+)""", body[:1024], re.I)
    return (found.group(1) or found.group(2)).decode() if found else None


def _encoding(name):
    try:
        known = codecs.lookup(name or "").name
    except (LookupError, ValueError):
        return None
    known = _ENCODINGS.get(known, known)
    return known if codecs.lookup(known)._is_text_encoding and not known.startswith("utf-7") else None


def _mostly_utf8(body):
    """Whether this is UTF-8 with a few faults and not text of another encoding."""
    text = body.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    return sum(c > "\x7f" for c in text) - wrong >= wrong
