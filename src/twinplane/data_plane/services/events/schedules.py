"""When a schedule fires: `rate(5 minutes)` and `cron(0 12 ? * MON-FRI *)`, in UTC. No input or output."""

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

_RATE = re.compile(r"rate\((\d{1,9}) (minute|minutes|hour|hours|day|days)\)")
_CRON = re.compile(r"cron\(([^()]+)\)")
_UNIT_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
_LAST_YEAR = 2199


class InvalidSchedule(ValueError):
    """The text is not a schedule expression."""


@dataclass(frozen=True, slots=True)
class Rate:
    seconds: int

    def next_after(self, moment: float) -> float | None:
        return moment + self.seconds


@dataclass(frozen=True, slots=True)
class Cron:
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    years: frozenset[int]
    is_day: Callable[[date], bool]

    def next_after(self, moment: float, zone: tzinfo = UTC) -> float | None:
        """The first minute after `moment` (epoch seconds) that the expression names in a time zone, or None.

        Where clocks are set back, the first of two same times counts; a time that is skipped comes an hour later.
        """
        start = datetime.fromtimestamp(moment, zone).replace(second=0, microsecond=0) + timedelta(minutes=1)
        day, earliest = start.date(), (start.hour, start.minute)
        while day.year <= _LAST_YEAR:
            if day.year not in self.years:
                day, earliest = date(day.year + 1, 1, 1), (0, 0)
                continue
            if day.month not in self.months:
                day = date(day.year + day.month // 12, day.month % 12 + 1, 1)
                earliest = (0, 0)
                continue
            if self.is_day(day):
                for hour in self.hours:
                    for minute in self.minutes:
                        due = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).timestamp()
                        if (hour, minute) >= earliest and due > moment:
                            return due
            day, earliest = day + timedelta(days=1), (0, 0)
        return None


def parse_schedule(text: str) -> Rate | Cron:
    """Raises `InvalidSchedule`."""
    rate = _RATE.fullmatch(text)
    if rate is not None:
        count, unit = int(rate[1]), rate[2]
        if count == 0 or (count == 1) == unit.endswith("s"):
            raise InvalidSchedule(text)
        return Rate(count * _UNIT_SECONDS[unit.removesuffix("s")])
    cron = _CRON.fullmatch(text)
    fields = cron[1].split() if cron is not None else []
    if len(fields) != 6:
        raise InvalidSchedule(text)
    try:
        return _cron(fields)
    except (ValueError, KeyError):
        raise InvalidSchedule(text) from None


def _cron(fields: list[str]) -> Cron:
    minute, hour, day, month, weekday, year = (field.upper() for field in fields)
    if (day == "?") == (weekday == "?"):
        raise ValueError("one of day-of-month and day-of-week must be ?")
    return Cron(
        minutes=tuple(sorted(_numbers(minute, 0, 59, {}))),
        hours=tuple(sorted(_numbers(hour, 0, 23, {}))),
        months=frozenset(_numbers(month, 1, 12, _MONTHS)),
        years=frozenset(_numbers(year, 1970, _LAST_YEAR, {})),
        is_day=_day_of_month(day) if day != "?" else _day_of_week(weekday),
    )


def _numbers(field: str, low: int, high: int, names: dict[str, int]) -> set[int]:
    """Every number that a field of lists, ranges and steps names."""

    def number(text: str) -> int:
        value = names[text] if text in names else int(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    found: set[int] = set()
    for part in field.split(","):
        span, _, step_text = part.partition("/")
        step = int(step_text) if step_text else 1
        if step < 1 or ("/" in part and not step_text):
            raise ValueError(part)
        if span == "*":
            first, last = low, high
        elif "-" in span:
            first, last = (number(end) for end in span.split("-", 1))
        else:
            first = number(span)
            last = high if step_text else first
        if first > last:  # FRI-MON goes over the end
            found.update(range(first, high + 1, step), range(low, last + 1, step))
        else:
            found.update(range(first, last + 1, step))
    return found


def _days_in(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _day_of_month(field: str) -> Callable[[date], bool]:
    if field == "L":
        return lambda day: day.day == _days_in(day)
    if field == "LW":
        return lambda day: day.day == _nearest_weekday(day, _days_in(day))
    if field.endswith("W"):
        [wanted] = _numbers(field[:-1], 1, 31, {})
        return lambda day: wanted <= _days_in(day) and day.day == _nearest_weekday(day, wanted)
    days = frozenset(_numbers(field, 1, 31, {}))
    return lambda day: day.day in days


def _nearest_weekday(month: date, wanted: int) -> int:
    """The day from Monday to Friday nearest to a day of a month, within that month."""
    weekday = month.replace(day=wanted).weekday()
    if weekday == 5:
        return wanted - 1 if wanted > 1 else wanted + 2
    if weekday == 6:
        return wanted + 1 if wanted < _days_in(month) else wanted - 2
    return wanted


def _day_of_week(field: str) -> Callable[[date], bool]:
    def number(day: date) -> int:
        return day.isoweekday() % 7 + 1

    if field == "L":
        return lambda day: number(day) == 7
    if field.endswith("L"):
        [last] = _numbers(field[:-1], 1, 7, _DAYS)
        return lambda day: number(day) == last and day.day + 7 > _days_in(day)
    if "#" in field:
        name, _, nth_text = field.partition("#")
        [wanted], nth = _numbers(name, 1, 7, _DAYS), int(nth_text)
        if not 1 <= nth <= 5:
            raise ValueError(field)
        return lambda day: number(day) == wanted and (day.day - 1) // 7 + 1 == nth
    days = frozenset(_numbers(field, 1, 7, _DAYS))
    return lambda day: number(day) in days
