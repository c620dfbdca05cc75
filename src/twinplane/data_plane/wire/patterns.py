"""The patterns of AWS's models, in time that grows with the text alone.

They are Java's, and clients' text is matched against them: a pattern that may try many ways through the same text would
let one request hold the server for ever. Patterns with one way at each character (nearly all) run on Python's `re`; the
others, and those with properties that `re` lacks, run on an automaton of ours that tries all ways at once.
"""

import re
import unicodedata
import warnings
from collections.abc import Callable, Set
from functools import lru_cache
from itertools import pairwise
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

Matches = Callable[[str], bool]

_MOST_STATES = 3000
_MOST_REPEATS = 100  # a count above it stands for any number when ways are counted
_MOST_STEPS = 2000
_LONGEST_TEXT = 2048  # on our automaton: some 10 ms at the most
_PROPERTY_CODES = 0xF0000  # private characters that stand for a Unicode category in a character class
_CATEGORIES = ("L", "M", "N", "P", "S", "Z")
_ASTRAL = r"\uD800\uDC00-\uDBFF\uDFFF"  # how Java writes the characters above U+FFFF


class _NotOurs(Exception):
    """The pattern has something that we do not read."""


def compile_pattern(pattern: str) -> tuple[Matches | None, str | None]:
    """What tells whether a whole text matches, and the same as a pattern for `re` where that is safe.

    (None, None): the pattern is not understood, and everything is let through.
    """
    text = pattern.replace(_ASTRAL, r"\U00010000-\U0010FFFF")
    for number, category in enumerate(_CATEGORIES):
        text = text.replace(rf"\p{{{category}}}", chr(_PROPERTY_CODES + number))
    try:
        tree = _parsed(text)
        properties = any(_PROPERTY_CODES <= ord(c) < _PROPERTY_CODES + len(_CATEGORIES) for c in text)
        if not properties and _Automaton(tree, loose=True).has_one_way():
            flags = "".join(re.findall(r"^(?:\(\?[a-z]+\))+", text))
            safe = rf"(?a){flags}\A(?:{text[len(flags) :]})\Z"
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)
                compiled = re.compile(safe)
            return (lambda value: compiled.search(value) is not None), safe
        automaton = _Automaton(tree, loose=False)
    except (re.error, _NotOurs, RecursionError):
        return None, None
    return lru_cache(512)(automaton.matches), None


