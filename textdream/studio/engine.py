"""The engine: one thread that runs one run at a time, and what may be asked of it."""

from __future__ import annotations

import logging
import threading
import time

from textdream.errors import TextdreamError
from textdream.studio.catalog import KINDS
from textdream.studio.desk import Desk, NotNowError
from textdream.studio.headline import headline
from textdream.studio.job import EVERY, Job
from textdream.studio.models import Models
from textdream.studio.open import Ground, open_work
from textdream.studio.places import Places
from textdream.studio.runs import Progress, Run, State, now
from textdream.studio.store import Store
from textdream.studio.work import Sign, Single

SHARE = 20
"""A result is written at most every so many times what the last writing took, and every `EVERY` seconds."""
PAUSED = 8
"""Runs that may be paused at a time: each is kept in memory."""


class _Stopped(Exception):  # noqa: N818 (no error: a run is told to stop)
    """A run was told to stop."""


class Engine(Desk):
    """Runs what waits, one run at a time. Its methods may be called from any thread.

    Parameters
    ----------
    store, models, places
        What it works with.
    """

    def __init__(self, store: Store, models: Models, places: Places) -> None:
        super().__init__(store)
        self.models, self.places = models, places
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
            # Before the engine may take it: else a short run could be over, and its file then say that it waits.
            try:
                self.store.save(job.run)
            except TextdreamError:
                self.queue.remove(job.run.id)
                raise
            self.jobs[job.run.id] = job
            self._changed.notify_all()
        self._tell_places()

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
            self._become(job, "queued")
            self.queue.put_first(job.client, run.id)
            self._changed.notify_all()
        self._tell_places()

    def stop(self, run: Run) -> None:
        """End a run, at its next step if it is under way, else at once; what it found stays."""
        with self._changed:
            job = self._job(run, "stop")
            if job.run.state == "paused" or self.queue.remove(run.id):
                # What it had found was written when it was set aside.
                self._finish(job, "stopped")
            else:
                job.stopping = True
        self._tell(job)
        self._tell_places()

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
        with self._changed:
            for job in list(self.jobs.values()):
                self._finish(job, "interrupted")

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
            self._finish(job, "failed", job.located.named(str(error)))
        except Exception as error:  # A run must never take the engine with it.
            self._finish(job, "failed", _own(error, job))

    def _begin(self, job: Job) -> None:
        """Open a run, or take up one that was set aside."""
        with self._changed:
            job.began = time.perf_counter()
            self._become(job, "running", started=job.run.started or now())
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
        """Write what there is, and let the run wait; who stops it while that is written has it ended."""
        seconds = job.seconds
        assert job.work is not None
        if job.work.found:
            self._write(job)
        job.evaluations = self.models.get(job.run.model).engine.evaluations
        with self._changed:
            if job.stopping or self._closing:
                raise _Stopped
            self._become(job, "paused", seconds=round(seconds, 3))
            job.before, job.pausing = seconds, False
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

    def _end(self, job: Job, state: State) -> None:
        """Write what there is, and say that the run ended."""
        error = None
        try:
            self._restore_count(job)
            if job.work is not None and job.work.found:
                if state == "done":
                    job.work.write(self.store.path(job.run.id, ".safetensors"))
                self._write(job)
        except TextdreamError as problem:
            state, error = "failed", job.located.named(str(problem))
        except Exception as problem:
            state, error = "failed", _own(problem, job)
        self._finish(job, state, error)


def _own(error: Exception, job: Job) -> str:
    """What a page says of an error that is no TextdreamError; the rest is for whoever runs the server."""
    logging.getLogger("textdream.studio").error("the run %s failed", job.run.id, exc_info=error)
    return f"an error of textdream's own ({type(error).__name__}); a run that ends; see the server's terminal"
