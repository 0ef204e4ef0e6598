"""The engine: one thread that runs one run at a time, and everything that may be asked of it."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from textdream.errors import TextdreamError
from textdream.studio.catalog import KINDS
from textdream.studio.headline import headline
from textdream.studio.job import EVERY, Job
from textdream.studio.models import Models
from textdream.studio.open import Ground, open_work
from textdream.studio.places import Places
from textdream.studio.queue import FairQueue
from textdream.studio.runs import LIVE, Action, Progress, Run, RunAnswer, actions_of, now
from textdream.studio.store import Store
from textdream.studio.work import Sign, Single

SHARE = 20
"""A result is written at most every so many times what the last writing took, and every `EVERY` seconds."""
PAUSED = 8
"""Runs that may be paused at a time: each is kept in memory."""


class NotNowError(TextdreamError):
    """Something that cannot be done in the state that a run is in."""


class _Stopped(Exception):  # noqa: N818 (no error: a run is told to stop)
    """A run was told to stop."""


class Engine:
    """Runs what waits, one run at a time. Its methods may be called from any thread.

    Parameters
    ----------
    store, models, places
        What it works with.
    """

    def __init__(self, store: Store, models: Models, places: Places) -> None:
        self.store, self.models, self.places = store, models, places
        self.queue = FairQueue()
        self.jobs: dict[str, Job] = {}
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run_all, name="engine", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def end(self) -> None:
        """Begin to stop: at the next step, the run under way is saved as interrupted, and so are those that wait."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def close(self) -> None:
        """Stop, and wait for that."""
        self.end()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def closing(self) -> bool:
        """Whether the server ends."""
        return self._closing

    def submit(self, job: Job) -> None:
        """Queue a run; its file is there when this returns.

        Raises
        ------
        QueueFullError
            If too many wait.
        """
        with self._changed:
            if self._closing:
                raise NotNowError("the studio ends", "one that runs", "start it again")
            self.queue.put(job.client, job.run.id)
            self.jobs[job.run.id] = job
        try:
            self.store.save(job.run)
        except TextdreamError:
            with self._changed:
                self.queue.remove(job.run.id)
                del self.jobs[job.run.id]
            raise
        self._tell_places()
        with self._changed:
            self._changed.notify_all()

    def pause(self, run: Run) -> None:
        """Set a run aside at its next step: others may run meanwhile."""
        with self._changed:
            job = self._job(run, "pause")
            if sum(other.pausing or other.run.state == "paused" for other in self.jobs.values()) >= PAUSED:
                raise NotNowError(f"{PAUSED} runs are paused", "fewer", "resume or stop one")
            job.pausing = True
        self._tell(job)

    def resume(self, run: Run) -> None:
        """Let a paused run go on, as the next of its client."""
        with self._changed:
            job = self._job(run, "resume")
            job.run.state = "queued"
            self.queue.put_first(job.client, run.id)
            self._changed.notify_all()
        self.store.save(job.run)
        self._tell_places()

    def stop(self, run: Run) -> None:
        """End a run at its next step, one that waits or was set aside at once; what it found stays."""
        with self._changed:
            job = self._job(run, "stop")
            job.stopping = True
            if self.queue.remove(run.id) or job.run.state == "paused":
                # Its result was written when it was set aside, and the model is another run's now.
                self._conclude(job, "stopped")
        self._tell(job)
        self._tell_places()

    def answer(self, run: Run) -> RunAnswer:
        """A run as the page sees it."""
        job = self.jobs.get(run.id)
        place = None
        if run.state == "queued":
            with self._changed:
                order = self.queue.order()
            place = order.index(run.id) + 1 if run.id in order else None
        return RunAnswer(
            **run.model_dump(exclude={"schema_", "settings", "result_bytes", "seconds"}),
            seconds=round(run.seconds if job is None else job.seconds, 3),
            place=place,
            progress=None if job is None else job.progress,
            has_result=self.store.has(run.id, ".json"),
            has_concept=self.store.has(run.id, ".safetensors"),
            pausing=job is not None and job.pausing,
            stopping=job is not None and job.stopping,
            actions=self.actions(run),
        )

    def _job(self, run: Run, action: str) -> Job:
        job, allowed = self.jobs.get(run.id), self.actions(run)
        if job is None or action not in allowed:
            raise self.refusal(run, action)
        return job

    def actions(self, run: Run) -> list[Action]:
        """What may be done with a run now."""
        job = self.jobs.get(run.id)
        if job is not None and job.stopping:
            return []
        # What was looked up a moment ago may have been set aside, or taken up again.
        state = run.state if job is None or run.state not in LIVE else job.run.state
        pausable = run.experiment in KINDS and KINDS[run.experiment].pausable
        return actions_of(state, pausable, job is not None and job.pausing)

    def refusal(self, run: Run, action: str) -> NotNowError:
        """Why something cannot be done with a run."""
        job = self.jobs.get(run.id)
        state: str = run.state
        if job is not None:
            state = "being stopped" if job.stopping else "being paused" if job.pausing else state
        allowed = ", ".join(self.actions(run)) or "wait"
        return NotNowError(f"the run {run.id} is {state}", f"a run that can {action}", f"of this one: {allowed}")

    def _tell(self, job: Job) -> None:
        if job.channel.last is None:
            job.channel.tell_state(self.answer(job.run))

    def _tell_places(self) -> None:
        """Those that wait hear where they stand."""
        with self._changed:
            waiting = [self.jobs[id_] for id_ in self.queue.order() if id_ in self.jobs]
        for job in waiting:
            self._tell(job)

    def _run_all(self) -> None:
        """The engine's thread."""
        while True:
            with self._changed:
                while not self._closing and not len(self.queue):
                    self._changed.wait()
                id_ = None if self._closing else self.queue.take()
                job = None if id_ is None else self.jobs[id_]
            if job is None:
                break
            self._tell_places()
            self._advance(job)
        for job in list(self.jobs.values()):
            self._end(job, "interrupted")

    def _advance(self, job: Job) -> None:
        """Run until the run ends, is set aside, or the server ends."""
        try:
            if not job.stopping:
                self._begin(job)
                assert job.signs is not None
                for sign in job.signs:
                    self._hear(job, sign)
                    if self._pauses(job, sign):
                        self._set_aside(job)
                        return
            self._end(job, "stopped" if job.stopping else "done")
        except _Stopped:
            self._end(job, "interrupted" if self._closing else "stopped")
        except TextdreamError as error:
            self._end(job, "failed", job.located.named(str(error)))
        except Exception as error:  # A run must never take the engine with it.
            logging.getLogger("textdream.studio").exception("the run %s failed", job.run.id)
            self._end(
                job,
                "failed",
                f"an error of textdream's own ({type(error).__name__}); a run that ends; see the server's terminal",
            )

    def _begin(self, job: Job) -> None:
        """Open a run, or take up one that was set aside."""
        job.run.started = job.run.started or now()
        job.run.state, job.began = "running", time.perf_counter()
        self.store.save(job.run)
        self._tell(job)
        model = self.models.get(job.run.model)
        if job.work is None:
            # The model was loaded: from here, the experiment's own clock runs too.
            job.born = job.began = time.perf_counter()
            job.work = open_work(job.run.experiment, job.located.form, Ground(model, self.places, job.kept))
            if isinstance(job.work, Single):
                job.work.heard = lambda sign: self._hear(job, sign)
            job.signs = iter(job.work)
        self._restore_count(job)
        job.written = time.monotonic()

    def _restore_count(self, job: Job) -> None:
        """A run counts what it evaluates by the model's counter, on which others counted while it was set aside."""
        if job.evaluations is not None:
            self.models.get(job.run.model).engine.evaluations = job.evaluations
            job.evaluations = None

    def _hear(self, job: Job, sign: Sign) -> None:
        """Pass a sign of life on, and write what there is every few seconds."""
        if sign.headline is not None:
            job.run.headline = sign.headline
        job.progress = Progress(
            phase=sign.phase, done=sign.done, total=sign.total, news=sign.news, headline=job.run.headline
        )
        if sign.steps:
            job.channel.tell_steps([step.model_dump_json() for step in sign.steps])
        if sign.news is not None:
            job.channel.tell_news(sign.news)
        job.channel.tell_progress(job.progress)
        if job.stopping or self._closing:
            raise _Stopped
        begin = time.monotonic()
        assert job.work is not None
        if begin - job.written >= job.wait and job.work.found:
            self._write(job)
            job.written = time.monotonic()
            job.wait = max(EVERY, SHARE * (job.written - begin))
            if not job.wrote:
                job.wrote = True
                self._tell(job)

    def _pauses(self, job: Job, sign: Sign) -> bool:
        """Whether the run is set aside here: one whose seconds are counted, only between two of its parts."""
        return job.pausing and (not KINDS[job.run.experiment].pauses_at_news or sign.news is not None)

    def _set_aside(self, job: Job) -> None:
        job.before, job.began, job.pausing = job.seconds, time.perf_counter(), False
        assert job.work is not None
        if job.work.found:
            self._write(job)
        job.evaluations = self.models.get(job.run.model).engine.evaluations
        paused = job.run.model_copy(update={"state": "paused", "seconds": round(job.before, 3)})
        # Seen as paused once its file says so.
        with self._changed:
            if not job.stopping:
                self.store.save(paused)
                job.run = paused
        if job.stopping and job.run is not paused:
            self._end(job, "stopped")
            return
        self._tell(job)

    def _write(self, job: Job) -> None:
        """Write the result as it is now; its seconds are those of work, its settings name no path."""
        assert job.work is not None
        result = job.work.result()
        away = max(0.0, time.perf_counter() - job.born - job.seconds)
        result = result.model_copy(
            update={
                "seconds": round(max(0.0, result.seconds - away), 3),
                "settings": job.located.settings(result.settings),
            }
        )
        self.store.save_result(job.run, result)
        job.run.headline = headline(result)

    def _end(self, job: Job, state: Any, error: str | None = None) -> None:
        """Write what there is, and say that the run ended."""
        self._restore_count(job)
        try:
            if job.work is not None and job.work.found and error is None:
                if state == "done":
                    job.work.write(self.store.path(job.run.id, ".safetensors"))
                self._write(job)
        except TextdreamError as problem:
            state, error = "failed", job.located.named(str(problem))
        self._conclude(job, state, error)

    def _conclude(self, job: Job, state: Any, error: str | None = None) -> None:
        """Say that a run ended; its result is written."""
        run = job.run
        if error is None and state != "done" and not self.store.has(run.id, ".json"):
            run.note = " ".join(filter(None, [run.note, "Nothing was found by then."]))
        job.before = job.seconds
        ended = run.model_copy(update={"state": state, "error": error, "ended": now(), "seconds": round(job.before, 3)})
        # Seen as ended once its file says so: who deletes it then is not overtaken by a writing.
        try:
            self.store.save(ended)
        except TextdreamError:
            # The folder may be full or gone: the run has ended all the same.
            self.store.remember(ended)
        with self._changed:
            self.jobs.pop(run.id, None)
        job.channel.end(self.answer(ended))
