"""What most requests are spared is what the long way would have said."""

import random
from urllib.parse import quote, unquote_plus, unquote_to_bytes

import pytest
from botocore.auth import SigV4Auth
from hypothesis import given
from hypothesis import strategies as st

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.wire import models, signature
from twinplane.data_plane.wire.http import HttpRequest, new_timed_id
from twinplane.data_plane.wire.query_shapes import form_values
from twinplane.data_plane.wire.remembered import remembered
from twinplane.data_plane.wire.routing import Router, _chosen
from twinplane.data_plane.wire.xml import escape

_DATE, _SIGNED = "20301231T235959Z", "f" * 64
_CREDENTIAL = "Credential=AKID/20301231/us-east-1/sts/aws4_request"
_NAMES = "SignedHeaders=host;x-amz-date"


def _read(authorization: str) -> signature.Signature:
    found = signature.read(HttpRequest("POST", "/", "", {"authorization": authorization, "x-amz-date": _DATE}))
    assert found is not None
    return found


def test_an_authorization_header_is_read_in_any_order() -> None:
    parts = (_CREDENTIAL, _NAMES, f"Signature={_SIGNED}")
    for separator in (", ", ",", " , "):
        for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
            read = _read("AWS4-HMAC-SHA256 " + separator.join(parts[n] for n in order))
            assert (read.access_key_id, read.date, read.region, read.service) == (
                "AKID",
                "20301231",
                "us-east-1",
                "sts",
            )
            assert (read.signature, read.signed_headers) == (_SIGNED, ("host", "x-amz-date"))


def test_two_headers_that_differ_in_the_signature_alone_are_told_apart() -> None:
    said = f"AWS4-HMAC-SHA256 {_CREDENTIAL}, {_NAMES}, Signature="
    assert [_read(said + each).signature for each in ("a1", "b2", "a1")] == ["a1", "b2", "a1"]


@pytest.mark.parametrize(
    "authorization",
    [
        f"AWS4-HMAC-SHA256 {_CREDENTIAL}, {_NAMES}, Signature=",
        f"AWS4-HMAC-SHA256 {_CREDENTIAL}, {_NAMES}, XSignature={_SIGNED}",
        f"AWS4-HMAC-SHA256 {_CREDENTIAL}, {_NAMES}",
        f"AWS4-HMAC-SHA256 {_CREDENTIAL}, Signature={_SIGNED}",
        f"AWS4-HMAC-SHA256 {_NAMES}, Signature={_SIGNED}",
        f"AWS4-HMAC-SHA1 {_CREDENTIAL}, {_NAMES}, Signature={_SIGNED}",
        f"Signature={_SIGNED}",
    ],
)
def test_an_authorization_header_that_lacks_something_is_refused(authorization: str) -> None:
    for _ in range(2):
        with pytest.raises(ServiceError) as error:
            _read(authorization)
        assert error.value.code == "IncompleteSignature"


@given(st.text(alphabet="ab./~-_%2Fé ", max_size=12))
def test_a_path_is_signed_as_aws_spells_it(path: str) -> None:
    raw = "/" + quote(path, safe="/%")
    assert signature._canonical_path("s3", raw) == quote(unquote_to_bytes(raw), safe="/~")
    assert signature._canonical_path("glue", raw) == SigV4Auth(None, "glue", "us-east-1")._normalize_url_path(raw)


@given(st.text(max_size=20))
def test_text_in_xml_is_escaped_whatever_is_in_it(text: str) -> None:
    long = text.translate(
        str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;", "\n": "&#10;"})
    )
    assert escape(text) == "".join(c if c >= " " or c == "\t" else "\ufffd" for c in long)


@given(st.text(alphabet="ab&=%+2B4", max_size=16))
def test_a_form_is_decoded_whatever_is_in_it(text: str) -> None:
    pairs = [part.partition("=") for part in text.split("&")] if text else []
    assert form_values(text.encode()) == {unquote_plus(name): unquote_plus(value) for name, _, value in pairs}


def test_long_texts_are_not_remembered() -> None:
    asked = []
    length = remembered(lambda text: asked.append(text) or len(text))
    assert [length(text) for text in ("a", "a", "b" * 5000, "b" * 5000)] == [1, 1, 5000, 5000]
    assert [len(text) for text in asked] == [1, 5000, 5000]


def test_ids_of_moments_are_uuids_that_sort_as_the_moments_do() -> None:
    moments = [1.0, 1.002, 1_800_000_000.0, 1_800_000_000.001, 4_000_000_000.0]
    ids = [new_timed_id(moment) for moment in random.Random(1).sample(moments, len(moments))]
    assert sorted(ids) == sorted(ids, key=lambda each: int(each.replace("-", ""), 16))
    assert [new_timed_id(moment)[:13] for moment in moments] == sorted({each[:13] for each in ids})
    assert {tuple(map(len, each.split("-"))) for each in ids} == {(8, 4, 4, 4, 12)}
    assert {(each[14], each[19]) for each in ids} == {("7", "a")}
    assert len({new_timed_id(1.0) for _ in range(1000)}) == 1000


@pytest.mark.parametrize("service", ["s3", "datazone"])
def test_a_request_without_a_query_means_the_operation_that_ranks_first_of_all(service: str) -> None:
    """The choice that is made before others are looked at is the one that comparing all of them makes."""
    router = Router(models.load(service))
    header_names = {
        (ref.location_name or name).lower()
        for shape in _inputs(service) for name, ref in shape.members.items() if ref.location == "header"
    }  # fmt: skip
    branches, checked = [router._root], 0
    while branches:
        branch = branches.pop()
        branches += [*branch.literals.values(), *(b for b in (branch.label, branch.greedy) if b is not None)]
        for method, pairs in branch.methods.items():
            for headers in ({}, {"x-amz-copy-source": "a/b"}, dict.fromkeys(header_names, "x")):
                http = HttpRequest(method, "/a/b", "", dict(headers))
                fitting = [pair for pair in pairs if pair[0].fits(http)]
                best = max(fitting, key=lambda pair: pair[0].rank(http)) if fitting else None
                assert _chosen(branch, http) == best
                checked += best is not None
    assert checked > 30


def _inputs(service: str) -> list[models.Shape]:
    model = models.load(service)
    return [model.shape(operation.input) for operation in model.operations.values() if operation.input is not None]
