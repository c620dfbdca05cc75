"""What Lake Formation's documents name.

Grants to principals that are gone are not among them: AWS keeps those too. Grants on what is gone would be given to
whoever makes it anew.
"""

from collections.abc import Iterator

from twinplane.data_plane.references import Reference
from twinplane.data_plane.services.glue.store import DATABASES, TABLES
from twinplane.data_plane.services.lakeformation.store import FILTERS, GRANTS
from twinplane.data_plane.store import Document


def _database(grant: Document) -> Iterator[tuple[str]]:
    if grant["database"]:
        yield (grant["database"],)


def _table(grant: Document) -> Iterator[tuple[str, str]]:
    if grant["table"] and grant["table"] != "*":
        yield (grant["database"], grant["table"])


def _filter(grant: Document) -> Iterator[tuple[str, str, str]]:
    if grant["kind"] == "filter":
        yield (grant["database"], grant["table"], grant["name"])


REFERENCES = [
    Reference(FILTERS, TABLES, ("DatabaseName", "TableName")),
    Reference(GRANTS, DATABASES, _database),
    Reference(GRANTS, TABLES, _table),
    Reference(GRANTS, FILTERS, _filter),
]
