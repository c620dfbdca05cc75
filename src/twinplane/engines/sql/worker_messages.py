"""What a worker and its pool say to each other: JSON behind a length of four bytes."""

import msgspec

from twinplane.engines.sql.plan import Plan, ResultColumn


class Limits(msgspec.Struct, frozen=True):
    """What one worker may use."""

    memory_bytes: int = 2 << 30
    threads: int = 2
    open_files: int = 4096
    result_bytes: int = 16 << 30


class Request(msgspec.Struct, frozen=True):
    """A query to run. The result goes to `output`, spilled data under `folder`."""

    plan: Plan
    output: str
    folder: str
    limits: Limits


class Failure(msgspec.Struct, frozen=True):
    """Why it failed: `code` and `message` may be shown to the user, `detail` may not."""

    code: str
    message: str
    detail: str


class Reply(msgspec.Struct, frozen=True):
    """What became of a query."""

    failure: Failure | None = None
    columns: tuple[ResultColumn, ...] = ()
    rows: int = 0
    result_bytes: int = 0
    engine_seconds: float = 0.0


class Hello(msgspec.Struct, frozen=True):
    """The worker is ready. `isolated`: it has no network."""

    isolated: bool
