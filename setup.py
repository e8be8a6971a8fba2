"""The part that pyproject.toml cannot say: the folder conf/ is shipped as zmodel/conf."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["zmodel*"]), "zmodel.conf"],
    package_dir={"zmodel.conf": "conf"},
)
