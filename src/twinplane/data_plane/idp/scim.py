"""The endpoint through which a company's directory keeps people and groups up to date: SCIM 2.0, as Identity Center's.

It answers below `/_idp/scim/v2/` to whoever has the bearer token in `<state>/scim-token`. What AWS leaves out of SCIM
is left out here: at most 50 results and no pages, filters by `eq` alone, no members in answers, no PUT of groups.
"""

import json
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.idp.scim_schemas import RESOURCE_TYPES, SCHEMAS, SERVICE_PROVIDER
from twinplane.data_plane.idp.web import same
from twinplane.data_plane.services.cloudtrail.store import add_event
from twinplane.data_plane.services.identitystore import entities, scim, store
from twinplane.data_plane.services.identitystore.entities import GROUP, USER, Entity
from twinplane.data_plane.services.identitystore.rules import invalid
from twinplane.data_plane.services.ssooidc import signing
from twinplane.data_plane.store import Document, Transaction
from twinplane.data_plane.wire.scalars import iso8601

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from twinplane.data_plane.plane import Plane

PATH = signing.ISSUER_PATH + "/scim/v2"
MOST_RESULTS = 50
_MAX_BODY_BYTES = 1_000_000
_ERROR = ["urn:ietf:params:scim:api:messages:2.0:Error"]
_LIST = ["urn:ietf:params:scim:api:messages:2.0:ListResponse"]
_STATUS = {"ValidationException": 400, "ResourceNotFoundException": 404, "ConflictException": 409}
_FILTERS = {
    USER: (frozenset({"username"}), frozenset({"externalid"}), frozenset({"id"}), frozenset({"id", "manager"})),
    GROUP: (frozenset({"displayname"}), frozenset({"externalid"}), frozenset({"id"}), frozenset({"id", "members"})),
}
_SOURCE = "identitystore-scim.amazonaws.com"

Answered = tuple[int, Any]
Endpoint = Callable[["Request", Any], Awaitable[Answered]]


