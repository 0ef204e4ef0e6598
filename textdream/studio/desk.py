"""What is known of every run: by one lock, so that what is said of a run, in its file and to its viewers, is of one moment."""

from __future__ import annotations

import threading
from typing import Any

from textdream.errors import TextdreamError
from textdream.studio.catalog import KINDS
from textdream.studio.events import Channel
from textdream.studio.job import Job
from textdream.studio.queue import FairQueue
from textdream.studio.runs import Action, Run, RunAnswer, State, actions_of, now
from textdream.studio.store import Store


class NotNowError(TextdreamError):
    """Something that cannot be done in the state that a run is in."""


class Desk:
    """The runs that wait, run or are set aside, and their files. Its methods may be called from any thread.

    A run's state changes under the lock only, its file with it. A run that is in the queue or paused is nobody's: whoever
    holds the lock may end it. One that was taken out of the queue is the engine thread's, and is only asked to end.

    Parameters
    ----------
    store
        The files.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.queue = FairQueue()
        self.jobs: dict[str, Job] = {}
        self._changed = threading.Condition()

    def answer(self, run: Run) -> RunAnswer:
        """A run as the page sees it, as it is now."""
        with self._changed:
            run, job = self._now(run)
            order = self.queue.order() if run.state == "queued" else []
            return RunAnswer(
                **run.model_dump(exclude={"schema_", "settings", "result_bytes", "seconds"}),
                seconds=round(run.seconds if job is None else job.seconds, 3),
                place=order.index(run.id) + 1 if run.id in order else None,
                progress=None if job is None else job.progress,
                has_result=self.store.has(run.id, ".json"),
                has_concept=self.store.has(run.id, ".safetensors"),
                pausing=job is not None and job.pausing,
                stopping=job is not None and job.stopping,
                actions=self.actions(run),
            )

    def actions(self, run: Run) -> list[Action]:
        """What may be done with a run now."""
        with self._changed:
            run, job = self._now(run)
            if job is not None and job.stopping:
                return []
            pausable = run.experiment in KINDS and KINDS[run.experiment].pausable
            return actions_of(run.state, pausable, job is not None and job.pausing)

    def refusal(self, run: Run, action: str) -> NotNowError:
        """Why something cannot be done with a run."""
        with self._changed:
            run, job = self._now(run)
            state: str = run.state
            if job is not None:
                state = "being stopped" if job.stopping else "being paused" if job.pausing else state
            allowed = ", ".join(self.actions(run)) or "wait"
        return NotNowError(f"the run {run.id} is {state}", f"a run that can {action}", f"of this one: {allowed}")

    def channel(self, run: Run) -> Channel | None:
        """What the run says while it is under way; None where it has ended."""
        with self._changed:
            job = self.jobs.get(run.id)
            return None if job is None else job.channel

    def _now(self, run: Run) -> tuple[Run, Job | None]:
        """The run as it is now, whatever it was when somebody looked it up."""
        job = self.jobs.get(run.id)
        return (self.store.get(run.id) or run) if job is None else job.run, job

    def _job(self, run: Run, action: str) -> Job:
        job = self.jobs.get(run.id)
        if job is None or action not in self.actions(run):
            raise self.refusal(run, action)
        return job

    def _become(self, job: Job, state: State, **changes: Any) -> None:
        """Change a run's state: seen once its file says so."""
        with self._changed:
            run = job.run.model_copy(update={"state": state, **changes})
            self.store.save(run)
            job.run = run

    def _finish(self, job: Job, state: State, error: str | None = None) -> None:
        """End a run whose result is on the disk."""
        with self._changed:
            found, note = job.work is not None and job.work.found, job.run.note
            if error is None and state != "done" and not found:
                note = " ".join(filter(None, [note, "Nothing was found by then."]))
            changes = {"state": state, "error": error, "note": note, "ended": now(), "seconds": round(job.seconds, 3)}
            ended = job.run.model_copy(update=changes)
            try:
                self.store.save(ended)
            except TextdreamError:
                # The folder may be full or gone: the run has ended all the same.
                self.store.remember(ended)
            del self.jobs[ended.id]
            job.channel.end(self.answer(ended))

    def _tell(self, job: Job) -> None:
        """Those who watch a run hear what it is now: a moment later is never told before."""
        with self._changed:
            if job.channel.last is None:
                job.channel.tell_state(self.answer(job.run))

    def _tell_places(self) -> None:
        """Those that wait hear where they stand."""
        with self._changed:
            for id_ in self.queue.order():
                self._tell(self.jobs[id_])
