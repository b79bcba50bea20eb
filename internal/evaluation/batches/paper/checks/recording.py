"""Checks what was asked for in a recording: a song found and played on the web."""
import re
import struct

SONGS = {  # album (any of these), length in seconds
    "recording-1.mp3": (("1989",), 219),  # Shake It Off, Taylor Swift
    "recording-2.mp3": (("÷", "divide"), 234),  # Shape of You, Ed Sheeran
}


def check(query, answer):
    albums, seconds = next(song for name, song in SONGS.items() if name in query)
    picture("player.png")
    links = re.findall(r"(?i)https?://([a-z0-9.-]+\.[a-z]{2,})\S*", answer)
    assert any("example." not in host.lower() for host in links), "the answer gives no address of a page"
    prose = re.sub(r"(?i)https?://\S+", " ", answer).lower()
    assert any(album in prose for album in albums), "the answer does not name the album"
    assert any(abs(length - seconds) <= 6 for length in lengths(prose)), "the answer does not give the song's length"


def lengths(text):
    """In seconds, of 3:39, 03:39, 3 min 39 s and 219 seconds."""
    clock = re.findall(r"\b(\d{1,2}):([0-5]\d)\b", text)
    words = re.findall(r"\b(\d{1,2})\s*(?:minutes?|min|m)\b[\s,]*(?:and\s+)?(\d{1,2})\s*(?:seconds?|sec|s)\b", text)
    return [60 * int(m) + int(s) for m, s in clock + words] + [int(s) for s in re.findall(r"\b(\d{2,3})\s*(?:seconds?|sec|s)\b", text)]


def picture(name):
    try:
        with open(name, "rb") as f:
            content = f.read()
    except OSError as problem:
        raise AssertionError(f"{name} cannot be read: {problem}") from None
    assert content[:8] == b"\x89PNG\r\n\x1a\n" and len(content) >= 1000 and b"IEND" in content[-16:], f"{name} is no whole PNG picture"
    width, height = struct.unpack(">II", content[16:24])
    assert width >= 300 and height >= 200, f"{name} has {width} × {height} pixels: too small to read"
