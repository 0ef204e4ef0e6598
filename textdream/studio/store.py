"""The folder of runs: every run is a file, and what the gallery shows of them is kept in memory.

`ID.run.json` is the run, `ID.json` its result as `textdream verify` takes it, `ID.safetensors` the concept that it made,
`ID.NAME.txt` sentences that were pasted. Only these names are ever written, read or deleted.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from pydantic import ValidationError

from textdream.errors import InputError, TextdreamError
from textdream.records import Result, read_result, write_text
from textdream.studio.catalog import KINDS
from textdream.studio.forms import RUN_ID
from textdream.studio.headline import headline
from textdream.studio.runs import LIVE, Run, now

PASTED = ("text", "positive", "negative", "pairs", "sentences")
SUFFIXES = (".run.json", ".json", ".safetensors", *(f".{name}.txt" for name in PASTED))


class Store:
    """The runs of a folder. Its methods may be called from any thread.

    Parameters
    ----------
    folder
        Is made if it is not there.

    Raises
    ------
    InputError
        If it cannot be used, or another server uses it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock_file = _locked(folder)
        except OSError as error:
            raise InputError(
                f"the folder {folder} cannot be used ({error.strerror})", "one that can be written", "give --folder"
            ) from None
        self._guard = threading.RLock()
        self._runs: dict[str, Run] = {}
        self._words: dict[str, str] = {}
        for run in self._scan():
            self.remember(run)

    def close(self) -> None:
        """Let another server have the folder."""
        self._lock_file.close()

    def get(self, id_: str) -> Run | None:
        """The run of that id."""
        with self._guard:
            return self._runs.get(id_)

    def save(self, run: Run) -> None:
        """Write a run's file, whole or not at all."""
        write_text(self.path(run.id, ".run.json"), run.to_json())
        self.remember(run)

    def change(self, id_: str, **changes: Any) -> None:
        """Change what a run's file says; a run that was deleted meanwhile does not come back."""
        with self._guard:
            run = self._runs.get(id_)
            if run is not None:
                self.save(run.model_copy(update=changes))

    def save_result(self, run: Run, result: Result) -> None:
        """Write a run's result file."""
        text = result.to_json()
        write_text(self.path(run.id, ".json"), text)
        run.result_bytes = len(text.encode())

    def paste(self, id_: str, name: str, text: str) -> Path:
        """Write sentences that were pasted beside the run."""
        assert name in PASTED
        path = self.path(id_, f".{name}.txt")
        write_text(path, text)
        return path

    def delete(self, id_: str) -> None:
        """Delete a run's files, and no others."""
        with self._guard:
            self._runs.pop(id_, None)
            self._words.pop(id_, None)
            for suffix in reversed(SUFFIXES):
                self.path(id_, suffix).unlink(missing_ok=True)

    def path(self, id_: str, suffix: str) -> Path:
        """Where a file of a run is."""
        assert re.fullmatch(RUN_ID, id_), id_
        assert suffix in SUFFIXES
        return self.folder / f"{id_}{suffix}"

    def has(self, id_: str, suffix: str) -> bool:
        """Whether a run has that file."""
        return self.path(id_, suffix).is_file()

    def find(self, search: str, keep: Callable[[Run], bool]) -> list[Run]:
        """The runs whose text, headline, experiment, model and note hold all words of `search`, newest first.

        An id is found from its beginning: its random letters are no words.
        """
        wanted = search.casefold().split()
        with self._guard:
            found = [
                run
                for id_, run in self._runs.items()
                if keep(run) and all(word in self._words[id_] or id_.startswith(word) for word in wanted)
            ]
        return sorted(found, key=lambda run: (run.created, run.id), reverse=True)

    def remember(self, run: Run) -> None:
        """Show a run as it is now, and by these words."""
        parts = (run.text, run.headline or "", run.experiment, run.model, run.note or "")
        with self._guard:
            self._runs[run.id] = run
            self._words[run.id] = " ".join(parts).casefold()

    def _scan(self) -> Iterator[Run]:
        """What an earlier server left: its runs, those that ran marked as interrupted, and broken files as such."""
        names = [path.name for path in self.folder.iterdir()]
        ids = {name[: -len(suffix)] for name in names for suffix in SUFFIXES if name.endswith(suffix)}
        for id_ in sorted(id_ for id_ in ids if re.fullmatch(RUN_ID, id_)):
            yield self._found(id_)

    def _found(self, id_: str) -> Run:
        path = self.path(id_, ".run.json")
        try:
            run = Run.model_validate_json(path.read_bytes())
            if run.id != id_:
                raise ValueError(f"it names the run {run.id!r}")
            if run.experiment not in KINDS:
                raise ValueError(f"it is of no known experiment, {run.experiment[:40]!r}")
        except (OSError, ValueError) as error:
            reason = _reason(error)
            return _broken(id_, f"{path.name} cannot be read ({reason}); a run of the studio; delete it")
        if run.state in LIVE:
            waited = run.state == "queued"
            run.state, run.ended = "interrupted", now()
            run.error = None
            run.note = _joined(run.note, "It had not begun." if waited else "The server ended while it ran.")
            with contextlib.suppress(TextdreamError):
                result = read_result(self.path(id_, ".json"))
                run.headline, run.result_bytes = headline(result), self.path(id_, ".json").stat().st_size
            with contextlib.suppress(TextdreamError):
                write_text(path, run.to_json())
            return run
        try:
            self.check_result(run)
        except TextdreamError as error:
            run.state, run.error = "broken", self.named(str(error))
        return run

    def named(self, sentence: str) -> str:
        """A sentence in which files of this folder have their names alone."""
        return sentence.replace(f"{self.folder}/", "")

    def check_result(self, run: Run) -> None:
        """Raise ResultError if the result file is not what the run wrote, and no result file either."""
        if run.result_bytes is None:
            return
        path = self.path(run.id, ".json")
        if not path.is_file() or path.stat().st_size != run.result_bytes:
            read_result(path)


def _broken(id_: str, error: str) -> Run:
    when = f"{id_[:4]}-{id_[4:6]}-{id_[6:8]}T{id_[9:11]}:{id_[11:13]}:{id_[13:15]}Z"
    return Run(id=id_, experiment="", model="", settings={}, state="broken", created=when, error=error)


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return " ".join(f"{'.'.join(map(str, first['loc']))} {first['msg']}".split())
    return getattr(error, "strerror", None) or str(error)


def _joined(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)


def _locked(folder: Path) -> IO[str]:
    """The lock of a folder: held as long as the file is open, and gone with the process."""
    import fcntl

    file = (folder / ".studio.lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise InputError(
            f"another studio uses the folder {folder}", "a folder of its own", "stop the other, or give --folder"
        ) from None
    return file
