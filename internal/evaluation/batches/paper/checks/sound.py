"""Checks a long recording: an MP3 of the right length that is not silence, and what is said in it and when."""
import re
import zlib


def check(query, answer):
    name = next(n for n in ("bedtime_meditation", "focus_music") if n in query)
    seconds = length(name + ".mp3")
    assert 15 * 60 - 20 <= seconds <= 20 * 60 + 20, f"{name}.mp3 lasts {clock(seconds)}, not 15 to 20 minutes"
    lines = spoken(name + ".txt", seconds)
    (bedtime if name == "bedtime_meditation" else focus)(lines, seconds)
    assert any(abs(said - seconds / 60) <= 1 for said in minutes(answer)), f"the answer does not give the length, {clock(seconds)}"


def bedtime(lines, seconds):
    text = " ".join(words for _, words in lines).lower()
    assert len(text.split()) >= 250, "less than 250 words are spoken in a quarter of an hour"
    assert lines[0][0] <= 60, "there is no introduction in the first minute"
    assert lines[-1][0] >= seconds / 2, "nothing is said in the second half"
    for count in ("(4|four)", "(7|seven)", "(8|eight)"):
        assert re.search(rf"\b{count}\b", text), f"the breathing does not count to {count}"
    assert len(re.findall(r"\bhold", text)) >= 3, "there are less than three rounds of 4-7-8 breathing (hold)"
    assert re.search(r"(?s)\b(head|face|forehead|scalp|jaw).*\b(shoulder|chest|arm).*\b(leg|thigh|knee|calf|calves).*\b(feet|foot|toe)", text), "the body is not relaxed from head to toe"
    place = r"\b(beach|shore|sea|ocean|forest|meadow|lake|garden|river|stream|mountain|island|cabin|field|valley|waterfall|clearing)"
    assert re.search(place, text), "there is no journey to a peaceful place"


def focus(lines, seconds):
    assert lines[0][0] <= 60, "nothing is said in the first minute"
    assert any(0.42 * seconds <= at <= 0.58 * seconds for at, _ in lines), "nothing is said in the middle"
    assert re.search(r"(?i)\b(focus|concentrat|attention|mind|task|work|breath|distract)", " ".join(words for _, words in lines)), "the sentences are not about concentrating"


def spoken(name, seconds):
    try:
        with open(name, encoding="utf-8-sig") as f:
            content = f.read()
    except (OSError, UnicodeDecodeError) as problem:
        raise AssertionError(f"{name} cannot be read: {problem}") from None
    lines = [(60 * int(m) + int(s), words) for m, s, words in re.findall(r"(?m)^\W*?\[(\d{1,2}):([0-5]\d)\]\W*(\S.*)$", content)]
    assert len(lines) >= 2, f"{name} has less than two lines of the form [mm:ss] words"
    times = [at for at, _ in lines]
    assert times == sorted(times) and times[-1] <= seconds, f"the times in {name} go back, or beyond the end of the recording"
    return lines


def minutes(text):
    whole = [int(m) + int(s) / 60 for m, s in re.findall(r"\b(\d{1,2}):([0-5]\d)\b", text)]
    worded = [float(m) for m in re.findall(r"\b(\d{1,2}(?:\.\d{1,3})?)[\s-]*(?:minute|min|m\b)", text.lower())]
    return whole + worded + [int(s) / 60 for s in re.findall(r"\b(\d{3,4})(?:\.\d+)?\s*(?:seconds|s)\b", text.lower())]


def clock(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


# ---- MPEG audio, layer III (ISO 11172-3 and 13818-3): the length is that of the frames, whatever a tag says

RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by the two bits of the version
KBITS = {True: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320), False: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)}


def length(name):
    try:
        with open(name, "rb") as f:
            content = f.read()
    except OSError as problem:
        raise AssertionError(f"{name} cannot be read: {problem}") from None
    at, seconds, frames = tag(content), 0.0, 0
    start = at
    while (found := frame(content, at)) and at + found[0] <= len(content):
        at, seconds, frames = at + found[0], seconds + found[1], frames + 1
    assert frames >= 100 and len(content) - at <= 64 << 10, f"{name} is no whole MP3 file"
    middle = content[(start + at) // 2 :][: 4 << 20]
    assert len(zlib.compress(middle, 1)) >= 0.3 * len(middle), f"{name} is silence"
    return seconds


def tag(content):
    """Where the first frame is: after the ID3v2 tag."""
    if content[:3] != b"ID3" or len(content) < 10:
        return 0
    return 10 + sum((byte & 127) << shift for byte, shift in zip(content[6:10], (21, 14, 7, 0)))


def frame(content, at):
    """Length in bytes and in seconds of the frame, None if there is none."""
    if at + 4 > len(content) or content[at] != 0xFF or content[at + 1] & 0xE6 != 0xE2:
        return None
    version, kbit, rate = content[at + 1] >> 3 & 3, content[at + 2] >> 4, content[at + 2] >> 2 & 3
    if version == 1 or kbit in (0, 15) or rate == 3:
        return None
    hertz, samples = RATES[version][rate], 1152 if version == 3 else 576
    size = samples // 8 * KBITS[version == 3][kbit - 1] * 1000 // hertz + (content[at + 2] >> 1 & 1)
    return size, samples / hertz
