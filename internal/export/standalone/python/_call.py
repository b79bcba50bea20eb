"""What the calls of an exported skill have in common: their error, and how texts of others are shortened."""


class CallError(Exception):
    """A call that was refused or could not be carried out.

    code says why (invalid_request, denied, unavailable, ...), missing names the environment variable or the package
    without which it cannot work, "" if that is not the reason.
    """

    def __init__(self, code, message, missing=""):
        super().__init__(message)
        self.code, self.missing = code, missing


def refuse(message, *args):
    """The error for a call that is wrong in itself."""
    return CallError("invalid_request", message % args)


def cut(text, characters, size):
    """The beginning of text, of at most so many characters and bytes, and whether that is not all of it."""
    short = text[:characters]
    data = short.encode("utf-8", "replace")
    if len(data) > size:
        short = data[:size].decode("utf-8", "ignore")
    return short, len(short) < len(text)


def line(text, *secrets):
    """One line of at most 200 characters of what someone else has written, without the secrets."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "[secret]")
    return cut(" ".join(text.split()), 200, 800)[0]


def shown(value, most=40):
    """A value in a message, in quotes."""
    return '"%s"' % " ".join(str(value)[:most].split())
