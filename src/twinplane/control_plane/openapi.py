"""`python -m twinplane.control_plane.openapi` prints the API's OpenAPI document. Needs no mesh and no server."""

import json

from twinplane.control_plane.app import new_web


def document() -> str:
    """The document as it is committed for the web app's types."""
    return json.dumps(new_web().openapi(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(document(), end="")  # noqa: T201 - this program's answer
