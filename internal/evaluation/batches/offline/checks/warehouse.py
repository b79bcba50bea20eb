"""Pallets of some goods: how many, their weight, and the heaviest."""
import re

WANT = {
    "/warehouse/north": (8, 2991, "P-216", 617),
    "/warehouse/south": (14, 5587, "P-284", 623),
}


def facts(query):
    return next(value for key, value in WANT.items() if key in query)


WORDS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen".split()


def numbers(text):
    """Every number in a text, in figures or as a word."""
    spelt = [WORDS.index(word) for word in re.findall(r"[a-z]+", text.lower()) if word in WORDS]
    return spelt + [float(n.replace(",", "")) for n in re.findall(r"(?<![\w.])\d[\d,]*(?:\.\d+)?", text)]


def states(answer, number, what):
    assert any(abs(n - number) < 0.006 for n in numbers(answer)), "the answer does not state %s" % what


def check(query, answer):
    pallets, weight, heaviest, kg = facts(query)
    assert heaviest in answer, "the answer does not name the pallet %s" % heaviest
    for number, what in ((pallets, "the number of pallets"), (weight, "the weight of all"), (kg, "the weight of the heaviest")):
        states(answer, number, what)
