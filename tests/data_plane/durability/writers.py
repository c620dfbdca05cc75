"""Writers of every service: each makes, changes and removes things, and keeps what it was told.

What a writer was told is a promise: what it made is there, what it removed is gone, and every call has its record.
What it asked for without an answer may be either.
"""

import hashlib
import itertools
import json
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.config import Config

from tests.data_plane.datazone.domains_for_tests import Mesh
from twinplane.data_plane.testing import RunningPlane

ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=3, read_timeout=10)
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"}],
    }
)


@dataclass
class Writer:
    """One writer. `there` maps what must be there to what must be read of it; `gone` must not be there; what is in
    neither may be either. `requests` are the ids of acknowledged writes."""

    clients: dict[str, Any]
    world: "World"
    there: dict[str, Any] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)

    def steps(self) -> Iterator[None]:
        """Each step is one acknowledged write."""
        raise NotImplementedError

    def found(self) -> dict[str, Any]:
        """What is there now, with what can be read of it."""
        raise NotImplementedError

    def told(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Keeps that a call was acknowledged."""
        self.requests.append(answer["ResponseMetadata"]["RequestId"])
        return answer

    def removing(self, name: str) -> Any:
        """Takes `name` out of what must be there: from now until the answer it may be either."""
        return self.there.pop(name)

    def broken_promises(self) -> list[str]:
        """What is not as the writer was told."""
        found = self.found()
        lost = [f"{name} is lost" for name in self.there if name not in found]
        changed = [f"{name} is {found[name]!r}, not {value!r}" for name, value in self.there.items()
                   if name in found and not _agree(found[name], value)]  # fmt: skip
        return lost + changed + [f"{name} is back" for name in self.gone & set(found)]


def _agree(found: Any, told: Any) -> bool:
    """A number may have grown by the one write that was not answered."""
    return found in (told, told + 1) if isinstance(told, int) and not isinstance(told, bool) else bool(found == told)


@dataclass
class World:
    """What the writers share: a mesh to write in."""

    plane: RunningPlane
    mesh: Mesh
    project: str
    identity_store: str
    instance: str
    application: str
    user_arn: str
    queue: str
    heard: str


def new_name(prefix: str) -> str:
    return f"{prefix}{secrets.token_hex(6)}"


class Users(Writer):
    """IAM: users with a policy each; every third goes again."""

    def steps(self) -> Iterator[None]:
        iam = self.clients["iam"]
        for number in itertools.count():
            name = new_name("u")
            self.told(iam.create_user(UserName=name))
            self.there[name] = 0
            yield
            policy = json.dumps({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Sid": f"n{number}"}]})  # fmt: skip
            self.told(iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy))
            self.there[name] = 1
            yield
            if number % 3 == 0:
                self.removing(name)
                self.told(iam.delete_user_policy(UserName=name, PolicyName="p"))
                yield
                self.told(iam.delete_user(UserName=name))
                self.gone.add(name)
                yield

    def found(self) -> dict[str, Any]:
        iam = self.clients["iam"]
        names = [u["UserName"] for page in iam.get_paginator("list_users").paginate() for u in page["Users"]]
        mine = [name for name in names if name in self.there or name in self.gone]
        return {name: len(iam.list_user_policies(UserName=name)["PolicyNames"]) for name in mine}


class Roles(Writer):
    """IAM: roles whose description is a number that grows."""

    def steps(self) -> Iterator[None]:
        iam = self.clients["iam"]
        while True:
            name = new_name("r")
            self.told(iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, Description="0"))
            self.there[name] = 0
            yield
            for number in range(1, 4):
                self.told(iam.update_role(RoleName=name, Description=str(number)))
                self.there[name] = number
                yield

    def found(self) -> dict[str, Any]:
        pages = self.clients["iam"].get_paginator("list_roles").paginate()
        return {role["RoleName"]: int(role["Description"]) for page in pages for role in page["Roles"]
                if role.get("Description", "").isdecimal()}  # fmt: skip


class People(Writer):
    """Identity store: people, each in a group of her own."""

    def steps(self) -> Iterator[None]:
        store, here = self.clients["identitystore"], {"IdentityStoreId": self.world.identity_store}
        while True:
            name = new_name("p")
            made = self.told(store.create_user(
                **here, UserName=name, DisplayName=name, Name={"GivenName": "G", "FamilyName": "F"},
            ))  # fmt: skip
            self.there[name] = True
            yield
            group = self.told(store.create_group(**here, DisplayName=f"g-{name}"))
            self.there[f"g-{name}"] = 0
            yield
            member = {"UserId": made["UserId"]}
            self.told(store.create_group_membership(**here, GroupId=group["GroupId"], MemberId=member))
            self.there[f"g-{name}"] = 1
            yield

    def found(self) -> dict[str, Any]:
        store, here = self.clients["identitystore"], {"IdentityStoreId": self.world.identity_store}
        found: dict[str, Any] = {}
        for page in store.get_paginator("list_users").paginate(**here):
            found |= {user["UserName"]: True for user in page["Users"]}
        for page in store.get_paginator("list_groups").paginate(**here):
            for group in page["Groups"]:
                if group["DisplayName"] in self.there:
                    members = store.list_group_memberships(**here, GroupId=group["GroupId"])["GroupMemberships"]
                    found[group["DisplayName"]] = len(members)
        return found


class Assignments(Writer):
    """Identity Center: who may use an application."""

    def steps(self) -> Iterator[None]:
        sso, store = self.clients["sso-admin"], self.clients["identitystore"]
        for number in itertools.count():
            name = new_name("a")
            made = self.told(store.create_user(
                IdentityStoreId=self.world.identity_store, UserName=name, DisplayName=name,
                Name={"GivenName": "G", "FamilyName": "F"},
            ))  # fmt: skip
            who = {"PrincipalId": made["UserId"], "PrincipalType": "USER", "ApplicationArn": self.world.application}
            self.told(sso.create_application_assignment(**who))
            self.there[made["UserId"]] = True
            yield
            if number % 2:
                self.removing(made["UserId"])
                self.told(sso.delete_application_assignment(**who))
                self.gone.add(made["UserId"])
                yield

    def found(self) -> dict[str, Any]:
        pages = self.clients["sso-admin"].get_paginator("list_application_assignments")
        found = pages.paginate(ApplicationArn=self.world.application)
        return {one["PrincipalId"]: True for page in found for one in page["ApplicationAssignments"]}


class Objects(Writer):
    """S3: objects small and large, overwritten and removed. What is read is their digest."""

    bucket = "kept"

    def steps(self) -> Iterator[None]:
        s3 = self.clients["s3"]
        for number in itertools.count():
            key = f"o/{number % 5}/{secrets.token_hex(4)}" if number % 4 else "o/same"
            body = secrets.token_bytes(80_000 if number % 3 == 0 else 900)
            self.there.pop(key, None)
            self.told(s3.put_object(Bucket=self.bucket, Key=key, Body=body))
            self.there[key] = hashlib.md5(body).hexdigest()
            yield
            if number % 5 == 4 and key != "o/same":
                self.removing(key)
                self.told(s3.delete_object(Bucket=self.bucket, Key=key))
                self.gone.add(key)
                yield

    def found(self) -> dict[str, Any]:
        pages = self.clients["s3"].get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix="o/")
        listed = [one["Key"] for page in pages for one in page.get("Contents", [])]
        return {key: hashlib.md5(self.read(key)).hexdigest() for key in listed if key in self.there or key in self.gone}

    def read(self, key: str) -> bytes:
        body: bytes = self.clients["s3"].get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body


class Uploads(Objects):
    """S3: objects made of two parts."""

    def steps(self) -> Iterator[None]:
        s3 = self.clients["s3"]
        while True:
            key = f"m/{secrets.token_hex(4)}"
            upload = self.told(s3.create_multipart_upload(Bucket=self.bucket, Key=key))["UploadId"]
            yield
            first, last, parts = secrets.token_bytes(5 << 20), secrets.token_bytes(1000), []
            for number, body in ((2, last), (1, first)):
                part = self.told(s3.upload_part(
                    Bucket=self.bucket, Key=key, UploadId=upload, PartNumber=number, Body=body,
                ))  # fmt: skip
                parts.insert(0, {"PartNumber": number, "ETag": part["ETag"]})
                yield
            self.told(s3.complete_multipart_upload(
                Bucket=self.bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts},
            ))  # fmt: skip
            self.there[key] = hashlib.md5(first + last).hexdigest()
            yield

    def found(self) -> dict[str, Any]:
        pages = self.clients["s3"].get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix="m/")
        listed = [one["Key"] for page in pages for one in page.get("Contents", [])]
        return {key: hashlib.md5(self.read(key)).hexdigest() for key in listed if key in self.there}


class Versions(Writer):
    """S3: versions of a few keys; each stays, whatever is put over it."""

    def steps(self) -> Iterator[None]:
        s3 = self.clients["s3"]
        for number in itertools.count():
            body = secrets.token_bytes(50_000 if number % 3 == 0 else 700)
            made = self.told(s3.put_object(Bucket="versions", Key=f"v/{number % 4}", Body=body))
            self.there[made["VersionId"]] = made["ETag"]
            yield
            if number % 6 == 5:
                self.removing(made["VersionId"])
                self.told(s3.delete_object(Bucket="versions", Key=f"v/{number % 4}", VersionId=made["VersionId"]))
                self.gone.add(made["VersionId"])
                yield

    def found(self) -> dict[str, Any]:
        pages = self.clients["s3"].get_paginator("list_object_versions").paginate(Bucket="versions")
        return {one["VersionId"]: one["ETag"] for page in pages for one in page.get("Versions", [])}


class Tables(Writer):
    """Glue and Lake Formation: tables with partitions; a grant on each; every third table goes again with both."""

    def steps(self) -> Iterator[None]:
        glue, lake = self.clients["glue"], self.clients["lakeformation"]
        for number in itertools.count():
            name = new_name("t")
            storage = {"Columns": [{"Name": "a", "Type": "int"}], "Location": f"s3://kept/{name}"}
            keys = [{"Name": "day", "Type": "string"}]
            table = {"Name": name, "PartitionKeys": keys, "StorageDescriptor": storage}
            self.told(glue.create_table(DatabaseName="shop", TableInput=table))
            self.there[name] = (0, 0)
            yield
            partition = {"Values": ["1"], "StorageDescriptor": storage}
            self.there.pop(name)
            self.told(glue.create_partition(DatabaseName="shop", TableName=name, PartitionInput=partition))
            self.there[name] = (1, 0)
            yield
            self.there.pop(name)
            self.told(lake.grant_permissions(
                Principal={"DataLakePrincipalIdentifier": self.world.user_arn}, Permissions=["SELECT"],
                Resource={"Table": {"DatabaseName": "shop", "Name": name}},
            ))  # fmt: skip
            self.there[name] = (1, 1)
            yield
            if number % 3 == 0:
                self.removing(name)
                self.told(glue.delete_table(DatabaseName="shop", Name=name))
                self.gone.add(name)
                yield

    def found(self) -> dict[str, Any]:
        glue, lake = self.clients["glue"], self.clients["lakeformation"]
        pages = glue.get_paginator("get_tables").paginate(DatabaseName="shop")
        names = [table["Name"] for page in pages for table in page["TableList"]]
        granted: dict[str, int] = {}
        principal = {"DataLakePrincipalIdentifier": self.world.user_arn}
        for page in _pages(lake.list_permissions, Principal=principal):
            for one in page["PrincipalResourcePermissions"]:
                if "Table" in one["Resource"]:
                    granted[one["Resource"]["Table"]["Name"]] = 1
        return {
            name: (len(glue.get_partitions(DatabaseName="shop", TableName=name)["Partitions"]), granted.get(name, 0))
            for name in names if name in self.there or name in self.gone
        }  # fmt: skip


class Queries(Writer):
    """Athena: queries, which succeed in the end, whatever happened to the server meanwhile."""

    def steps(self) -> Iterator[None]:
        athena = self.clients["athena"]
        for number in itertools.count():
            text = f"SELECT {number} AS n"
            started = self.told(athena.start_query_execution(QueryString=text, WorkGroup="mesh"))
            self.there[started["QueryExecutionId"]] = text
            yield
            time.sleep(0.1)  # each is work that goes on behind the answer

    def found(self) -> dict[str, Any]:
        athena, found = self.clients["athena"], {}
        for execution in self.there:
            one = athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]
            assert one["Status"]["State"] in ("QUEUED", "RUNNING", "SUCCEEDED"), one["Status"]
            found[execution] = one["Query"]
        return found

    def unfinished(self) -> list[str]:
        """Those that have not succeeded yet."""
        athena = self.clients["athena"]
        states = {
            one: athena.get_query_execution(QueryExecutionId=one)["QueryExecution"]["Status"] for one in self.there
        }
        assert [state for state in states.values() if state["State"] in ("FAILED", "CANCELLED")] == []
        return [one for one, state in states.items() if state["State"] != "SUCCEEDED"]


class Glossaries(Writer):
    """DataZone: terms of a glossary, each found by search from its commit on."""

    def steps(self) -> Iterator[None]:
        datazone, here = self.clients["datazone"], {"domainIdentifier": self.world.mesh.domain_id}
        while True:
            name = new_name("gl")
            glossary = self.told(datazone.create_glossary(
                **here, name=name, owningProjectIdentifier=self.world.project, status="ENABLED",
            ))  # fmt: skip
            self.there[name] = True
            yield
            for _ in range(3):
                term = new_name("te")
                self.told(datazone.create_glossary_term(
                    **here, glossaryIdentifier=glossary["id"], name=term, status="ENABLED",
                ))  # fmt: skip
                self.there[term] = True
                yield

    def found(self) -> dict[str, Any]:
        datazone, found = self.clients["datazone"], {}
        for scope in ("GLOSSARY", "GLOSSARY_TERM"):
            ask = {"domainIdentifier": self.world.mesh.domain_id, "searchScope": scope, "maxResults": 50,
                   "owningProjectIdentifier": self.world.project}  # fmt: skip
            for page in _pages(datazone.search, token="nextToken", **ask):
                for item in page["items"]:
                    found[next(iter(item.values()))["name"]] = True
        return found


class Projects(Writer):
    """DataZone: projects, which are deployed in the end, whatever happened to the server meanwhile."""

    def steps(self) -> Iterator[None]:
        datazone, mesh = self.clients["datazone"], self.world.mesh
        while True:
            name = new_name("pr")
            made = self.told(datazone.create_project(
                domainIdentifier=mesh.domain_id, name=name, projectProfileId=mesh.profile_id,
            ))  # fmt: skip
            self.there[made["id"]] = name
            yield
            time.sleep(0.2)  # each is work that goes on behind the answer

    def found(self) -> dict[str, Any]:
        here = {"domainIdentifier": self.world.mesh.domain_id, "maxResults": 50}
        pages = _pages(self.clients["datazone"].list_projects, token="nextToken", **here)
        return {one["id"]: one["name"] for page in pages for one in page["items"]}

    def unfinished(self) -> list[str]:
        """Those that are not deployed yet."""
        datazone, found = self.clients["datazone"], []
        for project in self.there:
            one = datazone.get_project(domainIdentifier=self.world.mesh.domain_id, identifier=project)
            status = one["environmentDeploymentDetails"]["overallDeploymentStatus"]
            assert not status.startswith("FAILED"), one
            if status != "SUCCESSFUL":
                found.append(project)
        return found


class Messages(Writer):
    """SQS: messages; every other one is received and removed."""

    def steps(self) -> Iterator[None]:
        sqs = self.clients["sqs"]
        for number in itertools.count():
            text = new_name("msg")
            self.told(sqs.send_message(QueueUrl=self.world.queue, MessageBody=text))
            self.there[text] = True
            yield
            if number % 2:
                answer = sqs.receive_message(QueueUrl=self.world.queue, VisibilityTimeout=1)
                for message in answer.get("Messages", []):
                    if self.there.pop(message["Body"], None):
                        self.told(sqs.delete_message(
                            QueueUrl=self.world.queue, ReceiptHandle=message["ReceiptHandle"],
                        ))  # fmt: skip
                        self.gone.add(message["Body"])
                        yield

    def found(self) -> dict[str, Any]:
        return self.received(self.world.queue)

    def received(self, queue: str) -> dict[str, Any]:
        """All that can be received."""
        sqs, found, misses = self.clients["sqs"], dict[str, Any](), 0
        while misses < 2:
            answer = sqs.receive_message(
                QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=60, WaitTimeSeconds=1
            )
            new = {message["Body"]: True for message in answer.get("Messages", [])}
            misses = 0 if new.keys() - found.keys() else misses + 1
            found |= new
        return found


class Events(Messages):
    """EventBridge: events that a rule brings to a queue, each in the transaction that took it."""

    def steps(self) -> Iterator[None]:
        events = self.clients["events"]
        while True:
            names = [new_name("ev") for _ in range(3)]
            entries = [{"Source": "kept", "DetailType": "t", "Detail": json.dumps({"n": name})} for name in names]
            assert self.told(events.put_events(Entries=entries))["FailedEntryCount"] == 0
            self.there |= dict.fromkeys(names, True)
            yield

    def found(self) -> dict[str, Any]:
        return {json.loads(text)["detail"]["n"]: True for text in self.received(self.world.heard)}


def _pages(call: Callable[..., Any], token: str = "NextToken", **arguments: Any) -> Iterator[Any]:
    more: dict[str, Any] = {}
    while True:
        page = call(**arguments, **more)
        yield page
        if not page.get(token):
            return
        more = {token: page[token]}


WRITERS: list[type[Writer]] = [
    Users, Roles, People, Assignments, Objects, Uploads, Versions, Tables, Queries, Glossaries, Projects, Messages,
    Events,
]  # fmt: skip
CLIENTS = ("iam", "identitystore", "sso-admin", "s3", "glue", "lakeformation", "athena", "datazone", "sqs", "events")
