"""Where members of REST operations travel: path labels, query parameters, headers, status code; the rest is body."""

import re
from collections.abc import Callable
from typing import Any

from twinplane.data_plane.call import Answer, Request
from twinplane.data_plane.wire.http import HttpRequest, HttpResponse
from twinplane.data_plane.wire.models import Model, Ref, Shape
from twinplane.data_plane.wire.scalars import ISO8601, RFC822, TEXT_READERS, Malformed, text_writer

Bind = Callable[[HttpRequest, dict[str, str], Request], None]
Place = Callable[[Answer, HttpResponse], None]


def input_binders(model: Model, shape: Shape) -> list[Bind]:
    """Functions that move what travels outside the body into the request."""
    makers = {"uri": _from_label, "querystring": _from_query, "header": _from_header, "headers": _from_headers}
    return [makers[location](model, name, ref) for location in makers for name, ref in model.located(shape, location)]


def _from_label(model: Model, name: str, ref: Ref) -> Bind:
    label, read = ref.location_name or name, _reading(name, model.shape(ref))

    def bind(_http: HttpRequest, labels: dict[str, str], request: Request) -> None:
        if label in labels:
            request[name] = read(labels[label])

    return bind


def _from_query(model: Model, name: str, ref: Ref) -> Bind:
    shape, parameter = model.shape(ref), ref.location_name or name
    if shape.type == "map" and shape.value is not None:
        return _from_all_parameters(name, model.shape(shape.value).type == "list")
    is_list = shape.type == "list"
    read = _reading(name, _item(model, shape))

    def bind(http: HttpRequest, _labels: dict[str, str], request: Request) -> None:
        values = http.query.get(parameter)
        if values:
            request[name] = [read(v) for v in values] if is_list else read(values[0])

    return bind


def _from_all_parameters(name: str, several: bool) -> Bind:
    def bind(http: HttpRequest, _labels: dict[str, str], request: Request) -> None:
        request[name] = {key: values if several else values[0] for key, values in http.query.items()}

    return bind


def _from_header(model: Model, name: str, ref: Ref) -> Bind:
    shape, header = model.shape(ref), (ref.location_name or name).lower()
    is_list = shape.type == "list"
    item = _item(model, shape)
    read = _reading(name, item)
    parts = _dates if item.type == "timestamp" else _parts

    def bind(http: HttpRequest, _labels: dict[str, str], request: Request) -> None:
        text = http.headers.get(header)
        if text is not None:
            request[name] = [read(part) for part in parts(text)] if is_list else read(text)

    return bind


_PART = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"\s*|([^,]*))(?:,|$)')


def _parts(text: str) -> list[str]:
    """The values of a header that lists them; a value in quotes may hold commas."""
    parts, position = [], 0
    while position < len(text) and (found := _PART.match(text, position)):
        quoted, plain = found.groups()
        parts.append(plain.strip() if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
        position = found.end()
    return parts


def _dates(text: str) -> list[str]:
    """The values of a header that lists dates: those of HTTP have a comma in them, others have none."""
    parts = _parts(text)
    if parts and parts[0] in _DAYS:
        return [f"{day}, {rest}" for day, rest in zip(parts[::2], parts[1::2], strict=False)]
    return parts


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def _from_headers(_model: Model, name: str, ref: Ref) -> Bind:
    prefix = (ref.location_name or "").lower()

    def bind(http: HttpRequest, _labels: dict[str, str], request: Request) -> None:
        found = {key[len(prefix) :]: value for key, value in http.headers.items() if key.startswith(prefix)}
        if found:
            request[name] = found

    return bind


def _item(model: Model, shape: Shape) -> Shape:
    return model.shape(shape.member) if shape.type == "list" and shape.member is not None else shape


def _reading(name: str, shape: Shape) -> Callable[[str], Any]:
    scalar = TEXT_READERS[shape.type]

    def read(text: str) -> Any:
        try:
            return scalar(text)
        except Malformed as error:
            raise Malformed(f"{name}: {error}") from None

    return read


OUTPUT_LOCATIONS = ("header", "headers", "statusCode")


def output_placers(model: Model, shape: Shape) -> list[Place]:
    """Functions that move an answer's members that travel outside the body into the response."""
    placers = [_to_header(model, name, ref) for name, ref in model.located(shape, "header")]
    placers += [_to_headers(name, ref) for name, ref in model.located(shape, "headers")]
    placers += [_to_status(name) for name, _ in model.located(shape, "statusCode")]
    return placers


def _to_header(model: Model, name: str, ref: Ref) -> Place:
    shape, header = model.shape(ref), ref.location_name or name
    item, is_list = _item(model, shape), shape.type == "list"
    default = RFC822 if item.type == "timestamp" else ISO8601
    write = text_writer(item.type, ref.timestamp_format or item.timestamp_format or default)
    if is_list and item.type == "string":
        write = _listed

    def place(answer: Answer, response: HttpResponse) -> None:
        value = answer.get(name)
        if value is not None:
            response.headers[header] = ", ".join(map(write, value)) if is_list else write(value)

    return place


def _listed(value: str) -> str:
    """A value of a header that lists several, in quotes when it would be taken for two."""
    if "," not in value and '"' not in value:
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _to_headers(name: str, ref: Ref) -> Place:
    prefix = ref.location_name or ""

    def place(answer: Answer, response: HttpResponse) -> None:
        for key, value in (answer.get(name) or {}).items():
            response.headers[prefix + key] = value

    return place


def _to_status(name: str) -> Place:
    def place(answer: Answer, response: HttpResponse) -> None:
        if answer.get(name) is not None:
            response.status = answer[name]

    return place
