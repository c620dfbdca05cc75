"""Somebody who writes SQL that changes things, and what became of it."""

from typing import Any

from .lake import Lake, Person, table

HERS = "hers"  # the bucket she may write to
WRITER_POLICY: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["athena:*", "glue:*", "lakeformation:Get*"], "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            "Resource": f"arn:aws:s3:::{HERS}/*",
        },
        {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": f"arn:aws:s3:::{HERS}"},
        {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::people/athena/*"},
    ],
}


def location(name: str) -> str:
    return f"LOCATION 's3://{HERS}/{name}/'"


def make_writer(lake: Lake) -> Person:
    """Makes databases and tables, and may put objects into a bucket of her own."""
    lake.s3.create_bucket(Bucket=HERS)
    lake._role("TwinplaneWriter", WRITER_POLICY)
    person = lake.person("writer", "TwinplaneWriter")
    lake.grant(person.principal, {"Catalog": {}}, "CREATE_DATABASE")
    lake.grant(person.principal, table(), "SELECT")
    done(person, f"CREATE DATABASE IF NOT EXISTS works COMMENT 'hers' {location('works')}")
    return person


def done(person: Person, text: str, database: str = "works") -> dict[str, Any]:
    execution = person.finished(person.start(text, QueryExecutionContext={"Database": database}))
    assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
    return execution


def reason(person: Person, text: str, database: str = "works") -> str:
    execution = person.finished(person.start(text, QueryExecutionContext={"Database": database}))
    assert execution["Status"]["State"] == "FAILED", execution["Status"]
    return str(execution["Status"]["StateChangeReason"])


def shown(person: Person, text: str, database: str = "works") -> list[str]:
    rows = person.rows(text, QueryExecutionContext={"Database": database})
    return ["\t".join(part.strip() for part in str(row[0]).split("\t")).strip() for row in rows]


def stored(lake: Lake, name: str, database: str = "works") -> dict[str, Any]:
    found: dict[str, Any] = lake.glue.get_table(DatabaseName=database, Name=name)["Table"]
    return found
