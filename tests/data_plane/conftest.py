"""Fixtures of the data plane's tests: a running plane for each test module."""

from collections.abc import Iterator

import pytest

from twinplane.data_plane.testing import RunningPlane, running_plane


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlane]:
    """A real plane with an empty state, shared by the tests of a module."""
    with running_plane(tmp_path_factory.mktemp("plane")) as running:
        yield running
