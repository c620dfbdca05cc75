"""What S3 decides about multipart uploads: which parts make an object, its entity tag, its checksum."""

import base64
import hashlib
import itertools
from typing import Any

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.store import Document
from twinplane.data_plane.wire import checksums

SMALLEST_PART_BYTES = 5 << 20
MOST_PARTS = 10_000


def check_part_number(number: int) -> None:
    """Raises `InvalidArgument`."""
    if not 1 <= number <= MOST_PARTS:
        raise ServiceError(
            "InvalidArgument", f"Part number must be an integer between 1 and {MOST_PARTS}, inclusive", 400
        )


def check_same_algorithm(expected: str | None, announced: list[str]) -> None:
    """Raises `InvalidRequest` when a part comes with another checksum than its upload was started with."""
    if expected is not None and announced and announced != [expected]:
        raise ServiceError(
            "InvalidRequest",
            f"Checksum Type mismatch occurred, expected checksum Type: {expected.lower()}, actual checksum Type: "
            f"{announced[0].lower()}",
            400,
        )


def chosen_parts(wanted: list[dict[str, Any]], stored: dict[int, Document]) -> list[Document]:
    """The stored parts that a CompleteMultipartUpload names, in order.

    Raises `MalformedXML`, `InvalidPartOrder`, `InvalidPart`, `EntityTooSmall`, `InvalidRequest`.
    """
    if len(wanted) > MOST_PARTS:
        raise ServiceError("InvalidRequest", f"An upload has at most {MOST_PARTS} parts.", 400)
    if not wanted:
        raise ServiceError("MalformedXML", "The XML you provided was not well-formed or did not validate", 400)
    numbers = [part.get("PartNumber", 0) for part in wanted]
    if any(later <= earlier for earlier, later in itertools.pairwise(numbers)):
        raise ServiceError("InvalidPartOrder", "The list of parts was not in ascending order.", 400)
    chosen = []
    for part, number in zip(wanted, numbers, strict=True):
        found = stored.get(number)
        if found is None or part.get("ETag", "").strip('"') != found["md5"] or not _checksums_agree(part, found):
            raise ServiceError(
                "InvalidPart",
                "One or more of the specified parts could not be found. The part may not have been uploaded, or the "
                "specified entity tag may not match the part's entity tag.",
                400,
                PartNumber=str(number),
            )
        chosen.append(found)
    if any(part["size"] < SMALLEST_PART_BYTES for part in chosen[:-1]):
        raise ServiceError("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", 400)
    return chosen


def _checksums_agree(claimed: dict[str, Any], part: Document) -> bool:
    return all(claimed.get(f"Checksum{a}") in (None, value) for a, value in part["checksums"].items())


def multipart_digest(parts: list[Document]) -> bytes:
    """What is in the entity tag of an object made of parts: the MD5 of their MD5s."""
    return hashlib.md5(b"".join(bytes.fromhex(part["md5"]) for part in parts), usedforsecurity=False).digest()


def checksum_of(algorithm: str | None, kind: str | None, parts: list[Document]) -> dict[str, str]:
    """The checksum of an object made of parts: of all its bytes, or (value-number) of its parts' checksums."""
    if algorithm is None:
        return {}
    digests = [(base64.b64decode(part["checksums"][algorithm]), part["size"]) for part in parts]
    if kind == "FULL_OBJECT":
        return {algorithm: checksums.text(checksums.joined(algorithm, digests))}
    whole = checksums.digests(b"".join(digest for digest, _ in digests), [algorithm])[algorithm]
    return {algorithm: f"{checksums.text(whole)}-{len(parts)}"}


def checksum_type(algorithm: str | None, asked: str | None) -> str | None:
    """How an upload's parts make one checksum. Raises `InvalidRequest` where the algorithm cannot do what is asked."""
    if algorithm is None:
        return None
    kind = asked or ("FULL_OBJECT" if algorithm == "CRC64NVME" else "COMPOSITE")
    full_only, composite_only = algorithm == "CRC64NVME", algorithm not in checksums.LINEAR
    if (full_only and kind == "COMPOSITE") or (composite_only and kind == "FULL_OBJECT"):
        raise ServiceError(
            "InvalidRequest",
            f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm.",
            400,
        )
    return kind
