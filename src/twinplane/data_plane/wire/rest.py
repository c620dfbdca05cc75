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


def input_binder(model: Model, shape: Shape) -> Bind:
    """A function that moves what travels outside the body into the request."""
    labels = [_from_label(model, name, ref) for name, ref in model.located(shape, "uri")]
    parameters = [_from_query(model, name, ref) for name, ref in model.located(shape, "querystring")]
    headers = {
        (ref.location_name or name).lower(): _from_header(model, name, ref)
        for name, ref in model.located(shape, "header")
    }  # fmt: skip
    prefixed = [_from_headers(model, name, ref) for name, ref in model.located(shape, "headers")]

    def bind(http: HttpRequest, given: dict[str, str], request: Request) -> None:
        for bind_label in labels:
            bind_label(http, given, request)
        if http.query:
            for bind_parameter in parameters:
                bind_parameter(http, given, request)
        if headers:
            for header, text in http.headers.items():  # fewer than an operation may take
                if header in headers:
                    headers[header](text, request)
        for bind_headers in prefixed:
            bind_headers(http, given, request)

    return bind


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


def _from_header(model: Model, name: str, ref: Ref) -> Callable[[str, Request], None]:
    shape = model.shape(ref)
    item, is_list = _item(model, shape), shape.type == "list"
    read = _reading(name, item)
    parts = _dates if item.type == "timestamp" else _parts

    def bind(text: str, request: Request) -> None:
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


def output_placer(model: Model, shape: Shape) -> Place:
    """A function that moves an answer's members that travel outside the body into the response."""
    places: dict[str, Callable[[Any, HttpResponse], None]] = {
        **{name: _to_header(model, name, ref) for name, ref in model.located(shape, "header")},
        **{name: _to_headers(ref) for name, ref in model.located(shape, "headers")},
        **{name: _to_status for name, _ in model.located(shape, "statusCode")},
    }

    def place(answer: Answer, response: HttpResponse) -> None:
        for name, value in answer.items():  # fewer than an answer may have
            if name in places and value is not None:
                places[name](value, response)

    return place if places else lambda _answer, _response: None


def _to_header(model: Model, name: str, ref: Ref) -> Callable[[Any, HttpResponse], None]:
    shape, header = model.shape(ref), ref.location_name or name
    item, is_list = _item(model, shape), shape.type == "list"
    default = RFC822 if item.type == "timestamp" else ISO8601
    write = text_writer(item.type, ref.timestamp_format or item.timestamp_format or default)
    if is_list and item.type == "string":
        write = _listed

    def place(value: Any, response: HttpResponse) -> None:
        response.headers[header] = ", ".join(map(write, value)) if is_list else write(value)

    return place


def _listed(value: str) -> str:
    """A value of a header that lists several, in quotes when it would be taken for two."""
    if "," not in value and '"' not in value:
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _to_headers(ref: Ref) -> Callable[[Any, HttpResponse], None]:
    prefix = ref.location_name or ""

    def place(value: dict[str, str], response: HttpResponse) -> None:
        for key, each in value.items():
            response.headers[prefix + key] = each

    return place


def _to_status(value: int, response: HttpResponse) -> None:
    response.status = value
