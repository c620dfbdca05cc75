"""Whether CloudTrail's log can be read, and its index holds exactly what finds it."""

from functools import partial

from twinplane.data_plane.findings import REPAIR, RESTORE, Examination
from twinplane.data_plane.references import Reference
from twinplane.data_plane.services.cloudtrail.store import ENTRIES, INDEXED

REFERENCES: list[Reference] = []


def the_log_is_found_by_its_index(examination: Examination) -> None:
    """Every indexed event has all its entries, and no entry is of an event that is gone."""
    if not examination.has_table("cloudtrail_log"):
        return
    for (identifier,) in examination.rows("SELECT id FROM cloudtrail_log WHERE NOT json_valid(CAST(record AS TEXT))"):
        examination.found("error", "events of the audit log cannot be read", RESTORE, identifier)
    gone = "seq NOT IN (SELECT seq FROM cloudtrail_log)"
    for (seq,) in examination.rows(f"SELECT DISTINCT seq FROM cloudtrail_index WHERE {gone}"):  # noqa: S608
        remove = partial(examination.rows, "DELETE FROM cloudtrail_index WHERE seq = ?", seq)
        examination.found("error", "the audit log's index has entries of no event", REPAIR, f"event {seq}", remove)
    row = examination.rows(f"SELECT json_extract(CAST(body AS TEXT), '$.seq') FROM \"{INDEXED.name}\"").fetchone()  # noqa: S608
    upto = 0 if row is None else row[0]
    for entries in ENTRIES:
        lacking = f"{entries} EXCEPT SELECT attribute, value, time, seq FROM cloudtrail_index"  # noqa: S608
        for attribute, _value, _time, seq in examination.rows(lacking, 0, upto):
            add = partial(examination.rows, f"INSERT OR IGNORE INTO cloudtrail_index {entries}", seq - 1, seq)
            example = f"event {seq} by {attribute or 'time'}"
            examination.found("error", "events are missing from the audit log's index", REPAIR, example, add)


CHECKS = [the_log_is_found_by_its_index]