class Scim:
    """The endpoint of one plane."""

    def __init__(self, plane: "Plane") -> None:
        self._plane = plane
        self._issuer = store.scim_issuer(plane)

    def routes(self) -> "list[BaseRoute]":
        """Everything that is served below `PATH`, and an error in SCIM's shape for everything that is not."""
        from starlette.routing import Route

        answers: list[tuple[str, str, Endpoint]] = [
            ("GET", "/ServiceProviderConfig", self._constant(SERVICE_PROVIDER)),
            ("GET", "/ResourceTypes", self._constant(_listed(RESOURCE_TYPES))),
            ("GET", "/Schemas", self._constant(_listed(SCHEMAS))),
            *[("GET", f"/Schemas/{schema['id']}", self._constant(schema)) for schema in SCHEMAS],
            *[("GET", f"/ResourceTypes/{kind['id']}", self._constant(kind)) for kind in RESOURCE_TYPES],
            ("PUT", "/Users/{id}", self._put_user),
            ("PATCH", "/Users/{id}", self._patch_user),
            ("PATCH", "/Groups/{id}", self._patch_group),
        ]
        for entity in (USER, GROUP):
            at = f"/{entity.noun}s"
            answers += [
                ("GET", at, self._list(entity)), ("POST", at, self._create(entity)),
                ("GET", at + "/{id}", self._get(entity)), ("DELETE", at + "/{id}", self._delete(entity)),
            ]  # fmt: skip
        found: list[BaseRoute] = [Route(PATH + at, self._served(each), methods=[verb]) for verb, at, each in answers]
        verbs = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        return [*found, Route(PATH + "/{rest:path}", self._served(self._nothing), methods=verbs)]

    def _served(self, endpoint: Endpoint) -> "Callable[[Request], Awaitable[Response]]":
        """The endpoint behind the token, its answer as JSON, its refusals in SCIM's shape."""
        from starlette.responses import JSONResponse, Response

        async def answer(request: "Request") -> "Response":
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not same(token.strip(), signing.scim_token(self._plane)):
                return _refusal(401, "The bearer token is missing or not valid.")
            try:
                status, body = await endpoint(request, await _body(request))
            except ServiceError as error:
                return _refusal(_STATUS.get(error.code, 400), error.message, error.code)
            return Response(status_code=status) if body is None else JSONResponse(body, status)

        return answer

    # --- both ---

    def _create(self, entity: Entity) -> Endpoint:
        async def answer(request: "Request", body: Any) -> Answered:
            given = self._document(entity, _resource(body))
            joining = scim.member_ids(body.get("members") or []) if entity is GROUP else []

            def change(tx: Transaction, now: float) -> Document:
                made = entities.add(tx, entity, given, now=now, who="SCIM")
                self._join(tx, made, joining, now)
                return made

            made = await self._change(request, f"Create{entity.noun}", change)
            return 201, self._shown(entity, made)

        return answer

    def _get(self, entity: Entity) -> Endpoint:
        async def answer(request: "Request", _body: Any) -> Answered:
            found = self._plane.store.read(lambda tx: _find(tx, entity, request))
            return 200, self._shown(entity, found)

        return answer

    def _delete(self, entity: Entity) -> Endpoint:
        async def answer(request: "Request", _body: Any) -> Answered:
            def change(tx: Transaction, _now: float) -> Document:
                found = _find(tx, entity, request)
                entities.remove(tx, entity, found)
                return found

            await self._change(request, f"Delete{entity.noun}", change)
            return 204, None

        return answer

    def _list(self, entity: Entity) -> Endpoint:
        async def answer(request: "Request", _body: Any) -> Answered:
            text, count = request.query_params.get("filter"), request.query_params.get("count", str(MOST_RESULTS))
            if not count.isdigit():
                raise invalid("count must be a number.")
            asked = scim.conditions(text, _FILTERS[entity]) if text else {}
            limit = min(int(count), MOST_RESULTS)

            def find(tx: Transaction) -> tuple[list[Document], int]:
                if asked:
                    found = self._fitting(tx, entity, asked)
                    return found[:limit], len(found)
                return tx.select(entity.kind, order=("name_key",), limit=limit), tx.count(entity.kind)

            found, total = self._plane.store.read(find)
            return 200, _listed([self._shown(entity, each) for each in found], total)

        return answer

    def _fitting(self, tx: Transaction, entity: Entity, asked: dict[str, str]) -> list[Document]:
        """The one that fits the filter, if any."""
        column = "username" if entity is USER else "displayname"
        if column in asked:
            found = tx.first(entity.kind, {"name_key": store.fold(asked[column])})
        elif "externalid" in asked:
            found = entities.find_external(tx, entity, self._issuer, asked["externalid"])
        else:
            found = tx.find(entity.kind, asked["id"])
        if found is not None and "members" in asked:
            member = entities.get(tx, USER, asked["members"])["UserId"]
            joined = tx.first(store.MEMBERSHIPS, {"GroupId": found["GroupId"], "UserId": member})
            found = found if joined is not None else None
        if found is not None and "manager" in asked:
            enterprise = (found.get("Extensions") or {}).get("aws:identitystore:enterprise") or {}
            found = found if (enterprise.get("manager") or {}).get("value") == asked["manager"] else None
        return [found] if found is not None else []

    # --- people ---

    async def _put_user(self, request: "Request", body: Any) -> Answered:
        """Replaces what SCIM knows of the person; what is left out is gone."""
        given = self._document(USER, _resource(body))
        return await self._replace_user(request, "PutUser", lambda _old: given)

    async def _patch_user(self, request: "Request", body: Any) -> Answered:
        operations = _operations(body)

        def patched(old: Document) -> Document:
            resource = scim.user_resource(old, self._issuer)
            return self._document(USER, scim.patched_user(resource, operations))

        return await self._replace_user(request, "PatchUser", patched)

    async def _replace_user(self, request: "Request", name: str, new: Callable[[Document], Document]) -> Answered:
        def change(tx: Transaction, now: float) -> Document:
            old = _find(tx, USER, request)
            kept = {member: value for member, value in old.items() if member not in _OF_SCIM}
            return entities.replace(tx, USER, {**kept, **new(old)}, now=now, who="SCIM")

        return 200, self._shown(USER, await self._change(request, name, change))

    # --- groups ---

    async def _patch_group(self, request: "Request", body: Any) -> Answered:
        attributes, joining, leaving = scim.group_changes(_operations(body))

        def change(tx: Transaction, now: float) -> Document:
            group = _find(tx, GROUP, request)
            if attributes:
                resource = {**scim.group_resource(group, self._issuer), **attributes}
                kept = {member: value for member, value in group.items() if member != "ExternalIds"}
                group = entities.replace(tx, GROUP, kept | self._document(GROUP, resource), now=now, who="SCIM")
            self._join(tx, group, joining, now)
            for user_id in leaving:
                where = {"GroupId": group["GroupId"], "UserId": entities.get(tx, USER, user_id)["UserId"]}
                for membership in tx.select(store.MEMBERSHIPS, where):
                    tx.remove(store.MEMBERSHIPS, membership["MembershipId"])
            return group

        await self._change(request, "PatchGroup", change)
        return 204, None

    @staticmethod
    def _join(tx: Transaction, group: Document, user_ids: list[str], now: float) -> None:
        """Makes people members; those who are ones already stay so."""
        for user_id in user_ids:
            user = entities.get(tx, USER, user_id)
            if tx.first(store.MEMBERSHIPS, {"GroupId": group["GroupId"], "UserId": user["UserId"]}) is None:
                entities.join(tx, group["GroupId"], user["UserId"], now=now, who="SCIM")

    # --- shared ---

    async def _change(
        self, request: "Request", name: str, change: Callable[[Transaction, float], Document]
    ) -> Document:
        """The change and its record, in one transaction. Of what was sent the record holds nothing but ids."""
        now = self._plane.clock()

        def change_and_record(tx: Transaction) -> Document:
            document = change(tx, now)
            add_event(tx, self._plane, self._event(request, name, document, now))
            return document

        return await self._plane.store.write(change_and_record)

    def _event(self, request: "Request", name: str, document: Document, now: float) -> dict[str, Any]:
        settings = self._plane.settings
        entity = USER if "UserId" in document else GROUP
        return {
            "eventVersion": "1.11", "eventID": str(uuid.uuid4()), "eventTime": now, "eventSource": _SOURCE,
            "eventName": name, "eventType": "AwsApiCall", "eventCategory": "Management", "readOnly": False,
            "managementEvent": True, "awsRegion": settings.region, "recipientAccountId": settings.account_id,
            "userIdentity": {"type": "WebIdentityUser", "accountId": settings.account_id},
            "requestParameters": {"tenantId": store.identity_store_id(self._plane), entity.id: document[entity.id]},
            "responseElements": None, "requestID": str(uuid.uuid4()),
            "sourceIPAddress": request.client.host if request.client else "",
            "userAgent": request.headers.get("user-agent", "")[:1024],
            "resources": [{"ARN": entity.arn(document[entity.id]), "type": f"AWS::IdentityStore::{entity.noun}"}],
        }  # fmt: skip

    def _document(self, entity: Entity, resource: dict[str, Any]) -> Document:
        read = scim.user_document if entity is USER else scim.group_document
        return read(resource, self._issuer)

    def _shown(self, entity: Entity, document: Document) -> dict[str, Any]:
        show = scim.user_resource if entity is USER else scim.group_resource
        resource = show(document, self._issuer)
        resource["meta"] = {
            "resourceType": entity.noun, "created": iso8601(float(int(document["CreatedAt"]))),
            "lastModified": iso8601(float(int(document["UpdatedAt"]))),
        }  # fmt: skip
        return resource

    @staticmethod
    def _constant(body: Any) -> Endpoint:
        async def answer(_request: "Request", _body: Any) -> Answered:
            return 200, body

        return answer

    @staticmethod
    async def _nothing(request: "Request", _body: Any) -> Answered:
        at = request.url.path.removeprefix(PATH)
        raise ServiceError("ResourceNotFoundException", f"{request.method} {at} is not served.")


