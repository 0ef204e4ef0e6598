/**
 * A run as it is watched: what the server's events say, put together so that the views can draw it at any moment. Events that
 * come faster than the screen are drawn together. Nothing is heard while the page is hidden, and it is caught up on afterwards.
 */
import type { AnyResult, DreamResult, Step } from "../schema";
import { call, Gone, sentenceOf } from "./api";
import { Growth } from "./growth";
import { slot, type Release } from "./slots";
import type { Progress, Run } from "./types";

/** The part of EventSource that is used. */
export interface Source {
  readonly readyState: number;
  addEventListener(name: string, listen: (event: MessageEvent<string>) => void): void;
  close(): void;
}
const CLOSED = 2;
/** Milliseconds until the next try where the browser has given up, and between two looks at an unfinished result. */
const RETRY = 2000;
const LOOK = 2000;
/** Milliseconds between two looks at a run that waits. */
const POLL = 1000;
/** Milliseconds after which a stream that does not open is left: other pages may hold all connections. */
const OPENING = 4000;
/** Milliseconds that a page without a place listens at a time, and after which one of a run that waits has heard everything. */
const BRIEF = 500;

export const UNDER_WAY = new Set(["queued", "running", "paused"]);

export class LiveRun {
  run: Run | null = $state.raw(null);
  /** Complete, or what there is of it so far. */
  result: AnyResult | null = $state.raw(null);
  /** Whether `result` is still growing. */
  growing = $state(false);
  progress: Progress | null = $state.raw(null);
  /** Seconds until the phase under way is over, where that can be told. */
  left: number | null = $state(null);
  news: readonly string[] = $state.raw([]);
  /** `lost` while the server does not answer. */
  link: "opening" | "open" | "lost" | "closed" = $state("opening");
  trouble: string | null = $state(null);

  #path: string;
  #source: Source | null = null;
  #place: Release | null = null;
  /** Counts up whenever what was begun before does not hold any more. */
  #turn = 0;
  /** The last event that was heard: the next stream goes on after it. */
  #last = "";
  /** Whether all was heard of a run that waits. */
  #heard = false;
  #hush: ReturnType<typeof setTimeout> | undefined;
  /** When a page without a place leaves. */
  #until = 0;
  #growth: Growth | null = null;
  #steps: Step[] = [];
  #lines: string[] = [];
  #newest: Progress | null = null;
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #rest: ReturnType<typeof setTimeout> | undefined;
  #since: { phase: string; done: number; at: number } | null = null;
  #looked = 0;
  #known = false;
  #over = false;

