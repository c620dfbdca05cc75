"""The decisions of DataZone's projects side, as tables."""

from typing import Any

import pytest

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.services.datazone import policy_rules, rights, rules
from twinplane.data_plane.services.datazone.policy_rules import Subject
from twinplane.data_plane.services.datazone.rules import Parameter

ANA = Subject("ana", ("sales",), (("p1", rights.CONTRIBUTOR, ("u1", "root")),), ("u2",))


@pytest.mark.parametrize(
    ("principal", "named"),
    [
        ({"user": {"userIdentifier": "ana"}}, True),
        ({"user": {"userIdentifier": "bob"}}, False),
        ({"user": {"allUsersGrantFilter": {}}}, True),
        ({"group": {"groupIdentifier": "sales"}}, True),
        ({"group": {"groupIdentifier": "marketing"}}, False),
        ({"domainUnit": {"domainUnitDesignation": "OWNER", "domainUnitIdentifier": "u2"}}, True),
        ({"domainUnit": {"domainUnitDesignation": "OWNER", "domainUnitIdentifier": "u1"}}, False),
        (
            {
                "domainUnit": {
                    "domainUnitDesignation": "OWNER",
                    "domainUnitGrantFilter": {"allDomainUnitsGrantFilter": {}},
                }
            },
            True,
        ),
        ({"project": {"projectDesignation": "CONTRIBUTOR", "projectIdentifier": "p1"}}, True),
        ({"project": {"projectDesignation": "OWNER", "projectIdentifier": "p1"}}, False),
        ({"project": {"projectDesignation": "CONTRIBUTOR", "projectIdentifier": "p2"}}, False),
        (
            {
                "project": {
                    "projectDesignation": "CONTRIBUTOR",
                    "projectGrantFilter": {"domainUnitFilter": {"domainUnit": "root", "includeChildDomainUnits": True}},
                }
            },
            True,
        ),
        (
            {
                "project": {
                    "projectDesignation": "CONTRIBUTOR",
                    "projectGrantFilter": {"domainUnitFilter": {"domainUnit": "root"}},
                }
            },
            False,
        ),
    ],
)
def test_whom_a_principal_names(principal: dict[str, Any], named: bool) -> None:
    assert policy_rules.names(principal, ANA) is named


def grant(unit: str, user: str, cascade: bool) -> dict[str, Any]:
    return {
        "entityIdentifier": unit,
        "principal": {"user": {"userIdentifier": user}},
        "detail": {"addToProjectMemberPool": {"includeChildDomainUnits": cascade}},
    }


@pytest.mark.parametrize(
    ("grants", "is_in"),
    [
        ([], False),
        ([grant("root", "ana", True)], True),
        ([grant("root", "ana", False)], False),
        ([grant("root", "ana", True), grant("u1", "bob", True)], False),
        ([grant("root", "ana", True), grant("u1", "ana", True)], True),
        ([grant("root", "bob", True), grant("u1", "ana", True)], False),
        ([grant("u1", "ana", True)], False),
    ],
)
def test_member_pools_intersect_down_the_tree(grants: list[dict[str, Any]], is_in: bool) -> None:
    assert policy_rules.is_in_member_pool(grants, ["u1", "root"], ANA) is is_in


KNOWN = (Parameter("size", "10"), Parameter("name"), Parameter("fixed", "a", is_editable=False))


@pytest.mark.parametrize(
    ("overrides", "given", "values"),
    [
        ([], {}, {"size": "10", "fixed": "a"}),
        ([{"name": "size", "value": "20"}], {}, {"size": "20", "fixed": "a"}),
        ([{"name": "size", "value": "20", "isEditable": True}], {"size": "30"}, {"size": "30", "fixed": "a"}),
        ([{"name": "size", "value": "20"}], {"size": "20"}, {"size": "20", "fixed": "a"}),
        ([], {"name": "x"}, {"size": "10", "name": "x", "fixed": "a"}),
    ],
)
def test_parameters_come_from_blueprint_then_profile_then_user(
    overrides: list[dict[str, Any]], given: dict[str, str], values: dict[str, str]
) -> None:
    asked = [{"name": k, "value": v} for k, v in given.items()]
    assert rules.resolve_parameters(KNOWN, overrides, asked, "it") == values


@pytest.mark.parametrize(
    ("overrides", "given", "named"),
    [
        ([{"name": "size", "value": "20"}], {"size": "30"}, "size"),
        ([], {"fixed": "b"}, "fixed"),
        ([], {"colour": "red"}, "colour"),
        ([{"name": "colour", "value": "red"}], {}, "colour"),
    ],
)
def test_a_parameter_that_may_not_be_given_is_named(
    overrides: list[dict[str, Any]], given: dict[str, str], named: str
) -> None:
    asked = [{"name": k, "value": v} for k, v in given.items()]
    with pytest.raises(ServiceError, match=named) as refusal:
        rules.resolve_parameters(KNOWN, overrides, asked, "it")
    assert refusal.value.code == "ValidationException"


@pytest.mark.parametrize(
    ("statuses", "overall"),
    [
        (["ACTIVE", "ACTIVE"], "SUCCESSFUL"),
        (["ACTIVE", "CREATING"], "IN_PROGRESS"),
        (["CREATE_FAILED", "CREATING"], "IN_PROGRESS"),
        (["ACTIVE", "CREATE_FAILED"], "FAILED_DEPLOYMENT"),
        (["ACTIVE", "VALIDATION_FAILED"], "FAILED_VALIDATION"),
    ],
)
def test_how_far_a_project_is(statuses: list[str], overall: str) -> None:
    assert rules.deployment_status(statuses) == overall


def test_the_last_owner_may_not_leave() -> None:
    with pytest.raises(ServiceError):
        rules.check_owner_may_leave([rights.OWNER, rights.CONTRIBUTOR], rights.OWNER)
    rules.check_owner_may_leave([rights.OWNER, rights.OWNER], rights.OWNER)
    rules.check_owner_may_leave([rights.OWNER, rights.CONTRIBUTOR], rights.CONTRIBUTOR)
