import json
import subprocess
import sys

PROGRAM = """
import structlog
from twinplane.control_plane import log
log.configure()
def fail():
    password = "open sesame"
    raise ValueError("no")
try:
    fail()
except ValueError:
    structlog.get_logger().exception("it failed", refresh_token="abc", person="analyst")
"""


def test_a_line_of_the_log_is_json_without_secrets() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    line = json.loads(done.stderr)
    assert (line["event"], line["person"], line["refresh_token"]) == ("it failed", "analyst", "hidden")
    assert line["exception"][0]["exc_type"] == "ValueError"
    assert "open sesame" not in done.stderr
