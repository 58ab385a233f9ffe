"""What a YAML file names by `_target_`: a class whose parameters are its fields."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar


class Component:
    """A dataclass that can say what a study depends on.

    Its fields are declared with `ecomcat.options.option`, which holds help and bounds.
    """

    name: ClassVar[str]

    def identity(self) -> str:
        """Return the name and each parameter: what must agree before a study is resumed."""
        parameters: dict[str, Any] = asdict(self)  # type: ignore[call-overload]
        return ", ".join([self.name, *(f"{key} {value}" for key, value in parameters.items())])
