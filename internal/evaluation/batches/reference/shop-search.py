"""Picks an article of a web shop by search, rating, stock and price.

query is JSON: {"site": address of the shop, "word": what to search for, "min_rating": number,
"pick": "cheapest" or "dearest"}
"""
import json
import re
import urllib.parse
import urllib.request


def main(query: str) -> dict:
    want = json.loads(query)
    page = urllib.parse.urljoin(want["site"], "/search?" + urllib.parse.urlencode({"q": want["word"]}))
    fitting = []
    while page:
        html = fetch(page)
        for link in re.findall(r'class="article" href="([^"]+)"', html):
            article = read_article(fetch(urllib.parse.urljoin(page, link)))
            if article["stock"] > 0 and article["rating"] >= want["min_rating"]:
                fitting.append(article)
        page = next_page(page, html)
    if not fitting:
        raise ValueError("no article meets the conditions")
    best = (min if want["pick"] == "cheapest" else max)(fitting, key=lambda article: article["price"])
    return {
        "answer": "%s (%s) for %.2f EUR; %d articles meet the conditions" % (best["name"], best["number"], best["price"], len(fitting)),
        "summary": "compared %d articles found for %r" % (len(fitting), want["word"]),
    }


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as response:
        return response.read().decode("utf-8")


def read_article(html: str) -> dict:
    cells = dict(re.findall(r"<th>([^<]+)</th><td>([^<]*)</td>", html))
    stock = re.match(r"\d+", cells["Stock"])
    return {
        "name": re.search(r"<h1>([^<]+)</h1>", html).group(1), "number": cells["Article number"],
        "price": float(cells["Price"].split()[0]), "rating": float(cells["Rating"].split()[0]),
        "stock": int(stock.group()) if stock else 0,
    }


def next_page(page: str, html: str) -> str:
    link = re.search(r'rel="next" href="([^"]+)"', html)
    return urllib.parse.urljoin(page, link.group(1).replace("&amp;", "&")) if link else ""
