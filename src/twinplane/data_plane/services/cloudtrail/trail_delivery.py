"""Writing a trail's files: what was recorded since the last time, every minute, and each hour a digest of that.

A file and the note of how far the trail has got are one transaction: every event is in exactly one file.
"""

import asyncio
import base64
from typing import TYPE_CHECKING, Any

import msgspec

from twinplane.data_plane.call import ServiceError, new_id
from twinplane.data_plane.sealing import seal, unseal
from twinplane.data_plane.services.cloudtrail import store, trail_files
from twinplane.data_plane.services.cloudtrail.rules import is_management_event
from twinplane.data_plane.services.iam.evaluation import lets_service
from twinplane.data_plane.services.iam.policy import Context, compile_policy
from twinplane.data_plane.services.s3 import bodies
from twinplane.data_plane.services.s3 import store as s3
from twinplane.data_plane.store import Document, Kind, Transaction
from twinplane.data_plane.tasks import TaskKind, enqueue

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

TRAILS = Kind("cloudtrail_trail", key=("name",))
KEYS = Kind("cloudtrail_key", key=("id",))
KINDS = [TRAILS, KEYS]

DELIVER = "cloudtrail-deliver"
_PERIOD_SECONDS = 60.0
_DIGEST_SECONDS = 3600.0
_EVENTS_A_FILE = 2000
_SEALED = "digests of trails"
_SERVICE = "cloudtrail.amazonaws.com"


def bucket_lets_in(tx: Transaction, trail: Document, account: str, region: str) -> bool:
    """Whether the bucket's policy lets CloudTrail write the trail's files."""
    bucket = s3.find_bucket(tx, trail["bucket"])
    if bucket is None or not bucket.get("policy"):
        return False
    policy = compile_policy(bucket["policy"], "resource")
    values = {"aws:SourceArn": trail["arn"], "aws:SourceAccount": account, "s3:x-amz-acl": "bucket-owner-full-control"}
    context = Context(lambda: values)
    arn = f"arn:aws:s3:::{trail['bucket']}"
    example = f"{arn}/{trail['prefix']}AWSLogs/{account}/CloudTrail/{region}/x"
    return lets_service(policy, _SERVICE, "s3:GetBucketAcl", arn, context) and lets_service(
        policy, _SERVICE, "s3:PutObject", example, context
    )


def ask(tx: Transaction, plane: "Plane", trail: Document, due_at: float | None = None) -> None:
    """Has a trail's files written."""
    enqueue(tx, plane, DELIVER, trail["name"], due_at=due_at, stamp=trail["stamp"])


async def _deliver(plane: "Plane", task: Document) -> None:
    while True:
        trail = plane.store.read(lambda tx: tx.find(TRAILS, task["subject"]))
        if trail is None or trail["stamp"] != task["payload"]["stamp"]:
            return
        done = trail["delivered"]
        rows = plane.store.read(lambda tx, done=done: store.events_after(tx, done, _EVENTS_A_FILE))  # type: ignore[misc]
        if not await _write_down(plane, trail, rows):
            break
        if len(rows) < _EVENTS_A_FILE:
            break
    await _prove(plane, task["subject"])

    def again(tx: Transaction) -> None:
        now = tx.find(TRAILS, task["subject"])
        if now is not None and now["logging"] and now["stamp"] == task["payload"]["stamp"]:
            ask(tx, plane, now, plane.clock() + _PERIOD_SECONDS)

    await plane.store.write(again)


async def _write_down(plane: "Plane", trail: Document, rows: list[Document]) -> bool:
    """Writes one file of these events, if the trail wants any of them. Says whether the trail got on."""
    if not rows:
        return False
    chosen = [row for row in rows if _is_chosen(trail, row)]
    now, settings = plane.clock(), plane.settings
    changed: Document = {"delivered": rows[-1]["seq"]}
    if not chosen:
        await plane.store.write(lambda tx: _update(tx, trail, changed))
        return True
    text = trail_files.log_text([row["record"] for row in chosen])
    key = trail_files.log_key(trail["prefix"], settings.account_id, settings.region, now, new_id(16))
    file = {
        "s3Bucket": trail["bucket"], "s3Object": key, "hashValue": trail_files.digest_of(text),
        "hashAlgorithm": "SHA-256", "oldestEventTime": store.iso(min(row["time"] for row in chosen)),
        "newestEventTime": store.iso(max(row["time"] for row in chosen)),
    }  # fmt: skip
    changed |= {"delivered_at": now, "error": None, "files": [*trail["files"], file] if trail["validated"] else []}
    return await _put(plane, trail, key, text, {}, changed)


def _is_chosen(trail: Document, row: Document) -> bool:
    management = is_management_event(row["event_source"].partition(".")[0], row["event_name"])
    names = [name for name, _ in msgspec.json.decode(row["resources"] or "[]")]
    return trail_files.is_selected(trail["selectors"], {**row, "names": names}, management)


