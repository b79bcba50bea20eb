"""Documents: minutes as DOCX, stories as EPUB, mailboxes."""
import base64
import datetime
import io
import quopri
import random
import re
import zipfile
from collections import Counter
from pathlib import Path
from xml.sax.saxutils import escape


def make(folder: Path) -> dict:
    rng = random.Random(37)
    return {**make_minutes(rng, folder), **make_stories(rng, folder), **make_mail(rng, folder)}


def pack(path: Path, members: list) -> None:
    """A zip file without compression and clock, so that its bytes depend on its members alone."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as z:
        for name, text in members:
            info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            info.create_system = 3
            z.writestr(info, text)
    path.write_bytes(out.getvalue())


W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
TYPES = '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
RELS = '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>'


def make_minutes(rng, folder) -> dict:
    people = ["Ines Vogel", "Tom Aubert", "Noor Haddad", "Lena Brandt", "Ravi Menon"]
    verbs, things = ["Order", "Repair", "Review", "Draft", "Test", "Book"], ["the lift", "the budget", "the leaflet", "the alarm", "the roof", "the bus", "the website"]
    facts = {}
    for name, header, form, count in (("minutes.docx", ["Owner", "Task", "Due"], "%Y-%m-%d", 11), ("review.docx", ["No", "Deadline", "Action", "Responsible"], "%d.%m.%Y", 14)):
        deeds = rng.sample(["%s %s" % (v, t) for v in verbs for t in things], count)
        days = rng.sample(range(90), count)
        items = [(rng.choice(people), deed, datetime.date(2026, 4, 1) + datetime.timedelta(days=d)) for deed, d in zip(deeds, days)]
        half = count // 2
        body = para("Minutes") + para("Present: " + ", ".join(people)) + table([["Room", "Seats"], ["Blue", "12"], ["Green", "30"]])
        body += para("Actions agreed before the break:") + table([header] + [row(header, i, n, form) for n, i in enumerate(items[:half], 1)])
        body += para("After the break the roof was discussed, and this was added:") + table([header] + [row(header, i, n, form) for n, i in enumerate(items[half:], half + 1)])
        document = '<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="%s"><w:body>%s</w:body></w:document>' % (W, body)
        pack(folder / name, [("[Content_Types].xml", TYPES), ("_rels/.rels", RELS), ("word/document.xml", document)])
        items.sort(key=lambda i: i[2])
        (most, n), (_, second) = Counter(i[0] for i in items).most_common(2)
        assert n > second, "nobody has the most actions"
        facts[name] = [[[i[2].isoformat(), i[0], i[1]] for i in items], most, n]
    return facts


def row(header, item, n, form) -> list:
    owner, deed, due = item
    values = {"Owner": owner, "Responsible": owner, "Task": deed, "Action": deed, "Due": due.strftime(form), "Deadline": due.strftime(form), "No": str(n)}
    return [values[h] for h in header]


def para(text) -> str:
    """A paragraph in two runs, as word processors write them."""
    cut = len(text) // 2
    return "<w:p>" + "".join('<w:r><w:t xml:space="preserve">%s</w:t></w:r>' % escape(t) for t in (text[:cut], text[cut:])) + "</w:p>"


def table(rows) -> str:
    return "<w:tbl>" + "".join("<w:tr>" + "".join("<w:tc>%s</w:tc>" % para(c) for c in r) + "</w:tr>" for r in rows) + "</w:tbl>"


def make_stories(rng, folder) -> dict:
    return {
        "harbour.epub": story(rng, folder / "harbour.epub", "The Harbour", "Marta", ["Marten", "the captain", "Olaf"], 7),
        "orchard.epub": story(rng, folder / "orchard.epub", "The Orchard", "Elias", ["Eliasson", "the gardener", "Runa"], 9),
    }


def story(rng, path, title, name, others, count) -> list:
    """The reading order is that of the spine, which is not that of the files' names."""
    words = "the boat was late and nobody on the quay knew why it had not come before the storm".split()
    order = rng.sample(range(1, count + 1), count)
    texts, told = [], []
    for n in range(count):
        sentences = []
        for _ in range(rng.randint(14, 40)):
            who = rng.choice([name] + others * 3) if n >= 2 else rng.choice(others)
            sentences.append("%s %s." % (who, " ".join(rng.choice(words) for _ in range(rng.randint(4, 11)))))
        texts.append(" ".join(sentences))
        told.append(sum(1 for s in sentences if s.split()[0] == name))
    members = [("mimetype", "application/epub+zip"), ("META-INF/container.xml", '<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="book/content.opf" media-type="application/oebps-package+xml"/></rootfiles></container>')]
    manifest = "".join('<item id="c%d" href="part%02d.xhtml" media-type="application/xhtml+xml"/>' % (k, k) for k in range(1, count + 1))
    spine = "".join('<itemref idref="c%d"/>' % k for k in order)
    members.append(("book/content.opf", '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>%s</dc:title></metadata><manifest>%s</manifest><spine>%s</spine></package>' % (title, manifest, spine)))
    page = '<?xml version="1.0" encoding="UTF-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>%s</title></head><body><h1>Chapter %d</h1><p>%s</p></body></html>'
    for k, n in sorted(zip(order, range(count))):
        members.append(("book/part%02d.xhtml" % k, page % (escape(title), n + 1, re.sub(r"\b%s\b" % name, "<em>%s</em>" % name, texts[n], count=1))))
    pack(path, members)
    counts = {"Chapter %d" % (n + 1): c for n, c in enumerate(told)}
    lengths = [len(t.split()) for t in texts]
    longest = max(range(count), key=lambda n: lengths[n])
    assert lengths.count(lengths[longest]) == 1
    return [counts, "Chapter %d" % (next(n for n, c in enumerate(told) if c) + 1), "Chapter %d" % (longest + 1)]


