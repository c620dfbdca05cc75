"""A lake for each module."""

import pytest

from twinplane.data_plane.testing import RunningPlane

from .catalog import Catalog


@pytest.fixture(scope="module")
def catalog(plane: RunningPlane) -> Catalog:
    return Catalog(plane)
