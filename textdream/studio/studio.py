"""The studio without its web side: models, folder, indexes and engine, and how a run comes to be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from textdream.errors import InputError, TextdreamError
from textdream.studio.bounds import check_bounds
from textdream.studio.catalog import KINDS
from textdream.studio.continuing import continued
from textdream.studio.engine import Engine
from textdream.studio.job import Job
from textdream.studio.models import Models
from textdream.studio.open import Ground, check
from textdream.studio.places import Places
from textdream.studio.runs import SHOWN, Run, new_id, now
from textdream.studio.store import Store


@dataclass
class Studio:
    """What the web side talks to."""

    store: Store
    models: Models
    places: Places
    engine: Engine

    @staticmethod
    def open(folder: Path, models: Models, indexes: Sequence[Path] = ()) -> Studio:
        """A studio on a folder of runs; its engine has not begun.

        Raises
        ------
        InputError
            If the folder cannot be used, or two indexes have one name.
        CorpusError
            If an index cannot be opened.
        """
        found = named_indexes(indexes)
        store = Store(folder)
        places = Places(store, found)
        return Studio(store, models, places, Engine(store, models, places))

    def close(self) -> None:
        """Save what is under way as interrupted, and let the folder go."""
        self.engine.close()
        self.store.close()

    def submit(self, experiment: str, model: str, form: Any, client: str) -> Run:
        """Queue a run.

        Raises
        ------
        TextdreamError
            If the settings do not fit, or too many runs wait.
        """
        return self._queue(experiment, model, form, client)

    def go_on(self, old: Run, client: str) -> Run:
        """Queue a run that goes on from one which was interrupted or stopped.

        Raises
        ------
        TextdreamError
            If that is not possible.
        """
        if "continue" not in self.engine.actions(old):
            raise self.engine.refusal(old, "continue")
        from textdream.records import read_result

        try:
            form = KINDS[old.experiment].form.model_validate_json(json.dumps(old.settings))
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(
                f"the settings of the run {old.id} cannot be used ({'.'.join(map(str, first['loc']))}: {first['msg']})",
                "those of this version",
                "begin a new run",
            ) from None
        result = read_result(self.store.path(old.id, ".json")) if self.store.has(old.id, ".json") else None
        form, note = continued(form, result)
        run = self._queue(old.experiment, old.model, form, client, result=result, continues=old.id, note=note)
        self.store.change(old.id, continued_by=run.id)
        return run

    def _queue(self, experiment: str, model: str, form: Any, client: str, *, result: Any = None, **more: Any) -> Run:
        from textdream.records import ReconstructResult

        check_bounds(form)
        loaded = self.models.get(model)
        run = Run(
            id=new_id(),
            experiment=experiment,
            model=model,
            settings=form.model_dump(mode="json"),
            text=getattr(form, "text", "")[:SHOWN],
            created=now(),
            **more,
        )
        kept = result if isinstance(result, ReconstructResult) else None
        try:
            located = self.places.locate(form, run.id)
            try:
                check(experiment, located.form, Ground(loaded, self.places, kept))
            except TextdreamError as error:
                raise type(error)(*map(located.named, (error.given, error.expected, error.remedy))) from None
            self.engine.submit(Job(run, located, client, kept))
        except TextdreamError:
            self.store.delete(run.id)
            raise
        return run


def named_indexes(folders: Sequence[Path]) -> dict[str, Path]:
    """Indexes by the names of their folders.

    Raises
    ------
    InputError
        If two have one name.
    CorpusError
        If one cannot be opened.
    """
    if not folders:
        return {}
    from textdream.corpus.index import Index

    found: dict[str, Path] = {}
    for folder in folders:
        Index.open(folder)
        name = folder.resolve().name
        if name in found:
            raise InputError(f"two indexes are named {name}", "different names", "rename one of the folders")
        found[name] = folder.resolve()
    return found
