"""A queue hears what happens in the domain: EventBridge's rule for DataZone's events.

Run it against a local plane:  twinplane plane --fresh -- python examples/datazone/events.py
"""

import json
from typing import Any

import boto3
from domain import make_domain
from projects import make_project


def main() -> list[dict[str, Any]]:
    """Has projects that are made told to a queue, makes one, and answers what the queue holds."""
    sqs, events = boto3.client("sqs"), boto3.client("events")
    domain_id = make_domain()
    queue = sqs.create_queue(QueueName="new-projects")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    may_send = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [may_send | {"Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    pattern = {
        "source": ["aws.datazone"],
        "detail-type": ["Project Creation Succeeded"],
        "detail": {"metadata": {"domain": [domain_id]}},
    }
    events.put_rule(Name="new-projects", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="new-projects", Targets=[{"Id": "queue", "Arn": arn}])
    make_project("Told")
    messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5, MaxNumberOfMessages=10)["Messages"]
    told = [json.loads(message["Body"]) for message in messages]
    return [{"what": event["detail-type"], "of": event["detail"]["metadata"]["typeName"]} for event in told]


if __name__ == "__main__":
    print(json.dumps(main(), indent=2))
