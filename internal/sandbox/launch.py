# The last trusted code before an untrusted program: sets limits that cannot be taken
# back, then becomes the program or goes on with a trusted script. sys.argv[1] is the
# plan, made by the Go side: JSON of objects, lists, texts and numbers alone, which is
# also a Python literal. To import json would take as long as half of Python's start.
import os
import resource
import sys


def launch(plan):
    if plan.get("listen"):
        hand_out(**plan["listen"])
    # Whatever the worker's own parent left open must not be inherited.
    os.closerange(plan["first_closed"], 1 << 16)
    os.chdir(plan["dir"])
    for name, soft, hard in plan["limits"]:
        resource.setrlimit(getattr(resource, name), (soft, hard))
    if plan.get("confine"):
        confine(**plan["confine"])
    if plan.get("argv"):
        os.execv(plan["argv"][0], plan["argv"])
    script = plan["script"]
    sys.argv = [script] + plan["args"]
    with open(script, "rb") as f:
        code = compile(f.read(), script, "exec")
    exec(code, {"__name__": "__main__", "__file__": script})


def hand_out(port, way):
    """Gives the worker a socket that listens in here; it serves the run's HTTP proxy on it."""
    import _socket  # socket takes ten times as long to import

    listener = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    out = _socket.socket(fileno=way)
    descriptor = listener.fileno().to_bytes(4, sys.byteorder)
    out.sendmsg([b"."], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptor)])
    out.close()
    listener.close()


def confine(handled, rules, seccomp):
    """Landlock, then seccomp, for this process and all its children."""
    import ctypes
    import struct

    libc = ctypes.CDLL(None, use_errno=True)

    def call(what, result):
        if result < 0:
            code = ctypes.get_errno()
            raise OSError(code, what + ": " + os.strerror(code))
        return result

    call("no_new_privs", libc.prctl(38, 1, 0, 0, 0))
    attributes = struct.pack("=%dQ" % len(handled), *handled)
    ruleset = call("landlock_create_ruleset", libc.syscall(444, attributes, len(attributes), 0))
    for path, access in rules:
        try:
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        rule = struct.pack("=Qi", access, fd)
        call("landlock_add_rule " + path, libc.syscall(445, ruleset, 1, rule, 0))
        os.close(fd)
    call("landlock_restrict_self", libc.syscall(446, ruleset, 0))
    os.close(ruleset)
    program = bytes.fromhex(seccomp)
    buffer = ctypes.create_string_buffer(program, len(program))
    fprog = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    call("seccomp", libc.prctl(22, 2, fprog, 0, 0))


launch(eval(sys.argv[1], {"__builtins__": {}}))
