"""`twinplane backup`, `restore` and `revoke-sessions`: keeping a state folder, bringing it back, closing its doors."""

import os
from pathlib import Path

from twinplane.cli.output import say, tell
from twinplane.cli.state import CliError, State
from twinplane.data_plane.backup import BackupError, Manifest, back_up, problems, read_manifest, restore

SECRETS = "It holds keys and passwords: whoever can read it can act as anyone in it. It is yours alone; keep it so."


def backup(state: State, target: Path, copy: bool, verify: bool) -> None:
    """Makes a backup, and reads all of it again when `verify`. Raises `CliError`."""
    os.umask(0o077)
    app_elsewhere = (state.path / "sessions.key").exists() and not (state.path / "management-app.db").exists()
    try:
        manifest = back_up(state.path, target, say, copy=copy)
    except BackupError as error:
        raise CliError(str(error)) from None
    tell(f"Backed up {state.path} to {target}: {_contents(manifest)}.")
    tell(SECRETS)
    if manifest.linked and manifest.bodies:
        say("Bodies are links to the same blocks of the same disk: against a broken disk, copy the folder to another.")
    if app_elsewhere:
        say("The Management App's database is not in this folder: back it up with its own tools (pg_dump).")
    if verify:
        check(target)
    if manifest.missing:
        raise CliError(
            f"the backup is as complete as the state, which lacks {len(manifest.missing)} bodies of objects: "
            f"run `twinplane doctor --state {state.path}`"
        )


def check(target: Path) -> None:
    """Reads a backup to its last byte. Raises `CliError` when something is not as it was written."""
    try:
        manifest = read_manifest(target)
        found = problems(target, manifest, say, deep=True)
    except BackupError as error:
        raise CliError(str(error)) from None
    if found:
        raise CliError(f"{target} is damaged:\n" + "\n".join(f"  {problem}" for problem in found))
    tell(f"{target} is whole and unchanged: {_contents(manifest)}, made {manifest.made_at}.")


def bring_back(backup_folder: Path, state: State, replace: bool, copy: bool) -> None:
    """Makes a state folder of a backup. Raises `CliError`."""
    os.umask(0o077)
    try:
        done = restore(backup_folder, state.path, say, replace=replace, copy=copy)
    except BackupError as error:
        raise CliError(str(error)) from None
    tell(f"Restored {state.path} as it was {done.manifest.made_at}: {_contents(done.manifest)}.")
    if done.kept is not None:
        tell(f"What was there before is in {done.kept}.")
    command = "up" if (state.path / "applied.json").exists() else "plane"
    tell(f"Start it with: twinplane {command} --state {state.path}")


def _contents(manifest: Manifest) -> str:
    files = sum(file.bytes for file in manifest.files)
    bodies = "1 body" if manifest.bodies == 1 else f"{manifest.bodies:,} bodies"
    return f"{bodies} ({manifest.body_bytes / 1e6:,.1f} MB) and {files / 1e6:,.1f} MB of state"


def end_sessions(state: State) -> None:
    """Makes every session token of the state folder worthless. Raises `CliError`."""
    from twinplane.data_plane.plane import revoke_sessions

    try:
        revoke_sessions(state.path)
    except FileNotFoundError as error:
        raise CliError(f"{error}: name the folder of a mesh or a data plane with --state") from None
    tell(f"Every session of {state.path} ends when its data plane starts again: if it runs, stop it and start it.")
    tell("Access keys of users are not sessions: switch them off with `aws iam update-access-key`.")
