"""Modules that are loaded when something of them is first used, as a first fit does not need
them."""

import importlib
from typing import Any


class Later:
    """Stands for a module."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self._name), name)
