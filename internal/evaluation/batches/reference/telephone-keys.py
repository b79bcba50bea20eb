"""Recognises the keys of a telephone by their tones (DTMF) in a WAV recording (8 bit, mono).

query is JSON: {"recording": WAV file, "pause": seconds of silence that end a group}
"""
import json
import math
import wave

ROWS, COLUMNS, KEYS = [697, 770, 852, 941], [1209, 1336, 1477, 1633], ["123A", "456B", "789C", "*0#D"]
WINDOW = 0.02  # seconds


def main(query: str) -> dict:
    want = json.loads(query)
    groups, keys, silent, last = [], "", 0.0, None
    for key in heard(want["recording"]):
        if key is None:
            silent += WINDOW
            if silent >= want["pause"] and keys:
                groups.append(keys)
                keys = ""
        elif last is None:
            keys += key
        if key is not None:
            silent = 0.0
        last = key
    groups += [keys] if keys else []
    return {
        "answer": "%s (%d keys)" % (" ".join(groups), sum(map(len, groups))),
        "summary": "heard %d groups of keys" % len(groups),
    }


def heard(path: str):
    """The key that sounds in each window, or None."""
    with wave.open(path) as w:
        rate, samples = w.getframerate(), [s - 128 for s in w.readframes(w.getnframes())]
    size = int(rate * WINDOW)
    for i in range(0, len(samples) - size, size):
        window = samples[i:i + size]
        if sum(map(abs, window)) / size < 20:
            yield None
            continue
        row = max(range(4), key=lambda n: power(window, ROWS[n], rate))
        column = max(range(4), key=lambda n: power(window, COLUMNS[n], rate))
        yield KEYS[row][column]


def power(window: list, pitch: float, rate: int) -> float:
    """The Goertzel algorithm: how much of a frequency is in a window."""
    turn = 2 * math.cos(2 * math.pi * pitch / rate)
    a = b = 0.0
    for sample in window:
        a, b = sample + turn * a - b, a
    return a * a + b * b - turn * a * b
