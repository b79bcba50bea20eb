"""Checks the booking of a meeting by what it left: picture, invitation, calendar file, answer.

Whether the meeting exists at the service cannot be seen here. That it is tomorrow is
judged by the calendar file itself, which tells when it was made (DTSTAMP).
"""
import datetime
import re
import struct


def check(query, answer):
    hour = int(re.search(r"at (\d+) p\.m\. UTC", query)[1]) + 12
    picture("booking.png")
    event = calendar("meeting.ics")
    assert "work meeting" in event.get("SUMMARY", "").lower(), "the event in meeting.ics is not called Work Meeting"
    start = instant(event, "DTSTART")
    assert (start.hour, start.minute) == (hour, 0), f"the meeting in meeting.ics begins at {start:%H:%M}, not at {hour}:00 UTC"
    assert start.date() - instant(event, "DTSTAMP").date() == datetime.timedelta(days=1), "the meeting is not on the day after meeting.ics was made (DTSTAMP)"
    assert lasts(event, start), "the meeting in meeting.ics does not last one hour"
    invitation = read("invitation.md")
    number, link = line(invitation, "Meeting ID"), address(line(invitation, "Link"))
    assert link in answer, "the answer does not give the link of invitation.md"
    assert len(bare(number)) >= 6 and bare(number) in bare(answer), "the answer does not give the meeting's ID of invitation.md"
    assert link in "".join(event.values()), "meeting.ics does not hold the link"


def calendar(name):
    """The properties of the first event, lines unfolded (RFC 5545, section 3.1); parameters go with the value."""
    text = re.sub(r"\r?\n[ \t]", "", read(name))
    found = re.search(r"(?ms)^BEGIN:VEVENT\s*$(.*?)^END:VEVENT\s*$", text)
    assert found and text.startswith("BEGIN:VCALENDAR"), f"{name} is no calendar file with an event"
    event = {}
    for entry in found[1].splitlines():
        if m := re.match(r"([A-Z-]+)([;:].*)", entry):
            event.setdefault(m[1], m[2].replace("\\,", ",").replace("\\;", ";"))
    return event


def instant(event, name):
    found = re.fullmatch(r"(?:;[^:]*UTC[^:]*)?:(\d{8}T\d{6})Z?|:(\d{8}T\d{6})Z", event.get(name, "").strip())
    assert found and (event[name].strip().endswith("Z") or "UTC" in event[name]), f"meeting.ics has no {name} in UTC"
    try:
        return datetime.datetime.strptime(found[1], "%Y%m%dT%H%M%S")
    except ValueError:
        raise AssertionError(f"{name} in meeting.ics is no time") from None


def lasts(event, start):
    if "DTEND" in event:
        return instant(event, "DTEND") - start == datetime.timedelta(hours=1)
    return event.get("DURATION", "") in (":PT1H", ":PT60M", ":PT1H0M", ":PT1H0M0S")


def line(text, label):
    found = re.search(rf"(?im)^[\W_]*{label}\W*:\W*(\S.*)$", text)
    assert found, f"invitation.md has no line {label}:"
    return found[1]


def address(text):
    found = re.search(r"https://[\w.-]+\.[a-z]{2,}/[^\s)>\]*\"']+", text)
    assert found and not re.search(r"//(?:[\w.-]+\.)?(?:example\.|localhost|test/)", found[0]), "the link in invitation.md is no https address of a meeting"
    return found[0].rstrip(".,;:")


def bare(text):
    return re.sub(r"[\W_]", "", text).lower()


def read(name):
    try:
        with open(name, encoding="utf-8-sig", newline="") as f:
            return f.read()
    except (OSError, UnicodeDecodeError) as problem:
        raise AssertionError(f"{name} cannot be read: {problem}") from None


def picture(name):
    try:
        with open(name, "rb") as f:
            content = f.read()
    except OSError as problem:
        raise AssertionError(f"{name} cannot be read: {problem}") from None
    assert content[:8] == b"\x89PNG\r\n\x1a\n" and len(content) >= 1000 and b"IEND" in content[-16:], f"{name} is no whole PNG picture"
    width, height = struct.unpack(">II", content[16:24])
    assert width >= 300 and height >= 200, f"{name} has {width} × {height} pixels: too small to read"
