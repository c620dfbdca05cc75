"""What EventBridge's documents name."""

from collections.abc import Iterator

from twinplane.data_plane.references import Reference
from twinplane.data_plane.services.events.store import BUSES, DEFAULT_BUS, RULES, TARGETS
from twinplane.data_plane.store import Document


def _bus(rule: Document) -> Iterator[tuple[str]]:
    if rule["bus"] != DEFAULT_BUS:  # that one is always there
        yield (rule["bus"],)


REFERENCES = [Reference(RULES, BUSES, _bus), Reference(TARGETS, RULES, ("bus", "rule"))]
