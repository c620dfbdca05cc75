"""IAM's decision: may this principal perform this action on these resources?"""

from collections.abc import Callable

from twinplane.data_plane.call import Access, Call, Request

Resource = Callable[[Call, Request], str | list[str]]


def iam(action: str, resource: Resource | None = None) -> Access:
    """Access by IAM policy: `action` on what `resource` finds in the request ("*" when None)."""
    raise NotImplementedError(action, resource)
