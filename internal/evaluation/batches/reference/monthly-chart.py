"""Draws an SVG bar chart of the months of a year from daily values.

query is JSON: {"csv": file, "date": form of its first column as strptime takes it, "total": "mean" or "sum",
"digits": decimals that are shown, "chart": SVG file to write, "width": number, "height": number}
"""
import csv
import datetime
import json

MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]
MARGIN = 30


def main(query: str) -> dict:
    want = json.loads(query)
    months = read(want["csv"], want["date"])
    values = [sum(m) / len(m) if want["total"] == "mean" else sum(m) for m in months]
    with open(want["chart"], "w", encoding="utf-8") as f:
        f.write(draw(values, want["width"], want["height"], want["digits"]))
    high, low = values.index(max(values)), values.index(min(values))
    return {
        "answer": "highest: %s with %.*f; lowest: %s with %.*f" % (MONTHS[high], want["digits"], values[high], MONTHS[low], want["digits"], values[low]),
        "summary": "wrote %s with twelve bars" % want["chart"],
    }


def read(path: str, form: str) -> list:
    """The values of each month."""
    months = [[] for _ in MONTHS]
    with open(path, newline="", encoding="utf-8") as f:
        text = f.read()
    rows = csv.reader(text.splitlines(), delimiter=";" if ";" in text else ",")
    next(rows)
    for date, value in rows:
        number = parse(value)
        if number is not None:
            months[datetime.datetime.strptime(date, form).month - 1].append(number)
    return months


def parse(value: str):
    try:
        number = float(value.replace(",", "."))
    except ValueError:
        return None
    return None if number == -999 else number


def draw(values: list, width: int, height: int, digits: int) -> str:
    step, scale = (width - 2 * MARGIN) / len(values), (height - 2 * MARGIN) / max(values)
    bars = []
    for i, value in enumerate(values):
        x, tall = MARGIN + i * step, value * scale
        bars.append('<rect class="bar" x="%.2f" y="%.2f" width="%.2f" height="%.2f" fill="#4a7ebb"><title>%.*f</title></rect>' % (x, height - MARGIN - tall, step * 0.8, tall, digits, value))
        bars.append('<text x="%.2f" y="%d" font-size="10">%s</text>' % (x, height - 10, MONTHS[i][:3]))
    return '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d">\n%s\n</svg>\n' % (width, height, "\n".join(bars))
