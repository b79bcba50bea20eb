"""The keys that were pressed, in their groups."""
import re

WANT = {
    "dial.wav": "4711 0815 92",
    "doorbell.wav": "*38 5002 617# 44",
}


def facts(query):
    return next(value for key, value in WANT.items() if key in query)


def check(query, answer):
    keys = facts(query)
    groups = r"[\s,;|/–-]+".join(r"\s?".join(map(re.escape, group)) for group in keys.split())
    assert re.search(r"(?<![\d*#])" + groups + r"(?![\d*#])", answer), "the answer does not give the keys in their groups"
    count = len(keys.replace(" ", ""))
    if "*" in keys:
        assert re.search(r"(?<![\d*#])%d(?![\d*#])" % count, answer), "the answer does not tell that %d keys were pressed" % count
