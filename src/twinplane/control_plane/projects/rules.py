"""Decisions about requests for projects."""

import re
from collections.abc import Mapping

from twinplane.control_plane.errors import RefusedByRule
from twinplane.mesh.model import ProjectProfile

_NAME = re.compile(r"[\w -]{1,64}")  # as DataZone has it


class LockedParameter(RefusedByRule):
    """A parameter that the profile locks was altered."""


class UnknownParameter(RefusedByRule):
    """The profile has no such environment or parameter."""


class NameNotAllowed(RefusedByRule):
    """DataZone takes no such name."""


def check_name(name: str) -> None:
    """Raises `NameNotAllowed`."""
    if not _NAME.fullmatch(name) or not name.strip():
        raise NameNotAllowed(
            f"{name!r} cannot be the name of a project: use letters, digits, spaces, _ and -, at most 64 of them."
        )


def check_parameters(profile: ProjectProfile, parameters: Mapping[str, Mapping[str, str]]) -> None:
    """Raises `LockedParameter` or `UnknownParameter`, naming it. A locked one may be repeated with its own value."""
    environments = {environment.name: environment for environment in profile.environments}
    for environment_name, values in parameters.items():
        environment = environments.get(environment_name)
        if environment is None:
            known = ", ".join(environments)
            raise UnknownParameter(f"{profile.name} has no environment {environment_name}. It has: {known}.")
        for name, value in values.items():
            parameter = environment.parameters.get(name)
            if parameter is None:
                known = ", ".join(environment.parameters) or "none"
                raise UnknownParameter(
                    f"{environment_name} of {profile.name} has no parameter {name}. It has: {known}."
                )
            if not parameter.editable and value != parameter.value:
                raise LockedParameter(
                    f"{profile.name} locks {name} of {environment_name} at {parameter.value!r}; "
                    f"it cannot be {value!r}. Leave it out, or choose another profile.",
                    environment=environment_name,
                    parameter=name,
                    locked_at=parameter.value,
                )


def user_parameters(parameters: Mapping[str, Mapping[str, str]]) -> list[dict[str, object]]:
    """The parameters as CreateProject takes them."""
    return [
        {
            "environmentConfigurationName": environment,
            "environmentParameters": [{"name": name, "value": value} for name, value in values.items()],
        }
        for environment, values in parameters.items()
        if values
    ]
