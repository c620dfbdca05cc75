"""XML in and out: a small strict reader (no document type, no deep nesting) and text escaping."""

import re
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from twinplane.data_plane.wire.scalars import Malformed

_DEEPEST = 64
_SPECIAL = re.compile(r'[&<>"\x00-\x08\x0a-\x1f]')
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;", "\n": "&#10;"})


@dataclass(slots=True)
class Node:
    """An element: its name without prefix, its attributes, its text and its children."""

    name: str
    attributes: dict[str, str]
    texts: list[str] = field(default_factory=list)
    children: list["Node"] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.texts)


def read_xml(body: bytes) -> Node:
    """The root element. Raises `Malformed`: also on a document type, which entity expansion would need."""
    root: list[Node] = []
    open_nodes: list[Node] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        node = Node(name.rpartition(":")[2], attributes)
        if len(open_nodes) >= _DEEPEST:
            raise Malformed("the XML is nested too deeply")
        (open_nodes[-1].children if open_nodes else root).append(node)
        open_nodes.append(node)

    def doctype(*_: Any) -> None:
        raise Malformed("the XML has a document type, which is not allowed")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _name: open_nodes.pop()
    parser.CharacterDataHandler = lambda text: open_nodes[-1].texts.append(text)
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise Malformed(f"the XML is not well-formed: {error}") from None
    return root[0]


def escape(text: str) -> str:
    """Text for an element or an attribute, control characters that XML 1.0 cannot carry replaced."""
    if _SPECIAL.search(text) is None:
        return text
    text = text.translate(_ESCAPES)
    return text if text.isprintable() else "".join(c if c >= " " or c == "\t" else "\ufffd" for c in text)
