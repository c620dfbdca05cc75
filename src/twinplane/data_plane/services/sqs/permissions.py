"""Who may do what with a queue: IAM's policies of the caller, or the queue's own policy."""

from twinplane.data_plane.call import Access, Call, Request
from twinplane.data_plane.services.iam import store as iam_store
from twinplane.data_plane.services.iam.evaluation import lets_service
from twinplane.data_plane.services.iam.policy import Context, compile_policy
from twinplane.data_plane.services.iam.rules import require
from twinplane.data_plane.services.sqs import rules, store
from twinplane.data_plane.store import Document


def on_queue(action: str) -> Access:
    """Access by `action` on the queue that the request's URL names."""

    def access(call: Call, request: Request) -> None:
        require_on(call, action, rules.queue_name(request["QueueUrl"], call.account_id))

    return access


def on_named(action: str) -> Access:
    """Access by `action` on the queue that the request names."""

    def access(call: Call, request: Request) -> None:
        if request.get("QueueOwnerAWSAccountId", call.account_id) != call.account_id:
            raise rules.queue_does_not_exist()
        require_on(call, action, request["QueueName"])

    return access


def require_on(call: Call, action: str, name: str) -> None:
    """Raises `ServiceError` AccessDeniedException unless the caller may perform `action` on the queue.

    In one account either side's Allow is enough; a Deny of either side refuses.
    """
    arn = store.arn_of(call.plane, name)
    call.resources.append({"ARN": arn, "type": "AWS::SQS::Queue"})
    queue = store.find_queue(call.tx, name)
    text = queue["attributes"].get("Policy") if queue is not None else None
    require(call, action, arn, resource_policy=compile_policy(text, "resource") if text else None)


def service_may_send(queue: Document, queue_arn: str, service: str, source_arn: str, account_id: str) -> bool:
    """Whether the queue's policy lets an AWS service (`events.amazonaws.com`) send for `source_arn`."""
    text = queue["attributes"].get("Policy")
    if not text:
        return False
    values = {"aws:SourceArn": source_arn, "aws:SourceAccount": account_id}
    policy = compile_policy(text, "resource")
    return lets_service(policy, service, "sqs:SendMessage", queue_arn, Context(lambda: values))


def get_queue(call: Call, request: Request) -> Document:
    """The queue that the request's URL names. Raises `QueueDoesNotExist`."""
    queue = store.find_queue(call.tx, rules.queue_name(request["QueueUrl"], call.account_id))
    if queue is None:
        raise rules.queue_does_not_exist()
    return queue


def sender_id(call: Call) -> str:
    """The id of who sends: the user's, or the role's with the session's name."""
    return iam_store.principal_id(call.tx, call.principal) or call.principal.arn