def _parsed(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # `[--x]` and the like, which Java reads as Python does today
        return _parser.parse(text)


class _Automaton:
    """A pattern as states: each either reads one character, or is a condition on the place, and has successors."""

    def __init__(self, tree: Any, *, loose: bool) -> None:
        """`loose`: long counted repeats become unbounded ones, to judge ways without building them out."""
        self._loose, self._loops = loose, 0
        self._dot_is_all = bool(tree.state.flags & re.DOTALL)
        self.looks_ahead = self._looks_around = False
        self._steps: dict[tuple[frozenset[int], str], frozenset[int]] = {}
        self.reads: list[frozenset[tuple[int, int]] | None] = []
        self.places: list[Callable[[str, int], bool] | None] = []
        self.next: list[list[int]] = []
        self.end = self._state()
        self.start = self._sequence(list(tree), self.end)

    def _state(self, reads: Any = None, place: Any = None) -> int:
        if len(self.next) >= _MOST_STATES:
            raise _NotOurs
        self.reads.append(reads)
        self.places.append(place)
        self.next.append([])
        return len(self.next) - 1

    def _sequence(self, items: list[Any], after: int) -> int:
        for kind, value in reversed(items):
            after = self._item(kind, value, after)
        return after

    def _item(self, kind: Any, value: Any, after: int) -> int:
        if kind in (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN):
            state = self._state(_EVERYTHING if kind is op.ANY and self._dot_is_all else _ranges(kind, value))
            self.next[state] = [after]
            return state
        if kind is op.SUBPATTERN:
            if value[1] or value[2]:
                raise _NotOurs
            return self._sequence(list(value[3]), after)
        if kind is op.BRANCH:
            state = self._state()
            self.next[state] = [self._sequence(list(branch), after) for branch in value[1]]
            return state
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT):
            least, most, body = value
            return self._repeat(least, most, body, after)
        if kind is op.AT and value in _PLACES:
            self._looks_around |= value is op.AT_BOUNDARY
            state = self._state(place=_PLACES[value])
            self.next[state] = [after]
            return state
        if kind in (op.ASSERT, op.ASSERT_NOT) and value[0] == 1 and not (self._loops and "MAXREPEAT" in repr(value)):
            ahead, wanted = _Automaton(value[1], loose=False), kind is op.ASSERT
            self.looks_ahead = self._looks_around = True
            state = self._state(place=lambda text, at: ahead.begins(text, at) is wanted)
            self.next[state] = [after]
            return state
        raise _NotOurs

    def _repeat(self, least: int, most: Any, body: Any, after: int) -> int:
        self._loops += 1
        try:
            return self._repeated(least, most, list(body), after)
        finally:
            self._loops -= 1

    def _repeated(self, least: int, most: Any, items: list[Any], after: int) -> int:
        unbounded = most is op.MAXREPEAT
        if self._loose and not unbounded and most > _MOST_REPEATS:
            least, unbounded = min(least, 1), True
        if unbounded:
            loop = self._state()
            self.next[loop] = [self._sequence(items, loop), after]
            after = loop
        else:
            end = after
            for _ in range(most - least):
                choice = self._state()
                self.next[choice] = [self._sequence(items, after), end]
                after = choice
        for _ in range(least):
            after = self._sequence(items, after)
        return after

    def _reach(self, states: set[int], text: str | None, at: int) -> set[int]:
        """The reading states (and the end) that follow without reading. Without a text, places always hold."""
        reached: set[int] = set()
        open_states, seen = list(states), set(states)
        while open_states:
            state = open_states.pop()
            if self.reads[state] is not None or state == self.end:
                reached.add(state)
                continue
            place = self.places[state]
            if place is not None and text is not None and not place(text, at):
                continue
            for each in self.next[state]:
                if each not in seen:
                    seen.add(each)
                    open_states.append(each)
        return reached

    def has_one_way(self) -> bool:
        """Whether each character leaves one state to go on from: then nothing is ever tried twice."""
        if self.looks_ahead:
            return False
        for state in [None, *(s for s, reads in enumerate(self.reads) if reads is not None)]:
            follow = self._reach({self.start} if state is None else set(self.next[state]), None, 0)
            taken: list[tuple[int, int]] = []
            for each in follow - {self.end}:
                taken += self.reads[each] or ()
            taken.sort()
            if any(one[1] >= other[0] for one, other in pairwise(taken)):
                return False
        return True

    def matches(self, text: str) -> bool:
        """Whether the whole text matches; a text too long to try is let through."""
        if len(text) > _LONGEST_TEXT:
            return True
        states = frozenset(self._reach({self.start}, text, 0))
        last = len(text) - 1
        for at, character in enumerate(text):
            if at == last or self._looks_around:
                states = frozenset(self._read(states, text, at))
            else:
                states = self._step(states, character, text, at)
            if not states:
                return False
        return self.end in states

    def _step(self, states: frozenset[int], character: str, text: str, at: int) -> frozenset[int]:
        """Reading within the text, where it depends on nothing but the character: remembered."""
        after = self._steps.get((states, character))
        if after is None:
            if len(self._steps) >= _MOST_STEPS:
                self._steps.clear()
            after = self._steps[states, character] = frozenset(self._read(states, text, at))
        return after

    def begins(self, text: str, at: int) -> bool:
        """Whether some text from `at` on matches."""
        states = self._reach({self.start}, text, at)
        while states and self.end not in states and at < len(text):
            states = self._read(states, text, at)
            at += 1
        return self.end in states

    def _read(self, states: Set[int], text: str, at: int) -> set[int]:
        after = {n for s in states if s != self.end and _holds(self.reads[s], text[at]) for n in self.next[s]}
        return self._reach(after, text, at + 1)


