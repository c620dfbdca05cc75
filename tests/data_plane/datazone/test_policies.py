"""Policy grants: each managed policy allows what it is for, where it reaches, and no longer than it is granted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.data_plane.datazone.catalog_for_tests import unique
from tests.data_plane.datazone.domains_for_tests import ALL_USERS, Mesh, environment, make_profile
from twinplane.data_plane.services.datazone import policy_rules

Json = dict[str, Any]


def refused(code: str, text: str = "") -> Any:
    return pytest.raises(ClientError, match=f"{code}.*{text}")


def word(text: str) -> str:
    return unique(text).replace(" ", "_")


@dataclass
class Place:
    """`unit` above `child`, where `project` is a project of "lead" with "helper" in it; nobody else has rights."""

    mesh: Mesh
    unit: str
    child: str
    project: str

    @property
    def domain(self) -> Json:
        return {"domainIdentifier": self.mesh.domain_id}

    def grant(self, policy: str, principal: Json, unit: str | None = None, **detail: Any) -> Callable[[], None]:
        """Grants a policy on `child`, or another unit; what it returns takes the grant away."""
        where = {"entityType": "DOMAIN_UNIT", "entityIdentifier": unit or self.child}
        return self.grant_on(policy, principal, where, **detail)

    def grant_on(self, policy: str, principal: Json, where: Json, **detail: Any) -> Callable[[], None]:
        where = {**self.domain, **where, "policyType": policy, "principal": principal}
        grant = self.mesh.admin.add_policy_grant(**where, detail={policy_rules.POLICIES[policy][0]: detail})["grantId"]
        return lambda: self.mesh.admin.remove_policy_grant(**where, grantIdentifier=grant)

    def person(self, name: str) -> Json:
        return {"user": {"userIdentifier": self.mesh.person(name)}}

    def members(self, designation: str = "OWNER", **more: Any) -> Json:
        return {"project": {"projectDesignation": designation, "projectIdentifier": self.project, **more}}


@pytest.fixture(scope="module")
def place(mesh: Mesh) -> Place:
    admin, domain = mesh.admin, {"domainIdentifier": mesh.domain_id}
    unit = admin.create_domain_unit(**domain, name="sales", parentDomainUnitIdentifier=mesh.root_unit)["id"]
    child = admin.create_domain_unit(**domain, name="retail", parentDomainUnitIdentifier=unit)["id"]
    mesh.grant("CREATE_PROJECT", {"user": {"userIdentifier": mesh.person("lead")}}, {}, child)
    project = mesh.as_person("lead").create_project(**domain, name="retail", domainUnitId=child)["id"]
    mesh.as_person("lead").create_project_membership(
        **domain, projectIdentifier=project, designation="PROJECT_CONTRIBUTOR",
        member={"userIdentifier": mesh.person("helper")},
    )  # fmt: skip
    return Place(mesh, unit, child, project)


def create_unit(place: Place, person: str) -> Any:
    return place.mesh.as_person(person).create_domain_unit(
        **place.domain, name=word("unit"), parentDomainUnitIdentifier=place.child
    )


def add_owner(place: Place, person: str) -> Any:
    return place.mesh.as_person(person).add_entity_owner(
        **place.domain, entityType="DOMAIN_UNIT", entityIdentifier=place.child, owner=place.person(word("newcomer"))
    )


def create_project(place: Place, person: str) -> Any:
    return place.mesh.as_person(person).create_project(**place.domain, name=word("project"), domainUnitId=place.child)


def create_with_profile(place: Place, person: str, profile: str | None = None) -> Any:
    profile = profile or new_profile(place)
    return place.mesh.as_person(person).create_project(
        **place.domain, name=word("project"), domainUnitId=place.child, projectProfileId=profile
    )


def new_profile(place: Place) -> str:
    made = place.mesh.admin.create_project_profile(**place.domain, name=word("profile"), status="ENABLED")
    return str(made["id"])


def add_project_owner(place: Place, person: str) -> Any:
    return place.mesh.as_person(person).create_project_membership(
        **place.domain, projectIdentifier=place.project, designation="PROJECT_OWNER",
        member={"userIdentifier": place.mesh.person(word("newcomer"))},
    )  # fmt: skip


def create_glossary(place: Place, person: str) -> Any:
    return place.mesh.as_person(person).create_glossary(
        **place.domain, name=word("glossary"), owningProjectIdentifier=place.project
    )


def create_form_type(place: Place, person: str) -> Any:
    name = word("Form")
    return place.mesh.as_person(person).create_form_type(
        **place.domain, name=name, owningProjectIdentifier=place.project,
        model={"smithy": f"structure {name} {{ a: String }}"},
    )  # fmt: skip


def create_asset_type(place: Place, person: str) -> Any:
    return place.mesh.as_person(person).create_asset_type(
        **place.domain, name=word("Kind"), owningProjectIdentifier=place.project, formsInput={}
    )


FOR_PEOPLE: list[tuple[str, Callable[[Place, str], Any]]] = [
    ("CREATE_DOMAIN_UNIT", create_unit),
    ("OVERRIDE_DOMAIN_UNIT_OWNERS", add_owner),
    ("CREATE_PROJECT", create_project),
    ("CREATE_PROJECT_FROM_PROJECT_PROFILE", create_with_profile),
    ("OVERRIDE_PROJECT_OWNERS", add_project_owner),
]
FOR_PROJECTS: list[tuple[str, Callable[[Place, str], Any]]] = [
    ("CREATE_GLOSSARY", create_glossary),
    ("CREATE_FORM_TYPE", create_form_type),
    ("CREATE_ASSET_TYPE", create_asset_type),
]


@pytest.mark.parametrize(("policy", "use"), FOR_PEOPLE, ids=lambda value: value if isinstance(value, str) else "")
def test_a_policy_for_people_lasts_as_long_as_its_grant(
    place: Place, policy: str, use: Callable[[Place, str], Any]
) -> None:
    if policy == "CREATE_PROJECT_FROM_PROJECT_PROFILE":  # the mesh lets everybody do so
        where = {**place.domain, "entityType": "DOMAIN_UNIT", "entityIdentifier": place.mesh.root_unit}
        place.mesh.admin.remove_policy_grant(**where, policyType=policy, principal=ALL_USERS)
    person, group = word("person"), word("group")
    with refused("(AccessDenied|ResourceNotFound)Exception"):
        use(place, person)
    remove = place.grant(policy, place.person(person))
    use(place, person)
    remove()
    with refused("(AccessDenied|ResourceNotFound)Exception"):
        use(place, person)
    remove = place.grant(policy, {"group": {"groupIdentifier": place.mesh.group(group, person)}})
    use(place, person)
    remove()
    place.grant(policy, place.person(person), place.unit)  # not for child units
    with refused("(AccessDenied|ResourceNotFound)Exception"):
        use(place, person)
    remove = place.grant(policy, place.person(person), place.unit, includeChildDomainUnits=True)
    use(place, person)
    remove()
    with refused("(AccessDenied|ResourceNotFound)Exception"):
        use(place, person)


@pytest.mark.parametrize(("policy", "use"), FOR_PROJECTS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_policy_for_projects_lasts_as_long_as_its_grant(
    place: Place, policy: str, use: Callable[[Place, str], Any]
) -> None:
    for person in ("lead", "helper"):
        with refused("AccessDeniedException"):
            use(place, person)
    remove = place.grant(policy, place.members("OWNER"))
    use(place, "lead")
    with refused("AccessDeniedException"):
        use(place, "helper")
    remove()
    within = {"domainUnitFilter": {"domainUnit": place.unit, "includeChildDomainUnits": True}}
    all_of_unit = {"project": {"projectDesignation": "CONTRIBUTOR", "projectGrantFilter": within}}
    remove = place.grant(policy, all_of_unit, place.unit, includeChildDomainUnits=True)
    use(place, "helper")
    remove()
    with refused("AccessDeniedException"):
        use(place, "helper")


@pytest.mark.parametrize(("policy", "use"), FOR_PROJECTS, ids=lambda value: value if isinstance(value, str) else "")
def test_what_one_project_may_make_its_members_may_not_make_in_another(
    place: Place, policy: str, use: Callable[[Place, str], Any]
) -> None:
    other = place.mesh.as_person("lead").create_project(**place.domain, name=word("other"), domainUnitId=place.child)
    remove = place.grant(policy, {"project": {"projectDesignation": "OWNER", "projectIdentifier": other["id"]}})
    with refused("AccessDeniedException"):
        use(place, "lead")
    remove()


def test_a_grant_may_be_for_some_project_profiles(place: Place) -> None:
    person, wanted, other = word("person"), new_profile(place), new_profile(place)
    place.grant("CREATE_PROJECT_FROM_PROJECT_PROFILE", place.person(person), projectProfiles=[wanted])
    create_with_profile(place, person, wanted)
    with refused("AccessDeniedException"):
        create_with_profile(place, person, other)


def test_owners_of_a_domain_unit_may_be_granted_something_elsewhere(place: Place) -> None:
    person = word("person")
    owners = {"domainUnit": {"domainUnitDesignation": "OWNER", "domainUnitIdentifier": place.unit}}
    place.grant("CREATE_PROJECT", owners)
    with refused("AccessDeniedException"):
        create_project(place, person)
    place.mesh.admin.add_entity_owner(
        **place.domain, entityType="DOMAIN_UNIT", entityIdentifier=place.unit, owner=place.person(person)
    )
    create_project(place, person)


def test_members_come_from_the_pool_of_every_unit_above(mesh: Mesh) -> None:
    domain, admin = {"domainIdentifier": mesh.domain_id}, mesh.admin
    where = {**domain, "entityType": "DOMAIN_UNIT", "policyType": "ADD_TO_PROJECT_MEMBER_POOL"}
    unit = admin.create_domain_unit(**domain, name=word("closed"), parentDomainUnitIdentifier=mesh.root_unit)["id"]
    administrator = {"user": {"userIdentifier": f"arn:aws:iam::{mesh.plane.account_id}:user/administrator"}}
    mesh.grant("CREATE_PROJECT", administrator, {}, unit)
    project = admin.create_project(**domain, name=word("project"), domainUnitId=unit)["id"]

    def join(person: str) -> None:
        admin.create_project_membership(
            **domain, projectIdentifier=project, designation="PROJECT_CATALOG_VIEWER",
            member={"userIdentifier": mesh.person(person)},
        )  # fmt: skip

    first, second = word("first"), word("second")
    join(first)
    admin.remove_policy_grant(**where, entityIdentifier=mesh.root_unit, principal=ALL_USERS)
    with refused("AccessDeniedException"):
        join(second)
    mesh.grant("ADD_TO_PROJECT_MEMBER_POOL", {"user": {"userIdentifier": mesh.person(second)}}, {}, unit)
    with refused("AccessDeniedException"):  # the root does not have her
        join(second)
    mesh.grant("ADD_TO_PROJECT_MEMBER_POOL", ALL_USERS, {"includeChildDomainUnits": True})
    join(second)


def test_an_asset_type_is_for_whom_grants_name_once_there_was_one(place: Place) -> None:
    place.grant("CREATE_ASSET_TYPE", place.members("OWNER"))
    kind = create_asset_type(place, "lead")["name"]
    where = {"entityType": "ASSET_TYPE", "entityIdentifier": kind}

    def make() -> str:
        made = place.mesh.as_person("lead").create_asset(
            **place.domain, name=word("asset"), owningProjectIdentifier=place.project, typeIdentifier=kind
        )
        return str(made["id"])

    asset = make()
    within = {"domainUnitFilter": {"domainUnit": place.unit, "includeChildDomainUnits": True}}
    projects = {"project": {"projectDesignation": "OWNER", "projectGrantFilter": within}}
    remove = place.grant_on("USE_ASSET_TYPE", projects, where, domainUnitId=place.child)
    make()
    remove()
    with refused("AccessDeniedException"):
        make()
    with refused("AccessDeniedException"):
        place.mesh.as_person("lead").create_asset_revision(**place.domain, identifier=asset, name="revised")
    elsewhere = place.mesh.admin.create_domain_unit(
        **place.domain, name=word("elsewhere"), parentDomainUnitIdentifier=place.mesh.root_unit
    )["id"]
    place.grant_on("USE_ASSET_TYPE", projects, where, domainUnitId=elsewhere)
    with refused("AccessDeniedException"):
        make()


def test_a_blueprint_is_for_whom_grants_name_once_there_was_one(place: Place) -> None:
    mesh = place.mesh
    archive = environment(mesh, "Archive", "DataLake", deploymentMode="ON_DEMAND", deploymentOrder=3)
    archive["configurationParameters"]["parameterOverrides"] = [
        {"name": "glueDbName", "value": word("archive").lower(), "isEditable": True}
    ]
    profile = make_profile(mesh, word("profile"), archive)
    place.grant("CREATE_PROJECT_FROM_PROJECT_PROFILE", place.person("lead"))
    lead = mesh.as_person("lead")
    made = lead.create_project(**place.domain, name=word("project"), domainUnitId=place.child, projectProfileId=profile)
    project = mesh.deployed(made["id"], lead)["id"]
    blueprint = archive["environmentBlueprintId"]
    where = {
        "entityType": "ENVIRONMENT_BLUEPRINT_CONFIGURATION",
        "entityIdentifier": f"{mesh.plane.account_id}:{blueprint}",
    }

    def deploy() -> None:
        lead.create_environment(
            **place.domain, projectIdentifier=project, name=word("Archive"), environmentConfigurationName="Archive",
            userParameters=[{"name": "glueDbName", "value": word("db").lower()}],
        )  # fmt: skip

    deploy()
    filters = {"domainUnitFilter": {"domainUnit": place.child}}
    principal = {"project": {"projectDesignation": "CONTRIBUTOR", "projectGrantFilter": filters}}
    remove = place.grant_on("CREATE_ENVIRONMENT_FROM_BLUEPRINT", principal, where)
    deploy()
    listed = mesh.admin.list_policy_grants(
        **place.domain, entityType=where["entityType"], entityIdentifier=blueprint,
        policyType="CREATE_ENVIRONMENT_FROM_BLUEPRINT",
    )  # fmt: skip
    assert [g["principal"] for g in listed["grantList"]] == [principal]
    remove()
    with refused("AccessDeniedException"):
        deploy()
    with refused("AccessDeniedException"):
        create_with_profile(place, "lead", profile)


@pytest.mark.parametrize("policy", sorted(policy_rules.POLICIES))
def test_every_policy_has_its_detail_and_its_type_of_entity(place: Place, policy: str) -> None:
    """What is refused names what would be right; the policies that nothing here uses can be granted as well."""
    member, entity_type = policy_rules.POLICIES[policy]
    where = {**place.domain, "policyType": policy, "principal": place.person(word("person"))}
    wrong = "ASSET_TYPE" if entity_type == "DOMAIN_UNIT" else "DOMAIN_UNIT"
    add = place.mesh.admin.add_policy_grant
    with refused("ValidationException", entity_type):
        add(**where, entityType=wrong, entityIdentifier=place.child, detail={member: {}})
    other = "createGlossary" if member != "createGlossary" else "createProject"
    with refused("ValidationException", member):
        add(**where, entityType=entity_type, entityIdentifier=place.child, detail={other: {}})
    if entity_type != "DOMAIN_UNIT":
        with refused("ValidationException", "does not exist"):
            add(**where, entityType=entity_type, entityIdentifier="nothing", detail={member: {}})


def test_a_policy_of_a_unit_has_at_most_twenty_grants_and_they_are_listed_in_pages(place: Place) -> None:
    unit = create_unit_of(place)
    removes = [place.grant("CREATE_DOMAIN_UNIT", place.person(word(f"p{n}")), unit) for n in range(20)]
    with pytest.raises(ClientError, match="ServiceQuotaExceededException") as error:
        place.grant("CREATE_DOMAIN_UNIT", place.person(word("one-more")), unit)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 402
    place.grant("CREATE_PROJECT", place.person(word("of-another-policy")), unit)
    pages = list(
        place.mesh.admin.get_paginator("list_policy_grants").paginate(
            **place.domain, entityType="DOMAIN_UNIT", entityIdentifier=unit, policyType="CREATE_DOMAIN_UNIT",
            PaginationConfig={"PageSize": 8},
        )
    )  # fmt: skip
    assert [len(page["grantList"]) for page in pages] == [8, 8, 4]
    assert len({grant["grantId"] for page in pages for grant in page["grantList"]}) == 20
    removes[0]()
    place.grant("CREATE_DOMAIN_UNIT", place.person(word("now")), unit)


def create_unit_of(place: Place) -> str:
    made = place.mesh.admin.create_domain_unit(**place.domain, name=word("unit"), parentDomainUnitIdentifier=place.unit)
    return str(made["id"])


def test_the_same_grant_is_made_once(place: Place) -> None:
    unit, principal = create_unit_of(place), place.person(word("person"))
    remove = place.grant("CREATE_PROJECT", principal, unit)
    with refused("ConflictException"):
        place.grant("CREATE_PROJECT", principal, unit)
    remove()
    with refused("ValidationException", "no such"):
        remove()


@pytest.mark.parametrize(
    ("principal", "why"),
    [
        ({"project": {"projectDesignation": "USER_CREATED_DESIGNATION"}}, "userCreatedDesignationId"),
        (
            {
                "project": {
                    "projectDesignation": "OWNER",
                    "projectIdentifier": "p",
                    "projectGrantFilter": {"domainUnitFilter": {"domainUnit": "u"}},
                }
            },
            "not both",
        ),
        ({"user": {"userIdentifier": "nobody-of-this-name"}}, "ValidationException.*does not exist"),
        ({"group": {"groupIdentifier": "no group of this name"}}, "ValidationException.*does not exist"),
        (
            {"project": {"projectDesignation": "OWNER", "projectIdentifier": "nothing"}},
            "ValidationException.*does not exist",
        ),
        (
            {"domainUnit": {"domainUnitDesignation": "OWNER", "domainUnitIdentifier": "nothing"}},
            "ValidationException.*does not exist",
        ),
    ],
)
def test_a_grant_names_somebody_who_exists(place: Place, principal: Json, why: str) -> None:
    with refused("", why):
        place.grant("CREATE_GLOSSARY", principal)
