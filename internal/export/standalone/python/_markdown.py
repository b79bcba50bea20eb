"""Markdown of an HTML document: its main content where that is marked as such, else the whole page."""
import html.parser
import re
import time
import urllib.parse

MAX_PARTS = 200_000  # tags and texts; larger documents are read as plain text
MIN_ARTICLE = 200  # characters from which on an article is one, and not a teaser
MIN_SHARE = 0.2  # of a page's text that its article has at least
MAX_DEPTH = 20  # of lists and inline elements in one another
PATIENCE = 20  # seconds for a document whose HTML makes every parser slow

_INVISIBLE = {"script", "style", "noscript", "template", "svg", "iframe", "title"}
_RAW = {"script", "style"}
_BLOCKS = set(
    "address article aside blockquote body center dd details dialog div dl dt fieldset figcaption figure footer form h1 h2 h3 "
    "h4 h5 h6 head header hgroup hr html li main nav ol p pre section summary table tbody td tfoot th thead tr ul".split()
)
_MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*", "del": "~~", "s": "~~", "strike": "~~", "code": "`", "kbd": "`", "samp": "`"}
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class TooSlow(Exception):
    """The document takes more time than it is worth."""


def convert(source, url):
    """The title and the text of a document, and which part of it that is."""
    parsed = _Parser(source)
    base = parsed.base(url)
    start, end, note = _main_part(parsed)
    if len(parsed.events) > MAX_PARTS:
        return parsed.title, _plain(parsed.events), "the whole page as plain text, for it has too many parts for more"
    writer = _Writer(base)
    for event in parsed.events[start:end]:
        parsed.tick()
        writer.take(*event)
    return parsed.title, writer.finished(), note


def _main_part(parsed):
    """Where the main content begins and ends, if it is most of the page."""
    sizes = [0]
    for kind, what, _ in parsed.events:
        sizes.append(sizes[-1] + (len("".join(what.split())) if kind == "text" else 0))
    best = max(parsed.articles, key=lambda a: sizes[a[1]] - sizes[a[0]], default=(0, 0))
    size = sizes[best[1]] - sizes[best[0]]
    if size >= MIN_ARTICLE and size >= MIN_SHARE * sizes[-1]:
        return best[0], best[1], "the main article of the page"
    return 0, len(parsed.events), "the whole page"


def _plain(events):
    pieces = [what if kind == "text" else "\n" if what in _BLOCKS or what == "br" else "" for kind, what, _ in events]
    return re.sub(r"\n\s*\n+", "\n\n", re.sub(r"[ \t\r\f\v]+", " ", "".join(pieces))).strip()


class _Parser(html.parser.HTMLParser):
    """A document as a list of events (start, end or text; tag or text; attributes), without what readers do not see."""

    def __init__(self, source):
        super().__init__()
        self.events, self.articles, self.title, self._base = [], [], "", ""
        self._deadline = time.monotonic() + PATIENCE
        self._hidden = []  # open elements that are not shown: (tag, events before it)
        self._open = []  # open articles: (tag, event)
        self._in_title = False
        self.feed(source)
        self.close()
        self.articles += [(start, len(self.events)) for _, start in self._open]

    def base(self, url):
        """What relative links start from."""
        try:
            found = urllib.parse.urljoin(url, self._base)
        except ValueError:
            return url
        return found if found.startswith(("http://", "https://")) else url

    def handle_starttag(self, tag, attrs):
        self.tick()
        attributes = dict(attrs)
        if tag == "base" and attributes.get("href") and not self._base:
            self._base = attributes["href"]
        if tag == "title" and not self.title:
            self._in_title = True
        if tag in _INVISIBLE:
            self._hidden.append((tag, len(self.events)))
        if tag in ("article", "main") or attributes.get("role") == "main":
            self._open.append((tag, len(self.events)))
        self.events.append(("start", tag, attributes))

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in _VOID and tag in _INVISIBLE:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        self.tick()
        if tag == "title":
            self._in_title = False
        self.events.append(("end", tag, None))
        for i in range(len(self._hidden) - 1, max(-1, len(self._hidden) - MAX_DEPTH), -1):
            if self._hidden[i][0] == tag:
                del self.events[self._hidden[i][1]:], self._hidden[i:]
                break
        for i in range(len(self._open) - 1, max(-1, len(self._open) - MAX_DEPTH), -1):
            if self._open[i][0] == tag:
                self.articles.append((min(self._open[i][1], len(self.events)), len(self.events)))
                del self._open[i:]
                break

    def handle_data(self, data):
        self.tick()
        if self._in_title:
            self.title = (self.title + data)[:2000].strip() if not self.title else self.title
        elif not (self._hidden and self._hidden[-1][0] in _RAW):
            self.events.append(("text", data, None))

    def handle_comment(self, data):
        self.tick()

    def handle_decl(self, decl):
        self.tick()

    def handle_pi(self, data):
        self.tick()

    def unknown_decl(self, data):
        self.tick()

    def tick(self):
        if time.monotonic() > self._deadline:
            raise TooSlow()


class _Writer:
    """Writes Markdown: inline text is collected in a line, which a block ends."""

    def __init__(self, base):
        self._base = base
        self._blocks = []  # (kind, text)
        self._line = []
        self._marks = []  # open inline elements: (tag, what comes around them, where they began in the line)
        self._lists = []  # open lists: the number of the next item, None without numbers
        self._item = None  # the marker of an item whose text has not come yet
        self._quotes = 0
        self._heading = 0
        self._code = None  # the text of an open pre, as a list
        self._tables = 0
        self._rows = []

    def finished(self):
        self._flush()
        self._end_table()
        text, before = "", ""
        for kind, block in self._blocks:
            text += ("\n" if kind == before == "item" else "\n\n") + block if text else block
            before = kind
        return text.strip()

    def take(self, event, what, attributes):
        if event == "text":
            (self._line if self._code is None else self._code).append(what)
        elif event == "start":
            self._start(what, attributes)
        else:
            self._end(what)

    def _start(self, tag, attributes):
        if self._code is not None:
            if tag == "br":
                self._code.append("\n")
            return
        if tag in _BLOCKS:
            self._flush()
            self._start_block(tag, attributes)
        elif tag == "br":
            self._line.append("\n\x00")
        elif tag == "img":
            self._image(attributes)
        elif len(self._marks) < MAX_DEPTH and (tag == "a" or tag in _MARKS):
            around = self._address(attributes.get("href")) if tag == "a" else _MARKS[tag]
            self._marks.append((tag, around, len(self._line)))

    def _start_block(self, tag, attributes):
        if tag in ("ul", "ol"):
            start = attributes.get("start") or "1"
            self._lists.append((int(start) if start.isdigit() and len(start) < 7 else 1) if tag == "ol" else None)
        elif tag == "li":
            self._start_item()
        elif tag == "blockquote":
            self._quotes += 1
        elif re.fullmatch("h[1-6]", tag):
            self._heading = int(tag[1])
        elif tag == "pre" and not self._tables:
            self._code = []
        elif tag == "hr":
            self._put("hr", "---")
        elif tag == "table":
            self._tables += 1
        elif self._tables and tag == "tr" and self._tables == 1:
            self._rows.append([])
        elif self._tables == 1 and tag in ("td", "th"):
            self._rows = self._rows or [[]]
            self._rows[-1].append("")

    def _start_item(self):
        if self._lists and self._lists[-1] is not None:
            self._item = "%d. " % self._lists[-1]
            self._lists[-1] += 1
        else:
            self._item = "- "

    def _end(self, tag):
        if self._code is not None:
            if tag == "pre":
                self._end_code()
            return
        if tag in _BLOCKS:
            self._flush()
            self._end_block(tag)
        else:
            self._end_mark(tag)

    def _end_block(self, tag):
        if tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        elif tag == "blockquote":
            self._quotes = max(0, self._quotes - 1)
        elif tag == "li":
            self._item = None
        elif tag == "table" and self._tables:
            self._tables -= 1
            if not self._tables:
                self._end_table()

    def _end_mark(self, tag):
        for i in range(len(self._marks) - 1, -1, -1):
            if self._marks[i][0] == tag:
                self._close(*self._marks.pop(i))
                return

    def _close(self, tag, around, start):
        """Put its signs around what an inline element holds, if it holds anything."""
        held = "".join(self._line[start:])
        text = held.strip()
        if not text or not around:
            return
        text = "[%s](%s)" % (" ".join(text.replace("\x00", "").split()), around) if tag == "a" else around + text + around
        before, after = held[: len(held) - len(held.lstrip())], held[len(held.rstrip()):]
        self._line[start:] = [(" " if before else "") + text + (" " if after else "")]

    def _flush(self):
        """End the line; inline elements that are open go on in the next one."""
        for i in range(len(self._marks) - 1, -1, -1):
            tag, around, start = self._marks[i]
            self._close(tag, around, start)
            self._marks[i] = (tag, around, 0)
        lines = [" ".join(part.split()) for part in "".join(self._line).split("\n\x00")]
        text, self._line = "\n".join(lines).strip(), []
        heading, self._heading = self._heading, 0
        if not text:
            self._heading = heading
        elif self._tables:
            self._cell(text)
        elif heading:
            self._put("heading", "#" * heading + " " + text.replace("\n", " "))
        else:
            self._put("text", text)

    def _put(self, kind, text):
        """Add a block, as part of the lists and quotations that are open."""
        indent = "  " * min(max(0, len(self._lists) - 1), MAX_DEPTH)
        if self._item:
            text, kind = indent + self._item + text.replace("\n", "\n" + indent + "  "), "item"
        elif self._lists:
            text, kind = "\n".join(indent + "  " + part for part in text.split("\n")), "item"
        if self._quotes:
            text = "\n".join("> " * min(self._quotes, MAX_DEPTH) + part for part in text.split("\n"))
        self._item = None
        self._blocks.append((kind, text))

    def _end_code(self):
        text, self._code = "".join(self._code).strip("\n"), None
        if text.strip():
            self._put("code", "```\n%s\n```" % text)

    def _cell(self, text):
        if not self._rows or not self._rows[-1]:
            self._put("text", text)  # a caption
            return
        row = self._rows[-1]
        row[-1] = (row[-1] + " " + text.replace("\n", " ").replace("|", "\\|")).strip()

    def _end_table(self):
        rows, self._rows = [r for r in self._rows if any(r)], []
        width = max(map(len, rows), default=0)
        if width > 1 and len(rows) > 1:
            lines = ["| %s |" % " | ".join(r + [""] * (width - len(r))) for r in rows]
            self._put("table", "\n".join([lines[0], "|" + "---|" * width] + lines[1:]))
            return
        for row in rows:  # a table that only places things
            for cell in filter(None, row):
                self._put("text", cell)

    def _image(self, attributes):
        address, text = self._address(attributes.get("src")), " ".join((attributes.get("alt") or "").split())
        if address:
            self._line.append("![%s](%s)" % (text, address))
        elif text:
            self._line.append(text)

    def _address(self, href):
        """An absolute link; "" for one that holds its data itself, or none."""
        try:
            address = urllib.parse.urljoin(self._base, (href or "").strip())
        except ValueError:
            return ""
        if not href or address.lower().startswith(("data:", "javascript:")):
            return ""
        return address.replace(" ", "%20").replace(")", "%29")
