"""Web services that answer a key with JSON: how they are asked, and what their failures mean to a person."""
import json
import urllib.parse
import urllib.request

import _settings
from _call import CallError, line
from _exchange import Exchange, duration

MOST = 16 << 20  # bytes of an answer
TIME = 45  # seconds for all attempts


class Service:
    """A configured web service: key_name and url_name are the variables that say how it is reached."""

    def __init__(self, name, key_name, url_name, base):
        self.name, self.key_name, self.url_name = name, key_name, url_name
        self.base = _settings.get(url_name, base).rstrip("/")
        self.key = _settings.key(key_name)
        if urllib.parse.urlsplit(self.base).scheme not in ("http", "https"):
            raise CallError("unavailable", "%s is no http or https URL; give one such as %s" % (url_name, base), url_name)

    def post(self, path, payload, headers):
        """POST payload as JSON; returns the answer, or raises exchange's Failure."""
        body = json.dumps(payload).encode()
        request = urllib.request.Request(self.base + path, body, {"Content-Type": "application/json", **headers})
        return Exchange(TIME, lambda _: MOST).do(request)

    def explain(self, failure, said):
        """What went wrong and what to do, in a line; said is the service's own message, if it has one."""
        said = ": " + line(said, self.key) if said else ""
        what = line(str(failure), self.key)
        if failure.status == 0:
            return "%s cannot be reached: %s" % (self.name, what)
        if failure.status in (401, 403):
            return "%s refuses the key (%s%s): check %s" % (self.name, what, said, self.key_name)
        if failure.status == 402:
            return "the account at %s is out of credit (%s%s)" % (self.name, what, said)
        if failure.status == 429 and failure.wait:
            return "%s limits the rate (%s): it takes the next request in %s" % (self.name, what, duration(failure.wait))
        if failure.status < 400 or failure.status == 404:
            return "%s is not at %s (%s): check %s" % (self.name, self._host(), what, self.url_name)
        return "%s answered %s%s" % (self.name, what, said)

    def _host(self):
        """Where the service is, without what may be secret in its URL."""
        parts = urllib.parse.urlsplit(self.base)
        return "%s://%s" % (parts.scheme, parts.netloc.rpartition("@")[2])


def message(body, *names):
    """The first of these texts that a JSON object holds, "" if there is none."""
    try:
        said = json.loads(body)
    except ValueError:
        return ""
    found = [said[n] for n in names if isinstance(said, dict) and isinstance(said.get(n), str) and said[n]]
    return found[0] if found else ""
