"""Documents of notebooks, as Jupyter's format 4 has them: read, put in order, named. Pure."""

import re
from typing import Any

import msgspec

from twinplane.data_plane.call import new_id
from twinplane.data_plane.services.datazone import rules

Json = dict[str, Any]

MOST_BYTES = 10 * 1024 * 1024
MOST_CELLS = 200  # of AWS's model
EMPTY: Json = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}

_CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,36}")


class NotANotebook(Exception):
    """A file cannot be a notebook's document: why, in words for who asked for it."""


def source(location: Json) -> dict[str, str]:
    """The bucket and key of a sync's source. Raises ValidationException."""
    kind, named = rules.exactly_one(location, "sourceLocation")
    if kind == "s3":
        bucket, _, key = named.removeprefix("s3://").partition("/")
        return {"bucket": bucket, "key": key}
    files = [file["key"] for file in named["fileList"]]
    if len(files) != 1:
        raise rules.invalid("A notebook is synchronized from one file: name one in fileList.")
    return {"bucket": named["bucket"], "key": files[0]}


def read(text: bytes) -> Json:
    """The document in a file, every cell with an id of its own. Raises `NotANotebook`."""
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotANotebook("The file is not JSON, as .ipynb files are.") from None
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list) or document.get("nbformat") != 4 or not all(isinstance(c, dict) for c in cells):
        raise NotANotebook("The file is not a notebook of Jupyter's format 4.")
    if len(cells) > MOST_CELLS:
        raise NotANotebook(f"The notebook has {len(cells)} cells; it may have {MOST_CELLS}.")
    seen: set[str] = set()
    for cell in cells:
        known = cell.get("id")
        if not isinstance(known, str) or not _CELL_ID.fullmatch(known) or known in seen:
            cell["id"] = new_id()
        seen.add(cell["id"])
    minor = document.get("nbformat_minor")
    return {**document, "nbformat_minor": minor if isinstance(minor, int) and minor > 5 else 5, "cells": cells}


def ordered(document: Json, order: list[Json]) -> Json:
    """The document with those of its cells that are named, in that order."""
    by_id = {cell["id"]: cell for cell in document["cells"]}
    return {**document, "cells": [by_id[cell["cellId"]] for cell in order if cell["cellId"] in by_id]}


def file_name(name: str) -> str:
    """A notebook's name as that of a file."""
    return re.sub(r"[^\w .-]", "_", name) + ".ipynb"
