"""Random statements under random policies show what they would show if nothing else were there.

The long form (`make soak`) goes on for an hour, or for TWINPLANE_FUZZ_SECONDS, from a seed that it prints.
"""

import os
import secrets
import time

import pytest

from tests.engines.sql.fuzzing import hunt
from tests.engines.sql.fuzzing.planting import BUGS, Bug, statements_until_found
from twinplane.engines.sql.gate import Gate

SOAK = "TWINPLANE_SOAK" in os.environ
SECONDS = float(os.environ.get("TWINPLANE_FUZZ_SECONDS", "3600"))
WORLDS = 12


@pytest.mark.parametrize("seed", range(WORLDS))
def test_a_random_statement_shows_nothing_beyond_the_grant(seed: int) -> None:
    for text, finding in hunt.answers(10_000 + seed):
        assert finding is None, text


@pytest.mark.parametrize("seed", range(WORLDS))
def test_the_second_gate_refuses_a_text_that_was_tampered_with(seed: int, gate: Gate) -> None:
    for text, finding in hunt.refusals(20_000 + seed, gate):
        assert finding is None, text


@pytest.mark.parametrize("bug", BUGS, ids=[bug.what for bug in BUGS])
def test_a_bug_that_is_planted_is_found(bug: Bug) -> None:
    assert statements_until_found(bug) is not None


@pytest.mark.soak
@pytest.mark.skipif(not SOAK, reason="the long form")
@pytest.mark.timeout(SECONDS + 600)
def test_nothing_is_found_for_an_hour(gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    first = secrets.randbelow(1 << 40)
    end, seed, statements = time.monotonic() + SECONDS, first, 0
    findings: list[str] = []
    while time.monotonic() < end:
        for text, finding in [*hunt.answers(seed), *hunt.refusals(seed, gate)]:
            statements += 1
            if finding is not None:
                findings.append(f"seed {seed}: {text}: {finding}")
        seed += 1
    with capsys.disabled():
        print(f"\nfuzz: {statements} statements in {seed - first} worlds from seed {first}: {len(findings)} findings")
    assert not findings, "\n".join(findings)
