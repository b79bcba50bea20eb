"""What an exported skill is told by environment variables: keys, addresses and choices."""
import os

from _call import CallError

KEYS = ("OPENAI_API_KEY", "SERPER_API_KEY", "JINA_API_KEY")

_taken = {}  # keys that are not in the environment any more


def get(name, default=""):
    """The value of a variable; an empty one is like none."""
    return os.environ.get(name, "").strip() or default


def on(name):
    """Whether a choice was made with 1, true or yes."""
    return get(name).lower() in ("1", "true", "yes")


def key(name):
    """A secret, "" if there is none. One that no server could take is an error, which does not show it."""
    value = (os.environ.get(name) or _taken.get(name, "")).strip()
    if any(not " " < c <= "~" for c in value):
        raise CallError("unavailable", "%s holds a space, a line break or a character outside ASCII: set it again" % name, name)
    return value


def seal():
    """Take the keys out of the environment: commands and the browser, which this process starts, need none."""
    for name in KEYS:
        if name in os.environ:
            _taken[name] = os.environ.pop(name)


def taken():
    """The keys that seal has taken, for a process that shall have them."""
    return dict(_taken)
