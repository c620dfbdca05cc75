"""A lake that grows: what Lake Formation's questions take at 1 % of the tables and grants, at a tenth, and at all.

Each table has ten grants; every second one has a tag. Loaded through the services' own functions, with the plane
stopped.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bench import pages, servers
from twinplane.data_plane.app import kinds_and_tasks
from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.lakeformation import store as lake
from twinplane.data_plane.store import Store, Transaction
from twinplane.data_plane.upgrades import UPGRADES

_PER_DATABASE, _PER_TABLE, _AT_ONCE, _REPEATS = 100, 10, 500, 60
_COLUMNS = [{"Name": f"c{number}", "Type": "string"} for number in range(10)]
_USERS = ("named", "by_tags")
_POLICY = {"LFTagPolicy": {"ResourceType": "TABLE", "Expression": [{"TagKey": "level", "TagValues": ["public"]}]}}


def run(folder: Path, most: int = 10_000) -> None:
    sizes = [most // 100, most // 10, most]
    figures: dict[str, list[float]] = {}
    with servers.twinplane(folder) as server:
        keys = {name: _user(server, name) for name in _USERS}
        administrators = [{"DataLakePrincipalIdentifier": pages.client(server, "sts").get_caller_identity()["Arn"]}]
        client = pages.client(server, "lakeformation")
        client.put_data_lake_settings(DataLakeSettings={"DataLakeAdmins": administrators})
        client.create_lf_tag(TagKey="level", TagValues=["public", "secret"])
        arn = f"arn:aws:iam::{pages.ACCOUNT}:user/by_tags"
        client.grant_permissions(
            Principal={"DataLakePrincipalIdentifier": arn}, Resource=_POLICY, Permissions=["SELECT"]
        )  # fmt: skip
    there = 0
    for size in sizes:
        asyncio.run(_load(folder, there, size))
        there = size
        with servers.twinplane(folder) as server:
            for name, seconds in _measure(server, keys).items():
                figures.setdefault(name, []).append(seconds)
    heads = [f"{n:,} tables, {n * _PER_TABLE:,} grants, ms" for n in sizes]
    print(f"| question | {' | '.join(heads)} | growth | bar |")
    print("|---|" + "---|" * (len(sizes) + 2))
    for name, times in figures.items():
        print(f"| {name} | " + " | ".join(f"{t * 1e3:.2f}" for t in times) + f" | {times[-1] / times[0]:.2f} | 1.5 |")


def _user(server: servers.Server, name: str) -> tuple[str, str]:
    """A user whom IAM allows to read the catalog and the grants: her access key."""
    iam = pages.client(server, "iam")
    iam.create_user(UserName=name)
    allowed = {"Effect": "Allow", "Action": ["glue:Get*", "lakeformation:*"], "Resource": "*"}
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=pages.policy(allowed))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


async def _load(folder: Path, there: int, size: int) -> None:
    state = Store(folder / "state" / "plane.db", kinds_and_tasks()[0], UPGRADES)
    for start in range(there, size, _AT_ONCE):
        await state.write(partial(_add_some, range(start, min(start + _AT_ONCE, size))))
    state.close()


def _add_some(numbers: range, tx: Transaction) -> None:
    for number in numbers:
        database, name = f"d{number // _PER_DATABASE}", f"t{number}"
        if number % _PER_DATABASE == 0:
            glue.create_database(tx, {"Name": database}, 1.0, catalog_id=pages.ACCOUNT)
        storage = {"Columns": _COLUMNS, "Location": f"s3://lake/{database}/{name}"}
        glue.create_table(tx, database, {"Name": name, "StorageDescriptor": storage}, 1.0)
        table = {"Table": {"DatabaseName": database, "Name": name}}
        for grant in range(_PER_TABLE):
            user = "named" if number < _PER_DATABASE and not grant else f"user{number % 997}_{grant}"
            principal = f"arn:aws:iam::{pages.ACCOUNT}:user/{user}"
            lake.grant(tx, principal=principal, resource=table, permissions=["SELECT"], now=1.0)
        if number % 2:
            tx.put(lake.TAGGED, {"database": database, "table": name, "column": "", "tags": {"level": "public"}})


def _measure(server: servers.Server, keys: dict[str, tuple[str, str]]) -> dict[str, float]:
    """Seconds of each question: the quickest of many, asked in turn."""

    def of(name: str, service: str) -> Any:
        key, secret = keys[name]
        return pages.client(replace(server, access_key_id=key, secret=secret), service)

    everything, own = pages.client(server, "lakeformation"), of("named", "lakeformation")
    table = {"DatabaseName": "d0", "Name": "t1"}
    principal = {"DataLakePrincipalIdentifier": f"arn:aws:iam::{pages.ACCOUNT}:user/named"}
    changed = {"Resource": {"Table": table}, "Permissions": ["DESCRIBE"]}
    page = {"MaxResults": 50}
    first = everything.list_permissions(**page)

    def after_a_change(client: Any) -> Callable[[], Any]:
        def ask() -> None:
            everything.grant_permissions(Principal=principal, **changed)
            client.get_table(**table)

        return ask

    asked: dict[str, Callable[[], Any]] = {
        "ListPermissions, an administrator": partial(everything.list_permissions, **page),
        "ListPermissions, the second page": partial(everything.list_permissions, **page, NextToken=first["NextToken"]),
        "ListPermissions of a principal": partial(everything.list_permissions, Principal=principal, **page),
        "ListPermissions of a table": partial(everything.list_permissions, Resource={"Table": table}, **page),
        "ListPermissions of a type there is none of": partial(
            everything.list_permissions, ResourceType="DATA_LOCATION", **page
        ),
        "ListPermissions, somebody her own": partial(own.list_permissions, **page),
        "GetTable, by a grant": partial(of("named", "glue").get_table, **table),
        "GetTable, by a tag": partial(of("by_tags", "glue").get_table, **table),
        "GrantPermissions, then GetTable by a grant": after_a_change(of("named", "glue")),
        "GrantPermissions, then GetTable by a tag": after_a_change(of("by_tags", "glue")),
        "GetTables (a page of 50), by grants": partial(of("named", "glue").get_tables, DatabaseName="d0", **page),
        "GetTables (a page of 50), by a tag": partial(of("by_tags", "glue").get_tables, DatabaseName="d0", **page),
        "GetResourceLFTags": partial(everything.get_resource_lf_tags, Resource={"Table": table}),
    }
    times: dict[str, list[float]] = {}
    for _ in range(_REPEATS):
        for name, ask in asked.items():
            began = time.perf_counter()
            ask()
            times.setdefault(name, []).append(time.perf_counter() - began)
    return {name: min(seconds) for name, seconds in times.items()}
