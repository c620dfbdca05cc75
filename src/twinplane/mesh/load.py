"""Reads a mesh from its file, or says what is wrong, on which line, and what would be right."""

from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from twinplane.mesh.model import Mesh
from twinplane.mesh.rules import Path as Location
from twinplane.mesh.rules import Problem, problems, suggestion


class MeshError(Exception):
    """The file does not declare a mesh. `str()` is one line for each problem: `file:line: what`."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def load(path: Path | str) -> Mesh:
    """The mesh that the file declares. Raises `MeshError`."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise MeshError([f"{path}: there is no such file; name one with --mesh"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise MeshError([f"{path}: cannot be read: {error}"]) from None
    return parse(text, str(path))


def parse(text: str, file: str = "mesh.yaml") -> Mesh:
    """The mesh that the text declares; `file` is its name in errors. Raises `MeshError`."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise MeshError([f"{file}:{mark.line + 1 if mark else 1}: not YAML: {error.problem}"]) from None
    except yaml.YAMLError as error:
        raise MeshError([f"{file}:1: not YAML: {error}"]) from None
    if not isinstance(root, yaml.MappingNode):
        raise MeshError([f"{file}:1: a mesh is a mapping of keys: version, name, region, accounts, …"])
    found = list(_duplicate_keys(root))
    if not found:
        try:
            mesh = Mesh.model_validate(yaml.safe_load(text))
            found = problems(mesh)
            if not found:
                return mesh
        except ValidationError as error:
            found = [Problem(tuple(e["loc"]), _explain(e)) for e in error.errors()]
    raise MeshError([f"{file}:{_line(root, p.path)}: {_where(p.path)}{p.message}" for p in found])


def _where(path: Location) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return f"{text}: " if text else ""


def _line(root: yaml.Node, path: Location) -> int:
    """The line (from 1) of the value at `path`, or of the nearest thing around it."""
    node, line = root, root.start_mark.line
    for part in path:
        if isinstance(node, yaml.MappingNode):
            entry = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if entry is None:
                break
            line, node = entry[0].start_mark.line, entry[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line
        else:
            break
    return int(line) + 1


def _duplicate_keys(node: yaml.Node, path: Location = ()) -> list[Problem]:
    found: list[Problem] = []
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            here = (*path, key.value)
            if key.value in lines:
                found.append(
                    Problem(here, f"is given twice, on lines {lines[key.value]} and {key.start_mark.line + 1}")
                )
            lines[key.value] = key.start_mark.line + 1
            found += _duplicate_keys(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            found += _duplicate_keys(value, (*path, index))
    return found


_WORDS = {
    "missing": "is missing",
    "string_type": "must be text; put it in quotes",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping of keys",
    "model_type": "must be a mapping of keys",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_parsing": "must be a whole number",
}
_PATTERNS = {
    r"^\d{12}$": 'must be the 12 digits of an AWS account, in quotes: "123456789012"',
    r"^[a-z]{2}(-[a-z]+)+-\d$": "must be an AWS region, such as us-east-1",
    r"^AmazonDataZone[\w.:/=+@-]+$": "tag keys of project resources must start with AmazonDataZone",
}


def _explain(error: Any) -> str:
    """pydantic's error in words: what is wrong and what would be right."""
    kind, location = error["type"], tuple(error["loc"])
    if kind == "extra_forbidden":
        return f"is not a known key; {suggestion(str(location[-1]), _keys_at(location[:-1]))}"
    if kind == "string_pattern_mismatch":
        pattern = error["ctx"]["pattern"]
        return f"{_PATTERNS.get(pattern, f'must match {pattern}')}, not {error['input']!r}"
    if kind == "literal_error":
        return f"must be {error['ctx']['expected']}, not {error['input']!r}"
    return str(_WORDS.get(kind) or error["msg"][0].lower() + error["msg"][1:])


def _keys_at(path: Location) -> list[str]:
    """The keys that the declaration knows at a place."""
    shape: Any = Mesh
    for part in path:
        if isinstance(shape, type) and issubclass(shape, BaseModel):
            shape = shape.model_fields[str(part)].annotation
        elif get_origin(shape) in (tuple, dict):
            arguments = get_args(shape)
            shape = arguments[0] if get_origin(shape) is tuple else arguments[1]
    return list(shape.model_fields) if isinstance(shape, type) and issubclass(shape, BaseModel) else []


def schema() -> dict[str, Any]:
    """The JSON Schema of `mesh.yaml`, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Mesh.model_json_schema()}
