"""The Management App's HTTP API, called as a person."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from twinplane.cli.sign_in import SignIn
from twinplane.cli.state import CliError, State, write_private

SETTLED = ("active", "done", "failed", "rejected", "withdrawn", "revoked", "expired", "ended")
WAITING_FOR_PEOPLE = "pending_approval"


class Api:
    """Calls as `person`; signs in when there is no session of hers yet, or when it ended."""

    def __init__(self, state: State, person: str) -> None:
        self.person = person
        self._state = state
        self._url = state.running.app_url
        self._file = state.cli / f"{person}.json"
        self._client = httpx.Client(base_url=self._url, timeout=60, trust_env=False)
        self._token: str | None = None

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The answer's JSON, None when there is none. Raises `CliError` with what the app said."""
        if self._token is None:
            self._token = self._stored() or self.sign_in()
        answer = self._send(method, path, body, query)
        if answer.status_code == 401:
            self._token = self.sign_in()
            answer = self._send(method, path, body, query)
        if not answer.is_success:
            raise CliError(_said(answer))
        return answer.json() if answer.content else None

    def get(self, path: str, **query: Any) -> Any:
        return self.call("GET", path, **query)

    def post(self, path: str, body: Any) -> Any:
        return self.call("POST", path, body)

    def sign_in(self) -> str:
        """Signs the person in and keeps her session for the next command; returns its token."""
        session = SignIn.to(self._state).app_session(self.person)
        write_private(self._file, json.dumps(session | {"app_url": self._url}))
        return str(session["token"])

    def _stored(self) -> str | None:
        try:
            kept = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return None
        ends_at = kept["expires_at"]
        if isinstance(ends_at, str):
            ends_at = datetime.fromisoformat(ends_at).timestamp()
        fresh = datetime.now(UTC) + timedelta(minutes=1) < datetime.fromtimestamp(ends_at, UTC)
        return str(kept["token"]) if fresh and kept.get("app_url") == self._url else None

    def _send(self, method: str, path: str, body: Any, query: dict[str, Any]) -> httpx.Response:
        given = {name: value for name, value in query.items() if value is not None}
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            return self._client.request(method, path, json=body, params=given, headers=headers)
        except httpx.HTTPError as error:
            raise CliError(
                f"the Management App at {self._url} does not answer ({error}): is `twinplane up` running?"
            ) from None

    def project(self, name: str) -> dict[str, Any]:
        """A project that the person sees, by name or id. Raises `CliError`."""
        return _one("project", name, self.get("/api/projects")["items"], ("id", "name"))

    def asset(self, project: dict[str, Any], name: str) -> dict[str, Any]:
        """An asset of a project, by name or id. Raises `CliError`."""
        return _one("asset", name, self.get(f"/api/projects/{project['id']}/assets")["items"], ("id", "name"))

    def listing(self, name: str) -> dict[str, Any]:
        """A listing of the catalog, by name or id. Raises `CliError`."""
        found = self.get("/api/catalog", q=name)["items"]
        if not any(name in (item["listing_id"], item["name"]) for item in found):
            known: dict[str, Any] = self.get(f"/api/catalog/{name}")
            return {"listing_id": name} | known
        return _one("listing", name, found, ("listing_id", "name"))

    def follow(self, request: dict[str, Any], seconds: float, tell: Callable[[str], None]) -> dict[str, Any]:
        """The request once it is settled or waits for people; tells each new status on the way."""
        until, told = time.monotonic() + seconds, ""
        while True:
            status = request["status"]
            if status != told:
                tell(status.replace("_", " "))
                told = status
            if status in (*SETTLED, WAITING_FOR_PEOPLE) or time.monotonic() > until:
                return request
            time.sleep(0.1)
            request = self.get(f"/api/requests/{request['id']}")


def _one(kind: str, name: str, items: list[dict[str, Any]], members: tuple[str, str]) -> dict[str, Any]:
    found = [item for item in items if item[members[0]] == name] or [i for i in items if i[members[1]] == name]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(str(item[members[0]]) for item in found)
        raise CliError(f"several are called {name!r}: name the {kind} by its id, one of {ids}")
    known = ", ".join(str(item[members[1]]) for item in items)
    raise CliError(f"there is no {kind} {name!r} that you can see; you can see: {known or 'none'}")


def _said(answer: httpx.Response) -> str:
    """What the app says was wrong: its problem's detail."""
    try:
        problem = answer.json()
    except ValueError:
        return f"the Management App answered {answer.status_code}: {answer.text[:300]}"
    detail = problem.get("detail") or problem.get("title") or answer.reason_phrase
    if isinstance(detail, list):
        detail = "; ".join(f"{'.'.join(map(str, one.get('loc', [])[1:]))}: {one.get('msg')}" for one in detail)
    return str(detail)
