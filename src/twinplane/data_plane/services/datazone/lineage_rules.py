"""What an OpenLineage run event says: the nodes of the lineage graph that it tells of, and how they are connected.

Everything is computed from the event's text. The specification: https://openlineage.io/docs/spec/object-model.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec

DATASET = "amazon.datazone.DatasetLineageNodeType"
JOB = "amazon.datazone.JobLineageNodeType"
RUN = "amazon.datazone.JobRunLineageNodeType"
ASSET = "amazon.datazone.AssetLineageNodeType"

LONGEST_EVENT = 300_000  # bytes
MOST_FORMS = 10
UPSTREAM, DOWNSTREAM = "UPSTREAM", "DOWNSTREAM"

Facets = dict[str, dict[str, Any]]


class EventError(Exception):
    """The text is no run event that can be understood; it says why."""


class Thing(msgspec.Struct):
    """A job or a dataset."""

    namespace: str
    name: str
    facets: Facets = {}
    inputFacets: Facets = {}
    outputFacets: Facets = {}

    def all_facets(self) -> Facets:
        return {**self.facets, **self.inputFacets, **self.outputFacets}


class Run(msgspec.Struct):
    runId: str
    facets: Facets = {}


class RunEvent(msgspec.Struct):
    """A run event, with the members that are read."""

    eventTime: Annotated[datetime, msgspec.Meta(tz=True)]
    producer: str
    schemaURL: str
    run: Run
    job: Thing
    eventType: Literal["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"] | None = None
    inputs: list[Thing] = []
    outputs: list[Thing] = []


def read(body: bytes) -> RunEvent:
    """The event that a text is. Raises `EventError`."""
    if len(body) > LONGEST_EVENT:
        raise EventError(f"the event has {len(body)} bytes; at most {LONGEST_EVENT} are taken")
    try:
        shape = msgspec.json.decode(body)
        if isinstance(shape, dict) and "run" not in shape and ("dataset" in shape or "job" in shape):
            raise EventError("it is an OpenLineage dataset or job event; only run events are taken")
        event = msgspec.convert(shape, RunEvent)
        event.eventTime = event.eventTime.astimezone(UTC)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise EventError(str(error) or "it is nested too deeply") from None
    if not all([event.run.runId, *(t.name and t.namespace for t in (event.job, *event.inputs, *event.outputs))]):
        raise EventError("a runId, name or namespace is empty")
    return event


def moment(event: RunEvent) -> float:
    """When an event happened: in whole milliseconds, as answers show it, so that the answered time finds it again."""
    return int(event.eventTime.timestamp() * 1000) / 1000


def summary(event: RunEvent) -> dict[str, Any]:
    """AWS's OpenLineageRunEventSummary of an event."""
    found: dict[str, Any] = {
        "runId": event.run.runId,
        "job": _named(event.job),
        "inputs": [_named(thing) for thing in event.inputs],
        "outputs": [_named(thing) for thing in event.outputs],
    }
    return found if event.eventType is None else found | {"eventType": event.eventType}


def _named(thing: Thing) -> dict[str, str]:
    return {"namespace": thing.namespace, "name": thing.name}


# The facets whose shape is known: an event that has them in another shape cannot be made a part of the graph.


class _Field(msgspec.Struct):
    name: str
    type: str | None = None
    description: str | None = None
    fields: list["_Field"] = []


class _Schema(msgspec.Struct):
    fields: list[_Field] = []


class _DataSource(msgspec.Struct):
    name: str | None = None
    uri: str | None = None


class _InputField(msgspec.Struct):
    namespace: str
    name: str
    field: str
    transformations: list[dict[str, Any]] = []


class _ColumnLineageOfField(msgspec.Struct):
    inputFields: list[_InputField]


class _ColumnLineage(msgspec.Struct):
    fields: dict[str, _ColumnLineageOfField]
    dataset: list[_InputField] = []


class Symlink(msgspec.Struct):
    namespace: str
    name: str
    type: str


class _Symlinks(msgspec.Struct):
    identifiers: list[Symlink] = []


class _Sql(msgspec.Struct):
    query: str


class _ErrorMessage(msgspec.Struct):
    message: str
    programmingLanguage: str
    stackTrace: str | None = None


_KNOWN_FACETS: dict[str, type] = {
    "schema": _Schema, "columnLineage": _ColumnLineage, "dataSource": _DataSource, "symlinks": _Symlinks, "sql": _Sql,
    "errorMessage": _ErrorMessage,
}  # fmt: skip


@dataclass
class Node:
    """What an event says of a node: `forms` are AWS's FormOutput; neighbours are (type, sourceIdentifier)."""

    type_name: str
    source_identifier: str
    name: str
    description: str | None
    forms: list[dict[str, str]]
    upstream: list[tuple[str, str]] = field(default_factory=list)
    downstream: list[tuple[str, str]] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str]:
        return self.type_name, self.source_identifier


