"""Job runs: not served. Why not stands here, for the page of operations.

The one type of job that DataZone has imports the lineage of SQL queries from Amazon Redshift, on the schedule of a
Redshift connection; there is no Redshift here, so no job ever runs.
"""

_WHY = "Not served: the only jobs are imports of lineage from Amazon Redshift, which is not here."

NOTES = {"GetJobRun": _WHY, "ListJobRuns": _WHY}
