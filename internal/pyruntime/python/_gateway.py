"""The connection to the gateway, the one door out of the sandbox."""
import json
import os
import threading

token = ""  # set by the harness, as is
workspace = ""  # the directory whose files may be handed over

_lock = threading.Lock()
_shared = None  # the one inherited connection, where sockets cannot be made


class GatewayError(Exception):
    """A call that the gateway refused or could not carry out."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def call(path, payload):
    """POST payload as JSON; returns the decoded reply."""
    kind, _, where = os.environ.get("AGENTFACTORY_GATEWAY", "").partition(":")
    body = json.dumps(payload)
    if kind == "unix":
        status, data = _send(_connect(where), path, body)
    elif kind == "fd":
        with _lock:
            status, data = _send(_inherited(int(where)), path, body)
    else:
        raise GatewayError("unavailable", "there is no gateway in this run")
    reply = json.loads(data)
    if status != 200:
        error = reply.get("error", {})
        raise GatewayError(error.get("code", "unavailable"), error.get("message", "the gateway answered %d" % status))
    return reply


def _connect(path):
    import http.client
    import socket

    connection = http.client.HTTPConnection("gateway")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(path)
    return connection


def _inherited(fd):
    global _shared
    if _shared is None:
        import http.client
        import socket

        _shared = http.client.HTTPConnection("gateway")
        _shared.sock = socket.socket(fileno=fd)
        _shared.auto_open = 0
    return _shared


def _send(connection, path, body):
    connection.request("POST", path, body, {"Content-Type": "application/json", "Authorization": "Bearer " + token})
    response = connection.getresponse()
    return response.status, response.read()
