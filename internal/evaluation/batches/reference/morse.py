"""Decodes Morse code from a WAV recording (8 bit, mono).

query is JSON: {"recording": WAV file, "text": file to write the message to, or empty}
"""
import json
import wave

MORSE = {
    ".-": "A", "-...": "B", "-.-.": "C", "-..": "D", ".": "E", "..-.": "F", "--.": "G", "....": "H", "..": "I", ".---": "J", "-.-": "K", ".-..": "L", "--": "M",
    "-.": "N", "---": "O", ".--.": "P", "--.-": "Q", ".-.": "R", "...": "S", "-": "T", "..-": "U", "...-": "V", ".--": "W", "-..-": "X", "-.--": "Y", "--..": "Z",
    "-----": "0", ".----": "1", "..---": "2", "...--": "3", "....-": "4", ".....": "5", "-....": "6", "--...": "7", "---..": "8", "----.": "9",
}
WINDOW = 0.005  # seconds


def main(query: str) -> dict:
    want = json.loads(query)
    runs = loudness_runs(want["recording"])
    unit = min(length for loud, length in runs if loud)
    message = decode(runs, unit)
    if want.get("text"):
        with open(want["text"], "w", encoding="utf-8") as f:
            f.write(message + "\n")
    return {"answer": message, "summary": "decoded %d characters; a dot takes about %d ms" % (len(message), unit * WINDOW * 1000)}


def loudness_runs(path: str) -> list:
    """Alternating (loud, windows), without the silence at both ends."""
    with wave.open(path) as w:
        samples, size = w.readframes(w.getnframes()), int(w.getframerate() * WINDOW)
    levels = [sum(abs(s - 128) for s in samples[i:i + size]) / size for i in range(0, len(samples) - size, size)]
    loud = [level > max(levels) / 2 for level in levels]
    runs = []
    for now in loud:
        if runs and runs[-1][0] == now:
            runs[-1][1] += 1
        else:
            runs.append([now, 1])
    return [tuple(run) for run in runs if run[1] > 1][1:]


def decode(runs: list, unit: int) -> str:
    message, letter = "", ""
    for loud, length in runs + [(False, 3 * unit)]:
        if loud:
            letter += "-" if length > 2 * unit else "."
        elif letter and length > 2 * unit:
            message += MORSE.get(letter, "?") + (" " if length > 5 * unit else "")
            letter = ""
    return message.strip()
