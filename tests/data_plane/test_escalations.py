"""What somebody with a few rights must not make of them: more rights."""

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from twinplane.data_plane.testing import RunningPlane

ACCOUNT = "111122223333"
TRUST = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions: str | list[str], resource: str | list[str] = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


class Insider:
    """An IAM user that may do what the statements say."""

    def __init__(self, plane: RunningPlane, *statements: dict[str, Any], name: str | None = None) -> None:
        self.plane, self.iam, self.name = plane, plane.client("iam"), name or f"insider-{uuid.uuid4().hex[:8]}"
        self.iam.create_user(UserName=self.name)
        if statements:
            self.may(*statements)
        key = self.iam.create_access_key(UserName=self.name)["AccessKey"]
        self.keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}

    def may(self, *statements: dict[str, Any]) -> None:
        self.iam.put_user_policy(UserName=self.name, PolicyName="may", PolicyDocument=document(*statements))

    def client(self, service: str) -> Any:
        return self.plane.client(service, self.keys)


def code_of(operation: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as refused:
        operation(**arguments)
    return str(refused.value.response["Error"]["Code"])


def test_nobody_makes_a_role_or_user_where_service_control_policies_do_not_reach(plane: RunningPlane) -> None:
    insider = Insider(plane, allow("iam:*"))
    iam, user = insider.client("iam"), f"user-{uuid.uuid4().hex[:8]}"
    for path in ("/aws-service-role/s3.amazonaws.com/", "/aws-reserved/sso.amazonaws.com/"):
        role = {"RoleName": "Free", "AssumeRolePolicyDocument": document(TRUST)}
        assert code_of(iam.create_role, **role, Path=path) == "InvalidInput"
        assert code_of(iam.create_user, UserName=user, Path=path) == "InvalidInput"
        assert code_of(iam.update_user, UserName=insider.name, NewPath=path) == "InvalidInput"


def test_a_new_name_needs_the_right_to_that_name_too(plane: RunningPlane) -> None:
    insider = Insider(plane)
    own = f"arn:aws:iam::{ACCOUNT}:user/{insider.name}"
    insider.may(allow("iam:UpdateUser", own))
    iam = insider.client("iam")
    for change in ({"NewUserName": "somebody-trusted"}, {"NewPath": "/trusted/"}):
        assert code_of(iam.update_user, UserName=insider.name, **change) == "AccessDenied"
    insider.may(allow("iam:UpdateUser", [own, f"{own}-2"]))
    iam.update_user(UserName=insider.name, NewUserName=f"{insider.name}-2")


def test_a_session_is_not_that_of_another_user_who_gets_its_user_s_name(plane: RunningPlane) -> None:
    trusted, insider = Insider(plane, allow("sqs:*")), Insider(plane, allow("sts:*"))
    session = insider.client("sts").get_session_token()["Credentials"]
    insider.iam.update_user(UserName=insider.name, NewUserName=f"{insider.name}-2")
    insider.iam.update_user(UserName=trusted.name, NewUserName=insider.name)
    assert code_of(plane.client("sqs", session).list_queues) == "InvalidClientTokenId"


def test_a_service_is_handed_no_role_without_the_right_to_pass_it(plane: RunningPlane) -> None:
    insider = Insider(plane, allow(["lakeformation:*", "datazone:*"]))
    arn = f"arn:aws:iam::{ACCOUNT}:role/Powerful"
    insider.iam.create_role(RoleName="Powerful", AssumeRolePolicyDocument=document(TRUST))
    lake, datazone = insider.client("lakeformation"), insider.client("datazone")
    me = {"DataLakePrincipalIdentifier": f"arn:aws:iam::{ACCOUNT}:user/{insider.name}"}
    lake.put_data_lake_settings(DataLakeSettings={"DataLakeAdmins": [me]})
    place = {"ResourceArn": "arn:aws:s3:::somewhere/else", "RoleArn": arn}
    domain = {"name": "d", "domainVersion": "V2", "domainExecutionRole": arn, "serviceRole": arn}
    assert code_of(lake.register_resource, **place) == "AccessDeniedException"
    assert code_of(datazone.create_domain, **domain) == "AccessDeniedException"
    insider.may(allow(["lakeformation:*", "datazone:*"]), allow("iam:PassRole", arn))
    lake.register_resource(**place)
    made = datazone.create_domain(**domain)["id"]
    other = arn.replace("Powerful", "MorePowerful")
    blueprint = datazone.list_environment_blueprints(domainIdentifier=made, managed=True)["items"][0]["id"]
    assert code_of(datazone.update_domain, identifier=made, domainExecutionRole=other) == "AccessDeniedException"
    for member in ("provisioningRoleArn", "manageAccessRoleArn"):
        asked = {"domainIdentifier": made, "environmentBlueprintIdentifier": blueprint, "enabledRegions": ["us-east-1"]}
        refused = code_of(datazone.put_environment_blueprint_configuration, **asked, **{member: other})
        assert refused == "AccessDeniedException"


def test_a_copy_carries_tags_only_for_who_may_read_and_write_them(plane: RunningPlane) -> None:
    s3, bucket = plane.client("s3"), f"tags-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="public", Tagging="class=public")
    objects = f"arn:aws:s3:::{bucket}/*"
    insider = Insider(plane, allow(["s3:GetObject", "s3:PutObject"], objects))
    copy = {"Bucket": bucket, "Key": "mine", "CopySource": {"Bucket": bucket, "Key": "public"}}
    for actions in ([], ["s3:GetObjectTagging"], ["s3:PutObjectTagging"]):
        insider.may(allow(["s3:GetObject", "s3:PutObject", *actions], objects))
        assert code_of(insider.client("s3").copy_object, **copy) == "AccessDenied"
    insider.client("s3").copy_object(**copy | {"TaggingDirective": "REPLACE"})
    insider.may(allow(["s3:*Object", "s3:*ObjectTagging"], objects))
    insider.client("s3").copy_object(**copy)
    assert s3.get_object_tagging(Bucket=bucket, Key="mine")["TagSet"] == [{"Key": "class", "Value": "public"}]


def test_dead_letters_move_only_for_who_may_take_them_and_send_them_there(plane: RunningPlane) -> None:
    sqs, names = plane.client("sqs"), [f"{what}-{uuid.uuid4().hex[:8]}" for what in ("source", "dead", "mine")]
    urls = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in names]
    source, dead, mine = (f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}" for name in names)
    redrive = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 1})
    sqs.set_queue_attributes(QueueUrl=urls[0], Attributes={"RedrivePolicy": redrive})
    insider = Insider(plane, allow("sqs:StartMessageMoveTask", dead), allow("sqs:*", mine))
    start = insider.client("sqs").start_message_move_task
    assert code_of(start, SourceArn=dead, DestinationArn=mine) == "AccessDenied"
    insider.may(allow("sqs:*", [dead]))
    for asked in ({}, {"DestinationArn": mine}):
        assert code_of(start, SourceArn=dead, **asked) == "AccessDenied"
    insider.may(allow("sqs:*", dead), allow("sqs:SendMessage", source))
    assert start(SourceArn=dead)["TaskHandle"]


def test_events_are_sent_on_only_where_who_asks_for_it_may_send_some(plane: RunningPlane) -> None:
    names = [f"bus-{uuid.uuid4().hex[:8]}" for _ in range(2)]
    for name in names:
        plane.client("events").create_event_bus(Name=name)
    base = f"arn:aws:events:us-east-1:{ACCOUNT}"
    insider = Insider(plane, allow(["events:PutRule", "events:PutTargets"]))
    events, rule = insider.client("events"), {"Rule": "all", "EventBusName": names[0]}
    events.put_rule(Name="all", EventBusName=names[0], EventPattern='{"source": ["x"]}')
    for arn in (f"{base}:event-bus/{names[1]}", f"{base}:api-destination/theirs/{uuid.uuid4()}"):
        assert code_of(events.put_targets, **rule, Targets=[{"Id": "1", "Arn": arn}]) == "AccessDeniedException"
    insider.may(allow("events:Put*"))
    assert events.put_targets(**rule, Targets=[{"Id": "1", "Arn": f"{base}:event-bus/{names[1]}"}])
