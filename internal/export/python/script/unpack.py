def main():
    """Run the program as it lies in FILES, in a directory that is gone afterwards."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="skill-") as folder:
        unpack(folder)
        return start([sys.executable, os.path.join(folder, PROGRAM)] + sys.argv[1:])


def unpack(folder):
    for path, content in FILES.items():
        target = os.path.join(folder, *path.split("/"))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as f:
            f.write(content.encode() if isinstance(content, str) else content)


def start(command):
    """The program's exit code; it does not outlive this process."""
    program = subprocess.Popen(command)
    try:
        return program.wait()
    except KeyboardInterrupt:  # the terminal has told the program, too
        return program.wait()
    finally:
        if program.poll() is None:
            program.terminate()
            program.wait()


if __name__ == "__main__":
    sys.exit(main())
