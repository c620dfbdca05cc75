"""Whatever a request names that is not there, the answer is an error that AWS documents for the operation."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from tests.data_plane.datazone.domains_for_tests import Mesh
from tests.data_plane.datazone.requests_for_tests import REQUESTS
from tests.data_plane.datazone.roles_for_tests import World, make_world

MAY_BE_UNKNOWN = {
    ("DeleteDesignation", "identifier"),
    ("DisassociateGovernedTerms", "governedGlossaryTerms.0"),
    ("ListDomainUnitsForParent", "parentDomainUnitIdentifier"),
    ("ListPolicyGrants", "entityIdentifier"),
}
"""Names that need not be those of anything: there is nothing to list, or to take away."""
IDS = ("identifier", "projectidentifier", "unitid", "profileid", "governedglossaryterms.0")


@pytest.fixture(scope="module")
def world(mesh: Mesh) -> World:
    return make_world(mesh)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the ids in a request are."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))
    if isinstance(value, str) and ".".join(map(str, path)).lower().endswith(IDS):
        yield path


def with_another(request: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    changed = deepcopy(request)
    inner: Any = changed
    for key in path[:-1]:
        inner = inner[key]
    is_domain = str(inner[path[-1]]).startswith("dzd")
    inner[path[-1]] = "dzd-nosuchthing00" if is_domain else "nosuchthing000"
    return changed


@pytest.mark.parametrize("line", sorted(set(REQUESTS) - {"ListDomains", "CreateDomain"}))
def test_what_is_not_there_is_told_as_documented(world: World, line: str) -> None:
    operation = line.partition(" ")[0]
    model = world.admin.meta.service_model.operation_model(operation)
    documented = {shape.name for shape in model.error_shapes} | {"ValidationException"}
    request = {**(world.domain if "domainIdentifier" in model.input_shape.members else {}), **REQUESTS[line](world)}
    for path in places(request):
        told = set()
        for client in (world.owner, world.admin):
            try:
                getattr(client, xform_name(operation))(**with_another(request, path))
                told.add("answered")
            except ClientError as error:
                told.add(error.response["Error"]["Code"])
        where = ".".join(map(str, path))
        assert told - documented - {"answered"} == set(), f"{line} with another {where}: {told}"
        if (operation, where) not in MAY_BE_UNKNOWN:
            assert "answered" not in told, f"{line} took another {where}"
