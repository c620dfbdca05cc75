"""`python -m bench [NAME] …` runs the named measurements, or all: see BENCHES."""

import sys
import tempfile
from pathlib import Path

from bench import calls, catalog, journey, lake, objects, projects, query, start, subscriptions

BENCHES = {
    "start": start.run, "calls": calls.run, "catalog": catalog.run, "objects": objects.run, "projects": projects.run,
    "query": query.run, "lake": lake.run, "subscriptions": subscriptions.run, "journey": journey.run,
}  # fmt: skip


def main() -> int:
    wanted = sys.argv[1:] or list(BENCHES)
    unknown = [name for name in wanted if name not in BENCHES]
    if unknown:
        print(f"no bench called {', '.join(unknown)}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    for name in wanted:
        with tempfile.TemporaryDirectory(prefix="twinplane-bench-") as folder:
            print(f"\n## {name}\n")
            BENCHES[name](Path(folder))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
