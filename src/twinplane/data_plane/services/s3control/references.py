"""What S3 Access Grants' documents name."""

from twinplane.data_plane.references import Reference
from twinplane.data_plane.services.s3control.store import GRANTS, LOCATIONS

REFERENCES = [Reference(GRANTS, LOCATIONS, ("AccessGrantsLocationId",))]
