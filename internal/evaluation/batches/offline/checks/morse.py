"""The text of a message in Morse code."""
import os
import re

WANT = {
    "beacon.wav": ("", "FERRY 42 DELAYED BY ICE"),
    "lighthouse.wav": ("message.txt", "ROCK 7 NEEDS OIL AND 3 LAMPS"),
}


def facts(query):
    return next(value for key, value in WANT.items() if key in query)


def read(path):
    assert os.path.isfile(path), "%s is missing" % path
    with open(path, encoding="utf-8-sig", errors="replace", newline="") as f:
        return f.read()


def check(query, answer):
    path, message = facts(query)
    assert plain(message) in plain(answer), "the answer does not say what was sent"
    if path:
        assert plain(read(path)) == plain(message), "%s does not hold the message" % path


def plain(text):
    return " %s " % " ".join(re.findall(r"[A-Z0-9]+", text.upper()))
