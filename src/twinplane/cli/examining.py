"""`twinplane doctor`: what is not as it should be in a state folder, and what to do."""

import json

from twinplane.cli.output import tell
from twinplane.cli.state import DEFAULT_PLANE_PORT, DEFAULT_PORT, CliError, State
from twinplane.data_plane.doctor import CannotExamine, examine
from twinplane.data_plane.findings import Finding


def doctor(state: State, deep: bool, repair: bool, as_json: bool) -> int:
    """Examines and says what was found; returns the exit code: 1 when an error is left. Raises `CliError`."""
    try:
        findings = examine(state.path, deep=deep, repair=repair, ports=(DEFAULT_PORT, DEFAULT_PLANE_PORT))
    except CannotExamine as error:
        raise CliError(str(error)) from None
    left = [finding for finding in findings if finding.severity == "error" and not finding.repaired]
    if as_json:
        tell(json.dumps([_described(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            _tell(finding)
        tell(_summary(findings, left, deep))
    return 1 if left else 0


def _tell(finding: Finding) -> None:
    times = f" ({finding.count:,})" if finding.count > 1 else ""
    tell(f"{finding.severity:<8} {finding.text}{times}")
    for example in finding.examples:
        tell(f"           {example}")
    if finding.count > len(finding.examples) > 0:
        tell(f"           and {finding.count - len(finding.examples):,} more")
    tell(f"         → {'repaired' if finding.repaired else finding.advice}")


def _summary(findings: list[Finding], left: list[Finding], deep: bool) -> str:
    if left:
        return f"{len(left)} of the findings {'is an error' if len(left) == 1 else 'are errors'}."
    warnings = sum(finding.severity == "warning" for finding in findings)
    if warnings:
        return f"No errors, but {warnings} warning{'s' if warnings > 1 else ''}."
    well = "Repaired" if any(finding.repaired for finding in findings) else "All is well"
    return f"{well}: documents, references, indexes, files and permissions" + (", every byte read." if deep else ".")


def _described(finding: Finding) -> dict[str, object]:
    return {
        "severity": finding.severity, "text": finding.text, "advice": finding.advice, "count": finding.count,
        "examples": finding.examples, "repairable": finding.is_repairable, "repaired": finding.repaired,
    }  # fmt: skip