def graph(event: RunEvent, account_id: str, region: str) -> list[Node]:
    """The nodes that an event tells of, each once, with their neighbours: the run, its job and its datasets.

    `account_id` and `region` are the caller's: of AWS resources that the event does not place itself. Raises
    `EventError` when a facet of a known name has another shape.
    """
    job_id = f"{event.job.namespace}.{event.job.name}"
    job_facets = _checked(event.job.facets, f"job {event.job.name}")
    run_facets = _checked(event.run.facets, "run")
    state = {"runId": event.run.runId} | ({} if event.eventType is None else {"eventType": event.eventType})
    run = Node(
        RUN, f"{job_id}/{event.run.runId}", event.job.name, None, forms({"run": state} | run_facets | job_facets)
    )
    job = Node(JOB, job_id, event.job.name, _description(job_facets), forms(job_facets))
    found: dict[tuple[str, str], Node] = {run.key: run, job.key: job}
    for things, side in ((event.inputs, UPSTREAM), (event.outputs, DOWNSTREAM)):
        for thing in things:
            facets = _checked(thing.all_facets(), f"dataset {thing.name}")
            source = source_identifier(thing, run_facets, account_id, region)
            made = Node(DATASET, source, thing.name, _description(facets), forms(facets))
            dataset = found.setdefault(made.key, made)
            if dataset is not made:  # it is named twice, such as an input that is written back
                there = {form["formName"] for form in dataset.forms}
                dataset.forms += [form for form in made.forms if form["formName"] not in there]
                del dataset.forms[MOST_FORMS:]
            for of_process in (run, job):
                neighbours = of_process.upstream if side == UPSTREAM else of_process.downstream
                if dataset.key not in neighbours:
                    neighbours.append(dataset.key)
            neighbours = dataset.downstream if side == UPSTREAM else dataset.upstream
            if run.key not in neighbours:
                neighbours.append(run.key)
    return list(found.values())


def _checked(facets: Facets, of: str) -> Facets:
    for name, facet in facets.items():
        if name in _KNOWN_FACETS:
            try:
                msgspec.convert(facet, _KNOWN_FACETS[name])
            except msgspec.ValidationError as error:
                raise EventError(f"the facet {name} of the {of}: {error}") from None
    return facets


def _description(facets: Facets) -> str | None:
    described = facets.get("documentation", {}).get("description")
    return described if isinstance(described, str) else None


def forms(facets: Facets) -> list[dict[str, str]]:
    """Facets as a node's forms: those of known shape first, at most ten, each with the facet as its content."""
    ordered = sorted(facets, key=lambda name: (name != "run" and name not in _KNOWN_FACETS, name))
    named = [(re.sub(r"\W", "_", name, flags=re.ASCII), facets[name]) for name in ordered]
    fitting = [(name, facet) for name, facet in named if re.fullmatch(r"[A-Za-z]\w{0,127}", name, re.ASCII)]
    return [
        {"formName": name, "content": msgspec.json.encode(facet).decode()}
        for name, facet in dict(fitting[:MOST_FORMS]).items()
    ]


# What AWS resources are called: by their ARN, as assets are.

_GLUE_RUN = ("GLUE_VERSION", "GLUE_COMMAND_CRITERIA", "GLUE_PYTHON_VERSION")
_REDSHIFT = re.compile(
    r"(?:\w+://)?(?P<cluster>[^./:]+)\.(?:(?P<account>\d{12})\.)?(?P<region>[a-z0-9-]+)"
    r"\.(?P<service>redshift(?:-serverless)?)\.amazonaws\.com(?::\d+)?/?"
)


def source_identifier(thing: Thing, run_facets: Facets, account_id: str, region: str) -> str:
    """What a dataset is identified by: the ARN of a Glue or Redshift table, else its namespace and name."""
    environment = run_facets.get("environment-properties", {}).get("environment-properties", {})
    environment = environment if isinstance(environment, dict) else {}
    redshift = _REDSHIFT.fullmatch(thing.namespace)
    if redshift is not None and thing.name.count(".") == 2:
        account = redshift["account"] or account_id
        table = thing.name.replace(".", "/")
        return f"arn:aws:{redshift['service']}:{redshift['region']}:{account}:table/{redshift['cluster']}/{table}"
    in_glue = any(word in environment for word in _GLUE_RUN)
    for link in _symlinks(thing):
        if link.namespace.startswith("arn:aws:glue:") and link.name.startswith("table/"):
            return f"{link.namespace}:{link.name}"
        if in_glue and link.type == "TABLE" and link.name.count(".") == 1:
            place = next((v for k in ("AWS_REGION", "region") if isinstance(v := environment.get(k), str)), region)
            return f"arn:aws:glue:{place}:{account_id}:table/{link.name.replace('.', '/')}"
    separator = ":" if thing.namespace.startswith("arn:aws:glue:") and thing.name.startswith("table/") else "/"
    return f"{thing.namespace.removesuffix('/')}{separator}{thing.name}"


def _symlinks(thing: Thing) -> Iterator[Symlink]:
    facet = thing.facets.get("symlinks")
    if facet is not None:
        yield from msgspec.convert(facet, _Symlinks).identifiers
