"""An SVG chart with a bar for each month, proportional to its value, and the extremes in the answer."""
import os
import re
from xml.etree import ElementTree

MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]
SVG = "{http://www.w3.org/2000/svg}"
WANT = {
    "temperatures.csv": ("chart.svg", 640, 360, 2, [2.07, 2.32, 7.17, 11.17, 15.89, 18.48, 21.19, 20.8, 16.92, 10.21, 6.1, 3.38]),
    "rainfall.csv": ("rain.svg", 800, 400, 1, [55.6, 46.9, 63.3, 53.4, 53.1, 37.5, 51.9, 74.5, 61.9, 42.4, 55.6, 47.2]),
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


def parse(chart):
    try:
        return ElementTree.fromstring(read(chart))
    except ElementTree.ParseError as e:
        raise AssertionError("%s is no SVG: %s" % (chart, e)) from None


def number(element, name):
    found = re.fullmatch(r"\s*(-?\d*\.?\d+)(?:px)?\s*", element.get(name) or "")
    assert found, "an element has no number as its %s" % name
    return float(found.group(1))


def check(query, answer):
    chart, width, height, digits, values = facts(query)
    root = parse(chart)
    assert (size(root, "width", 2), size(root, "height", 3)) == (width, height), "%s is not %d by %d" % (chart, width, height)
    bars = [r for r in root.iter(SVG + "rect") if "bar" in (r.get("class") or "").split()]
    assert len(bars) == 12, "%s has %d bars instead of twelve" % (chart, len(bars))
    assert all(number(a, "x") < number(b, "x") for a, b in zip(bars, bars[1:])), "the bars do not go from left to right"
    tallest = max(number(b, "height") for b in bars)
    assert tallest > 0, "the bars have no height"
    for month, bar, value in zip(MONTHS, bars, values):
        title = bar.find(SVG + "title")
        shown = re.search(r"-?\d+\.\d{%d}(?!\d)" % digits, "" if title is None else title.text or "")
        assert shown and abs(float(shown.group()) - value) < 0.011 * 10 ** (2 - digits), "the title of %s does not hold its value" % month
        assert abs(number(bar, "height") / tallest - value / max(values)) < 0.01, "the bar of %s is not in proportion" % month
    named(answer, values, max(values), digits)
    if chart == "rain.svg":
        named(answer, values, min(values), digits)


def size(root, name, place):
    if root.get(name):
        return number(root, name)
    box = re.findall(r"[\d.]+", root.get("viewBox") or "")
    return float(box[place]) if len(box) == 4 else 0


def named(answer, values, value, digits):
    month = MONTHS[values.index(value)]
    assert month in answer, "the answer does not name %s" % month
    assert any(abs(n - value) < 0.011 * 10 ** (2 - digits) for n in numbers(answer)), "the answer does not state the value of %s" % month
