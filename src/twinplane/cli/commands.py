"""The commands. Each imports what it needs when it runs, so that help is there at once."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twinplane.cli.output import details, member, request_story, say, table, tell
from twinplane.cli.state import DEFAULT_MESH, DEFAULT_PLANE_PORT, DEFAULT_PORT, DEFAULT_STATE, CliError, State

if TYPE_CHECKING:
    from twinplane.cli.api import Api

_PLAIN: dict[str, Any] = {"rich_markup_mode": None, "pretty_exceptions_enable": False, "no_args_is_help": True}

app = typer.Typer(
    **_PLAIN, help="An enterprise data mesh on SageMaker Unified Studio, and the same mesh on one machine."
)
project_app = typer.Typer(
    **_PLAIN, help="Projects: request them, look at them, manage members, publish what they hold."
)
catalog_app = typer.Typer(**_PLAIN, add_completion=False, help="The catalog: find data.")
subscription_app = typer.Typer(**_PLAIN, add_completion=False, help="Subscriptions: ask for data, and give it back.")
approvals_app = typer.Typer(**_PLAIN, add_completion=False, help="Requests that wait for a decision.")
mesh_app = typer.Typer(**_PLAIN, add_completion=False, help="The declaration of a mesh.")
app.add_typer(project_app, name="project")
app.add_typer(catalog_app, name="catalog")
app.add_typer(subscription_app, name="subscription")
app.add_typer(approvals_app, name="approvals")
app.add_typer(mesh_app, name="mesh")

StateOption = Annotated[
    Path, typer.Option("--state", envvar="TWINPLANE_STATE", help="The folder that keeps everything durable.")
]
MeshOption = Annotated[Path, typer.Option("--mesh", envvar="TWINPLANE_MESH", help="The declaration of the mesh.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
AsOption = Annotated[
    str | None,
    typer.Option("--as", envvar="TWINPLANE_AS", help="Sign-in name of the person; default: who logged in last."),
]
WaitOption = Annotated[bool, typer.Option("--wait/--no-wait", help="Follow it until it is done or waits for people.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; the approvers and the audit see it.")]
ProjectArgument = Annotated[str, typer.Argument(metavar="PROJECT", help="Name or id.")]
AssetArgument = Annotated[str, typer.Argument(metavar="ASSET", help="Name or id.")]
ListingArgument = Annotated[str, typer.Argument(metavar="LISTING", help="Name or id.")]
RequestArgument = Annotated[str, typer.Argument(metavar="REQUEST", help="The request's id.")]
_STATE, _MESH = Path(DEFAULT_STATE), Path(DEFAULT_MESH)

_REQUEST_COLUMNS = {"id": "Request", "kind": "Kind", "title": "What", "requester.name": "By", "status": "Status"}


_FOUND_IN = {  # the last part of the field's name that the data plane's search reports
    "name": "name", "tableName": "name", "columnName": "column", "businessName": "column",
    "description": "description", "tableDescription": "description", "columnDescription": "column description",
}  # fmt: skip


def _print_version(asked: bool) -> None:
    if asked:
        from twinplane.version import __version__

        tell(f"twinplane {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def run() -> None:
    """Runs the program; errors become one clear sentence and an exit code."""
    try:
        app(prog_name="twinplane")
    except CliError as error:
        print(f"twinplane: {error}", file=sys.stderr)
        sys.exit(error.code)
    except Exception as error:
        if not type(error).__module__.startswith("botocore.") and not hasattr(error, "response"):
            raise
        print(f"twinplane: the data plane answered: {error}", file=sys.stderr)
        sys.exit(1)


def _state(path: Path) -> State:
    return State(path.resolve())


def _api(path: Path, person: str | None) -> "Api":
    from twinplane.cli.api import Api

    state = _state(path)
    return Api(state, person or _last_login(state))


def _last_login(state: State) -> str:
    try:
        return (state.cli / "last").read_text().strip()
    except OSError:
        raise CliError("say who you are: --as NAME, or log in first with `twinplane login --as NAME`", 2) from None


# --- running a mesh ---------------------------------------------------------------------------------------------


@app.command()
def up(
    state: StateOption = _STATE,
    port: Annotated[
        int, typer.Option(envvar="TWINPLANE_PORT", help="Of the Management App; 0: a free one.")
    ] = DEFAULT_PORT,
    plane_port: Annotated[
        int, typer.Option(envvar="TWINPLANE_PLANE_PORT", help="Of the data plane; 0: a free one.")
    ] = DEFAULT_PLANE_PORT,
    mesh: MeshOption = _MESH,
) -> None:
    """Start the mesh on this machine: the local data plane and the Management App."""
    from twinplane.cli import up as running

    running.up(_state(state), mesh, port, plane_port, tell)


@app.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="Examples:  twinplane plane   ·   twinplane plane --fresh -- python my_script.py   ·   "
    "twinplane plane --fresh -- pytest",
)
def plane(
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- COMMAND", help="Run this with the plane as its AWS, then stop with its exit code."),
    ] = None,
    state: StateOption = Path(".twinplane-plane"),
    fresh: Annotated[bool, typer.Option("--fresh", help="Start empty, on a free port; keep nothing.")] = False,
    port: Annotated[int, typer.Option(envvar="TWINPLANE_PLANE_PORT", help="0: a free one.")] = DEFAULT_PLANE_PORT,
    account: Annotated[str, typer.Option(help="The AWS account it stands for.")] = "111122223333",
    region: Annotated[str, typer.Option(help="The AWS region it stands for.")] = "us-east-1",
    tls: Annotated[bool, typer.Option("--tls", help="Speak https, under a certificate in the state folder.")] = False,
    max_requests_per_second: Annotated[
        int | None, typer.Option(min=1, help="Of one access key; what comes beyond is throttled as AWS does.")
    ] = None,
) -> None:
    """Start an empty AWS account on this machine, for any AWS client: S3, Glue, Athena, DataZone, IAM and the rest.

    It prints what to export. Everything it acknowledges is kept in the state folder.
    """
    from twinplane.cli import plane as running

    account_of = running.Account(account, region, tls, max_requests_per_second)
    raise typer.Exit(running.plane(_state(state), port, account_of, command or [], fresh))


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder; with --check, an existing backup.")],
    state: StateOption = _STATE,
    verify: Annotated[bool, typer.Option("--verify", help="Read all of it again, bodies of objects too.")] = False,
    copy: Annotated[bool, typer.Option("--copy", help="Copy bodies even where links would do.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Make none: verify the backup that is there.")] = False,
) -> None:
    """Back a state folder up, also while it is served.

    The backup is a folder with the databases as they were at one moment, all bodies of objects and the keys. It is
    there whole or not at all. For instance:

      twinplane backup /mnt/backups/mesh-monday --verify

      twinplane backup /mnt/backups/mesh-monday --check
    """
    from twinplane.cli import keeping

    if check:
        keeping.check(target)
    else:
        keeping.backup(_state(state), target, copy, verify)


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(metavar="BACKUP", help="The folder that `twinplane backup` made.")],
    state: StateOption = _STATE,
    replace: Annotated[bool, typer.Option("--replace", help="Put a state that is there aside, and say where.")] = False,
    copy: Annotated[bool, typer.Option("--copy", help="Copy bodies even where links would do.")] = False,
) -> None:
    """Make a state folder of a backup. Nothing is overwritten. For instance:

    twinplane restore /mnt/backups/mesh-monday --state .twinplane-monday

    twinplane up --state .twinplane-monday --port 0 --plane-port 0
    """
    from twinplane.cli import keeping

    keeping.bring_back(folder, _state(state), replace, copy)


@app.command()
def doctor(
    state: StateOption = _STATE,
    deep: Annotated[bool, typer.Option("--deep", help="Read every byte of every object, too.")] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Put right what can be without losing anything; needs a stopped plane.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Examine a state folder: databases, references, bodies of objects, keys, permissions, disk.

    Looks only, also while it is served, unless told to repair. Ends with 1 when an error is left. For instance:

      twinplane doctor --deep

      twinplane doctor --state .twinplane-plane --repair
    """
    from twinplane.cli import examining

    raise typer.Exit(examining.doctor(_state(state), deep, repair, as_json))


