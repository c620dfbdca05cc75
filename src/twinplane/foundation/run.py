"""One pass over a mesh: it looks at each object, says what it finds and, when applying, does what is missing.

The order of the pass is the order of need. When only planning, the ids of objects that do not exist yet are unknown;
what depends on them is then reported as to be created without being looked up.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from twinplane.foundation.changes import Change, Difference, differences
from twinplane.mesh.model import ManagedBy, Mesh

Item = dict[str, Any]
Report = Callable[[Change], None]

_CONFIG = Config(retries={"mode": "standard", "max_attempts": 6}, connect_timeout=5, read_timeout=60)
_NOT_THERE = {
    "EntityNotFoundException",
    "NoSuchBucket",
    "NoSuchEntity",
    "NoSuchEntityException",
    "NoSuchKey",
    "NotFoundException",
    "ResourceNotFoundException",
    "404",
}


class NotAsExpected(Exception):
    """AWS answered, but what it says makes going on impossible."""


class Aws:
    """boto3 clients of one session, made when needed. `endpoint_url` None: AWS, or what the session configures."""

    def __init__(self, session: boto3.Session, region: str, endpoint_url: str | None = None) -> None:
        self._session, self._region, self._endpoint_url = session, region, endpoint_url
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def __getitem__(self, service: str) -> Any:
        with self._lock:
            if service not in self._clients:
                make: Any = self._session.client
                self._clients[service] = make(
                    service, region_name=self._region, endpoint_url=self._endpoint_url, config=_CONFIG
                )
            return self._clients[service]

    def items(self, service: str, operation: str, member: str, **request: Any) -> list[Item]:
        """All items of a paged listing; `member` holds them in each answer."""
        call = getattr(self[service], operation)
        found: list[Item] = []
        while True:
            answer = call(**request)
            found += answer.get(member, [])
            name = next((name for name in ("nextToken", "NextToken", "Marker") if answer.get(name)), None)
            if name is None:
                return found
            request[name] = answer[name]

    @staticmethod
    def find(call: Callable[..., Item], **request: Any) -> Item | None:
        """The answer, or None when what it asks for is not there."""
        try:
            return call(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] in _NOT_THERE:
                return None
            raise


@dataclass
class Run:
    """The pass: the mesh, the clients, whether to change anything, and what was found so far."""

    mesh: Mesh
    aws: Aws
    applying: bool
    issuer_url: str | None
    report: Report
    changes: list[Change] = field(default_factory=list)
    ids: dict[tuple[str, str], str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def account_id(self) -> str:
        return self.mesh.account_id

    def role_arn(self, name: str) -> str:
        return f"arn:aws:iam::{self.account_id}:role/{name}"

    def bucket(self, purpose: str = "") -> str:
        """The mesh's bucket for a purpose; SageMaker Unified Studio expects this prefix."""
        name = f"amazon-sagemaker-{self.account_id}-{self.mesh.region}-{self.mesh.name}"
        return f"{name}-{purpose}" if purpose else name

    def id_of(self, kind: str, name: str) -> str | None:
        """The id of what was found or created; None when it does not exist."""
        return self.ids.get((kind, name))

    def ref(self, kind: str, name: str) -> str | None:
        """The id of what another object refers to. When applying it must exist by now; when planning it may be None."""
        found = self.ids.get((kind, name))
        if found is None and self.applying:
            raise NotAsExpected(f"{kind} {name!r} does not exist, and apply does not create it: create it first")
        return found

    def settle(
        self,
        kind: str,
        name: str,
        actual: Item | None,
        wanted: Item,
        *,
        create: Callable[[], Any],
        update: Callable[[], Any] | None = None,
        id_member: str | None = None,
        managed_by: ManagedBy = "apply",
    ) -> None:
        """Compares one object with what is wanted, and creates or updates it when that is ours to do.

        `id_member` names its id, in `actual` and in what `create` returns. Without `update` an object is never
        changed: what differs is drift.
        """
        found = () if actual is None else differences(actual, wanted)
        if actual is not None and id_member is not None:
            self.ids[kind, name] = actual[id_member]
        if actual is not None and not found:
            self._tell(Change("unchanged", kind, name))
        elif managed_by == "stack" or (actual is not None and update is None):
            self._tell(Change("drift", kind, name, found or (Difference("exists", False, True),)))
        elif actual is None:
            created = create() if self.applying else None
            if created is not None and id_member is not None:
                self.ids[kind, name] = created[id_member]
            self._tell(Change("create", kind, name))
        else:
            if self.applying and update is not None:
                update()
            self._tell(Change("update", kind, name, found))

    def _tell(self, change: Change) -> None:
        with self._lock:
            self.changes.append(change)
            self.report(change)

    def wait(self, what: str, done: Callable[[], bool], seconds: float = 600) -> None:
        """Waits until `done`. Raises `NotAsExpected` after `seconds`."""
        pause, until = 0.02, time.monotonic() + seconds
        while not done():
            if time.monotonic() > until:
                raise NotAsExpected(f"{what} took longer than {seconds:.0f} s")
            time.sleep(pause)
            pause = min(pause * 1.5, 2.0)
