"""Fixtures for other people's tests: a real local AWS, found by pytest wherever Twinplane is installed.

`twinplane`        a plane for the whole test session: a process of its own, a free port, an empty account
`fresh_twinplane`  the same for one test alone
`twinplane_aws`    points every AWS client of a test at the session's plane, as its administrator

Nothing starts before a test asks for it, and nothing is left behind: state and process end with the session.
"""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from twinplane.data_plane.testing import RunningPlane


@pytest.fixture(scope="session")
def twinplane(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[RunningPlane]":
    """A running plane with an empty state, shared by all tests of the session."""
    from twinplane.data_plane.testing import running_plane

    with running_plane(tmp_path_factory.mktemp("twinplane")) as plane:
        yield plane


@pytest.fixture
def fresh_twinplane(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[RunningPlane]":
    """A running plane with an empty state for one test."""
    from twinplane.data_plane.testing import running_plane

    with running_plane(tmp_path_factory.mktemp("twinplane")) as plane:
        yield plane


@pytest.fixture
def twinplane_aws(twinplane: "RunningPlane", monkeypatch: pytest.MonkeyPatch) -> "RunningPlane":
    """The session's plane, with this test's environment pointing every AWS client at it.

    No other setting of the machine is seen: a test can never reach a real account.
    """
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in twinplane.environment().items():
        monkeypatch.setenv(name, value)
    import boto3

    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # boto3 keeps the credentials it found first
    return twinplane