@app.command("revoke-sessions")
def revoke_sessions(state: StateOption = _STATE) -> None:
    """End all sessions of a state folder at once: credentials of roles, of people and of projects.

    One role's older sessions end sooner with a policy: a Deny where aws:TokenIssueTime is before a moment.
    """
    from twinplane.cli import keeping

    keeping.end_sessions(_state(state))


@app.command()
def demo(
    mesh: MeshOption = _MESH,
    story: Annotated[
        Path | None, typer.Option(help="Who and what it is about; default: journey.yaml by the mesh.")
    ] = None,
    state: Annotated[Path | None, typer.Option(help="Keep the state in this folder.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Walk the whole journey without a person, on a fresh state folder and free ports."""
    from twinplane.cli import demo as walking

    walking.demo(mesh, story or mesh.parent / "journey.yaml", state, as_json)


@app.command()
def env(
    state: StateOption = _STATE,
    person: AsOption = None,
    project: Annotated[str | None, typer.Option(help="Name or id; default: the mesh's default project.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Print what AWS clients need to act as a person on the running mesh, ready for eval."""
    import shlex

    from twinplane.cli.sign_in import SignIn

    sign_in = SignIn.to(_state(state))
    default = sign_in.mesh.default_project
    name = person or (default.owners[0] if default else _last_login(sign_in.state))
    if project is None and default is not None and name in (*default.owners, *default.contributors):
        project = default.name
    found = sign_in.environment(name, project)
    if as_json:
        tell(json.dumps(found, indent=2))
    else:
        tell("\n".join(f"export {key}={shlex.quote(value)}" for key, value in found.items()))


@app.command()
def plan(
    state: StateOption = _STATE,
    mesh: MeshOption = _MESH,
    profile: Annotated[
        str | None, typer.Option(help="AWS profile of a real account; default: the local plane.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what applying the mesh would change."""
    from twinplane.cli.applying import plan_of
    from twinplane.foundation.changes import changed

    loaded, session, issuer_url = _target(state, mesh, profile)
    changes = plan_of(loaded, session, issuer_url)
    rows = [
        {"action": c.action, "kind": c.kind, "name": c.name, "differences": [str(d) for d in c.differences]}
        for c in (changes if as_json else changed(changes))
    ]
    headings = {"action": "Action", "kind": "Kind", "name": "Name", "differences": "What differs"}
    table(rows, headings, as_json, f"Nothing to change: all {len(changes)} objects are as declared.")


@app.command()
def apply(
    state: StateOption = _STATE,
    mesh: MeshOption = _MESH,
    profile: Annotated[
        str | None, typer.Option(help="AWS profile of a real account; default: the local plane.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Create and update what the mesh declares. Repeating it is safe; nothing is deleted."""
    from twinplane.cli.applying import apply_to

    loaded, session, issuer_url = _target(state, mesh, profile)
    changes = apply_to(loaded, session, issuer_url, say)
    if profile is None:
        _say_when_to_restart(_state(state), mesh)
    if as_json:
        tell(json.dumps([{"action": c.action, "kind": c.kind, "name": c.name} for c in changes], indent=2))


def _say_when_to_restart(state: State, mesh: Path) -> None:
    """The Management App reads roles, profiles and approvals once, when `up` starts it."""
    import hashlib

    applied = state.applied
    if state.is_up() and applied and applied.mesh_hash != hashlib.sha256(mesh.read_bytes()).hexdigest():
        say("  The Management App runs with the mesh as it was: stop `twinplane up` and start it again.")


def _target(state: Path, mesh: Path, profile: str | None) -> tuple[Any, Any, str | None]:
    """The mesh, a session where it is applied, and the issuer for a mesh that names none."""
    import boto3

    from twinplane.cli.state import ADMINISTRATOR
    from twinplane.mesh.load import MeshError, load

    try:
        loaded = load(mesh)
    except MeshError as error:
        raise CliError(f"the mesh is not as it should be:\n{error}", 2) from None
    if profile is not None:
        return loaded, boto3.Session(profile_name=profile), None
    local = _state(state)
    return loaded, local.session(ADMINISTRATOR), f"{local.plane_url()}/_idp"


@app.command()
def login(person: Annotated[str, typer.Option("--as", help="Sign-in name.")], state: StateOption = _STATE) -> None:
    """Sign in to the Management App; later commands are hers when they name nobody."""
    from twinplane.cli.state import write_private

    api = _api(state, person)
    api.sign_in()
    me = api.get("/api/me")
    write_private(_state(state).cli / "last", person)
    tell(f"Signed in as {me['display_name']} ({me['name']}), member of {', '.join(me['groups']) or 'no group'}.")


# --- projects ---------------------------------------------------------------------------------------------------


def _follow(api: "Api", request: dict[str, Any], wait: bool, as_json: bool) -> None:
    if wait:
        request = api.follow(request, 120, lambda status: say(f"Request {request['id']}: {status}"))
    request_story(request, as_json)
    if request["status"] == "failed":
        raise CliError(f"the request failed: {request.get('failure')}")


@project_app.command("request")
def project_request(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    profile: Annotated[str, typer.Option(help="The project profile.")],
    unit: Annotated[str, typer.Option(help="The domain unit that will own it.")],
    reason: Reason,
    description: Annotated[str | None, typer.Option(help="What it is for, as lists show it.")] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter",
            metavar="ENVIRONMENT.NAME=VALUE",
            help="Instead of the profile's value, where that may be changed; may be repeated.",
        ),
    ] = None,
    state: StateOption = _STATE,
    person: AsOption = None,
    wait: WaitOption = True,
    as_json: JsonOption = False,
) -> None:
    """Request a project."""
    parameters: dict[str, dict[str, str]] = {}
    for given in parameter or []:
        path, equals, value = given.partition("=")
        environment, dot, key = path.rpartition(".")
        if not equals or not dot:
            raise CliError(f"--parameter {given!r}: write it as ENVIRONMENT.NAME=VALUE", 2)
        parameters.setdefault(environment, {})[key] = value
    body = {"name": name, "profile": profile, "domain_unit": unit, "reason": reason}
    if description is not None:
        body["description"] = description
    api = _api(state, person)
    request = api.post("/api/requests/project", body | ({"parameters": parameters} if parameters else {}))
    _follow(api, request, wait, as_json)


@project_app.command("list")
def project_list(state: StateOption = _STATE, person: AsOption = None, as_json: JsonOption = False) -> None:
    """Projects you can see."""
    columns = {"name": "Project", "id": "Id", "status": "Status", "description": "What it is for"}
    table(_api(state, person).get("/api/projects")["items"], columns, as_json, "No project yet: request one.")


@project_app.command("requests")
def project_requests(
    status: Annotated[str | None, typer.Option(help="Only those with this status.")] = None,
    state: StateOption = _STATE,
    person: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Projects you asked for."""
    found = _api(state, person).get("/api/requests", box="mine", kind="project", status=status)["items"]
    table(found, _REQUEST_COLUMNS, as_json, "No such request.")


@project_app.command("withdraw")
def project_withdraw(
    request: RequestArgument, state: StateOption = _STATE, person: AsOption = None, as_json: JsonOption = False
) -> None:
    """Take your request for a project back, before it is decided."""
    request_story(_api(state, person).post(f"/api/requests/{request}/withdraw", {}), as_json)


@project_app.command("show")
def project_show(
    project: ProjectArgument, state: StateOption = _STATE, person: AsOption = None, as_json: JsonOption = False
) -> None:
    """One project: its environments and connections."""
    api = _api(state, person)
    details(api.get(f"/api/projects/{api.project(project)['id']}"), as_json)


@project_app.command("members")
def project_members(
    project: ProjectArgument, state: StateOption = _STATE, person: AsOption = None, as_json: JsonOption = False
) -> None:
    """Who works in a project."""
    api = _api(state, person)
    members = api.get(f"/api/projects/{api.project(project)['id']}/members")["items"]
    table(members, {"name": "Member", "kind": "Kind", "designation": "Designation"}, as_json)


@project_app.command("add-member")
def project_add_member(
    project: ProjectArgument,
    other: Annotated[str, typer.Argument(metavar="PERSON", help="Sign-in name.")],
    role: Annotated[str, typer.Option(help="Owner or Contributor.")] = "Contributor",
    state: StateOption = _STATE,
    person: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a person to a project."""
    designations = {"owner": "PROJECT_OWNER", "contributor": "PROJECT_CONTRIBUTOR"}
    if role.lower() not in designations:
        raise CliError(f"--role {role!r}: give Owner or Contributor", 2)
    api = _api(state, person)
    body = {"person": other, "designation": designations[role.lower()]}
    api.post(f"/api/projects/{api.project(project)['id']}/members", body)
    tell(json.dumps(body, indent=2) if as_json else f"{other} is now {role.capitalize()} of {project}.")


@project_app.command("remove-member")
def project_remove_member(
    project: ProjectArgument,
    other: Annotated[str, typer.Argument(metavar="PERSON", help="Sign-in name.")],
    state: StateOption = _STATE,
    person: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a person from a project."""
    api = _api(state, person)
    api.call("DELETE", f"/api/projects/{api.project(project)['id']}/members/{other}")
    tell(json.dumps({"person": other}, indent=2) if as_json else f"{other} is no longer a member of {project}.")


@project_app.command("import")
def project_import(
    project: ProjectArgument,
    database: Annotated[str, typer.Option(help="The Glue database.")],
    connection: Annotated[str | None, typer.Option(help="Default: the project's own.")] = None,
    state: StateOption = _STATE,
    person: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import the tables of a database as assets."""
    import time

    api = _api(state, person)
    base = f"/api/projects/{api.project(project)['id']}/imports"
    body = {"database": database} | ({"connection": connection} if connection else {})
    run_id = api.post(base, body)["run_id"]
    say(f"Importing {database} …")
    while (found := api.get(f"{base}/{run_id}"))["status"] in ("REQUESTED", "RUNNING"):
        time.sleep(0.1)
    details(found, as_json)
    if found["status"] == "FAILED":
        raise CliError(f"the import failed: {found.get('error') or 'see the tables above'}")


@project_app.command("assets")
def project_assets(
    project: ProjectArgument, state: StateOption = _STATE, person: AsOption = None, as_json: JsonOption = False
) -> None:
    """What a project holds and may publish."""
    api = _api(state, person)
    assets = api.get(f"/api/projects/{api.project(project)['id']}/assets")["items"]
    columns = {"name": "Asset", "id": "Id", "classification.level": "Level", "listing_status": "Listing"}
    table(assets, columns, as_json, "No assets yet: import a database.")


@project_app.command("classify")
def project_classify(
    project: ProjectArgument,
    asset: AssetArgument,
    level: Annotated[str, typer.Option(help="Classification level.")],
    personal_data: Annotated[bool, typer.Option("--personal-data", help="It tells about living people.")] = False,
    field: Annotated[
        list[str] | None, typer.Option("--field", metavar="NAME=VALUE", help="A further field of the form.")
    ] = None,
    state: StateOption = _STATE,
    person: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set the classification of an asset."""
    body: dict[str, Any] = {"level": level, "contains_personal_data": personal_data}
    for given in field or []:
        name, equals, value = given.partition("=")
        if not equals:
            raise CliError(f"--field {given!r}: write it as NAME=VALUE", 2)
        body[name] = json.loads(value) if value in ("true", "false") or value.isdigit() else value
    api = _api(state, person)
    found = api.project(project)
    asset_id = api.asset(found, asset)["id"]
    done = api.call("PUT", f"/api/projects/{found['id']}/assets/{asset_id}/classification", body)
    details(done or {"asset": asset, **body}, as_json)


@project_app.command("publish")
def project_publish(
    project: ProjectArgument,
    asset: AssetArgument,
    state: StateOption = _STATE,
    person: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish an asset to the catalog."""
    _publish(state, person, project, asset, "publish", as_json)


@project_app.command("unpublish")
def project_unpublish(
    project: ProjectArgument,
    asset: AssetArgument,
    state: StateOption = _STATE,
    person: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take an asset out of the catalog."""
    _publish(state, person, project, asset, "unpublish", as_json)


def _publish(state: Path, person: str | None, project: str, asset: str, verb: str, as_json: bool) -> None:
    api = _api(state, person)
    found = api.project(project)
    asset_id = api.asset(found, asset)["id"]
    done = api.post(f"/api/projects/{found['id']}/assets/{asset_id}/{verb}", {})
    details(done or {"asset": asset, "done": verb}, as_json)


# --- finding and asking -----------------------------------------------------------------------------------------


@catalog_app.command("search")
def catalog_search(
    text: Annotated[str, typer.Argument(help="Words; also names of columns.")] = "",
    state: StateOption = _STATE,
    person: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find data by name, description or column."""
    items = _api(state, person).get("/api/catalog", q=text)["items"]
    if not as_json:
        for item in items:
            item["found_in"] = sorted(
                {
                    f"{_FOUND_IN.get(match['field'].rpartition('.')[2], match['field'])}: {match['text']}"
                    for match in item.get("matched") or []
                }
            )
            item["access"] = str(item.get("access", "")).replace("_", " ")
    columns = {
        "name": "Name", "owning_project": "Project", "classification": "Level", "access": "Access",
        "found_in": "Found in", "listing_id": "Listing",
    }  # fmt: skip
    table(items, columns, as_json, "Nothing found.")


@catalog_app.command("show")
def catalog_show(
    listing: ListingArgument, state: StateOption = _STATE, person: AsOption = None, as_json: JsonOption = False
) -> None:
    """One listing: columns, classification, your access."""
    api = _api(state, person)
    details(api.get(f"/api/catalog/{api.listing(listing)['listing_id']}"), as_json)


@subscription_app.command("request")
def subscription_request(
    listing: ListingArgument,
    reason: Reason,
    until: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="Last day; default: the level's longest.")
    ] = None,
    project: Annotated[str | None, typer.Option(help="For a project's members; default: for you alone.")] = None,
    state: StateOption = _STATE,
    person: AsOption = None,
    wait: WaitOption = True,
    as_json: JsonOption = False,
) -> None:
    """Ask for access to a listing."""
    ends_on = _day("--until", until) if until is not None else None
    api = _api(state, person)
    body = {"listing_id": api.listing(listing)["listing_id"], "reason": reason}
    if ends_on is not None:
        body["ends_on"] = ends_on
    if project is not None:
        body["project_id"] = api.project(project)["id"]
    _follow(api, api.post("/api/requests/subscription", body), wait, as_json)


def _day(option: str, given: str) -> str:
    from datetime import date

    try:
        return date.fromisoformat(given).isoformat()
    except ValueError:
        raise CliError(f"{option} {given!r}: write a day as YYYY-MM-DD", 2) from None


@subscription_app.command("list")
def subscription_list(
    status: Annotated[str | None, typer.Option(help="Only those with this status.")] = None,
    state: StateOption = _STATE,
    person: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """What you asked for."""
    found = _api(state, person).get("/api/requests", box="mine", kind="subscription", status=status)["items"]
    table(found, _REQUEST_COLUMNS | {"ends_on": "Until"}, as_json, "No such subscription.")


@subscription_app.command("show")
def subscription_show(
    request: RequestArgument, state: StateOption = _STATE, person: AsOption = None, as_json: JsonOption = False
) -> None:
    """One request: approvals, policy, steps, outcome."""
    request_story(_api(state, person).get(f"/api/requests/{request}"), as_json)


@subscription_app.command("withdraw")
def subscription_withdraw(
    request: RequestArgument, state: StateOption = _STATE, person: AsOption = None, as_json: JsonOption = False
) -> None:
    """Take your request for access back, before it is decided."""
    request_story(_api(state, person).post(f"/api/requests/{request}/withdraw", {}), as_json)


@subscription_app.command("revoke")
def subscription_revoke(
    request: RequestArgument,
    reason: Reason,
    state: StateOption = _STATE,
    person: AsOption = None,
    wait: WaitOption = True,
    as_json: JsonOption = False,
) -> None:
    """End a subscription now."""
    api = _api(state, person)
    api.post(f"/api/requests/{request}/revoke", {"reason": reason})
    found = api.get(f"/api/requests/{request}")
    if wait:
        import time

        until = time.monotonic() + 60
        while found["status"] == "active" or found["status"].endswith("ing"):
            if time.monotonic() > until:
                break
            time.sleep(0.1)
            found = api.get(f"/api/requests/{request}")
    request_story(found, as_json)


@approvals_app.command("list")
def approvals_list(state: StateOption = _STATE, person: AsOption = None, as_json: JsonOption = False) -> None:
    """Requests that wait for you."""
    found = _api(state, person).get("/api/requests", box="inbox")["items"]
    table(found, _REQUEST_COLUMNS | {"reason": "Reason"}, as_json, "Nothing waits for you.")


@approvals_app.command("show")
def approvals_show(
    request: RequestArgument, state: StateOption = _STATE, person: AsOption = None, as_json: JsonOption = False
) -> None:
    """One request: what is asked, by whom, who decided what."""
    request_story(_api(state, person).get(f"/api/requests/{request}"), as_json)


@approvals_app.command("approve")
def approvals_approve(
    request: RequestArgument,
    comment: Annotated[str | None, typer.Option(help="For the requester and the audit.")] = None,
    row_filter: Annotated[str | None, typer.Option(help="SQL condition: only these rows.")] = None,
    hide: Annotated[list[str] | None, typer.Option(metavar="COLUMN", help="Not this column; may be repeated.")] = None,
    state: StateOption = _STATE,
    person: AsOption = None,
    wait: WaitOption = True,
    as_json: JsonOption = False,
) -> None:
    """Approve, with all rows and columns or only some."""
    body: dict[str, Any] = {}
    for name, value in (("comment", comment), ("row_filter", row_filter), ("hidden_columns", hide)):
        if value:
            body[name] = value
    api = _api(state, person)
    api.post(f"/api/requests/{request}/approve", body)
    _follow(api, api.get(f"/api/requests/{request}"), wait, as_json)


@approvals_app.command("reject")
def approvals_reject(
    request: RequestArgument,
    comment: Annotated[str, typer.Option(help="Why; the requester sees it.")],
    state: StateOption = _STATE,
    person: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reject a request."""
    api = _api(state, person)
    api.post(f"/api/requests/{request}/reject", {"comment": comment})
    request_story(api.get(f"/api/requests/{request}"), as_json)


@app.command()
def audit(
    person_filter: Annotated[str | None, typer.Option("--person", help="Who did it.")] = None,
    request: Annotated[str | None, typer.Option(help="Under which request.")] = None,
    asset: Annotated[str | None, typer.Option(help="On which asset.")] = None,
    action: Annotated[str | None, typer.Option(help="Which action, such as request.approve.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    state: StateOption = _STATE,
    person: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Who saw or did what, when, under which approval."""
    found = _api(state, person).get(
        "/api/audit", person=person_filter, request_id=request, asset=asset, action=action, limit=limit
    )["items"]
    if not as_json:
        for record in found:
            record["what"] = record.get("asset") or member(record, "detail.title") or record.get("project_id")
    columns = {
        "at": "When", "actor": "Who", "action": "Action", "what": "What", "outcome": "Outcome",
        "request_id": "Request",
    }  # fmt: skip
    table(found, columns, as_json, "No record.")


# --- the declaration --------------------------------------------------------------------------------------------


@mesh_app.command("schema")
def mesh_schema() -> None:
    """The JSON Schema of mesh.yaml, for editors."""
    from twinplane.mesh.load import schema

    tell(json.dumps(schema(), indent=2))


@mesh_app.command("check")
def mesh_check(mesh: MeshOption = _MESH) -> None:
    """Whether the file declares a mesh; says what is wrong and where."""
    from twinplane.mesh.load import MeshError, load

    try:
        found = load(mesh)
    except MeshError as error:
        raise CliError(f"the mesh is not as it should be:\n{error}") from None
    tell(f"{mesh} declares the mesh {found.name}: {len(found.profiles)} profiles, {len(found.projects)} projects.")
