"""Counts a name in the chapters of an EPUB book, in reading order.

query is JSON: {"book": EPUB file, "name": whole word to count, "report": JSON file to write}
"""
import json
import posixpath
import re
import zipfile
from xml.etree import ElementTree

OPF = "{http://www.idpf.org/2007/opf}"
XHTML = "{http://www.w3.org/1999/xhtml}"


def main(query: str) -> dict:
    want = json.loads(query)
    counts, lengths = {}, {}
    for heading, text in chapters(want["book"]):
        counts[heading] = len(re.findall(r"\b%s\b" % re.escape(want["name"]), text))
        lengths[heading] = len(text.split())
    with open(want["report"], "w", encoding="utf-8") as f:
        json.dump(counts, f)
    first = next((heading for heading, count in counts.items() if count), "no chapter")
    return {
        "answer": "%s appears first in %s; the longest is %s" % (want["name"], first, max(lengths, key=lengths.get)),
        "summary": "counted %d chapters into %s" % (len(counts), want["report"]),
    }


def chapters(path: str):
    with zipfile.ZipFile(path) as z:
        container = ElementTree.fromstring(z.read("META-INF/container.xml"))
        place = next(e for e in container.iter() if e.tag.endswith("rootfile")).get("full-path")
        package = ElementTree.fromstring(z.read(place))
        parts = {item.get("id"): item.get("href") for item in package.iter(OPF + "item")}
        for entry in package.iter(OPF + "itemref"):
            page = ElementTree.fromstring(z.read(posixpath.join(posixpath.dirname(place), parts[entry.get("idref")])))
            heading = "".join(next(page.iter(XHTML + "h1")).itertext())
            yield heading, " ".join("".join(p.itertext()) for p in page.iter(XHTML + "p"))
