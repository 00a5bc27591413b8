"""Learning rates that a cure names."""

from __future__ import annotations


def lower_rate(rate: float) -> str:
    """A half and a fifth of the rate, as words in brackets; '' where it is not known."""
    return f" from {rate:g} to {_round(rate / 2)} or {_round(rate / 5)}" if rate > 0 else ""


def higher_rate(rate: float) -> str:
    """Twice the rate; '' where it is not known."""
    return f" from {rate:g} to {_round(rate * 2)}" if rate > 0 else ""


def _round(rate: float) -> str:
    return f"{float(f'{rate:.1e}'):g}"
