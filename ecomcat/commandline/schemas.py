"""Tell Hydra what it does not know by itself: the typed schemas, and what help shows."""

from __future__ import annotations

from ecomcat.commandline.help import register_help
from ecomcat.config import COMMANDS


def register_schemas() -> None:
    """Register the schemas under the names that the YAML files' defaults use, and help's parts."""
    from hydra.core.config_store import ConfigStore

    register_help()
    store = ConfigStore.instance()
    for schema in dict.fromkeys(COMMANDS.values()):
        name = schema.__name__.removesuffix("Command").lower() + "_command"
        store.store(name=name, node=schema)
