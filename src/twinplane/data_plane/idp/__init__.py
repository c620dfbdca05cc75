"""Sign-in on this machine: a development OpenID Connect provider, the pages of Identity Center, and its SCIM endpoint.

People of the identity store sign in with one development password. It is for the local plane only: in an enterprise the
company's own identity provider takes its place.
"""

from typing import TYPE_CHECKING

from twinplane.data_plane.services.ssooidc import signing

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from twinplane.data_plane.plane import Plane


def app(plane: "Plane") -> "ASGIApp":
    """All of it as one ASGI application; it answers below `/_idp/`, and at `/authorize` as Identity Center does."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    from twinplane.data_plane.idp.authorize import Authorization, center_client, development_client
    from twinplane.data_plane.idp.device import Devices
    from twinplane.data_plane.idp.passwords import Passwords
    from twinplane.data_plane.idp.scim import Scim
    from twinplane.data_plane.idp.tokens import Provider
    from twinplane.data_plane.idp.web import Refused

    base, passwords = signing.ISSUER_PATH, Passwords(plane)
    provider, devices = Provider(plane), Devices(plane, passwords)
    development = Authorization(plane, passwords, base + "/authorize", development_client)
    center = Authorization(plane, passwords, base + "/center/authorize", center_client)
    return Starlette(
        routes=[
            Route(base + "/.well-known/openid-configuration", provider.discovery),
            Route(base + "/jwks", provider.jwks),
            Route(base + "/authorize", development.show, methods=["GET"]),
            Route(base + "/authorize", development.submit, methods=["POST"]),
            Route(base + "/token", provider.token, methods=["POST"]),
            Route(base + "/userinfo", provider.userinfo, methods=["GET", "POST"]),
            Route(base + "/end_session", provider.end_session, methods=["GET", "POST"]),
            Route("/authorize", center.show, methods=["GET"]),
            Route(base + "/center/authorize", center.submit, methods=["POST"]),
            Route(base + "/start", devices.start, methods=["GET"]),
            Route(base + "/device", devices.show, methods=["GET"]),
            Route(base + "/device", devices.submit, methods=["POST"]),
            Route(base + "/device/decision", devices.decide, methods=["POST"]),
            *Scim(plane).routes(),
        ],
        exception_handlers={Refused: _refused},
    )


async def _refused(_request: "Request", error: Exception) -> "Response":
    from twinplane.data_plane.idp.pages import message_page
    from twinplane.data_plane.idp.web import Refused, page_answer

    assert isinstance(error, Refused)
    return page_answer(message_page, "This cannot go on", error.description, status=error.status)
