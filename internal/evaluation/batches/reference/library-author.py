"""Sums up the books of an author in a library's web catalogue.

query is JSON: {"site": address of the library, "author": name, "pick": "first" or "last" by year,
"language": whose books are counted}
"""
import html
import json
import re
import urllib.parse
import urllib.request


def main(query: str) -> dict:
    want = json.loads(query)
    books = find_books(want["site"], want["author"])
    if not books:
        raise ValueError("the catalogue has no book by %s" % want["author"])
    one = (min if want["pick"] == "first" else max)(books, key=lambda book: book["Year"])
    pages = sum(book["Pages"] for book in books)
    spoken = sum(book["Language"] == want["language"] for book in books)
    return {
        "answer": "%d books with %d pages; the %s is \"%s\" (%d); %d are in %s" % (len(books), pages, want["pick"], one["Title"], one["Year"], spoken, want["language"]),
        "summary": "read the pages of %d books" % len(books),
    }


def find_books(site: str, author: str) -> list:
    books, page = [], urllib.parse.urljoin(site, "/catalogue?" + urllib.parse.urlencode({"author": author}))
    while page:
        text = fetch(page)
        for link in re.findall(r'class="book" href="([^"]+)"', text):
            book = read_book(fetch(urllib.parse.urljoin(page, link)))
            if book["Author"] == author:
                books.append(book)
        link = re.search(r'rel="next" href="([^"]+)"', text)
        page = urllib.parse.urljoin(page, html.unescape(link.group(1))) if link else ""
    return books


def read_book(text: str) -> dict:
    book = {key: html.unescape(value) for key, value in re.findall(r"<dt>([^<]+)</dt><dd>([^<]*)</dd>", text)}
    book["Title"] = html.unescape(re.search(r"<h1>([^<]+)</h1>", text).group(1))
    return {**book, "Year": int(book["Year"]), "Pages": int(book["Pages"])}


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as response:
        return response.read().decode("utf-8")
