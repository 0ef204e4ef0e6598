"""What can go wrong by what the user gave, each as one sentence: given, expected, remedy."""

from __future__ import annotations


class TextdreamError(Exception):
    """Something that the user gave cannot be used.

    Parameters
    ----------
    given
        What was given, as a clause ("layer 14 is not in minilm").
    expected
        What would have been right ("it has 6 layers: 0 to 5").
    remedy
        What to do now ("give --layer 0 to 5").
    """

    def __init__(self, given: str, expected: str, remedy: str) -> None:
        self.given, self.expected, self.remedy = given, expected, remedy
        super().__init__(" ".join(f"{given}; {expected}; {remedy}".split()))


class InputError(TextdreamError):
    """A text, a position, a target or a setting that does not fit the model."""


class ModelError(TextdreamError):
    """A model that cannot be found, loaded or read at the place asked for."""


class ResultError(TextdreamError):
    """A result file that cannot be read or written."""


class CorpusError(TextdreamError):
    """A corpus that cannot be read, or an index that cannot be made or opened."""
