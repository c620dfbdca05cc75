"""A lake for Athena's tests, made once for each module."""

import pytest

from twinplane.data_plane.testing import RunningPlane

from .lake import Lake


@pytest.fixture(scope="module")
def lake(plane: RunningPlane, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = Lake(plane, tmp_path_factory.mktemp("lake"))
    made.make()
    return made
