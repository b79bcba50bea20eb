"""A list of actions in order of their dates, and who has the most of them."""
import csv
import os
import re

WANT = {
    "minutes.docx": ("actions.csv", [["2026-04-07", "Ravi Menon", "Order the leaflet"], ["2026-04-10", "Ravi Menon", "Test the bus"], ["2026-04-12", "Ines Vogel", "Draft the leaflet"], ["2026-04-19", "Noor Haddad", "Test the roof"], ["2026-05-07", "Ravi Menon", "Test the budget"], ["2026-05-17", "Lena Brandt", "Review the roof"], ["2026-05-19", "Lena Brandt", "Book the alarm"], ["2026-05-23", "Ravi Menon", "Test the lift"], ["2026-05-25", "Ravi Menon", "Order the bus"], ["2026-05-27", "Ravi Menon", "Book the roof"], ["2026-06-09", "Tom Aubert", "Order the website"]], "Ravi Menon", 6),
    "review.docx": ("todo.csv", [["2026-04-02", "Tom Aubert", "Order the roof"], ["2026-04-06", "Ines Vogel", "Draft the budget"], ["2026-04-27", "Ines Vogel", "Draft the website"], ["2026-04-28", "Tom Aubert", "Order the lift"], ["2026-04-30", "Ines Vogel", "Draft the leaflet"], ["2026-05-05", "Tom Aubert", "Draft the bus"], ["2026-05-07", "Noor Haddad", "Repair the alarm"], ["2026-05-09", "Ines Vogel", "Order the budget"], ["2026-05-10", "Noor Haddad", "Book the bus"], ["2026-06-01", "Lena Brandt", "Book the roof"], ["2026-06-05", "Lena Brandt", "Book the website"], ["2026-06-19", "Ravi Menon", "Review the website"], ["2026-06-23", "Lena Brandt", "Review the lift"], ["2026-06-29", "Ravi Menon", "Test the roof"]], "Ines Vogel", 4),
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


def read(path):
    assert os.path.isfile(path), "%s is missing" % path
    with open(path, encoding="utf-8-sig", errors="replace", newline="") as f:
        return f.read()


def check(query, answer):
    todo, items, owner, most = facts(query)
    rows = list(csv.DictReader(read(todo).splitlines()))
    assert rows and set(rows[0]) >= {"due", "owner", "task"}, "%s lacks the columns due, owner and task" % todo
    got = [[(row[column] or "").strip() for column in ("due", "owner", "task")] for row in rows]
    assert got == items, "%s does not list the %d actions in order" % (todo, len(items))
    states(answer, len(items), "the number of actions")
    assert owner in answer, "the answer does not name %s" % owner
    states(answer, most, "how many actions %s has" % owner)
    if todo == "todo.csv":
        assert items[0][2].lower() in answer.lower(), "the answer does not tell what is due first"
