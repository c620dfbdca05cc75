"""HTTP in and out for signing in and out."""

import hmac
from datetime import datetime
from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from twinplane.control_plane.audit import records as audit
from twinplane.control_plane.errors import BadRequest, NotSignedIn
from twinplane.control_plane.http import SESSION_COOKIE, SIGN_IN_COOKIE, Router, SignedIn, TheApp, signed_in
from twinplane.control_plane.identity import Person, check_next_path
from twinplane.control_plane.permissions import Permission

router = Router("session")


class Me(BaseModel):
    """Who you are. `roles` are what your groups may do in the app, beyond your projects."""

    name: str
    display_name: str
    user_id: str
    groups: list[str]
    roles: list[str]


class CurrentSession(BaseModel):
    """`person` is null when nobody is signed in."""

    person: Me | None


class IdToken(BaseModel):
    id_token: str


class Session(BaseModel):
    """A bearer token for `Authorization`, and when it ends."""

    token: str
    expires_at: datetime


@router.route_for("GET", "/api/login", Permission.PUBLIC, status_code=302, response_class=RedirectResponse)
def begin_sign_in(
    app: TheApp, request: Request, next_path: Annotated[str, Query(alias="next")] = "/"
) -> RedirectResponse:
    """Sends the browser to the identity provider."""
    sign_in = app.identity.begin_sign_in(check_next_path(next_path), _callback(request))
    response = RedirectResponse(sign_in.url, status_code=302)
    response.set_cookie(
        SIGN_IN_COOKIE, sign_in.state, max_age=600, path="/api/callback", httponly=True, samesite="lax",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return response


@router.route_for("GET", "/api/callback", Permission.PUBLIC, status_code=302, response_class=RedirectResponse)
def finish_sign_in(app: TheApp, request: Request, state: str = "", code: str = "", error: str = "") -> RedirectResponse:
    """Takes the identity provider's answer and opens a session."""
    begun = request.cookies.get(SIGN_IN_COOKIE, "")
    if error:
        raise NotSignedIn(f"The identity provider did not let you in: {error[:200]}")
    if not state or not code or not hmac.compare_digest(begun.encode(), state.encode()):
        raise BadRequest("This sign-in was not begun in this browser, or took too long. Start again.")
    token, expires_at, next_path = app.identity.finish_sign_in(state, code)
    _record(app, token, "session.open", "browser")
    response = RedirectResponse(next_path, status_code=302)
    response.set_cookie(
        SESSION_COOKIE, token, expires=expires_at, path="/", httponly=True, samesite="lax",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    response.delete_cookie(SIGN_IN_COOKIE, path="/api/callback")
    return response


@router.route_for("POST", "/api/sessions", Permission.PUBLIC, status_code=201)
def create_session(app: TheApp, body: IdToken) -> Session:
    """Opens a session for a program: an identity token of the people's provider in, a bearer token out."""
    token, expires_at = app.identity.open_session(body.id_token)
    _record(app, token, "session.open", "token")
    return Session(token=token, expires_at=expires_at)


@router.route_for("POST", "/api/logout", Permission.USE_APP, status_code=204)
def close_session(app: TheApp, person: SignedIn, response: Response) -> None:
    """Ends this session."""
    with app.database.write() as tx:
        app.identity.close_session(tx, person)
        audit.add(tx, actor_id=person.user_id, actor=person.name, action="session.close")
    response.delete_cookie(SESSION_COOKIE, path="/")


@router.route_for("GET", "/api/me", Permission.USE_APP)
def get_me(person: SignedIn) -> Me:
    """Who you are."""
    return _me(person)


@router.route_for("GET", "/api/session", Permission.PUBLIC)
def get_current_session(app: TheApp, request: Request) -> CurrentSession:
    """Who is signed in, if anybody. The web app asks this first: not to be signed in is no error."""
    try:
        return CurrentSession(person=_me(signed_in(request, app)))
    except NotSignedIn:
        return CurrentSession(person=None)


def _me(person: Person) -> Me:
    return Me(
        name=person.name, display_name=person.display_name, user_id=person.user_id, groups=sorted(person.groups),
        roles=sorted(person.roles),
    )  # fmt: skip


def _callback(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}/api/callback"


def _record(app: TheApp, token: str, action: str, how: str) -> None:
    person = app.identity.person(token)
    with app.database.write() as tx:
        audit.add(tx, actor_id=person.user_id, actor=person.name, action=action, how=how)
