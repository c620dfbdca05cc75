"""Fixtures of the data plane's tests: a running plane for each test module."""

from collections.abc import Iterator

import pytest

from twinplane.data_plane.doctor import examine
from twinplane.data_plane.testing import RunningPlane, running_plane


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlane]:
    """A real plane with an empty state, shared by the tests of a module; the doctor finds nothing wrong after them."""
    state = tmp_path_factory.mktemp("plane")
    with running_plane(state) as running:
        yield running
    assert [finding for finding in examine(state, deep=True) if finding.severity == "error"] == []