def make_mail(rng, folder) -> dict:
    return {
        "orders.mbox": mailbox(rng, folder / "orders.mbox", ["Rye bread", "Plum cake", "Brötchen", "Apple pie"], 14, 3),
        "bookings.mbox": mailbox(rng, folder / "bookings.mbox", ["Rowing boat", "Canoe", "Tandem kayak", "Überfahrt", "Raft"], 18, 4),
    }


def mailbox(rng, path, articles, count, cancelled) -> dict:
    """Each mail orders; some cancel an earlier one by its number. Bodies are plain, quoted-printable or base64."""
    orders = {n: {a: rng.randint(1, 9) for a in rng.sample(articles, rng.randint(1, 3))} for n in range(101, 101 + count)}
    gone = rng.sample(sorted(orders), cancelled)
    mails = [(n, "Order %d" % n, "Hello,\n\nplease put down for us:\n%s\n\nLast year we took 40 x %s.\n" % ("\n".join("- %d x %s" % (k, a) for a, k in items.items()), articles[0])) for n, items in orders.items()]
    mails += [(n + 0.5 if n % 2 else 900 + n, "Cancel order %d" % n, "We are sorry, order %d is not needed.\n- 3 x %s\n" % (n, articles[1])) for n in gone]
    text = ""
    for k, (_, subject, body) in enumerate(sorted(mails)):
        text += "From sender@example.org Thu Jan  1 00:00:00 2026\nFrom: Customer %d <c%d@example.org>\nSubject: %s\nMIME-Version: 1.0\n%s\n\n" % (k, k, subject, encoded(body, k % 3))
    path.write_text(text, encoding="utf-8")
    totals = Counter()
    for n, items in orders.items():
        if n not in gone:
            totals.update(items)
    return dict(sorted(totals.items()))


def encoded(body, way) -> str:
    raw = body.encode()
    if way == 0:
        return "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n" + base64.encodebytes(raw).decode()
    if way == 1:
        return "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n" + quopri.encodestring(raw).decode()
    html = "<html><body><p>%s</p></body></html>" % escape(body).replace("\n", "<br>")
    return ('Content-Type: multipart/alternative; boundary="b1"\n\n--b1\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\n%s\n'
            '--b1\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n%s\n--b1--\n') % (base64.encodebytes(html.encode()).decode(), quopri.encodestring(raw).decode())
