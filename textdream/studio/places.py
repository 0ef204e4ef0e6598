"""From the ids that a form names to the files that they stand for: looked up in a table, never made of what was sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textdream.errors import InputError
from textdream.studio.forms import RUN_ID, ConceptClassifyForm, ConceptFitForm, CorpusTopForm, Form, ShiftAuditForm
from textdream.studio.store import Store

if TYPE_CHECKING:
    from textdream.records import DreamResult


@dataclass
class Located:
    """A form whose ids became paths."""

    form: Any
    names: dict[str, str] = field(default_factory=dict)
    """What each path is called outside."""

    def named(self, sentence: str) -> str:
        """A sentence with the names in place of paths."""
        for path, name in self.names.items():
            sentence = sentence.replace(path, name)
        return sentence

    def settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """A result's settings with the names in place of paths."""
        return {key: self.named(value) if isinstance(value, str) else value for key, value in settings.items()}


class Places:
    """Where concepts, dreams and indexes are.

    Parameters
    ----------
    store
        Of the runs that made them.
    indexes
        Folders of corpus indexes, by the name under which they are offered.
    """

    def __init__(self, store: Store, indexes: dict[str, Path]) -> None:
        self.store, self.indexes = store, indexes

    def concept(self, id_: str) -> Path:
        """The concept file of a run."""
        expected, remedy = "the id of a run that fitted a concept", "choose one, or fit one first"
        if not re.fullmatch(RUN_ID, id_) or self.store.get(id_) is None:
            raise InputError(f"there is no run {id_[:40]!r}", expected, remedy)
        if not self.store.has(id_, ".safetensors"):
            raise InputError(f"the run {id_} has no concept", expected, remedy)
        return self.store.path(id_, ".safetensors")

    def index(self, name: str) -> Path:
        """The folder of a corpus index."""
        if name not in self.indexes:
            there = ", ".join(self.indexes) or "none was"
            raise InputError(
                f"there is no index {name[:60]!r}",
                f"one that was given with --index: {there}",
                "choose one, or start the studio with --index",
            )
        return self.indexes[name]

    def dream(self, id_: str) -> DreamResult:
        """The result of a dream's run."""
        from textdream.records import DreamResult, read_result

        run = self.store.get(id_)
        found = read_result(self.store.path(id_, ".json")) if run is not None and self.store.has(id_, ".json") else None
        if not isinstance(found, DreamResult):
            raise InputError(f"the run {id_[:40]!r} is no dream that has a result", "one that has", "choose another")
        return found

    def locate(self, form: Form, run: str) -> Located:
        """The form with paths; sentences that were pasted are written beside the run.

        Raises
        ------
        InputError
            If an id stands for nothing, or is a path.
        """
        found = Located(form)

        def put(find: Callable[[str], Path], name: str) -> str:
            path = find(name)
            found.names[str(path)] = name
            return str(path)

        def direction(name: str) -> str:
            id_, colon, kind = name.partition(":")
            return put(self.concept, id_) + colon + kind

        changes: dict[str, Any] = {}
        target = getattr(form, "target", None)
        if target is not None and target.direction is not None:
            changes["target"] = replace(target, direction=direction(target.direction))
        search: Any = getattr(form, "search")  # noqa: B009 (every form has it, with a type of its own)
        own: dict[str, str] = {}
        for name in ("from_corpus", "index", "against"):
            if getattr(search, name, None) is not None:
                own[name] = put(self.index, getattr(search, name))
        if getattr(search, "concept", None) is not None:
            own["concept"] = put(self.concept, search.concept)
        if getattr(search, "direction", None) is not None:
            own["direction"] = direction(search.direction)
        if isinstance(form, ConceptFitForm):
            changes["text"] = self._pasted(found, run, "text", form.text)
            own |= {
                name: self._pasted(found, run, name, text)
                for name in ("positive", "negative", "pairs")
                if (text := getattr(search, name)) is not None
            }
        if isinstance(form, ShiftAuditForm) and form.search.sentences is not None:
            own["sentences"] = self._pasted(found, run, "sentences", form.search.sentences)
        if isinstance(form, CorpusTopForm):
            if form.index is None:
                raise InputError("no index was given", "one that was given with --index", "choose one")
            changes["index"] = put(self.index, form.index)
        if isinstance(form, ConceptClassifyForm):
            if form.concept is None:
                raise InputError("no concept was given", "the run that fitted it", "choose one, or fit one first")
            changes["concept"] = put(self.concept, form.concept)
        if getattr(search, "corpus", None) not in (None, "sotu", "random"):
            raise InputError(f"--corpus {search.corpus[:60]!r} was given", "sotu or random", "give one of them")
        found.form = form.model_copy(update={**changes, "search": replace(search, **own) if own else search})
        return found

    def _pasted(self, found: Located, run: str, name: str, text: str) -> str:
        """The file of sentences that were pasted; sotu, and nothing, stay what they are where sotu is a corpus."""
        if name in ("text", "sentences") and text.strip() in ("", "sotu"):
            return text.strip()
        path = str(self.store.paste(run, name, text))
        found.names[path] = f"pasted ({name})"
        return path
