"""What can be wrong with the world, as the caller may see it. `http` answers each as problem+json (RFC 9457)."""

from typing import Any, ClassVar


class Problem(Exception):
    """Base of every error that is meant for the caller. `members` are added to the answer as they are."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong here"

    def __init__(self, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.detail, self.members = detail, members

    @classmethod
    def slug(cls) -> str:
        """The last part of the problem's `type`: the error's name in kebab case."""
        return "".join("-" + c.lower() if c.isupper() else c for c in cls.__name__).lstrip("-")


class BadRequest(Problem):
    """What was sent cannot be accepted as it is."""

    status = 400
    title = "The request cannot be accepted"


class NotSignedIn(Problem):
    """No valid session."""

    status = 401
    title = "Sign in first"


class NotPermitted(Problem):
    """The person may not do this. `policy` says which rule decided."""

    status = 403
    title = "You may not do this"


class NotFound(Problem):
    """It does not exist, or the person may not see it: the two are answered alike."""

    status = 404
    title = "Not found"


class Conflict(Problem):
    """The thing is not in a state that allows this, or somebody else changed it meanwhile."""

    status = 409
    title = "This cannot be done now"


class RefusedByRule(Problem):
    """The request is well formed but breaks a rule that a person can read and act on."""

    status = 422
    title = "A rule of the mesh refuses this"


class DataPlaneUnavailable(Problem):
    """The data plane did not answer, or is not set up."""

    status = 503
    title = "The data plane is not ready"
