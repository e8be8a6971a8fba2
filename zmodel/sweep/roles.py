"""What a parameter is searched for: to be compared, or to compare others fairly.

The words are those of Google's Deep Learning Tuning Playbook.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from zmodel.core.arguments import known

ROLES = ("scientific", "nuisance", "fixed")
EXAMPLE = "{model.z_layers: scientific, model.width: nuisance}"


def read_roles(given: Any) -> dict[str, str]:
    """ValueError for what is no mapping of parameters to roles."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ValueError(f"hydra.sweeper.roles must be null or like {EXAMPLE}, received {given!r}.")
    for name, role in given.items():
        known(f"hydra.sweeper.roles.{name}", role, ROLES)
    return {str(name): str(role) for name, role in given.items()}


def check_roles(roles: Mapping[str, str], searched: Container[str]) -> None:
    """ValueError for a role that does not go with what is searched."""
    for name, role in roles.items():
        if f"+{name}" in searched:
            raise ValueError(
                f"hydra.sweeper.roles must name what is searched as the search does, +{name}, "
                f"received {name}."
            )
        if (role == "fixed") == (name in searched):
            state = "searched" if name in searched else "not searched"
            remedy = "take it out of hydra.sweeper.params" if role == "fixed" else "search it too"
            raise ValueError(
                f"hydra.sweeper.roles says that {name} is {role}, and it is {state}; {remedy}, or "
                "give it another role."
            )
