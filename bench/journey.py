"""The machine time of the whole journey, and of the way from a request to the first governed row."""

import json
import subprocess
import sys
from pathlib import Path

_FROM_REQUEST_TO_FIRST_ROW = ("Subscribe to internal data",)


def run(folder: Path) -> None:
    command = [sys.executable, "-m", "twinplane.cli", "demo", "--json", "--state", str(folder / "state")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    steps = json.loads(done.stdout)
    print("| step | s | AWS calls |")
    print("|---|---|---|")
    for step in steps:
        print(f"| {step['title']} | {step['seconds']:.2f} | {sum(step['aws_calls'].values())} |")
    print(f"\nwhole journey: {sum(s['seconds'] for s in steps):.1f} s")
    first_row = sum(s["seconds"] for s in steps if s["title"] in _FROM_REQUEST_TO_FIRST_ROW)
    print(f"request → policy → granted → first row, next to the owner's same query: {first_row:.2f} s (bar: 1 s)")
