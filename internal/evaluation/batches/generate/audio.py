"""Sounds at 8 kHz, mono, 8 bit: Morse code and the tones of telephone keys."""
import math
import random
import wave
from pathlib import Path

RATE = 8000
MORSE = {
    "A": ".-", "B": "-...", "C": "-.-.", "D": "-..", "E": ".", "F": "..-.", "G": "--.", "H": "....", "I": "..", "J": ".---", "K": "-.-", "L": ".-..", "M": "--",
    "N": "-.", "O": "---", "P": ".--.", "Q": "--.-", "R": ".-.", "S": "...", "T": "-", "U": "..-", "V": "...-", "W": ".--", "X": "-..-", "Y": "-.--", "Z": "--..",
    "0": "-----", "1": ".----", "2": "..---", "3": "...--", "4": "....-", "5": ".....", "6": "-....", "7": "--...", "8": "---..", "9": "----.",
}
ROWS, COLUMNS = [697, 770, 852, 941], [1209, 1336, 1477]  # Hz (ITU-T Q.23)
KEYS = ["123", "456", "789", "*0#"]


def make(folder: Path) -> dict:
    rng = random.Random(53)
    signals = {"beacon.wav": ("FERRY 42 DELAYED BY ICE", 0.055, 620, 4), "lighthouse.wav": ("ROCK 7 NEEDS OIL AND 3 LAMPS", 0.045, 470, 7)}
    for name, (text, unit, pitch, noise) in signals.items():
        write(folder / name, morse(text, unit, pitch), noise, rng)
    dialled = {"dial.wav": ("4711 0815 92", 0.09, 5), "doorbell.wav": ("*38 5002 617# 44", 0.07, 9)}
    for name, (keys, length, noise) in dialled.items():
        write(folder / name, touch_tones(keys, length), noise, rng)
    return {name: said[0] for name, said in {**signals, **dialled}.items()}


def tone(seconds, *pitches) -> list:
    """Samples from -1 to 1."""
    return [sum(math.sin(2 * math.pi * p * i / RATE) for p in pitches) / max(len(pitches), 1) for i in range(round(seconds * RATE))]


def silence(seconds) -> list:
    return [0.0] * round(seconds * RATE)


def morse(text, unit, pitch) -> list:
    samples = silence(5 * unit)
    for word in text.split():
        for letter in word:
            for mark in MORSE[letter]:
                samples += tone(unit if mark == "." else 3 * unit, pitch) + silence(unit)
            samples += silence(2 * unit)
        samples += silence(4 * unit)
    return samples


def touch_tones(groups, length) -> list:
    """Keys that follow each other at once; a space is a pause of a second."""
    samples = silence(0.3)
    for key in groups:
        if key == " ":
            samples += silence(1.0)
            continue
        row = next(r for r, keys in enumerate(KEYS) if key in keys)
        samples += tone(length, ROWS[row], COLUMNS[KEYS[row].index(key)]) + silence(0.06)
    return samples + silence(0.3)


def write(path: Path, samples, noise, rng) -> None:
    """Rounded to whole steps after adding noise of a few steps, so that the last bit of a sine does not matter."""
    data = bytes(max(0, min(255, round(128 + 90 * round(s, 6)) + rng.randint(-noise, noise))) for s in samples)
    with wave.open(str(path), "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(1)
        w.setframerate(RATE)
        w.writeframes(data)
