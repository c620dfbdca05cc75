"""What the data plane writes is its user's alone, also in a folder that others may enter."""

import stat
from pathlib import Path

from twinplane.data_plane.testing import running_plane


def test_nobody_else_reads_the_data_planes_files(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o755)
    with running_plane(state) as plane:
        s3 = plane.client("s3")
        s3.create_bucket(Bucket="private-things")
        s3.put_object(Bucket="private-things", Key="salaries", Body=b"secret")
        s3.put_object(Bucket="private-things", Key="more-salaries", Body=b"secret" * 10_000)
        found = [p for p in state.rglob("*") if p.name != "plane.log"]  # the test's own
        assert any(p.parent.parent.name == "blobs" for p in found)
        open_to_others = [p for p in found if stat.S_IMODE(p.stat().st_mode) & 0o077]
    assert [p.name for p in open_to_others] == []
