"""The words of a text, and a cursor over them: enough to read the statements that sqlglot leaves as they are."""

import re
from dataclasses import dataclass
from typing import Literal

from twinplane.engines.sql.plan import Reference, SyntaxRefused

_TOKEN = re.compile(
    r"(?P<space>\s+|--[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/|\Z))"
    r"|(?P<string>'(?:[^']|'')*')|(?P<quoted>\"(?:[^\"]|\"\")*\"|`(?:[^`]|``)*`)"
    r"|(?P<number>\d+(?:\.\d+)?)|(?P<word>[^\W\d][\w$]*)|(?P<symbol><>|<=|>=|!=|.)",
    re.S,
)

CATALOG = "awsdatacatalog"


@dataclass(frozen=True, slots=True)
class Token:
    """`text` as it means (names and strings without their quotes); from `start` to `end` of the whole text."""

    kind: Literal["string", "quoted", "number", "word", "symbol", "end"]
    text: str
    start: int
    end: int


def tokens(text: str) -> list[Token]:
    """The tokens of a text, a trailing semicolon left out; time and space grow with its length, no more."""
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "space":
            continue
        value = match[0]
        if kind == "string":
            value = value[1:-1].replace("''", "'")
        elif kind == "quoted":
            value = value[1:-1].replace(value[0] * 2, value[0])
        found.append(Token(kind, value, match.start(), match.end()))  # type: ignore[arg-type]
    while found and found[-1].kind == "symbol" and found[-1].text == ";":
        found.pop()
    return found


class Cursor:
    """Reads a text token by token. Whatever is not as expected raises `SyntaxRefused` in the words of Athena."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = tokens(text)
        self._end = self._tokens[-1].end if self._tokens else len(text)
        self.place = 0

    def peek(self, ahead: int = 0) -> Token:
        place = self.place + ahead
        return self._tokens[place] if place < len(self._tokens) else Token("end", "<EOF>", self._end, self._end)

    def next(self) -> Token:
        token = self.peek()
        self.place += 1
        return token

    @property
    def at_end(self) -> bool:
        return self.place >= len(self._tokens)

    def sees(self, *words: str, ahead: int = 0) -> bool:
        """Whether the next tokens are these words or symbols, unquoted and in any case."""
        for number, word in enumerate(words):
            token = self.peek(ahead + number)
            if token.kind not in ("word", "symbol") or token.text.upper() != word:
                return False
        return True

    def takes(self, *words: str) -> bool:
        """Steps over these words if they are next; says whether they were."""
        if not self.sees(*words):
            return False
        self.place += len(words)
        return True

    def expect(self, *words: str) -> None:
        if not self.takes(*words):
            raise self.refused()

    def refused(self) -> SyntaxRefused:
        """That the next token has no place here."""
        token = self.peek()
        before = self.text[: token.start]
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        shown = token.text[:60]
        return SyntaxRefused(f"line {line}:{column}: mismatched input '{shown}'")

    def end(self) -> None:
        if not self.at_end:
            raise self.refused()

    def name(self) -> str:
        token = self.next()
        if token.kind not in ("word", "quoted") or not token.text:
            self.place -= 1
            raise self.refused()
        return token.text.lower()

    def string(self) -> str:
        token = self.next()
        if token.kind not in ("string", "quoted"):
            self.place -= 1
            raise self.refused()
        return token.text

    def drops(self, *words: str) -> bool:
        """Leaves these words out of the end of the text, if it ends in them; says whether it did."""
        place = len(self._tokens) - len(words)
        if place < self.place or not self.sees(*words, ahead=place - self.place):
            return False
        del self._tokens[place:]
        self._end = self._tokens[-1].end if self._tokens else self._end
        return True

    def reference(self) -> Reference:
        """`[catalog.][database.]table`; of catalogs only the account's own is taken."""
        parts = [self.name()]
        while len(parts) < 3 and self.takes("."):
            parts.append(self.name())
        if len(parts) == 3 and parts.pop(0) != CATALOG:
            raise SyntaxRefused("Only tables of AwsDataCatalog can be changed")
        return Reference(parts[0] if len(parts) == 2 else None, parts[-1])

    def names(self) -> tuple[str, ...]:
        """`(a, b, …)`."""
        self.expect("(")
        found = [self.name()]
        while self.takes(","):
            found.append(self.name())
        self.expect(")")
        return tuple(found)

    def properties(self) -> tuple[tuple[str, str], ...]:
        """`('name' = 'value', …)`."""
        found: list[tuple[str, str]] = []
        self.expect("(")
        while True:
            name = self.string()
            self.expect("=")
            token = self.next()
            if token.kind not in ("string", "quoted", "number", "word"):
                self.place -= 1
                raise self.refused()
            found.append((name, token.text))
            if not self.takes(","):
                break
        self.expect(")")
        return tuple(found)

    def enclosed(self) -> str:
        """The text between a parenthesis, which is next, and the one that closes it."""
        self.expect("(")
        start = self.peek().start
        self.skip_until(")")
        text = self.text[start : self.peek().start]
        self.expect(")")
        return text

    def rest(self) -> str:
        """The text from here to the end of the statement."""
        return self.text_until()

    def text_until(self, *stops: str) -> str:
        """The text, which must not be empty, up to one of these words outside of parentheses and of CASE … END."""
        start, first = self.peek().start, self.place
        self.skip_until(*stops)
        if self.place == first:
            raise self.refused()
        return self.text[start : self.peek(-1).end]

    def skip_until(self, *stops: str) -> None:
        depth = cases = 0
        while not self.at_end:
            token = self.peek()
            word = token.text.upper() if token.kind in ("word", "symbol") else ""
            if depth == 0 and cases == 0 and word in stops:
                return
            if word in ("(", "["):
                depth += 1
            elif word in (")", "]"):
                depth -= 1
                if depth < 0:
                    raise self.refused()
            elif word == "CASE":
                cases += 1
            elif word == "END" and cases:
                cases -= 1
            self.place += 1
        if depth or stops == (")",):
            raise self.refused()
