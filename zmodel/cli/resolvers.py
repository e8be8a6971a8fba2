"""OmegaConf resolvers that conf/ uses.

Imported by whatever composes conf/.

${folder_name:${task_name}}                  the name, if it is that of one folder; else an error
${folder_name:${study_name},study_name}      the same of another key
"""

from __future__ import annotations

from omegaconf import OmegaConf

from zmodel.core.names import folder_name

OmegaConf.register_resolver(
    "folder_name",
    lambda name, key="task_name": folder_name(name, key, key),
    replace=True,
)