  constructor(
    readonly id: string,
    private readonly connect: (url: string) => Source = (url) => new EventSource(url) as Source,
    private readonly place: () => Promise<Release | null> = slot,
  ) {
    // The id comes from the address: as it stands there, ../ would lead to other answers of the server.
    this.#path = `/api/runs/${encodeURIComponent(id)}`;
    document.addEventListener("visibilitychange", this.#seen);
  }

  /** Begin to watch, or go on; a run that has ended is shown as it is. */
  async open(): Promise<void> {
    const turn = this.#leave();
    let run: Run;
    try {
      run = await call<Run>(this.#path);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.trouble = error instanceof Gone ? null : sentenceOf(error);
      if (error instanceof Gone) this.#later();
      return;
    }
    if (turn !== this.#turn) return;
    this.trouble = null;
    this.#state(run);
    this.progress = run.progress;
    if (!UNDER_WAY.has(run.state)) {
      this.link = "closed";
      if (run.has_result) await this.#fetchResult(false);
    } else if (!document.hidden) await this.#watch(run);
  }

  close(): void {
    this.#over = true;
    this.#leave();
    document.removeEventListener("visibilitychange", this.#seen);
    clearTimeout(this.#rest);
    cancelAnimationFrame(this.#frame);
  }

  /** A page that nobody sees takes no connection from those that somebody does. */
  #seen = (): void => {
    if (this.link === "closed") return;
    if (document.hidden) this.#leave();
    else void this.open();
  };

  /** Lets the stream go, and whatever was to come. */
  #leave(): number {
    this.#source?.close();
    this.#source = null;
    this.#place?.();
    this.#place = null;
    clearTimeout(this.#timer);
    clearTimeout(this.#hush);
    return ++this.#turn;
  }

  #again(wait: number): void {
    this.#leave();
    this.#timer = setTimeout(() => void this.open(), wait);
  }

  #later(): void {
    this.link = "lost";
    this.#again(RETRY);
  }

  /** Listens while there may be news; a run that waits has some only if it had begun, and they end. */
  async #watch(run: Run): Promise<void> {
    if (run.state === "running") this.#heard = false;
    else if (this.#heard || !run.has_result) {
      this.link = "open";
      this.#again(POLL);
      return;
    }
    const turn = this.#turn;
    const place = await this.place();
    if (turn !== this.#turn) return place?.();
    this.#place = place;
    this.#listen();
  }

  /** How long the stream is kept: as long as the run goes on; without a place a moment; of a run that waits until it is silent. */
  #pace(): void {
    clearTimeout(this.#hush);
    if (this.run?.state === "running") {
      if (!this.#place) this.#hush = setTimeout(() => this.#again(LOOK), this.#until - performance.now());
      return;
    }
    this.#hush = setTimeout(() => {
      this.#heard = true;
      this.#again(POLL);
    }, BRIEF);
  }

  #listen(): void {
    const source = (this.#source = this.connect(`${this.#path}/events${this.#last && `?after=${this.#last}`}`));
    const on = (name: string, react: (data: unknown) => void): void =>
      source.addEventListener(name, (event) => {
        if (source !== this.#source) return;
        react(JSON.parse(event.data));
        if (event.lastEventId) this.#last = event.lastEventId;
      });
    this.#hush = setTimeout(() => this.#again(LOOK), OPENING);
    source.addEventListener("open", () => {
      if (source !== this.#source) return;
      this.link = "open";
      this.#until = performance.now() + BRIEF;
      this.#pace();
    });
    source.addEventListener("error", () => {
      if (source !== this.#source) return;
      this.link = "lost";
      // After a broken connection the browser tries again by itself; after an answer that was no stream it does not.
      if (source.readyState === CLOSED) this.#later();
    });
    on("begin", () => this.#clear());
    on("state", (data) => {
      this.#state(data as Run);
      this.#pace();
    });
    on("steps", (data) => {
      this.#pace();
      for (const step of data as Step[]) this.#steps.push(step);
      this.#schedule();
    });
    on("progress", (data) => {
      this.#newest = data as Progress;
      this.#schedule();
    });
    on("news", (data) => {
      this.#pace();
      this.#lines.push(...(data as string[]));
      this.#schedule();
    });
    on("result", (data) => {
      this.#state(data as Run);
      void this.#fetchResult(false);
    });
    on("end", () => {
      this.#flush();
      this.#leave();
      this.link = "closed";
    });
  }

  #clear(): void {
    this.link = "open";
    this.#last = "";
    this.#growth = this.#newest = this.#since = null;
    this.#steps = [];
    this.#lines = [];
    this.news = [];
    this.result = this.progress = this.left = null;
    this.growing = this.#known = false;
  }

  #state(run: Run): void {
    if (run.state !== this.run?.state) this.#since = this.left = null;
    this.run = { ...this.run, ...run };
  }

  #schedule(): void {
    this.#frame ||= requestAnimationFrame(() => {
      const begin = performance.now();
      this.#flush();
      // The longer a dream, the longer it takes to draw: twice that time is left to whoever clicks meanwhile.
      this.#rest = setTimeout(() => {
        this.#rest = setTimeout(() => {
          this.#frame = 0;
          if (this.#steps.length > 0 || this.#lines.length > 0 || this.#newest) this.#schedule();
        }, 2 * (performance.now() - begin));
      });
    });
  }

  #flush(): void {
    if (this.#lines.length > 0) {
      this.news = [...this.news, ...this.#lines];
      this.#lines = [];
      this.#look();
    }
    if (this.#newest) this.#advance(this.#newest);
    this.#newest = null;
    if (this.#steps.length === 0 || !this.run || (this.result && !this.growing)) return;
    this.#growth ??= new Growth(this.run);
    this.result = this.#growth.add(this.#steps);
    this.#steps = [];
    this.growing = true;
    if (this.run.has_result && !this.#known) void this.#know(this.#growth);
  }

  #advance(progress: Progress): void {
    this.progress = progress;
    const now = performance.now();
    if (this.#since?.phase !== progress.phase) this.#since = { phase: progress.phase, done: progress.done, at: now };
    const [made, took] = [progress.done - this.#since.done, (now - this.#since.at) / 1000];
    this.left = progress.total > 0 && made > 0 ? (took / made) * Math.max(0, progress.total - progress.done) : null;
  }

  /** What there is of a result that is not made of steps: a layer more, a run more. */
  #look(): void {
    const now = performance.now();
    if (this.#growth || !this.run?.has_result || now - this.#looked < LOOK) return;
    this.#looked = now;
    void this.#fetchResult(true);
  }

  /** What a dream's first writing says beyond its steps. */
  async #know(growth: Growth): Promise<void> {
    this.#known = true;
    const head = await call<DreamResult>(`${this.#path}/result`).catch(() => null);
    if (head && growth === this.#growth) growth.know(head);
  }

  async #fetchResult(growing: boolean): Promise<void> {
    try {
      const result = await call<AnyResult>(`${this.#path}/result`);
      // A look that comes back late does not replace the whole.
      if (this.#over || (growing && this.result && !this.growing)) return;
      this.result = result;
      this.growing = growing;
    } catch (error) {
      if (!growing && !this.#over) this.trouble = sentenceOf(error);
    }
  }
}