async def _put(
    plane: "Plane", trail: Document, key: str, text: bytes, metadata: dict[str, str], changed: Document
) -> bool:
    """Puts a file into the trail's bucket and notes on the trail what changed; when it cannot, notes why."""
    body = await bodies.receive(plane, bodies.once(trail_files.packed(text)))
    document = s3.new_object(trail["bucket"], key, body, plane.clock(), content_type="application/json")
    document |= {"metadata": metadata, "content_encoding": "gzip"}

    def write(tx: Transaction) -> bool:
        if not bucket_lets_in(tx, trail, plane.settings.account_id, plane.settings.region):
            raise ServiceError("AccessDenied", "Access Denied")
        s3.put_object(tx, plane, document, body)
        return _update(tx, trail, changed)

    try:
        return await plane.store.write(write)
    except ServiceError as error:
        await bodies.discard(plane, body)
        refused = {"error": error.code, "attempted_at": plane.clock()}
        await plane.store.write(lambda tx: _update(tx, trail, refused))
        return False


def _update(tx: Transaction, trail: Document, changed: Document) -> bool:
    """Changes a trail as it is now, if nobody else took it on since; says whether it did."""
    now = tx.find(TRAILS, trail["name"])
    if now is None or now["stamp"] != trail["stamp"] or now["delivered"] != trail["delivered"]:
        return False
    tx.put(TRAILS, now | changed)
    return True


# Digests


async def _prove(plane: "Plane", name: str) -> None:
    """Writes the digest of the files since the last one, when an hour is over or the trail has stopped."""
    trail = plane.store.read(lambda tx: tx.find(TRAILS, name))
    if trail is None or not trail["validated"]:
        return
    now, last = plane.clock(), trail["digest"]
    if (trail["logging"] and now < last["end"] + _DIGEST_SECONDS) or (not trail["logging"] and not trail["files"]):
        return
    settings, files = plane.settings, trail["files"]
    key = trail_files.digest_key(trail["prefix"], settings.account_id, settings.region, name, now)
    signer, fingerprint = await _signing_key(plane)
    digest: dict[str, Any] = {
        "awsAccountId": settings.account_id, "digestStartTime": store.iso(last["end"]), "digestEndTime": store.iso(now),
        "digestS3Bucket": trail["bucket"], "digestS3Object": key, "digestPublicKeyFingerprint": fingerprint,
        "digestSignatureAlgorithm": trail_files.SIGNED_WITH,
        "newestEventTime": max((f["newestEventTime"] for f in files), default=None),
        "oldestEventTime": min((f["oldestEventTime"] for f in files), default=None),
        "previousDigestS3Bucket": last.get("bucket"), "previousDigestS3Object": last.get("object"),
        "previousDigestHashValue": last.get("hash"),
        "previousDigestHashAlgorithm": "SHA-256" if last.get("hash") else None,
        "previousDigestSignature": last.get("signature"), "logFiles": files,
    }  # fmt: skip
    text = trail_files.digest_text(digest)
    signature = await asyncio.to_thread(_signed, signer, trail_files.to_sign(digest, text))
    metadata = {"signature": signature, "signature-algorithm": trail_files.SIGNED_WITH}
    proved = {"end": now, "bucket": trail["bucket"], "object": key, "hash": trail_files.digest_of(text),
              "signature": signature}  # fmt: skip
    await _put(plane, trail, key, text, metadata, {"digest": proved, "files": [], "digested_at": now})


async def _signing_key(plane: "Plane") -> tuple[str, str]:
    """The private key of the plane's digests (PEM) and the fingerprint of its public key; made when first needed."""
    known = plane.store.read(lambda tx: tx.find(KEYS, "digests"))
    if known is None:
        private, public = await asyncio.to_thread(_new_key)
        made = {
            "id": "digests", "sealed": seal(plane, _SEALED, private), "public": base64.b64encode(public).decode(),
            "fingerprint": trail_files.digest_of(public)[:32], "made_at": plane.clock(),
        }  # fmt: skip
        known = await plane.store.write(lambda tx: tx.find(KEYS, "digests") or tx.put(KEYS, made))
    return str(unseal(plane, _SEALED, known["sealed"])), str(known["fingerprint"])


def _new_key() -> tuple[str, bytes]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    return private.decode(), public


def _signed(private: str, text: bytes) -> str:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    key = serialization.load_pem_private_key(private.encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("the key of digests is no RSA key")
    return key.sign(text, padding.PKCS1v15(), hashes.SHA256()).hex()


def _failed(tx: Transaction, _plane: "Plane", task: Document, reason: str) -> None:
    trail = tx.find(TRAILS, task["subject"])
    if trail is not None:
        tx.put(TRAILS, trail | {"error": reason})


TASKS = {DELIVER: TaskKind(_deliver, _failed)}
