"""What SQS accepts: names, attributes of queues, messages and their checksums. No input or output."""

import json
import re
import struct
from base64 import b64decode
from hashlib import md5
from typing import Any
from urllib.parse import urlsplit

from twinplane.data_plane.call import Request, ServiceError

MAX_MESSAGE_BYTES = 1_048_576
MAX_VISIBILITY_SECONDS = 43_200
DEDUPLICATION_SECONDS = 300
MAX_WAIT_SECONDS = 20

# Attributes that a queue is given, and what is true of it until then.
DEFAULTS = {
    "VisibilityTimeout": "30",
    "MaximumMessageSize": str(MAX_MESSAGE_BYTES),
    "MessageRetentionPeriod": "345600",
    "DelaySeconds": "0",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
}
FIFO_DEFAULTS = {
    "FifoQueue": "true",
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}
_RANGES = {
    "VisibilityTimeout": (0, MAX_VISIBILITY_SECONDS),
    "MaximumMessageSize": (1024, MAX_MESSAGE_BYTES),
    "MessageRetentionPeriod": (60, 1_209_600),
    "DelaySeconds": (0, 900),
    "ReceiveMessageWaitTimeSeconds": (0, MAX_WAIT_SECONDS),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
}
_CHOICES = {
    "SqsManagedSseEnabled": ("true", "false"),
    "ContentBasedDeduplication": ("true", "false"),
    "DeduplicationScope": ("messageGroup", "queue"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}
_TEXTS = ("Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId")
SETTABLE = frozenset((*_RANGES, *_CHOICES, *_TEXTS))
_FIFO_ONLY = ("ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_TOKEN = re.compile(r"""[A-Za-z0-9!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}""")
_BATCH_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_NOT_ALLOWED = re.compile("[^\x09\x0a\x0d\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ATTRIBUTE_NAME = re.compile(r"(?!\.)(?!.*\.\.)(?!(?i:aws\.|amazon\.))[A-Za-z0-9_.-]{1,256}(?<!\.)")
_DATA_TYPE = re.compile(r"(String|Number|Binary)(\..+)?")


def invalid(parameter: str, value: Any, reason: str) -> ServiceError:
    """SQS's answer to a parameter that it does not accept."""
    return ServiceError(
        "InvalidParameterValue", f"Value {value} for parameter {parameter} is invalid. Reason: {reason}"
    )


def queue_does_not_exist() -> ServiceError:
    return ServiceError("QueueDoesNotExist", "The specified queue does not exist.")


def check_name(name: str, fifo: bool) -> None:
    """Raises `InvalidParameterValue`."""
    stem = name.removesuffix(".fifo") if fifo else name
    if len(name) > 80 or _NAME.fullmatch(stem) is None:
        raise ServiceError(
            "InvalidParameterValue",
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        )
    if fifo and not name.endswith(".fifo"):
        raise ServiceError("InvalidParameterValue", "The name of a FIFO queue can only end with the .fifo suffix.")


def queue_name(url: str, account_id: str) -> str:
    """The queue that a URL names, on whatever host. Raises `InvalidAddress`, `QueueDoesNotExist`."""
    parts = [part for part in urlsplit(url).path.split("/") if part]
    if not parts:
        raise ServiceError("InvalidAddress", f"The address {url} is not valid for this endpoint.")
    if len(parts) > 1 and parts[-2] != account_id:
        raise queue_does_not_exist()
    return parts[-1]


def check_attributes(given: dict[str, str], fifo: bool) -> dict[str, str]:
    """Attributes as they are kept; an empty text takes one away. Raises `InvalidAttributeName`, `…Value`."""
    kept: dict[str, str] = {}
    for name, value in given.items():
        if name in _RANGES:
            low, high = _RANGES[name]
            if not value.isdecimal() or not low <= int(value) <= high:
                raise bad_attribute(name)
            kept[name] = str(int(value))
        elif name in _CHOICES:
            if value.lower() not in (choice.lower() for choice in _CHOICES[name]):
                raise bad_attribute(name)
            if name in _FIFO_ONLY and not fifo:
                raise ServiceError("InvalidAttributeName", f"You can specify the {name} only when FifoQueue is true.")
            kept[name] = value.lower() if value.lower() in ("true", "false") else value
        elif name in _TEXTS:
            kept[name] = value
        else:
            raise ServiceError("InvalidAttributeName", f"Unknown Attribute {name}.")
    return kept


def check_combination(attributes: dict[str, str]) -> None:
    """Raises `InvalidAttributeValue` when attributes, each allowed, do not go together."""
    per_group = attributes.get("FifoThroughputLimit") == "perMessageGroupId"
    if per_group and attributes.get("DeduplicationScope") != "messageGroup":
        raise bad_attribute("FifoThroughputLimit")


def bad_attribute(name: str, reason: str = "") -> ServiceError:
    return ServiceError(
        "InvalidAttributeValue", f"Invalid value for the parameter {name}.{' ' if reason else ''}{reason}"
    )


def redrive_policy(text: str) -> tuple[str, int]:
    """The dead-letter queue's ARN and how often a message is tried before. Raises `InvalidParameterValue`."""
    policy = _object("RedrivePolicy", text)
    arn, count = policy.get("deadLetterTargetArn"), policy.get("maxReceiveCount", 10)
    if not isinstance(arn, str) or not arn.startswith("arn:"):
        raise invalid("RedrivePolicy", text, "Invalid value for deadLetterTargetArn.")
    if isinstance(count, bool) or not str(count).isdecimal() or not 1 <= int(count) <= 1000:
        raise invalid(
            "RedrivePolicy", text, "Invalid value for maxReceiveCount: must be an integer between 1 and 1000."
        )
    return arn, int(count)


def may_redrive(allow_policy: str | None, source_arn: str) -> bool:
    """Whether a queue with this RedriveAllowPolicy takes the dead letters of `source_arn`."""
    if not allow_policy:
        return True
    policy = json.loads(allow_policy)
    permission = policy.get("redrivePermission", "allowAll")
    return permission == "allowAll" or (permission == "byQueue" and source_arn in policy.get("sourceQueueArns", []))


def check_allow_policy(text: str) -> None:
    """Raises `InvalidParameterValue`."""
    policy = _object("RedriveAllowPolicy", text)
    permission, arns = policy.get("redrivePermission"), policy.get("sourceQueueArns")
    if permission not in ("allowAll", "denyAll", "byQueue"):
        raise invalid("RedriveAllowPolicy", text, "redrivePermission must be allowAll, denyAll or byQueue.")
    if permission == "byQueue" and not (
        isinstance(arns, list) and 1 <= len(arns) <= 10 and all(isinstance(arn, str) for arn in arns)
    ):
        raise invalid("RedriveAllowPolicy", text, "byQueue needs 1 to 10 sourceQueueArns.")
    if permission != "byQueue" and arns is not None:
        raise invalid("RedriveAllowPolicy", text, "sourceQueueArns are given with byQueue alone.")


def _object(name: str, text: str) -> dict[str, Any]:
    try:
        policy = json.loads(text)
    except ValueError:
        policy = None
    if not isinstance(policy, dict):
        raise invalid(name, text, "The value is not a JSON object.")
    return policy


# Messages


def check_message(message: Request, fifo: bool, attributes: dict[str, str]) -> None:
    """What can be wrong with one message, before its queue's size limit. Raises `ServiceError`."""
    body = message["MessageBody"]
    if not body:
        raise ServiceError("MissingParameter", "The request must contain the parameter MessageBody.")
    if _NOT_ALLOWED.search(body) is not None:
        raise ServiceError("InvalidMessageContents", "Invalid characters found. Valid unicode characters are "
                           "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF")  # fmt: skip
    delay = message.get("DelaySeconds")
    if delay is not None and not 0 <= delay <= 900:
        raise invalid("DelaySeconds", delay, "DelaySeconds must be >= 0 and <= 900.")
    for name in ("MessageGroupId", "MessageDeduplicationId"):
        value = message.get(name)
        if value is not None and _TOKEN.fullmatch(value) is None:
            raise invalid(name, value, f"{name} can only include alphanumeric and punctuation characters. 1 to 128 in "
                          "length.")  # fmt: skip
    if fifo:
        _check_fifo_message(message, attributes)
    elif message.get("MessageDeduplicationId") is not None:
        raise invalid("MessageDeduplicationId", message["MessageDeduplicationId"],
                      "The request include parameter that is not valid for this queue type.")  # fmt: skip
    _check_message_attributes(message.get("MessageAttributes") or {})
    for name in message.get("MessageSystemAttributes") or {}:
        if name != "AWSTraceHeader":
            raise invalid("MessageSystemAttributes", name, "Only AWSTraceHeader is allowed.")
    size = message_bytes(message)
    if size > int(attributes["MaximumMessageSize"]):
        raise ServiceError(
            "InvalidParameterValue",
            f"One or more parameters are invalid. Reason: Message must be shorter than "
            f"{attributes['MaximumMessageSize']} bytes.",
        )


def _check_fifo_message(message: Request, attributes: dict[str, str]) -> None:
    if message.get("MessageGroupId") is None:
        raise ServiceError("MissingParameter", "The request must contain the parameter MessageGroupId.")
    if message.get("DelaySeconds") is not None:
        raise invalid("DelaySeconds", message["DelaySeconds"],
                      "The request include parameter that is not valid for this queue type.")  # fmt: skip
    if message.get("MessageDeduplicationId") is None and attributes.get("ContentBasedDeduplication") != "true":
        raise ServiceError(
            "InvalidParameterValue",
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
            "explicitly",
        )


def _check_message_attributes(attributes: dict[str, Any]) -> None:
    if len(attributes) > 10:
        raise ServiceError("InvalidParameterValue", "Number of message attributes exceeds the allowed maximum [10].")
    for name, attribute in attributes.items():
        if _ATTRIBUTE_NAME.fullmatch(name) is None:
            raise ServiceError("InvalidParameterValue", f"The message attribute name '{name}' is not valid.")
        kind = attribute["DataType"]
        if len(kind) > 256 or _DATA_TYPE.fullmatch(kind) is None:
            raise ServiceError(
                "InvalidParameterValue",
                f"The message attribute '{name}' has an invalid message attribute type, the set of supported type "
                "prefixes is Binary, Number, and String.",
            )
        if attribute.get("StringListValues") or attribute.get("BinaryListValues"):
            raise ServiceError(
                "UnsupportedOperation", "Message attribute lists in SendMessage operation are not supported."
            )
        if not attribute.get("BinaryValue" if kind.startswith("Binary") else "StringValue"):
            raise ServiceError(
                "InvalidParameterValue",
                f"The message attribute '{name}' must contain a non-empty value of the type {kind}.",
            )
        if kind.startswith("Number"):
            _check_number(name, attribute["StringValue"])


def _check_number(name: str, text: str) -> None:
    try:
        float(text)
    except ValueError:
        raise ServiceError(
            "InvalidParameterValue", f"Could not cast message attribute '{name}' value to number."
        ) from None


def message_bytes(message: Request) -> int:
    """How much a message counts towards the size limits: its body and its attributes' names, types and values."""
    size = len(message["MessageBody"].encode())
    for name, attribute in (message.get("MessageAttributes") or {}).items():
        value = attribute.get("BinaryValue") or (attribute.get("StringValue") or "").encode()
        size += len(name.encode()) + len(attribute["DataType"].encode()) + len(value)
    return size


def md5_of_body(body: str) -> str:
    return md5(body.encode(), usedforsecurity=False).hexdigest()


def md5_of_attributes(attributes: dict[str, Any]) -> str | None:
    """The checksum that SDKs compute over message attributes, as kept (binary values in base 64); None: of none."""
    if not attributes:
        return None
    digest = md5(usedforsecurity=False)
    for name in sorted(attributes):
        attribute = attributes[name]
        binary = attribute["DataType"].startswith("Binary")
        value = b64decode(attribute["BinaryValue"]) if binary else attribute["StringValue"].encode()
        for part in (name.encode(), attribute["DataType"].encode()):
            digest.update(struct.pack(">I", len(part)) + part)
        digest.update(b"\x02" if binary else b"\x01")
        digest.update(struct.pack(">I", len(value)) + value)
    return digest.hexdigest()


def wanted(names: list[str] | None, there: dict[str, Any]) -> dict[str, Any]:
    """Those of `there` that a list of names asks for: `All`, `.*`, a prefix with `.*`, or a name itself."""
    if not names:
        return {}
    if "All" in names or ".*" in names:
        return there
    prefixes = tuple(name.removesuffix(".*") for name in names if name.endswith(".*"))
    return {name: value for name, value in there.items() if name in names or (prefixes and name.startswith(prefixes))}


def check_batch(entries: list[Request]) -> None:
    """Raises the errors that a batch is refused with as a whole."""
    if not entries:
        raise ServiceError("EmptyBatchRequest", "There should be at least one entry in the request.")
    if len(entries) > 10:
        raise ServiceError(
            "TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are 10. You have sent {len(entries)}.",
        )
    ids = [entry["Id"] for entry in entries]
    for each in ids:
        if _BATCH_ID.fullmatch(each) is None:
            raise ServiceError(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most "
                "80 letters long.",
            )
    twice = next((each for each in ids if ids.count(each) > 1), None)
    if twice is not None:
        raise ServiceError("BatchEntryIdsNotDistinct", f"Id {twice} repeated.")


def check_receive(request: Request) -> None:
    """Raises `InvalidParameterValue`."""
    for name, low, high, words in (
        ("MaxNumberOfMessages", 1, 10, "Must be between 1 and 10, if provided."),
        ("WaitTimeSeconds", 0, MAX_WAIT_SECONDS, "Must be >= 0 and <= 20, if provided."),
        ("VisibilityTimeout", 0, MAX_VISIBILITY_SECONDS, "Must be >= 0 and <= 43200, if provided."),
    ):
        value = request.get(name)
        if value is not None and not low <= value <= high:
            raise invalid(name, value, words)
    attempt = request.get("ReceiveRequestAttemptId")
    if attempt is not None and _TOKEN.fullmatch(attempt) is None:
        raise invalid("ReceiveRequestAttemptId", attempt, "It must be 1 to 128 alphanumeric or punctuation characters.")
