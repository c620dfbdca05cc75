"""Quotas: one less than AWS documents is there already; one more may be made, and the next is refused."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pysqlite3 import dbapi2 as sqlite

from tests.data_plane.datazone.catalog_for_tests import Producer, glue_form, producer, unique
from tests.data_plane.datazone.domains_for_tests import make_mesh
from twinplane.data_plane.services.datazone import quotas
from twinplane.data_plane.services.datazone.store import DOMAIN_UNITS, ENVIRONMENTS
from twinplane.data_plane.store import Kind
from twinplane.data_plane.testing import running_plane

Make = Callable[[Producer], Any]


def full() -> Any:
    return pytest.raises(ClientError, match="ServiceQuotaExceededException")


def pretend(state: Path, domain_id: str) -> None:
    """The counters of a stopped plane say that there is one less than the quota of all that is counted."""
    connection = sqlite.connect(str(state / "plane.db"))
    with connection:
        for what, scope in quotas._SCOPES.items():
            sql = "INSERT OR IGNORE INTO datazone_search_space (domain, scope) VALUES (?, ?)"
            connection.execute(sql, (domain_id, scope))
            connection.execute(
                "INSERT INTO datazone_search_count SELECT number, '', '', ? FROM datazone_search_space "
                "WHERE scope = ? ON CONFLICT DO UPDATE SET n = excluded.n",
                (quotas.QUOTAS[what] - 1, scope),
            )
    connection.close()


def fill(state: Path, kind: Kind, most: int) -> None:
    """Copies a document of a stopped plane until there are `most - 1`."""
    connection = sqlite.connect(str(state / "plane.db"))
    columns = [f'"{c}"' for c in (*kind.all_columns, "body")]
    chosen = ["? AS id" if c == '"id"' else "? AS name" if c == '"name"' else c for c in columns]
    with connection:
        [(known, number)] = connection.execute(f'SELECT max(id), count(*) FROM "{kind.name}"')
        for n in range(most - 1 - number):
            connection.execute(
                f'INSERT INTO "{kind.name}" ({", ".join(columns)}) '
                f'SELECT {", ".join(chosen)} FROM "{kind.name}" WHERE id = ?',
                (*(f"copy{n}" for c in chosen if c.startswith("?")), known),
            )
    connection.close()


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Producer]:
    """A producer in a domain that has one less of everything than it may have."""
    state = tmp_path_factory.mktemp("full")
    with running_plane(state) as plane:
        mesh = make_mesh(plane)
        found = producer(mesh, "owner")
        for policy in ("CREATE_GLOSSARY", "CREATE_ASSET_TYPE"):
            member = {"projectIdentifier": found.project_id, "projectDesignation": "OWNER"}
            mesh.grant(policy, {"project": member}, {})
        mesh.admin.create_domain_unit(**_here(found), name="one", parentDomainUnitIdentifier=mesh.root_unit)
        plane.process.kill()
    pretend(state, found.mesh.domain_id)
    fill(state, ENVIRONMENTS, quotas.QUOTAS[quotas.ENVIRONMENTS])
    fill(state, DOMAIN_UNITS, quotas.QUOTAS[quotas.DOMAIN_UNITS])
    with running_plane(state) as plane:
        yield dataclasses.replace(found, mesh=dataclasses.replace(found.mesh, plane=plane))


def _here(owner: Producer) -> dict[str, Any]:
    return {"domainIdentifier": owner.mesh.domain_id}


def _owned(owner: Producer) -> dict[str, Any]:
    return _here(owner) | {"owningProjectIdentifier": owner.project_id}


def a_glossary(owner: Producer) -> Any:
    return owner.datazone.create_glossary(**_owned(owner), name=unique("glossary"))


def an_asset_type(owner: Producer) -> Any:
    return owner.datazone.create_asset_type(**_owned(owner), name=unique("Kind").replace(" ", "_"), formsInput={})


def an_asset(owner: Producer) -> Any:
    return owner.asset(name=unique("asset"), formsInput=[glue_form("orders", {"a": "int"})])


def a_product(owner: Producer) -> Any:
    return owner.datazone.create_data_product(**_owned(owner), name=unique("product"))


def a_unit(owner: Producer) -> Any:
    parent = {"parentDomainUnitIdentifier": owner.mesh.root_unit}
    return owner.mesh.admin.create_domain_unit(**_here(owner), **parent, name=unique("unit"))


MAKERS: dict[str, Make] = {
    quotas.GLOSSARIES: a_glossary,
    quotas.ASSET_TYPES: an_asset_type,
    quotas.ASSETS: an_asset,
    quotas.DATA_PRODUCTS: a_product,
    quotas.DOMAIN_UNITS: a_unit,
}


@pytest.mark.parametrize("what", MAKERS)
def test_the_last_one_may_be_made_and_no_other(owner: Producer, what: str) -> None:
    make = MAKERS[what]
    make(owner)
    with full():
        make(owner)


def test_the_next_revision_of_an_asset_type_counts_as_none(owner: Producer) -> None:
    [listed] = owner.datazone.search_types(**_here(owner), searchScope="ASSET_TYPE", managed=False)["items"]
    name = listed["assetTypeItem"]["name"]
    with full():
        an_asset_type(owner)
    assert owner.datazone.create_asset_type(**_owned(owner), name=name, formsInput={})["revision"] == "2"


def test_there_are_so_many_terms(owner: Producer) -> None:
    glossary = owner.datazone.search(**_here(owner), searchScope="GLOSSARY")["items"][0]["glossaryItem"]["id"]
    owner.datazone.create_glossary_term(**_here(owner), glossaryIdentifier=glossary, name="last")
    with full():
        owner.datazone.create_glossary_term(**_here(owner), glossaryIdentifier=glossary, name="one more")


def test_a_table_more_than_a_domain_may_have_fails_the_activity_of_its_import(owner: Producer) -> None:
    owner.table("orders")
    run = owner.run(owner.source())
    assert run["activities"]["orders"]["dataAssetStatus"] == "FAILED"
    assert "at most 1000000 assets" in run["activities"]["orders"]["errorMessage"]["errorDetail"]


def test_a_project_whose_environments_would_be_too_many_is_not_made(owner: Producer) -> None:
    mesh = owner.mesh
    with full():
        mesh.admin.create_project(**_here(owner), name="Too many", projectProfileId=mesh.profile_id)
    assert mesh.admin.list_projects(**_here(owner), name="Too many")["items"] == []
