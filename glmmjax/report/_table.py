"""Plain-text tables and numbers."""

from collections.abc import Iterable

import numpy as np


def text_table(columns: dict[str, list[str]], *, left: tuple[str, ...] = ()) -> str:
    """Columns of cells under their names, right-aligned except those in `left`."""
    lines = []
    widths = {name: max(len(name), *map(len, cells)) for name, cells in columns.items()}
    for row in zip(*([name, *cells] for name, cells in columns.items()), strict=True):
        cells = [
            cell.ljust(widths[name]) if name in left else cell.rjust(widths[name])
            for name, cell in zip(columns, row, strict=True)
        ]
        lines.append((" " + "  ".join(cells)).rstrip())
    return "\n".join(lines)


def format_number(value: float) -> str:
    """One number with four significant digits."""
    return format_column([value])[0]


def format_column(values: Iterable[float]) -> list[str]:
    """Numbers with as many decimals as the smallest needs for four significant digits, as R's
    `format` has it; with an exponent where that would take more than seven."""
    numbers = [float(value) for value in values]
    sizes = [abs(value) for value in numbers if np.isfinite(value) and value != 0]
    if not sizes:
        return [f"{value:.4f}" if np.isfinite(value) else str(value) for value in numbers]
    decimals = max(0, 3 - int(np.floor(np.log10(min(sizes)))))
    if decimals > 7 or max(sizes) >= 1e7:
        return [f"{value:.3e}" for value in numbers]
    return [f"{value:.{decimals}f}" for value in numbers]


def format_p_value(value: float) -> str:
    """R's way: `<2e-16` below double precision."""
    return "<2e-16" if value < 2e-16 else f"{value:.3g}"
