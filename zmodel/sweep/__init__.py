"""Runs a study: settings, search space, samplers, workers.

What a study is on disk is in ``study``, what a run does in ``run``. Read first: ``start``, then
``prepare`` and ``settings``; then the rooms ``space``, ``sampling``,
``limits``, ``workers``, ``launch``.
"""

from zmodel.core.callable_module import make_callable

make_callable(__name__)
