"""Fixtures of DataZone's tests."""

import pytest

from tests.data_plane.datazone.domains_for_tests import Mesh, make_mesh
from twinplane.data_plane.testing import RunningPlane


@pytest.fixture(scope="module")
def mesh(plane: RunningPlane) -> Mesh:
    """A domain on the module's plane."""
    return make_mesh(plane)
