"""From process start to the first answered call."""

import statistics
from pathlib import Path

from bench import servers


def run(folder: Path, rounds: int = 5) -> None:
    ours, theirs = [], []
    for number in range(rounds):
        with servers.twinplane(folder / str(number)) as server:
            ours.append(server.started_seconds)
        with servers.moto() as server:
            theirs.append(server.started_seconds)
    ours_median, theirs_median = statistics.median(ours), statistics.median(theirs)
    print(f"first answer, median of {rounds}: twinplane {ours_median:.2f} s · moto_server {theirs_median:.2f} s")
    print(f"ratio {ours_median / theirs_median:.2f} (bar: 0.5 s for the data plane)")
