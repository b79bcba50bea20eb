"""Makes the data of the offline batches and of the offline web site, always the same bytes.

usage: python3 generate.py DATA SITE [FACTS]

DATA gets the input files of the tasks, SITE the tables behind the web site. FACTS, if given, gets the facts that the
tasks ask for, computed from what the data is made of and not from the files; the check scripts state the same facts.
Python's standard library only.
"""
import json
import sys
from pathlib import Path

import audio
import documents
import plans
import site_tables
import tables


def main(data: Path, site: Path, facts: Path = None) -> None:
    known = {}
    for make in (tables.make, documents.make, audio.make, plans.make):
        known.update(make(data))
    known.update(site_tables.make(site))
    if facts:
        facts.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
