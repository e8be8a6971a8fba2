"""Quotes command-line values so that Hydra reads what was typed.

study_name=2024_01_15       a name, not the number 20240115: study_name='2024_01_15'
tags=größe                  letters that Hydra's grammar does not know: tags='größe'
paths.log_dir=~/logs        the home folder, which no shell puts in after a `=`
logger=null                 no logger: logger=[]
a=choice(null,1)            Hydra's choice() takes no null, its short form does: a=null,1
trainer.max_steps=9         a key that the file does not set: ++trainer.max_steps=9
data.normalize=no           false, as in a YAML file; Hydra reads a text, which counts as true
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from zmodel.core.command_text import command_text

PATH = re.compile(r"(^|[._])(path|dir|subdir|storage)$")
NAME = re.compile(r"(^|[._])(name|study|tags|columns?|project|group)$")
"""What keys of names end with; what they hold is text, whatever it looks like."""
MARKS = frozenset("'\"()[]{},\\")
"""What has a meaning in Hydra's grammar: a value with any of it is written as the user means it."""
ELEMENTS = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^'"()\[\]{},]+""")
EMPTIED = ("logger", "callbacks")
"""Groups of which a run may have none; Hydra takes no null for a group that has a default."""
TRUTH = {"yes": "true", "on": "true", "no": "false", "off": "false"}
SWITCHES = re.compile(r"^\+*(train|test|.*\..*)$")
"""Keys that may hold a truth value, and are no group with a file `off.yaml`."""
UNSET = (
    "accumulate_grad_batches", "benchmark", "detect_anomaly", "gradient_clip_algorithm",
    "limit_predict_batches", "limit_test_batches", "limit_train_batches", "limit_val_batches",
    "max_steps", "max_time", "min_steps", "num_nodes", "overfit_batches", "profiler", "strategy",
    "sync_batchnorm", "use_distributed_sampler", "val_check_interval",
)  # fmt: skip
"""Options of Lightning's trainer that conf/trainer/default.yaml leaves out."""
CHOICE = re.compile(r"choice\(([^()]*)\)")


def spelled(argument: str) -> str:
    """The argument itself, or one that Hydra reads as it was meant."""
    key, sign, value = argument.partition("=")
    if not sign or argument.startswith("-"):
        return argument
    if PATH.search(key):
        value = _at_home(value)
    if "\\" not in value and (PATH.search(key) or NAME.search(key)):
        value = ELEMENTS.sub(lambda found: _as_text(found[0]), value)
    elif SWITCHES.match(key) and all(word.lower() in TRUTH for word in value.split(",")):
        value = ",".join(TRUTH[word.lower()] for word in value.split(","))
    if key.removeprefix("trainer.") in UNSET or key.startswith("+trainer."):
        key = f"++{key.lstrip('+')}"  # adds or sets; Hydra wants to be told which
    if key in EMPTIED and value == "null":
        value = "[]"
    choice = CHOICE.fullmatch(value)
    if choice and "null" in [word.strip() for word in choice[1].split(",")]:
        value = choice[1]
    if not value.isascii() and not MARKS & set(value):
        value = f"'{value}'"
    return f"{key}={value}"


def _at_home(value: str) -> str:
    quote = value[: value.startswith(("'", '"'))]
    return quote + os.path.expanduser(value[len(quote) :])


def _as_text(word: str) -> str:
    """In quotes when Hydra would take it for a number or a truth value; `null` stays null."""
    try:
        read = OverridesParser.create().parse_override(f"k={word.strip()}").value()
    except HydraException:  # its own message says what is wrong
        return word
    return f"'{word.strip()}'" if isinstance(read, (bool, int, float)) else word


PARAMS = re.compile(r"[+~]*hydra\.sweeper\.params\.([^=]+)(?:=(.*))?")


def answer_params(arguments: Sequence[str]) -> None:
    """ValueError for an entry of the search space that is spelled as in a file: it has no way there
    from the command line, where a parameter is searched or fixed by its own name."""
    for argument in arguments:
        asked = PARAMS.fullmatch(argument)
        if asked is None:
            continue
        name, value = asked[1], asked[2]
        if argument.startswith("~"):
            way = f"To search without {name}, give it a value: {name}=VALUE"
        else:
            words = command_text([f"{name}={value or 'int(interval(4,128))'}"])
            way = f"Give the parameter itself: {words}"
        raise ValueError(
            "hydra.sweeper.params holds the search space of a file and cannot be changed entry by "
            f"entry on the command line, got {argument}. {way}, which adds to the file's space or "
            "takes the place of its entry."
        )
