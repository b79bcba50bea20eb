"""Shell commands of a subagent, run where it runs itself: bounded in time, and in what is kept of their output."""
import functools
import os
import signal
import subprocess
import threading

KEPT = 128 << 10  # bytes of each end of an output
GRACE = 1  # seconds in which the rest of an output arrives after the command has ended


class Output:
    """The beginning and the end of a stream, read to its end, however long it is."""

    def __init__(self, stream):
        self.size = 0
        self._head = bytearray()
        self._tail = bytearray()
        self._reader = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._reader.start()

    def _read(self, stream):
        while True:
            chunk = stream.read1(65536)
            if not chunk:
                return
            self.size += len(chunk)
            room = KEPT - len(self._head)
            self._head += chunk[:room]
            self._tail += chunk[room:]
            if len(self._tail) > 2 * KEPT:
                del self._tail[:-KEPT]

    def wait(self):
        self._reader.join(GRACE)  # what runs on in the background may hold the stream for longer

    def text(self):
        head, tail = bytes(self._head), bytes(self._tail[-KEPT:])
        left_out = self.size - len(head) - len(tail)
        if left_out > 0:
            tail = b"\n[... %d bytes left out ...]\n" % left_out + tail
        return (head + tail).decode("utf-8", "replace")


class Done:
    """A command that has ended."""

    def __init__(self, exit_code, stdout, stderr, timed_out):
        self.exit_code, self.stdout, self.stderr, self.timed_out = exit_code, stdout, stderr, timed_out

    def said(self):
        """The last words of a command that was ended."""
        last = (self.stderr.text() or self.stdout.text()).strip()
        return "; it last said: " + last[-500:] if last else ""


def run(command, timeout):
    """Run command by /bin/sh, and end it with what it has started when the time is over."""
    process, end = _start(command)
    stdout, stderr = Output(process.stdout), Output(process.stderr)
    timed_out = False
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        timed_out = True
        end()
        process.wait()
    stdout.wait()
    stderr.wait()
    return Done(-1 if timed_out else process.returncode, stdout, stderr, timed_out)


def _start(command):
    """The process, and what ends it: as a group, or where groups may not be made alone; the rest ends with the run."""
    start = functools.partial(
        subprocess.Popen, ["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        process = start(start_new_session=True)
        return process, lambda: os.killpg(process.pid, signal.SIGKILL)
    except PermissionError:
        process = start()
        return process, process.kill
