"""Check the overrides of a command line before Hydra acts on them.

Hydra names neither the argument that it cannot read nor a way out that we would accept: it sends
`a=1,2` to `--multirun`, which is refused here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from ecomcat.errors import UserError

_ONE_JOB = (
    "--multirun is not supported, since its jobs would share one model folder. Search a list of "
    "values instead (model.lstm_units=[32,64]), or run the command once for each data set, with "
    "model_dir=FOLDER."
)


def check_overrides(arguments: Sequence[str], groups: Collection[str]) -> None:
    """Refuse overrides that cannot be read, sweeps, and groups given anything but an option.

    Args:
        arguments: the command line without the program's name, already quoted.
        groups: the command's configuration groups.

    Raises:
        UserError: naming the argument, and what to write instead.
    """
    known, _ = get_args_parser().parse_known_args(list(arguments))
    if known.multirun:
        raise UserError(_ONE_JOB)
    for argument in known.overrides:
        _check_override(argument, _parse(argument), groups)


def _parse(argument: str) -> Override:
    try:
        override = OverridesParser.create().parse_override(argument)
    except HydraException as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"Cannot read the argument {argument!r}: {reason}. Expected key=value, such as "
            "model.lstm_units=64, 'model.lstm_units=32..128 step 32' or data=sample."
        ) from error
    if not override.key_or_group:
        raise UserError(f"Expected a key before '=' in the argument {argument!r}, found none.")
    return override


def _check_override(argument: str, override: Override, groups: Collection[str]) -> None:
    key = override.key_or_group
    if key == "hydra.mode":
        raise UserError(_ONE_JOB)
    if override.is_sweep_override():
        values = argument.partition("=")[2]
        raise UserError(
            f"Expected one value in the argument {argument!r}, found several. To search them, "
            f"write a list: {key}=[{values}]."
        )
    if key in groups and not override.is_delete() and not isinstance(override.value(), str | list):
        raise UserError(
            f"Expected the name of an option of the group {key!r}, found {override.value()!r} in "
            f"the argument {argument!r}."
        )
