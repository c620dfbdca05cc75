"""What an operation is, and what it is given: the vocabulary every service of the data plane shares.

An operation is a plain function named as AWS names it (in snake case): request dictionary in, answer dictionary out,
both with exactly the members of AWS's service model. Timestamps in both are floats: seconds since the epoch, UTC.
"""

import secrets
import string
from collections.abc import AsyncIterable, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from twinplane.data_plane.store import Transaction

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane
    from twinplane.data_plane.wire.signature import Signature

Request = dict[str, Any]
Answer = dict[str, Any]


class ServiceError(Exception):
    """An error as AWS would answer it. `status` None means: what the service model says for this code."""

    def __init__(self, code: str, message: str, status: int | None = None, **members: Any) -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.members = code, message, status, members
        self.headers: dict[str, str] = {}  # of the answer, beside the protocol's own


@dataclass(frozen=True, slots=True)
class ProjectScope:
    """The DataZone project whose vended credentials a session carries."""

    domain_id: str
    project_id: str


@dataclass(frozen=True, slots=True)
class Principal:
    """Who signs the request. `on_behalf_of` is the identity-store user id of an identity-enhanced session.

    The only "Root" is the management account's, which has the organization and nothing else.
    """

    kind: Literal[
        "IAMUser", "AssumedRole", "FederatedUser", "WebIdentityUser", "Root", "IdentityCenterUser", "Anonymous"
    ]
    account_id: str
    arn: str
    access_key_id: str = ""
    role_arn: str | None = None
    session_name: str | None = None
    source_identity: str | None = None
    on_behalf_of: str | None = None
    project: ProjectScope | None = None
    session_policy: str | None = None
    session_tags: tuple[tuple[str, str], ...] = ()
    issued_at: float = 0.0
    expires_at: float | None = None
    user_arn: str | None = None  # of a federated user: the IAM user that vouches for it
    session_policy_arns: tuple[str, ...] = ()  # of managed policies that limit the session beside `session_policy`
    transitive_tags: tuple[str, ...] = ()  # the keys of session tags that every further role keeps
    federated_provider: str | None = None  # of a web identity's session: the ARN of its provider
    signed_in: str | None = None  # who got the session through the access portal: the identity-store user id

    def __hash__(self) -> int:  # enough to tell principals apart, and asked several times in each call
        return hash((self.arn, self.access_key_id))

    @property
    def iam_arn(self) -> str:
        """As whom grants and memberships know it: the role's ARN for a session of a role, else its own."""
        return self.role_arn or self.arn

    @property
    def entity_arn(self) -> str:
        """The IAM entity whose policies it has: as `iam_arn`, but a federated user has those of its user."""
        return self.user_arn or self.iam_arn


ANONYMOUS = Principal("Anonymous", "", "")


@dataclass(slots=True)
class Call:
    """One request on its way through an operation."""

    plane: "Plane"
    principal: Principal
    service: str
    operation: str
    request_id: str
    now: float
    transaction: Transaction | None = None
    body: AsyncIterable[bytes | memoryview] | None = None  # of streaming operations: decoded (wire.upload)
    headers: dict[str, str] = field(default_factory=dict)  # lower-case names
    client: str = ""  # the address it came from
    signature: "Signature | None" = None  # how it was signed
    resources: list[dict[str, str]] = field(default_factory=list)  # for the audit record: {"ARN": …, "type": …}
    record: Callable[[Transaction, Answer], None] | None = None  # until the call's record is in a transaction
    gone: Callable[[], Awaitable[None]] | None = None  # returns when the client has left

    @property
    def tx(self) -> Transaction:
        """The transaction this operation runs in (read and write operations)."""
        if self.transaction is None:
            raise RuntimeError(f"{self.operation} manages its own transactions")
        return self.transaction

    async def commit(
        self, change: Callable[[Transaction], Answer], is_last: Callable[[Answer], bool] = lambda _answer: True
    ) -> Answer:
        """A `streams` operation's last write: `change`, and the record of the call with its answer, in one transaction.

        Returns what `change` returned, once it is on disk. When `change` raises, nothing of it stays. When `is_last`
        says no to the answer, the change is kept and the call goes on: it is recorded later.
        """
        record = self.record
        if record is None:
            raise RuntimeError(f"{self.operation} is recorded already, or not by itself")

        def change_and_record(tx: Transaction) -> Answer:
            answer = change(tx)
            if is_last(answer):
                record(tx, answer)
            return answer

        answer = await self.plane.store.write(change_and_record)
        if is_last(answer):
            self.record = None
        return answer

    @property
    def account_id(self) -> str:
        return self.plane.settings.account_id

    @property
    def region(self) -> str:
        return self.plane.settings.region


Access = Callable[[Call, Request], None]
"""Decides whether the caller may run the operation on what the request names; raises `ServiceError` when not.
Runs in the operation's own transaction (async operations: in a read transaction before them)."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation and the permission it needs. Build it with `reads`, `writes` or `streams`."""

    function: Callable[[Call, Request], Any]
    access: Access
    mode: Literal["read", "write", "stream"]
    signed: bool = True


def reads(function: Callable[[Call, Request], Answer], access: Access) -> Operation:
    """An operation that changes nothing: it runs on the last committed state."""
    return Operation(function, access, "read")


def writes(function: Callable[[Call, Request], Answer], access: Access) -> Operation:
    """An operation that may change state: it is one transaction, durable before the answer leaves."""
    return Operation(function, access, "write")


def streams(
    function: Callable[[Call, Request], Awaitable[Answer]], access: Access, *, signed: bool = True
) -> Operation:
    """An async operation with a streamed body or answer; it opens its own transactions on `call.plane.store`."""
    return Operation(function, access, "stream", signed)


def unsigned(function: Callable[[Call, Request], Answer], access: Access) -> Operation:
    """A write operation that AWS's model declares unsigned (`authtype: none`)."""
    return Operation(function, access, "write", signed=False)


def anyone(_call: Call, _request: Request) -> None:
    """Access for operations AWS allows to every authenticated caller, such as GetCallerIdentity."""


_ID_ALPHABET = string.ascii_lowercase + string.digits


def new_id(length: int = 14, prefix: str = "") -> str:
    """A random id in the alphabet of DataZone's ids."""
    return prefix + "".join(secrets.choice(_ID_ALPHABET) for _ in range(length))
