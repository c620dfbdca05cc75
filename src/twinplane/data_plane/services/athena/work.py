"""A query execution under way: on whose behalf it acts, and the one transaction that it ends with."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from twinplane.data_plane import sessions
from twinplane.data_plane.call import Call, Principal
from twinplane.data_plane.services.athena import rules, store
from twinplane.data_plane.services.s3 import bodies
from twinplane.data_plane.services.s3 import store as s3
from twinplane.data_plane.services.s3.bodies import Body
from twinplane.data_plane.store import Document, Transaction
from twinplane.data_plane.wire.body import FileRange

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

T = TypeVar("T")
Change = Callable[[Call], Document]
"""What a statement changes, in the transaction that ends its execution; returns members of the execution."""


class Cancelled(Exception):
    """The execution has ended meanwhile: nothing of it must stay."""


@dataclass(frozen=True, slots=True)
class Received:
    """An object of a run, on disk but not yet there for anybody: a row names it when the run ends well.

    What a crash leaves of it is swept as every body that no row names.
    """

    bucket: str
    key: str
    body: Body
    content_type: str


@dataclass(frozen=True, slots=True)
class Work:
    """One execution, as the task that runs it has it."""

    plane: "Plane"
    execution: Document
    received: list[Received] = field(default_factory=list)

    @property
    def id(self) -> str:
        return str(self.execution["QueryExecutionId"])

    @property
    def owner(self) -> str:
        return str(self.execution["owner"])

    @property
    def text(self) -> str:
        """The statement that runs: what was asked for or, if that was EXECUTE, what it stands for."""
        return str(self.execution.get("executed", self.execution)["text"])

    @property
    def parameters(self) -> tuple[str, ...]:
        """What takes the places of the `?` of the text."""
        return tuple(self.execution.get("executed", self.execution)["parameters"])

    @property
    def database(self) -> str:
        """The database of the statement's context."""
        return str(self.execution["database"])

    @property
    def person(self) -> str | None:
        """The person whose results only she may see, if the session acts for one."""
        found: str | None = self.execution["principal"].get("on_behalf_of")
        return found

    @property
    def prefix(self) -> str:
        """Where results of this execution go: `s3://…/`."""
        return str(self.execution["location"]).rpartition("/")[0] + "/"

    def call(self, tx: Transaction) -> Call:
        """The call that started it, in this transaction. Raises `ServiceError` when the person is gone."""
        principal = msgspec.convert(self.execution["principal"], Principal)
        sessions.check_person(tx, principal)
        return Call(
            self.plane, principal, "athena", "StartQueryExecution", self.execution["request_id"], self.plane.clock(),
            transaction=tx,
        )  # fmt: skip

    def read(self, function: Callable[[Call], T]) -> T:
        """Runs `function` on the last committed state."""
        return self.plane.store.read(lambda tx: function(self.call(tx)))

    async def receive(self, location: str, source: Path | bytes, content_type: str) -> Received:
        """Brings an object of this run to disk."""
        bucket, key = rules.bucket_and_key(location)
        if isinstance(source, bytes) and len(source) <= bodies.SMALL_BYTES:
            digests = {"MD5": hashlib.md5(source, usedforsecurity=False).digest()}
            return Received(bucket, key, Body(len(source), digests, data=source), content_type)
        if isinstance(source, bytes):
            pieces = bodies.once(source)
        else:
            pieces = FileRange(source, 0, source.stat().st_size).pieces()
        found = Received(bucket, key, await bodies.receive(self.plane, pieces), content_type)
        self.received.append(found)
        return found

    def discard(self) -> None:
        """Removes, after a while, what was received and is of no object."""
        for received in self.received:
            s3.look_again(self.plane, received.body)

    def place(self, tx: Transaction, received: Received, owner_user_id: str | None) -> None:
        """Makes a received object one that is there, of that person alone if one is given. Raises `NoSuchBucket`."""
        document = s3.new_object(
            received.bucket, received.key, received.body, self.plane.clock(), content_type=received.content_type,
            owner_user_id=owner_user_id,
        )  # fmt: skip
        s3.put_object(tx, self.plane, document, received.body)

    async def finish(self, outcome: Document, change: Change | None = None, results: tuple[Received, ...] = ()) -> None:
        """Ends the execution well: its results, its change and its state in one transaction.

        Raises `Cancelled` when it has ended meanwhile, and what `change` raises; then nothing of it stays.
        """

        def commit(tx: Transaction) -> None:
            found = tx.find(store.EXECUTIONS, self.id)
            if found is None or found["state"] in rules.FINISHED:
                raise Cancelled
            more = {} if change is None else change(self.call(tx))
            for result in results:
                self.place(tx, result, self.person)
            done = {"state": "SUCCEEDED", "completed_at": self.plane.clock()}
            tx.put(store.EXECUTIONS, found | outcome | more | done)

        await self.plane.store.write(commit)
        self.received.clear()

    async def answer(
        self, names: tuple[str, ...], lines: tuple[str, ...] = (), change: Change | None = None
    ) -> None:  # fmt: skip
        """Ends an execution whose result is lines of text, as those that the catalog answers are."""
        body = "".join(f"{line}\n" for line in lines).encode()
        result = await self.receive(self.execution["location"], body, "text/plain")
        columns = [{"name": name, "type": "string", "precision": 0, "scale": 0} for name in names]
        outcome = {
            "columns": columns, "rows": len(lines), "result_bytes": len(body), "scanned_bytes": 0,
            "engine_seconds": 0.0,
        }  # fmt: skip
        await self.finish(outcome, change, (result,))
