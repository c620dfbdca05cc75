"""Calls of API destinations: HTTP requests to this machine alone, tried again with growing pauses."""

import asyncio
import base64
import json
import random
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from twinplane.data_plane.loopback import is_loopback
from twinplane.data_plane.sealing import unseal
from twinplane.data_plane.services.events import store
from twinplane.data_plane.services.events.inputs import value_of
from twinplane.data_plane.services.events.store import DeliveryFailed
from twinplane.data_plane.store import Document, Transaction
from twinplane.data_plane.tasks import TaskKind, enqueue

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

_TIMEOUT_SECONDS = 5.0
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 600.0
_RETRIED = (409, 429)  # and every 5xx


def is_of_this_machine(url: str) -> bool:
    """Whether a URL is one of this machine: the only ones that the plane calls."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        parts.port  # noqa: B018 - raises on one that is none
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or parts.username is not None:
        return False
    return is_loopback(host)


async def _invoke(plane: "Plane", task: Document) -> None:
    """One attempt; what follows from it is one transaction."""
    payload, started = task["payload"], plane.clock()
    try:
        request, rate = plane.store.read(lambda tx: _request(tx, plane, payload))
        await _call(request)
    except DeliveryFailed as error:
        failure = error
        await plane.store.write(lambda tx: _again_or_bury(tx, plane, task, failure))
        return
    await asyncio.sleep(1 / rate - (plane.clock() - started))  # tasks of a destination run one after another


def _again_or_bury(tx: Transaction, plane: "Plane", task: Document, error: DeliveryFailed) -> None:
    payload, now = task["payload"], plane.clock()
    policy = payload["target"].get("RetryPolicy") or {}
    pause = min(_FIRST_PAUSE_SECONDS * 2.0 ** min(payload["retries"], 30), _LONGEST_PAUSE_SECONDS)
    pause = max(pause * random.uniform(0.5, 1.0), error.retry_after or 0.0)  # noqa: S311 - jitter
    exhausted = None
    if payload["retries"] >= policy.get("MaximumRetryAttempts", 185):
        exhausted = "MaximumRetryAttempts"
    elif now + pause > payload["put_at"] + policy.get("MaximumEventAgeInSeconds", 86_400):
        exhausted = "MaximumEventAgeInSeconds"
    if error.retriable and exhausted is None:
        following = payload | {"retries": payload["retries"] + 1}
        enqueue(tx, plane, store.INVOCATION, task["subject"], due_at=now + pause, **following)
        return
    given, arn = payload["target"], payload["rule_arn"]
    condition = exhausted if error.retriable else None
    store.bury(tx, plane, arn, given, payload["event"], error, payload["retries"], condition)


def _request(tx: Transaction, plane: "Plane", payload: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """What to send, and how often a second at the most. Raises `DeliveryFailed`."""
    target, event = payload["target"], payload["event"]
    destination = tx.find(store.DESTINATIONS, target["Arn"].split("/")[1])
    if destination is None or destination["arn"] != target["Arn"]:
        raise DeliveryFailed("NO_RESOURCE", "The API destination does not exist.")
    connection = tx.find(store.CONNECTIONS, destination["connection_arn"].split("/")[1])
    authorized = connection is not None and connection["arn"] == destination["connection_arn"]
    if connection is None or not authorized or connection["state"] != "AUTHORIZED":
        raise DeliveryFailed("NO_PERMISSIONS", "The connection is not authorized.")
    secrets = unseal(plane, store.SEALED, connection["sealed"])
    given, own = target.get("HttpParameters") or {}, secrets.get("InvocationHttpParameters") or {}
    url = destination["endpoint"]
    for value in given.get("PathParameterValues") or []:
        url = url.replace("*", quote(value_of(event, value), safe=""), 1)
    query = {name: value_of(event, value) for name, value in (given.get("QueryStringParameters") or {}).items()}
    query |= {pair["Key"]: pair["Value"] for pair in own.get("QueryStringParameters") or []}
    if query:
        url += ("&" if "?" in url else "?") + urlencode(query)
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Amazon/EventBridge/ApiDestinations"}
    headers |= {name: value_of(event, value) for name, value in (given.get("HeaderParameters") or {}).items()}
    headers |= {pair["Key"]: pair["Value"] for pair in own.get("HeaderParameters") or []}
    request = {
        "method": destination["method"], "url": url, "headers": headers | _credentials(secrets),
        "content": _with_body_parameters(payload["text"], own.get("BodyParameters") or []).encode(),
    }  # fmt: skip
    return request, destination["rate"]


def _credentials(secrets: dict[str, Any]) -> dict[str, str]:
    basic, key = secrets.get("BasicAuthParameters"), secrets.get("ApiKeyAuthParameters")
    if basic is not None:
        pair = f"{basic['Username']}:{basic['Password']}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {key["ApiKeyName"]: key["ApiKeyValue"]} if key is not None else {}


def _with_body_parameters(text: str, parameters: list[dict[str, str]]) -> str:
    if not parameters:
        return text
    body = json.loads(text)
    if not isinstance(body, dict):
        return text
    return json.dumps(body | {pair["Key"]: pair["Value"] for pair in parameters})


async def _call(request: dict[str, Any]) -> None:
    """Sends the request. Raises `DeliveryFailed` unless it is answered with 2xx."""
    import httpx  # here: planes that call nobody do not pay for it

    if not is_of_this_machine(request["url"]):
        raise DeliveryFailed("INVALID_PARAMETER", "API destinations are called on this machine alone.")
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=False) as client:
            answer = await client.request(**request)
    except httpx.TimeoutException:
        raise DeliveryFailed("TIMEOUT", "The API destination did not answer in time.", True) from None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise DeliveryFailed("CONNECTION_FAILURE", type(error).__name__, True) from None
    if not answer.is_success:
        retried = answer.status_code in _RETRIED or answer.status_code >= 500
        after = answer.headers.get("retry-after", "")
        raise DeliveryFailed(
            "ERROR_FROM_TARGET", f"The API destination answered {answer.status_code}.", retried,
            min(float(after), _LONGEST_PAUSE_SECONDS) if after.isdecimal() else None,
        )  # fmt: skip


def _failed(_tx: Transaction, _plane: "Plane", _task: Document, _reason: str) -> None:
    """Attempts that fail are none of the runner's: only a state that cannot be written ends up here."""


TASKS = {store.INVOCATION: TaskKind(_invoke, _failed, lane="invocations")}
