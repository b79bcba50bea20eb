"""Books of an author: how many, pages, the first or last with its year, how many in a language."""
import re

WANT = {
    '"Ada Winter"': (15, 5452, "The Quiet Lighthouse", 1951, 9),
    '"Jonas Falk"': (15, 5815, "The Quiet Bridge", 2015, 6),
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
    books, pages, title, year, spoken = facts(query)
    assert title.lower() in answer.lower(), "the answer does not name the book %s" % title
    for number, what in ((books, "the number of books"), (pages, "the pages"), (year, "the year"), (spoken, "how many are in the language")):
        states(answer, number, what)
