"""When schedules are due around each change of the clock, in each time zone: what `docs/schedules.md` says, minute by
minute, with the time zones of Python.

Nothing of PiCloud is used here. `python expect.py FILE` compares FILE with what it finds, `python expect.py --write FILE`
writes it. The Rust test `schedule::tests::zones` reads FILE.
"""

import difflib
import hashlib
import sys
import zoneinfo
from datetime import datetime, timedelta, timezone
from pathlib import Path

import tzdata

PATTERNS = [
    "30 2 * * *",
    "0 0 * * *",
    "59 23 * * *",
    "0,20,40 0,1,2,3 * * *",
    "*/15 * * * *",
    "*/10 1-3 * * *",
    "0 * * * *",
    "5 0-6/2 * * *",
    "15 1 * * SUN",
    "30 2 L 3,10 SUNL",
    "20 30 2,3 * * *",
    "*/20 0,59 1,23 * * *",
]
YEARS = range(2024, 2031)
MINUTE = 60
DAY = 24 * 60 * MINUTE
# What is looked at: so much around each change, and more around a moment without one.
AROUND = 6 * 60 * MINUTE
PLAIN = int(datetime(2027, 1, 16, 12, tzinfo=timezone.utc).timestamp())
AROUND_PLAIN = 36 * 60 * MINUTE
# Before that, a clock shows what it shows again only where it was changed by more.
SEEN_BEFORE = 2 * DAY
WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]


class Pattern:
    """A pattern of five or six fields."""

    def __init__(self, text):
        fields = text.split()
        if len(fields) == 5:
            fields.insert(0, "0")
        self.fixed = not any(mark in field for field in fields[:3] for mark in "*-/")
        self.seconds = numbers(fields[0], 0, 59)
        self.minutes = set(numbers(fields[1], 0, 59))
        self.hours = set(numbers(fields[2], 0, 23))
        self.day, self.weekday = fields[3], fields[5]
        self.months = set(numbers(fields[4], 1, 12))

    def names_minute(self, wall):
        return (
            wall.minute in self.minutes
            and wall.hour in self.hours
            and wall.month in self.months
            and self.names_day(wall)
        )

    def names_day(self, wall):
        if self.day == "*" and self.weekday == "*":
            return True
        by_day = self.day != "*" and self.names_day_of_month(wall)
        by_weekday = self.weekday != "*" and self.names_weekday(wall)
        return by_day or by_weekday

    def names_day_of_month(self, wall):
        if self.day == "L":
            return (wall + timedelta(days=1)).month != wall.month
        return wall.day in numbers(self.day, 1, 31)

    def names_weekday(self, wall):
        is_last = self.weekday.endswith("L")
        name = self.weekday.removesuffix("L")
        if wall.isoweekday() % 7 != WEEKDAYS.index(name):
            return False
        return not is_last or (wall + timedelta(days=7)).month != wall.month


def numbers(field, least, most):
    found = []
    for part in field.split(","):
        part, _, step = part.partition("/")
        first, dash, last = part.partition("-")
        if part == "*":
            first, last = least, most
        elif not dash:
            last = first
        found += range(int(first), int(last) + 1, int(step or 1))
    return sorted(found)


class Clock:
    """The clock on the wall of a zone."""

    def __init__(self, name):
        self.zone = zoneinfo.ZoneInfo(name)

    def offset(self, moment):
        """What it is ahead of UTC, in seconds."""
        at = datetime.fromtimestamp(moment, self.zone)
        return int(at.utcoffset().total_seconds())

    def changes(self):
        """Each moment at which its offset changes, with what it was and what it is then."""
        first = int(datetime(YEARS.start, 1, 1, tzinfo=timezone.utc).timestamp())
        last = int(datetime(YEARS.stop, 1, 1, tzinfo=timezone.utc).timestamp())
        changes = []
        for start in range(first, last, DAY // 2):
            low, high = start, start + DAY // 2
            before, after = self.offset(low), self.offset(high)
            if before == after:
                continue
            while high - low > 1:
                middle = (low + high) // 2
                if self.offset(middle) == before:
                    low = middle
                else:
                    high = middle
            changes.append((high, before, after))
        return changes


def due_around(clock, center, around, patterns):
    """For each pattern the seconds at which it is due around a moment, one minute after the other."""
    due = [set() for _ in patterns]
    latest_seen = None
    begin, end = center - around, center + around
    for moment in range(begin - SEEN_BEFORE, end + 1, MINUTE):
        shown = moment + clock.offset(moment)
        if latest_seen is None:
            latest_seen = shown - MINUTE
        if moment >= begin:
            new = [as_wall(minute) for minute in range(latest_seen + MINUTE, shown + 1, MINUTE)]
            wall = as_wall(shown)
            for pattern, found in zip(patterns, due):
                if not pattern.fixed:
                    if pattern.names_minute(wall):
                        found.update(moment + second for second in pattern.seconds)
                    continue
                for minute in new:
                    if pattern.names_minute(minute):
                        is_now = minute == wall
                        found.update(moment + (second if is_now else 0) for second in pattern.seconds)
        latest_seen = max(latest_seen, shown)
    return [sorted(second for second in found if begin < second <= end) for found in due]


def as_wall(seconds):
    return datetime(1970, 1, 1) + timedelta(seconds=seconds)


def expected():
    """The whole file."""
    zoneinfo.reset_tzpath(to=[])
    patterns = [Pattern(text) for text in PATTERNS]
    alike = {}
    for name in sorted(zoneinfo.available_timezones()):
        clock = Clock(name)
        changes = clock.changes()
        key = (clock.offset(PLAIN), tuple(changes))
        alike.setdefault(key, (clock, []))[1].append(name)
    lines = [
        f"# Written by xtask/schedules/expect.py with the time zones of IANA {tzdata.IANA_VERSION}; not to be edited.",
        "# Zones that are alike, the changes of their clocks, and for each pattern what it is due at around these, hashed.",
    ]
    lines += [f"pattern {text}" for text in PATTERNS]
    for (_, changes), (clock, names) in alike.items():
        hashes = [hashlib.sha256() for _ in patterns]
        looked_at = [(PLAIN, AROUND_PLAIN)] + [(moment, AROUND) for moment, _, _ in changes]
        for center, around in looked_at:
            for due, hashed in zip(due_around(clock, center, around, patterns), hashes):
                hashed.update("".join(f"{second}\n" for second in due).encode())
        lines.append("zones " + " ".join(names))
        lines.append(" ".join(["changes"] + [str(moment) for moment, _, _ in changes]))
        lines.append("due " + " ".join(hashed.hexdigest()[:12] for hashed in hashes))
    return "\n".join(lines) + "\n"


def main(arguments):
    write = arguments[:1] == ["--write"]
    path = Path(arguments[-1])
    found = expected()
    if write:
        path.write_text(found)
    passed = sum(len(line.split()) - 1 for line in found.splitlines() if line.startswith("zones "))
    written = path.read_text()
    if written == found:
        print(f"test result: {passed} passed; 0 failed")
        return
    differences = difflib.unified_diff(written.splitlines(), found.splitlines(), "written", "found", n=1, lineterm="")
    print("\n".join(line[:200] for line in differences))
    print(f"{path} is not what was found; {__file__} --write {path} writes it anew")
    print("test result: 0 passed; 1 failed")
    sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
