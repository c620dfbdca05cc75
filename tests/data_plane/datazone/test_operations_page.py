"""docs/datazone-operations.md says what is served, how far and how it was checked; it is written from the code."""

from tests.data_plane.datazone.operations_page import PAGE, page, snake
from twinplane.data_plane.services.datazone.operations import OPERATIONS, RESOURCES
from twinplane.data_plane.wire import models


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text() == page(), "run `make pages`"


def test_every_served_operation_is_called_by_a_test_of_what_it_does() -> None:
    assert [line.split(" | ")[0][2:] for line in page().splitlines() if line.endswith("| rights only |")] == []


def test_notes_are_about_operations_of_their_file_or_about_what_is_not_served() -> None:
    unserved = set(models.load("datazone").operations) - set(OPERATIONS)
    for area in RESOURCES:
        own = set(getattr(area, "OPERATIONS", {}))
        assert set(getattr(area, "ASSUMED", {})) <= own, area.__name__
        assert set(getattr(area, "NOTES", {})) <= own | unserved, area.__name__


def test_names_become_the_methods_that_boto3_gives_them() -> None:
    from botocore import xform_name

    for name in (*models.load("datazone").operations, *OPERATIONS):
        assert snake(name) == xform_name(name)
