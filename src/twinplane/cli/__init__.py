"""The command line: everything a person of the mesh can do, and what runs the mesh on one machine."""


def main() -> None:
    """The program `twinplane`."""
    from twinplane.cli.commands import run

    run()
