"""A section of rendering options whose pairs are ranges (low, high)."""

from typing import Self

from pydantic import model_validator

from sanreid.params import Section


class Ranges(Section):
    """Every tuple of such a section is a range; ValueError naming the key where it falls."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for name, value in self:
            if isinstance(value, tuple) and value[0] > value[1]:
                raise ValueError(f"{name}: {value[0]} is above {value[1]}")
        return self
