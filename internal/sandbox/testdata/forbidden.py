# Tries what a sandboxed program must not be able to do and reports, as JSON, for each
# attempt either "" (it was prevented) or what was achieved. stdin holds the targets.
import ctypes, glob, json, mmap, os, signal, socket, subprocess, sys

targets = json.load(sys.stdin)
libc = ctypes.CDLL(None, use_errno=True)


def syscall(number, *args):
    result = libc.syscall(number, *args)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def read(path):
    with open(path, "rb") as f:
        return f.read(60)


def write(path):
    with open(path, "w") as f:
        f.write("x")
    return "wrote " + path


def keys():
    found = [k for k, v in os.environ.items() if "sk-" in v]
    for path in glob.glob("/proc/*/environ") + glob.glob("/proc/*/cmdline"):
        try:
            with open(path, "rb") as f:
                if b"sk-" in f.read():
                    found.append(path)
        except OSError:
            pass
    if not found:
        raise OSError("no key anywhere")
    return found


def connect(family, kind, address, protocol=0):
    s = socket.socket(family, kind, protocol)
    s.settimeout(2)
    s.connect(address)
    return "connected to %r" % (address,)


def datagram(address):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(b"leak", address)
    return "sent"


def link(target):
    name = "link-" + target.strip("/").replace("/", "-")
    os.symlink(target, name)
    return read(name)


def hard_link(target):
    os.link(target, "hard")
    return read("hard")


def foreign_call():
    # getpid by int 0x80: the 32-bit interface, which filters of the 64-bit one do not see
    page = mmap.mmap(-1, 4096, prot=7)
    page.write(b"\x53\xb8\x14\x00\x00\x00\xcd\x80\x5b\xc3")
    result = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return "pid %d" % result


def descriptors():
    extra = []
    for fd in range(5, 1024):
        try:
            os.fstat(fd)
            extra.append(fd)
        except OSError:
            pass
    if not extra:
        raise OSError("none")
    return extra


def setuid_program():
    done = subprocess.run(["su", "-c", "id"], capture_output=True, timeout=5)
    if done.returncode != 0:
        raise OSError("refused")
    return done.stdout.decode()


def raise_limit():
    import resource

    resource.setrlimit(resource.RLIMIT_NPROC, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return "raised"


outside, victim = targets["file"], targets["pid"]
attempts = {
    "read the password hashes": lambda: read("/etc/shadow"),
    "read a file of the host": lambda: read(outside),
    "read it through a symbolic link": lambda: link(outside),
    "read it through a hard link": lambda: hard_link(outside),
    "list root's home": lambda: os.listdir("/root"),
    "find an API key": keys,
    "write to /usr": lambda: write("/usr/x"),
    "write to /etc": lambda: write("/etc/x"),
    "write to /": lambda: write("/x"),
    "write beside the workspace": lambda: write(os.path.join(os.path.dirname(outside), "x")),
    "overwrite a file of the host": lambda: write(outside),
    "truncate a file of the host": lambda: os.truncate(outside, 0),
    "truncate it while opening": lambda: os.open(outside, os.O_RDONLY | os.O_TRUNC),
    "change its mode": lambda: os.chmod(outside, 0o777),
    "change its times": lambda: os.utime(outside, (1, 1)),
    "set an extended attribute": lambda: os.setxattr(outside, "user.x", b"1"),
    "remove it": lambda: os.remove(outside),
    "rename it into the workspace": lambda: os.rename(outside, "mine"),
    "change the launcher": lambda: write(targets["launcher"]),
    "reach a TCP server of the host": lambda: connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", targets["tcp"])),
    "reach it by MPTCP": lambda: connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", targets["tcp"]), 262),
    "reach it over IPv6": lambda: connect(socket.AF_INET6, socket.SOCK_STREAM, ("::1", targets["tcp"])),
    "reach an abstract socket": lambda: connect(socket.AF_UNIX, socket.SOCK_STREAM, targets["abstract"]),
    "reach a socket file": lambda: connect(socket.AF_UNIX, socket.SOCK_STREAM, targets["socket"]),
    "open a netlink socket": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).fileno(),
    "open a packet socket": lambda: socket.socket(17, socket.SOCK_RAW, 0).fileno(),
    "open a vsock": lambda: socket.socket(40, socket.SOCK_STREAM).fileno(),
    "signal a process of the host": lambda: os.kill(victim, 0) or "it is there",
    "trace a process of the host": lambda: syscall(101, 16, victim, 0, 0),
    "read its memory": lambda: syscall(310, victim, 0, 0, 0, 0, 0),
    "read its root": lambda: os.listdir("/proc/%d/root" % victim),
    "make a user namespace": lambda: syscall(272, 0x10000000),
    "clone into a namespace": lambda: syscall(56, 0x10000000 | 17, 0, 0, 0, 0),
    "mount something": lambda: syscall(165, b"none", b"/tmp", b"tmpfs", 0, 0),
    "load a BPF program": lambda: syscall(321, 0, 0, 0),
    "set up io_uring": lambda: syscall(425, 8, ctypes.create_string_buffer(200)),
    "make a memory file": lambda: os.memfd_create("x"),
    "call the 32-bit kernel interface": foreign_call,
    "become root": lambda: os.setuid(0) or ("root" if os.getuid() == 0 and os.access("/etc/shadow", os.R_OK) else (_ for _ in ()).throw(OSError())),
    "run a set-uid program": setuid_program,
    "raise a resource limit": raise_limit,
    "use an inherited file": descriptors,
    "change the host name": lambda: socket.sethostname("x"),
    "make a device": lambda: os.mknod("device", 0o60600, os.makedev(8, 0)),
}

report = {}
for name, attempt in attempts.items():
    try:
        report[name] = "%r" % (attempt(),)
    except BaseException:
        report[name] = ""
os.write(3, json.dumps(report).encode())
