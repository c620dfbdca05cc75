"""What Lake Formation's documents name.

Grants to principals that are gone are not among them: AWS keeps those too. Grants on what is gone would be given to
whoever makes it anew, and so would tags and opt-ins.
"""

from collections.abc import Iterator

from twinplane.data_plane.references import Reference
from twinplane.data_plane.services.glue.store import DATABASES, TABLES
from twinplane.data_plane.services.lakeformation.names import POLICIES
from twinplane.data_plane.services.lakeformation.store import EXPRESSIONS, FILTERS, GRANTS, OPT_INS, TAGGED, TAGS
from twinplane.data_plane.store import Document


def _database(document: Document) -> Iterator[tuple[str]]:
    if document["database"]:
        yield (document["database"],)


def _table(document: Document) -> Iterator[tuple[str, str]]:
    if document["table"] and document["table"] != "*":
        yield (document["database"], document["table"])


def _filter(grant: Document) -> Iterator[tuple[str, str, str]]:
    if grant["kind"] == "filter":
        yield (grant["database"], grant["table"], grant["name"])


def _tags(grant: Document) -> Iterator[tuple[str]]:
    if grant["kind"] == "tag":
        yield (grant["name"],)
    for key, _ in grant["expression"]:
        yield (key,)


def _saved(grant: Document) -> Iterator[tuple[str]]:
    if grant["kind"] in (*POLICIES, "expression") and grant["name"]:
        yield (grant["name"],)


REFERENCES = [
    Reference(FILTERS, TABLES, ("DatabaseName", "TableName")),
    *(Reference(kind, DATABASES, _database) for kind in (GRANTS, TAGGED, OPT_INS)),
    *(Reference(kind, TABLES, _table) for kind in (GRANTS, TAGGED, OPT_INS)),
    Reference(GRANTS, FILTERS, _filter),
    Reference(GRANTS, TAGS, _tags),
    Reference(GRANTS, EXPRESSIONS, _saved),
    Reference(TAGGED, TAGS, lambda tagged: ((key,) for key in tagged["tags"])),
    Reference(EXPRESSIONS, TAGS, lambda saved: ((condition["TagKey"],) for condition in saved["conditions"])),
]
