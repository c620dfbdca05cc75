"""One service on the wire: finds the operation of a request, and carries its members and errors."""

from functools import cached_property

from twinplane.data_plane.call import Request, ServiceError
from twinplane.data_plane.wire import errors, models
from twinplane.data_plane.wire.answers import AnswerCheck
from twinplane.data_plane.wire.codec import Codec, Codecs
from twinplane.data_plane.wire.http import HttpRequest, HttpResponse
from twinplane.data_plane.wire.models import Model, OperationModel
from twinplane.data_plane.wire.query_shapes import form_values
from twinplane.data_plane.wire.routing import Router
from twinplane.data_plane.wire.scalars import Malformed
from twinplane.data_plane.wire.validation import Validation


class ServiceWire:
    """The protocol side of one service; everything in it is compiled on first use."""

    def __init__(self, model: str | Model, *, check_answers: bool = False) -> None:
        """`model`: the name of botocore's folder, read on first use, or a model."""
        self._given, self._check_answers = model, check_answers

    @cached_property
    def model(self) -> Model:
        return self._given if isinstance(self._given, Model) else models.load(self._given)

    def of_request(self, http: HttpRequest) -> "ServiceWire":
        """This service as the request speaks to it: some that speak JSON today are also spoken to in query form."""
        if self.model.metadata.query_compatible is None or self.model.protocol == "query":
            return self
        is_form = http.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        return (self._query_form or self) if is_form or "Action" in http.query else self

    @cached_property
    def _query_form(self) -> "ServiceWire | None":
        model = models.load_query_form(self.model.name)
        return None if model is None else ServiceWire(model, check_answers=self._check_answers)

    @cached_property
    def _router(self) -> Router:
        return Router(self.model)

    @cached_property
    def _codecs(self) -> Codecs:
        check = AnswerCheck(self.model, self._validation).checked if self._check_answers else None
        return Codecs(self.model, self._validation, check)

    @cached_property
    def _validation(self) -> Validation:
        return Validation(self.model)

    @cached_property
    def _errors(self) -> errors.Errors:
        return errors.Errors(self.model)

    def route(self, http: HttpRequest) -> tuple[OperationModel, dict[str, str]]:
        """The operation a request means and its path labels. Raises `ServiceError` when it means none."""
        if self.model.protocol in ("rest-json", "rest-xml"):
            found = self._router.route(http)
            if found is None:
                raise ServiceError("UnknownOperationException", f"No operation at {http.method} {http.raw_path}.")
            return found
        name = self._named_operation(http)
        operation = self.model.operations.get(name)
        if operation is None:
            raise ServiceError("UnknownOperationException", f"{self.model.name} has no operation {name!r}.")
        return operation, {}

    def _named_operation(self, http: HttpRequest) -> str:
        if self.model.protocol == "json":
            prefix, _, name = http.headers.get("x-amz-target", "").rpartition(".")
            if prefix != self.model.metadata.target_prefix:
                raise ServiceError("UnknownOperationException", f"X-Amz-Target does not name {self.model.name}.")
            return name
        try:
            http.form = form_values(http.body)
            return http.form.get("Action") or http.query_value("Action") or ""
        except Malformed:
            return ""

    def takes_raw_body(self, operation: OperationModel) -> bool:
        """Whether the operation's body is plain bytes, not a document with members."""
        shape = self.model.shape(operation.input) if operation.input is not None else None
        payload = shape.members.get(shape.payload) if shape is not None and shape.payload is not None else None
        return payload is not None and self.model.shape(payload).type == "blob"

    def codec(self, operation: OperationModel) -> Codec:
        return self._codecs.get(operation)

    def parse(self, operation: OperationModel, http: HttpRequest, labels: dict[str, str]) -> Request:
        """The request's members, checked against the model. Raises `ServiceError`."""
        codec = self.codec(operation)
        if codec.quick is not None and (request := codec.quick(http, labels)) is not None:
            return request
        return self.parse_slowly(operation, http, labels)

    def parse_slowly(self, operation: OperationModel, http: HttpRequest, labels: dict[str, str]) -> Request:
        """As `parse`, member by member: what is wrong is known by its name."""
        try:
            return self._parse(operation, http, labels)
        except RecursionError:
            raise ServiceError(
                "SerializationException", "The request cannot be read: it is nested too deeply."
            ) from None

    def _parse(self, operation: OperationModel, http: HttpRequest, labels: dict[str, str]) -> Request:
        try:
            request = self.codec(operation).parse(http, labels)
        except Malformed as error:
            parameter = self.model.protocol == "rest-xml" and not http.body  # else the document is malformed
            code = "InvalidArgument" if parameter else "SerializationException"
            raise ServiceError(code, f"The request cannot be read: {error}") from None
        shape = self.model.shape(operation.input) if operation.input is not None else None
        checked = request
        if http.stream is not None and shape is not None and shape.payload in shape.required:
            checked = request | {str(shape.payload): b""}
        problems = self._validation.problems(operation.input, checked)
        if problems:
            count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
            raise ServiceError(errors.validation_code(self.model), count + "; ".join(problems), 400)
        return request

    def error(self, error: ServiceError, request_id: str) -> HttpResponse:
        return self._errors.response(error, request_id)
