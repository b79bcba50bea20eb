"""Collects the action items from the tables of a DOCX document.

query is JSON: {"document": DOCX file, "owner": heading of a column, "task": heading, "due": heading,
"date": form of the due dates as strptime takes it, if it is not YYYY-MM-DD, "list": CSV file to write}
"""
import csv
import datetime
import json
import zipfile
from collections import Counter
from xml.etree import ElementTree

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def main(query: str) -> dict:
    want = json.loads(query)
    items = []
    for header, *rows in tables(want["document"]):
        if want["due"] in header:
            for row in rows:
                cells = dict(zip(header, row))
                due = datetime.datetime.strptime(cells[want["due"]], want.get("date", "%Y-%m-%d")).date().isoformat()
                items.append((due, cells[want["owner"]], cells[want["task"]]))
    items.sort()
    with open(want["list"], "w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([("due", "owner", "task")] + items)
    owner, most = Counter(item[1] for item in items).most_common(1)[0]
    return {
        "answer": "%d actions; %s has the most: %d. First due: %s on %s (%s)" % (len(items), owner, most, items[0][2], items[0][0], items[0][1]),
        "summary": "wrote %s" % want["list"],
    }


def tables(path: str) -> list:
    with zipfile.ZipFile(path) as z:
        root = ElementTree.fromstring(z.read("word/document.xml"))
    return [[["".join(t.text or "" for t in cell.iter(W + "t")) for cell in row.iter(W + "tc")] for row in table.iter(W + "tr")] for table in root.iter(W + "tbl")]
