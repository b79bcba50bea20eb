# /// script
# dependencies = ["pypdf==7.1.0"]
# ///
"""Text of document.pdf; query is how many characters are wanted at most."""
import logging

from pypdf import PdfReader

logging.disable(logging.CRITICAL)  # of faults that pypdf works around


def main(query):
    most = int(query)
    reader = PdfReader("document.pdf")
    if reader.is_encrypted and not reader.decrypt(""):
        raise ValueError("it is encrypted, and its password is not known")
    pages, size = [], 0
    for page in reader.pages:
        text = page.extract_text().strip()
        pages.append(text)
        size += len(text) + 2
        if size > most:
            break
    return {"answer": "\n\n".join(pages)[:most], "summary": "%d of %d pages" % (len(pages), len(reader.pages))}
