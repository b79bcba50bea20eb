"""The browser's forward proxy, on a loopback port of its own: redirects and subresources go through it too, and reach
no address that is not public.
"""
import asyncio
import urllib.parse

import _addresses

HEAD = 256 << 10  # bytes of a request's header
TIME = 30  # seconds for it
MAX_REFUSALS = 100
_HOP = ("connection:", "proxy-connection:", "proxy-authorization:", "keep-alive:")


class Refusal:
    """A request that brought nothing; denied by rule, or because the server could not be reached."""

    def __init__(self, url, reason, denied):
        self.url, self.reason, self.denied = url, reason, denied

    def hits(self, page):
        """Whether it concerns a page: of a tunnel only the host is known."""
        if self.url == page:
            return True
        return self.url.startswith("https:") and page.startswith("https:") and _place(self.url) == _place(page)


def _place(url):
    parts = urllib.parse.urlsplit(url)
    try:
        return parts.hostname, parts.port or 443
    except ValueError:
        return None


class Egress:
    def __init__(self):
        self._allow = _addresses.judge()
        self._refused = []
        self._server = None

    async def start(self):
        """Returns the proxy's address."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=HEAD)
        return "http://127.0.0.1:%d" % self._server.sockets[0].getsockname()[1]

    def close(self):
        if self._server:
            self._server.close()

    def take(self):
        """The refusals since the last time."""
        taken, self._refused = self._refused, []
        return taken

    async def _serve(self, reader, writer):
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), TIME)
            await self._forward(head, reader, writer)
        except (OSError, EOFError, ValueError, asyncio.TimeoutError, asyncio.LimitOverrunError):
            pass  # either side has gone, or what came is no request
        finally:
            writer.close()

    async def _forward(self, head, reader, writer):
        lines = head.decode("latin-1").split("\r\n")
        method, target, version = lines[0].split(" ")
        url = "https://%s/" % target if method == "CONNECT" else target
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nthis is a proxy")
            return
        try:
            up_reader, up_writer = await self._dial(parts.hostname, parts.port or (443 if method == "CONNECT" else 80))
        except _addresses.Refused as e:
            self._refuse(writer, "403 Forbidden", Refusal(url, str(e), True))
            return
        except (OSError, UnicodeError, asyncio.TimeoutError):
            self._refuse(writer, "502 Bad Gateway", Refusal(url, "the server cannot be reached", False))
            return
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            up_writer.write(_origin_form(method, parts, version, lines[1:]))
        await _pump(reader, writer, up_reader, up_writer)

    async def _dial(self, host, port):
        """A connection to an address that was judged."""
        found = await asyncio.get_running_loop().run_in_executor(None, _addresses.resolve, host, port, self._allow)
        failed = None
        for _, _, _, _, place in found:
            try:
                return await asyncio.wait_for(asyncio.open_connection(place[0], port), _addresses.CONNECT)
            except (OSError, asyncio.TimeoutError) as e:
                failed = e
        raise failed

    def _refuse(self, writer, status, refusal):
        """What the browser gets instead of the server's answer; the reply of the call tells why."""
        if len(self._refused) < MAX_REFUSALS:
            self._refused.append(refusal)
        text = refusal.reason.encode()
        head = "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(text))
        writer.write(head.encode() + text)


def _origin_form(method, parts, version, headers):
    """The head of a request as a server wants it; one request per connection."""
    path = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
    kept = [h for h in headers if h and not h.lower().startswith(_HOP)]
    return "\r\n".join(["%s %s %s" % (method, path, version)] + kept + ["Connection: close", "", ""]).encode("latin-1")


async def _pump(reader, writer, up_reader, up_writer):
    """Both directions, until either side ends."""
    copies = [asyncio.ensure_future(_copy(reader, up_writer)), asyncio.ensure_future(_copy(up_reader, writer))]
    try:
        await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for copy in copies:
            copy.cancel()
        await asyncio.gather(*copies, return_exceptions=True)
        up_writer.close()


async def _copy(source, sink):
    while True:
        data = await source.read(64 << 10)
        if not data:
            return
        sink.write(data)
        await sink.drain()