# What a directory says of a person; the rest of her document is the store's own.
_OF_SCIM = frozenset(scim.USER_MEMBERS)


def _find(tx: Transaction, entity: Entity, request: "Request") -> Document:
    return entities.get(tx, entity, request.path_params["id"])


def _listed(resources: list[dict[str, Any]], total: int | None = None) -> dict[str, Any]:
    return {
        "schemas": _LIST, "totalResults": len(resources) if total is None else total, "itemsPerPage": len(resources),
        "startIndex": 1, "Resources": resources,
    }  # fmt: skip


async def _body(request: "Request") -> Any:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _MAX_BODY_BYTES:
            raise invalid("The request is too large.")
    try:
        return json.loads(body) if body.strip() else None
    except (ValueError, RecursionError):
        raise invalid("The request is not JSON.") from None


def _resource(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise invalid("The request must be a JSON object.")
    return body


def _operations(body: Any) -> list[dict[str, Any]]:
    named = {str(key).lower(): value for key, value in _resource(body).items()}
    operations = named.get("operations")
    if not isinstance(operations, list) or not 1 <= len(operations) <= scim.MOST_MEMBERS:
        raise invalid("Operations must be a list of 1 to 100 operations.")
    return operations


def _refusal(status: int, detail: str, code: str = "") -> "Response":
    from starlette.responses import JSONResponse

    kind = {"scimType": "uniqueness"} if code == "ConflictException" else {}
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    body = {
        "schema": _ERROR, "schemas": _ERROR, "detail": detail, "status": str(status), **kind,
        "exceptionRequestId": str(uuid.uuid4()),
    }  # fmt: skip
    return JSONResponse(body, status, headers=headers)
