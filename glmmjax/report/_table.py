"""Plain-text tables and numbers."""

import numpy as np


def lay_out(columns: dict[str, list[str]], *, left: tuple[str, ...] = ()) -> str:
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
    """Four significant digits, without an exponent where that reads well."""
    if not np.isfinite(value):
        return str(value)
    if value == 0 or 1e-4 <= abs(value) < 1e5:
        decimals = 4 if abs(value) < 10 else max(0, 4 - int(np.floor(np.log10(abs(value)))))
        return f"{value:.{decimals}f}"
    return f"{value:.3e}"


def format_p_value(value: float) -> str:
    """R's way: `<2e-16` below double precision."""
    return "<2e-16" if value < 2e-16 else f"{value:.3g}"
