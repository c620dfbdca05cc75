"""Words that a business agrees on, and a rule: nothing is published without saying who looks after it.

Run it against a local plane:  twinplane plane --fresh -- python examples/datazone/glossary.py
"""

import json
from typing import Any

import boto3
from botocore.exceptions import ClientError
from projects import make_project
from publish import import_table, make_table, publish

STEWARDSHIP = """
@amazon.datazone#displayname(defaultName: "Stewardship")
structure Stewardship {
    @required
    steward: String
}
"""


def main() -> dict[str, Any]:
    """Makes a term, a form and a rule; answers what publishing says before and after the form is filled in."""
    datazone = boto3.client("datazone")
    domain_id, project_id = make_project("Governance")
    here = {"domainIdentifier": domain_id}
    root = datazone.get_domain(identifier=domain_id)["rootDomainUnitId"]
    for policy, detail in (("CREATE_GLOSSARY", "createGlossary"), ("CREATE_FORM_TYPE", "createFormType")):
        datazone.add_policy_grant(
            **here,
            entityType="DOMAIN_UNIT",
            entityIdentifier=root,
            policyType=policy,
            principal={"project": {"projectDesignation": "OWNER", "projectIdentifier": project_id}},
            detail={detail: {"includeChildDomainUnits": True}},
        )
    glossary = datazone.create_glossary(**here, name="Trade", owningProjectIdentifier=project_id, status="ENABLED")
    term = datazone.create_glossary_term(
        **here, glossaryIdentifier=glossary["id"], name="Order", shortDescription="What is sold", status="ENABLED"
    )
    form = datazone.create_form_type(
        **here,
        name="Stewardship",
        model={"smithy": STEWARDSHIP},
        owningProjectIdentifier=project_id,
        status="ENABLED",
    )
    required = {"typeIdentifier": form["name"], "typeRevision": form["revision"]}
    datazone.create_rule(
        **here,
        name="Someone looks after it",
        action="CREATE_LISTING_CHANGE_SET",
        target={"domainUnitTarget": {"domainUnitId": root}},
        scope={
            "assetType": {"selectionMode": "ALL"},
            "project": {"selectionMode": "SPECIFIC", "specificProjects": [project_id]},
        },
        detail={"metadataFormEnforcementDetail": {"requiredMetadataForms": [required]}},
    )
    asset_id = import_table(domain_id, project_id, make_table(domain_id, project_id, "ledger"), "ledger")
    try:
        publish(domain_id, asset_id)
        refused = ""
    except ClientError as error:
        refused = error.response["Error"]["Message"]
    asset = datazone.get_asset(**here, identifier=asset_id)
    kept = [
        {key: each[key] for key in ("formName", "content")} | {"typeIdentifier": each["typeName"]}
        for each in asset["formsOutput"]
    ]
    steward = {
        "formName": "Stewardship",
        "typeIdentifier": form["name"],
        "typeRevision": form["revision"],
        "content": json.dumps({"steward": "Ada"}),
    }
    datazone.create_asset_revision(
        **here, identifier=asset_id, name=asset["name"], glossaryTerms=[term["id"]], formsInput=[*kept, steward]
    )
    publish(domain_id, asset_id)
    found = datazone.search_listings(**here, filters={"filter": {"attribute": "glossaryTerms", "value": term["id"]}})
    return {"refused": refused, "ledger": [item["assetListing"]["name"] for item in found["items"]]}


if __name__ == "__main__":
    print(json.dumps(main(), indent=2))
