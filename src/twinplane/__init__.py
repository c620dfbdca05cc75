"""Twinplane: a data mesh on Amazon SageMaker Unified Studio, and the same mesh on one machine.

`from twinplane import Project` is `sagemaker_studio.Project` with the verbs it lacks. Importing `twinplane` alone
imports neither that library nor boto3: the library changes the AWS models of the process that uses it.
"""

from typing import TYPE_CHECKING, Any

from twinplane.version import __version__

if TYPE_CHECKING:
    from twinplane.sdk.project import Project

__all__ = ["Project", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "Project":
        from twinplane.sdk.project import Project

        return Project
    raise AttributeError(f"module 'twinplane' has no attribute {name!r}")
