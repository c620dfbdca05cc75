"""The one instance of Identity Center, tags, and which attributes of people become tags of their sessions."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Request
from twinplane.data_plane.services.identitystore import store as identity_store
from twinplane.data_plane.services.ssoadmin import store
from twinplane.data_plane.services.ssoadmin.rules import check_attribute_sources, checked_tags, invalid
from twinplane.data_plane.services.ssoadmin.shared import check_instance, conflict, not_found, page_of_list


def list_instances(call: Call, _request: Request) -> Answer:
    return {"Instances": [_view(call)]}


def describe_instance(call: Call, request: Request) -> Answer:
    check_instance(call, request)
    return _view(call)


def update_instance(call: Call, request: Request) -> Answer:
    """Renames the instance. Keys, networks and regions are not there to be configured."""
    check_instance(call, request)
    other = sorted(request.keys() - {"InstanceArn", "Name"})
    if other:
        raise invalid(f"{other[0]} cannot be configured on a local data plane.")
    instance = store.find_instance(call.tx, request["InstanceArn"])
    call.tx.put(store.INSTANCES, instance | {"Name": request.get("Name") or instance["Name"]})
    return {}


# --- tags ---


def tag_resource(call: Call, request: Request) -> Answer:
    arn = _tagged(call, request)
    store.put_tags(call.tx, arn, checked_tags(request["Tags"], store.tags_of(call.tx, arn)))
    return {}


def untag_resource(call: Call, request: Request) -> Answer:
    arn, gone = _tagged(call, request), set(request["TagKeys"])
    store.put_tags(call.tx, arn, {k: v for k, v in store.tags_of(call.tx, arn).items() if k not in gone})
    return {}


def list_tags_for_resource(call: Call, request: Request) -> Answer:
    tags = [{"Key": key, "Value": value} for key, value in store.tags_of(call.tx, _tagged(call, request)).items()]
    found, more = page_of_list(call, request, tags, "Key")
    return {"Tags": found, **more}


def _tagged(call: Call, request: Request) -> str:
    arn: str = request["ResourceArn"]
    kinds = (store.APPLICATIONS, store.PERMISSION_SETS, store.ISSUERS)
    if arn != identity_store.instance_arn(call.plane) and all(call.tx.find(kind, arn) is None for kind in kinds):
        raise not_found(f"There is no resource {arn}.")
    return arn


# --- attributes for access control ---


def create_instance_access_control_attribute_configuration(call: Call, request: Request) -> Answer:
    if _attributes(call, request) is not None:
        raise conflict("The instance has attributes for access control already.")
    return _put_attributes(call, request)


def update_instance_access_control_attribute_configuration(call: Call, request: Request) -> Answer:
    _configured(call, request)
    return _put_attributes(call, request)


def describe_instance_access_control_attribute_configuration(call: Call, request: Request) -> Answer:
    attributes = {"AccessControlAttributes": _configured(call, request)}
    return {"Status": "ENABLED", "InstanceAccessControlAttributeConfiguration": attributes}


def delete_instance_access_control_attribute_configuration(call: Call, request: Request) -> Answer:
    """People's attributes are tags of their sessions no more; sessions that began before keep theirs."""
    _configured(call, request)
    call.tx.put(store.INSTANCES, store.find_instance(call.tx, request["InstanceArn"]) | {"attributes": None})
    return {}


def _attributes(call: Call, request: Request) -> list[dict[str, Any]] | None:
    check_instance(call, request)
    found: list[dict[str, Any]] | None = store.find_instance(call.tx, request["InstanceArn"])["attributes"]
    return found


def _configured(call: Call, request: Request) -> list[dict[str, Any]]:
    attributes = _attributes(call, request)
    if attributes is None:
        raise not_found("The instance has no attributes for access control.")
    return attributes


def _put_attributes(call: Call, request: Request) -> Answer:
    attributes = request["InstanceAccessControlAttributeConfiguration"]["AccessControlAttributes"]
    check_attribute_sources(attributes)
    instance = store.find_instance(call.tx, request["InstanceArn"])
    call.tx.put(store.INSTANCES, instance | {"attributes": attributes})
    return {}


def _view(call: Call) -> dict[str, Any]:
    arn = identity_store.instance_arn(call.plane)
    return {
        "InstanceArn": arn,
        "IdentityStoreId": identity_store.identity_store_id(call.plane),
        "IdentityStoreArn": identity_store.identity_store_arn(call.plane),
        "OwnerAccountId": call.account_id, "Name": store.find_instance(call.tx, arn)["Name"], "Status": "ACTIVE",
        "PrimaryRegion": call.region,
    }  # fmt: skip
