"""Files of the working directory as the browser may use them: none of any other place, and none through a link."""
import os
import re
import stat

MAX_UPLOAD = 200 << 20  # bytes of one file
MAX_SAVED = 512 << 20  # bytes of one download


class BadFile(Exception):
    """A file that cannot be used, or a path that cannot be written to."""

    def __str__(self):
        return "bad file: %s" % self.args


def write(name, free, source):
    """Copy an open file to a new one; returns {path, bytes}.

    With free, a number is added to the name until it is one that is not taken; otherwise a file of that name is replaced.
    """
    name = _clean(name)
    try:
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        _stays(name)
        out, name = _create(name, free)
    except OSError as e:
        raise BadFile("write %s: %s" % (name, e.strerror or e)) from None
    try:
        with out:
            return {"path": name, "bytes": _copy(source, out)}
    except (OSError, BadFile) as e:
        os.remove(name)  # half a file is worse than none
        raise BadFile("write %s: %s" % (name, getattr(e, "strerror", "") or e.args[-1])) from None


def _copy(source, out):
    size = 0
    while True:
        chunk = source.read(1 << 20)
        if not chunk:
            return size
        size += len(chunk)
        if size > MAX_SAVED:
            raise BadFile("it has more than %d bytes" % MAX_SAVED)
        out.write(chunk)


def _create(name, free):
    """A new file; what is there already is never opened: it might be a link or a pipe."""
    if not free:
        if os.path.lexists(name):
            os.remove(name)
        return open(name, "xb"), name
    stem, ending = os.path.splitext(name)
    for i in range(1, 1001):
        candidate = name if i == 1 else "%s-%d%s" % (stem, i, ending)
        try:
            return open(candidate, "xb"), candidate
        except FileExistsError:
            pass
    raise BadFile("write %s: there are too many files of that name" % name)


def upload(name):
    """The absolute path of a regular file of the working directory."""
    clean = _clean(name)
    _stays(clean)
    try:
        info = os.lstat(clean)
    except OSError as e:
        raise BadFile('"%.100s" cannot be uploaded: %s' % (name, e.strerror)) from None
    if not stat.S_ISREG(info.st_mode) or info.st_size > MAX_UPLOAD:  # a link is another file
        raise BadFile('"%.100s" cannot be uploaded: it is no regular file of at most %d bytes' % (name, MAX_UPLOAD))
    return os.path.abspath(clean)


def _clean(name):
    """A path in the working directory, relative to it."""
    short = name[2:] if name.startswith("./") else name
    parts = os.path.normpath(short).split(os.sep) if short else [".."]
    wrong = len(short) > 1000 or short.endswith("/") or re.search(r"[\x00-\x1f\x7f]", short) or os.path.isabs(short)
    if wrong or parts[0] in ("..", "."):
        raise BadFile('"%.100s" is no path in the workspace; give one such as "downloads/report.pdf"' % name)
    return os.path.join(*parts)


def _stays(name):
    """Refuse a path whose folder is a link out of the working directory."""
    root, folder = os.path.realpath("."), os.path.realpath(os.path.dirname(name) or ".")
    if folder != root and not folder.startswith(root.rstrip(os.sep) + os.sep):
        raise BadFile('"%.100s" leads out of the workspace' % name)


def suggested(name):
    """A site's name for a file as one that cannot lead anywhere."""
    name = re.sub(r"[/\\\x00-\x1f\x7f]", "_", name).lstrip(".")
    if len(name.encode("utf-8", "replace")) > 150:
        ending = os.path.splitext(name)[1]
        name = name.encode("utf-8", "replace")[:120].decode("utf-8", "ignore") + (ending if len(ending) <= 20 else "")
    return name or "file"
