"""OmegaConf resolvers that conf/ uses.

Imported by whatever composes conf/.

${folder_name:${task_name}}                  the name, if it is that of one folder; else an error
${folder_name:${study_name},study_name}      the same of another key
${unless_table:PATH,SHAPE,SPACE,VALUE}       SPACE; but where PATH is a table whose rows get no
                                             other SHAPE it is VALUE, which is not searched
${help_groups:}, ${help_sweeper:}            parts of --help
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from zmodel.cli import help_text
from zmodel.core.names import folder_name

OmegaConf.register_resolver(
    "folder_name",
    lambda name, key="task_name": folder_name(name, key, key),
    replace=True,
)


def unless_table(path: Any, shape: Any, space: Any, value: Any) -> Any:
    tables = (".csv", ".tsv", ".parquet")
    return value if Path(str(path)).suffix.lower() in tables and shape is None else space


OmegaConf.register_resolver("unless_table", unless_table, replace=True)
OmegaConf.register_resolver("help_groups", help_text.groups, replace=True)
OmegaConf.register_resolver("help_sweeper", help_text.sweeper, replace=True)