def _holds(reads: Any, character: str) -> bool:
    code = ord(character)
    for low, high in reads:
        if low >= _PROPERTY_CODES and low < _PROPERTY_CODES + len(_CATEGORIES):
            if unicodedata.category(character)[0] == _CATEGORIES[low - _PROPERTY_CODES]:
                return True
        elif low <= code <= high:
            return True
    return False


_EVERYTHING = frozenset([(0, 0x10FFFF)])
_DIGITS, _SPACES = ((48, 57),), ((9, 13), (32, 32))
_WORDS = ((48, 57), (65, 90), (95, 95), (97, 122))
# as Java has them: ASCII
_CLASSES = {
    op.CATEGORY_DIGIT: (_DIGITS, False), op.CATEGORY_NOT_DIGIT: (_DIGITS, True),
    op.CATEGORY_SPACE: (_SPACES, False), op.CATEGORY_NOT_SPACE: (_SPACES, True),
    op.CATEGORY_WORD: (_WORDS, False), op.CATEGORY_NOT_WORD: (_WORDS, True),
}  # fmt: skip


def _ranges(kind: Any, value: Any) -> frozenset[tuple[int, int]]:
    """The characters that an item reads, as ranges that do not overlap."""
    if kind is op.LITERAL:
        return frozenset([(value, value)])
    if kind is op.NOT_LITERAL:
        return frozenset(_all_but([(value, value)]))
    if kind is op.ANY:
        return frozenset(_all_but([(10, 10)]))
    found: list[tuple[int, int]] = []
    negated = False
    for part, detail in value:
        if part is op.NEGATE:
            negated = True
        elif part is op.LITERAL:
            found.append((detail, detail))
        elif part is op.RANGE:
            found.append(detail)
        elif part is op.CATEGORY and detail in _CLASSES:
            ranges, turned = _CLASSES[detail]
            found += _all_but(ranges) if turned else ranges
        else:
            raise _NotOurs
    if negated and any(_PROPERTY_CODES <= low < _PROPERTY_CODES + len(_CATEGORIES) for low, _ in found):
        raise _NotOurs
    return frozenset(_all_but(found) if negated else _merged(found))


def _merged(ranges: Any) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1 and low < _PROPERTY_CODES:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def _all_but(ranges: Any) -> list[tuple[int, int]]:
    left, out = 0, []
    for low, high in _merged(ranges):
        if low > left:
            out.append((left, low - 1))
        left = high + 1
    if left <= 0x10FFFF:
        out.append((left, 0x10FFFF))
    return out


def _is_word(text: str, at: int) -> bool:
    return 0 <= at < len(text) and any(low <= ord(text[at]) <= high for low, high in _WORDS)


_PLACES: dict[Any, Callable[[str, int], bool]] = {
    op.AT_BEGINNING: lambda _text, at: at == 0,
    op.AT_BEGINNING_STRING: lambda _text, at: at == 0,
    op.AT_END: lambda text, at: at == len(text),
    op.AT_END_STRING: lambda text, at: at == len(text),
    op.AT_BOUNDARY: lambda text, at: _is_word(text, at - 1) != _is_word(text, at),
}


def refuses_only_controls(pattern: str) -> bool:
    """Whether the pattern is any number of any characters but control characters (and U+FFFE, U+FFFF)."""
    try:
        tree = list(_parsed(pattern.replace(_ASTRAL, r"\U00010000-\U0010FFFF")))
    except re.error:
        return False
    if len(tree) != 1 or tree[0][0] is not op.MAX_REPEAT or tree[0][1][:2] != (0, op.MAXREPEAT):
        return False
    items = list(tree[0][1][2])
    if len(items) != 1 or items[0][0] is not op.IN:
        return False
    try:
        ranges = _ranges(*items[0])
    except _NotOurs:
        return False
    return all(any(low <= one and other <= high for low, high in ranges) for one, other in _TEXT)


_TEXT = ((0x20, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x10FFFF))
