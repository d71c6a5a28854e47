"""The one exception of the package."""


class ModelError(ValueError):
    """The input does not describe a model that can be fitted; the message is one sentence that says why.

    Everything that a caller can do wrong (a formula, a column, an argument) raises this class. A model that is
    valid but whose fit did not end well is no error: it has a `Status`.
    """
