"""What is asked of the library, and whether it is met."""

from typing import NamedTuple

__all__ = ["Mark", "summary"]


class Mark(NamedTuple):
    """A value that is not to exceed a limit."""

    name: str
    value: float
    limit: float
    far_mark: float | None = None

    @property
    def is_met(self):
        """False for a value that could not be measured, which is NaN."""
        return self.value <= self.limit

    def __str__(self):
        far = ""
        if self.far_mark is not None:
            far = f"; far mark {self.far_mark:g} {'' if self.value <= self.far_mark else 'not '}met"
        status = "met    " if self.is_met else "NOT met"
        return f"  {status}  {self.name}: {self.value:.3g} (<= {self.limit:g}{far})"


def summary(marks):
    """Print all marks, and how many are met."""
    print("\nWhat is asked", *marks, sep="\n")
    print(f"{sum(mark.is_met for mark in marks)} of {len(marks)} met", flush=True)
