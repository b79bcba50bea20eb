"""HTTP requests to services and pages: made again after failures that may pass, until the time is over.

Reading is bounded in size and time. No redirect is followed: a key is for the configured server alone, and where a page
leads is for its reader to judge.
"""
import email.utils
import errno
import functools
import http
import http.client
import random
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
import zlib

import _addresses

LONGEST_WAIT = 8  # seconds between attempts, unless the server asks for more
ODD = 64 << 10  # bytes that are read of a body that only explains a failure
CHUNK = 64 << 10


class Answer:
    """A response with status 200 to 299; cut says that the body goes on."""

    def __init__(self, headers, body, cut):
        self.headers, self.body, self.cut = headers, body, cut


class Failure(Exception):
    """A request that was not answered as it should be; status is 0 without an answer."""

    def __init__(self, reason, status=0, headers=None, body=b"", passing=True):
        super().__init__(reason)
        self.status, self.headers, self.body, self.passing = status, headers, body, passing
        self.wait = retry_after(headers) if status else 0  # seconds that the server asks to wait


class Exchange:
    """How requests to one kind of server are made.

    total is the time for all attempts and the waits between them, in seconds; size(headers) how many bytes of a body
    are read; allow judges addresses, None admits all; passes(failure) tells whether the same request may succeed later.
    """

    def __init__(self, total, size, allow=None, attempts=4, first_wait=0.25, passes=None):
        self._total, self._size, self._attempts, self._first_wait = total, size, attempts, first_wait
        self._passes = passes or (lambda failure: failure.passing)
        self._opener = _opener(allow)

    def do(self, request):
        """Make the request until it is answered; raises Failure."""
        deadline, last = time.monotonic() + self._total, None
        for attempt in range(self._attempts):
            try:
                return self._within(deadline, request)
            except Failure as e:
                if last is None or e.status or time.monotonic() < deadline:
                    last = e  # not the end of the time, if the server has said more before
                again = attempt + 1 < self._attempts and self._passes(e)
                wait = e.wait or min(self._first_wait * 2**attempt, LONGEST_WAIT) * random.uniform(0.5, 1.5)
            if not again or time.monotonic() + wait > deadline:
                break
            time.sleep(wait)
        raise last

    def _within(self, deadline, request):
        """One attempt, for which nobody waits beyond the time: looking up a name has no timeout of its own."""
        outcome = []

        def attempt():
            try:
                outcome.append((self._attempt(deadline, request), None))
            except BaseException as e:
                outcome.append((None, e))

        thread = threading.Thread(target=attempt, daemon=True)
        thread.start()
        thread.join(max(0, deadline - time.monotonic()))
        if not outcome:
            raise self._over()
        answer, error = outcome[0]
        if error:
            raise error
        return answer

    def _attempt(self, deadline, request):
        try:
            with self._opener.open(request, timeout=max(0.1, deadline - time.monotonic())) as response:
                return self._read(response, deadline)
        except urllib.error.HTTPError as e:
            raise _refused(e) from None
        except (OSError, http.client.HTTPException, zlib.error, ValueError) as e:
            if time.monotonic() >= deadline or isinstance(e, socket.timeout):
                raise self._over() from None
            raise Failure(_reason(e), passing=_transient(e)) from None

    def _read(self, response, deadline):
        size = self._size(response.headers)
        decode, body = _decoder(response.headers), bytearray()
        while len(body) <= size:
            chunk = response.read1(CHUNK)
            if not chunk:
                if response.length:
                    raise Failure("the answer broke off after %d bytes" % len(body))
                break
            body += decode(chunk, size + 1 - len(body))
            if time.monotonic() >= deadline:
                raise self._over()
        return Answer(response.headers, bytes(body[:size]), len(body) > size)

    def _over(self):
        return Failure("no complete answer within %s" % duration(self._total))


def _opener(allow):
    handlers = [_Stay(), _HTTP(allow), _HTTPS(allow)]
    if allow:
        handlers.append(urllib.request.ProxyHandler({}))  # the address that is judged would be the proxy's
    return urllib.request.build_opener(*handlers)


class _Stay(urllib.request.HTTPRedirectHandler):
    """Takes a redirect for what it is, an answer without a document."""

    def http_error_302(self, *_):
        return None

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


class _HTTP(urllib.request.HTTPHandler):
    def __init__(self, allow):
        super().__init__()
        self._connection = functools.partial(_connection, http.client.HTTPConnection, allow)

    def http_open(self, request):
        return self.do_open(self._connection, request)


class _HTTPS(urllib.request.HTTPSHandler):
    def __init__(self, allow):
        super().__init__()
        self._connection = functools.partial(_connection, http.client.HTTPSConnection, allow)

    def https_open(self, request):
        return self.do_open(self._connection, request, context=ssl.create_default_context())


def _connection(kind, allow, host, **options):
    made = kind(host, **options)
    # The hook at which http.client makes the TCP connection, before TLS and a proxy's tunnel.
    made._create_connection = lambda address, timeout, *_: _addresses.connect(address[0], address[1], timeout, allow)
    return made


def _refused(error):
    with error:
        try:
            body = error.read(ODD)
        except (OSError, http.client.HTTPException):
            body = b""  # the status says enough
    passing = error.code in (408, 425, 429) or error.code >= 500 and error.code not in (501, 505)
    return Failure(status_text(error.code), error.code, error.headers, body, passing)


def status_text(status):
    try:
        return "%d %s" % (status, http.HTTPStatus(status).phrase)
    except ValueError:
        return str(status)


def _reason(error):
    """What happened, in a line and without the address, which the caller knows."""
    if isinstance(error, urllib.error.URLError):
        error = error.reason
    if isinstance(error, http.client.IncompleteRead):
        return "the answer broke off"
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(str(said or type(error).__name__).split())[:300]


def _transient(error):
    """Whether a failure of a connection may pass; every further attempt would meet the others."""
    if isinstance(error, urllib.error.URLError):
        error = error.reason
    if isinstance(error, socket.gaierror):
        return error.errno == socket.EAI_AGAIN
    if isinstance(error, ssl.SSLCertVerificationError) or isinstance(error, OSError) and error.errno == errno.EPERM:
        return False
    return isinstance(error, (OSError, http.client.HTTPException, zlib.error)) and not isinstance(error, http.client.InvalidURL)


def _decoder(headers):
    """Decoding of a body that comes packed although that was not asked for; at most so many bytes of a chunk."""
    if headers.get("Content-Encoding", "").strip().lower() not in ("gzip", "x-gzip", "deflate"):
        return lambda chunk, most: chunk
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)
    return lambda chunk, most: unpack.decompress(unpack.unconsumed_tail + chunk, max(1, most))


def retry_after(headers):
    """How many seconds a server asks to wait (RFC 9110, 10.2.3: seconds or a date), 0 if it does not say."""
    value = (headers.get("Retry-After") or "").strip()
    if value.isdigit():
        return min(int(value[:9]), 86400)
    try:
        at = email.utils.parsedate_to_datetime(value)
        return min(max(0, round(at.timestamp() - time.time())), 86400)
    except (TypeError, ValueError, IndexError, OverflowError):
        return 0


def duration(seconds):
    """Seconds for people, such as 45s or 1m30s."""
    if seconds < 60:
        return "%gs" % round(seconds, 1)
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return "%dh%dm%ds" % (hours, minutes, rest) if hours else "%dm%ds" % (minutes, rest)
