"""What a location's role may ask of the service that takes it."""

from twinplane.data_plane.call import Call
from twinplane.data_plane.services.iam.policy import Context
from twinplane.data_plane.services.s3control.permissions import instance_arn

# Beginnings of condition keys that are known to be absent when they are not among the values.
_KNOWN = ("aws:source", "aws:principal", "sts:", "aws:requesttag/", "aws:tagkeys", "aws:viaawsservice")


def trust_context(call: Call, source_identity: str | None = None) -> Context:
    """The condition keys of the service's AssumeRole."""
    values: dict[str, str | tuple[str, ...]] = {
        "aws:SourceAccount": call.account_id,
        "aws:SourceArn": instance_arn(call),
        "aws:PrincipalIsAWSService": "true",
    }
    if source_identity is not None:
        values["sts:SourceIdentity"] = source_identity
    return Context(lambda: values, knows=lambda key: key.startswith(_KNOWN))
