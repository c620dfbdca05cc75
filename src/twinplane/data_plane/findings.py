"""What the doctor finds, and what a check is given to find it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
_EXAMPLES = 5


@dataclass
class Finding:
    """Something that is not as it should be: `error` when data is lost or wrong, `warning` when it may come to that,
    `note` when it is only worth knowing. `count` is how many times it was met, `examples` some of them."""

    severity: Severity
    text: str
    advice: str
    count: int = 0
    examples: list[str] = field(default_factory=list)
    repaired: bool = False
    repairs: list[Callable[[], None]] = field(default_factory=list)

    @property
    def is_repairable(self) -> bool:
        """Whether every one met can be put right without losing anything that a user made."""
        return len(self.repairs) == self.count


@dataclass
class Examination:
    """A state folder being examined: a connection to its database, seen as it was at one moment while it is `served`,
    and what was found so far. `deep`: everything is read, also what takes long."""

    state: Path
    connection: Any
    served: bool = False
    deep: bool = False
    findings: dict[str, Finding] = field(default_factory=dict)

    def found(
        self, severity: Severity, text: str, advice: str, example: str = "", repair: Callable[[], None] | None = None
    ) -> None:
        """Notes a finding; those with the same text are one. `repair` is safe: nothing a user made is lost by it."""
        finding = self.findings.setdefault(text, Finding(severity, text, advice))
        finding.count += 1
        if example and len(finding.examples) < _EXAMPLES:
            finding.examples.append(example)
        if repair is not None:
            finding.repairs.append(repair)

    def rows(self, sql: str, *values: Any) -> Any:
        """The rows of one statement."""
        return self.connection.execute(sql, values)

    def has_table(self, name: str) -> bool:
        return bool(self.rows("SELECT 1 FROM sqlite_schema WHERE name = ?", name).fetchone())


RESTORE = "Restore the newest backup that has it (`twinplane restore`), or live without it"
REPAIR = "`twinplane doctor --repair` puts it right"
"""Advice that several checks give."""
