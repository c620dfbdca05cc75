"""What SQS's documents name."""

from twinplane.data_plane.references import Reference
from twinplane.data_plane.services.sqs.store import DEDUPLICATIONS, MESSAGES, QUEUES

REFERENCES = [
    Reference(MESSAGES, QUEUES, ("queue",)),
    Reference(DEDUPLICATIONS, QUEUES, ("queue",)),
]
