/**
 * A run as it is watched: what the server's events say, put together so that the views can draw it at any moment. Events that
 * come faster than the screen are drawn together.
 */
import type { AnyResult, DreamResult, Step } from "../schema";
import { call, Gone, sentenceOf } from "./api";
import { Growth } from "./growth";
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
  #seen = (): void => {
    // A browser opens six connections to a server at most: those of tabs that nobody looks at would hold up all others.
    if (document.hidden) {
      this.#source?.close();
      this.#source = null;
    } else if (!this.#source && this.link !== "closed") void this.open();
  };

  constructor(
    readonly id: string,
    private readonly connect: (url: string) => Source = (url) => new EventSource(url) as Source,
  ) {
    // The id comes from the address: as it stands there, ../ would lead to other answers of the server.
    this.#path = `/api/runs/${encodeURIComponent(id)}`;
    document.addEventListener("visibilitychange", this.#seen);
  }

  /** Begin to watch; a run that has ended is shown as it is. */
  async open(): Promise<void> {
    try {
      this.run = await call<Run>(this.#path);
      this.trouble = null;
    } catch (error) {
      if (this.#over) return;
      this.trouble = error instanceof Gone ? null : sentenceOf(error);
      if (error instanceof Gone) this.#later();
      return;
    }
    if (this.#over) return;
    this.progress = this.run.progress;
    if (UNDER_WAY.has(this.run.state)) {
      if (!document.hidden) this.#listen();
    } else {
      this.link = "closed";
      if (this.run.has_result) await this.#fetchResult(false);
    }
  }

  close(): void {
    this.#over = true;
    document.removeEventListener("visibilitychange", this.#seen);
    this.#source?.close();
    clearTimeout(this.#timer);
    clearTimeout(this.#rest);
    cancelAnimationFrame(this.#frame);
  }

  #later(): void {
    this.link = "lost";
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.open(), RETRY);
  }

  #listen(): void {
    this.#source?.close();
    const source = (this.#source = this.connect(`${this.#path}/events`));
    const on = (name: string, react: (data: unknown) => void): void =>
      source.addEventListener(name, (event) => {
        if (source === this.#source && !this.#over) react(JSON.parse(event.data));
      });
    source.addEventListener("open", () => (this.link = "open"));
    source.addEventListener("error", () => {
      if (source !== this.#source || this.#over) return;
      this.link = "lost";
      // After a broken connection the browser tries again by itself; after an answer that was no stream it does not.
      if (source.readyState === CLOSED) this.#later();
    });
    on("begin", () => this.#clear());
    on("state", (data) => this.#state(data as Run));
    on("steps", (data) => {
      for (const step of data as Step[]) this.#steps.push(step);
      this.#schedule();
    });
    on("progress", (data) => {
      this.#newest = data as Progress;
      this.#schedule();
    });
    on("news", (data) => {
      this.#lines.push(...(data as string[]));
      this.#schedule();
    });
    on("result", (data) => {
      this.#state(data as Run);
      void this.#fetchResult(false);
    });
    on("end", () => {
      this.#flush();
      source.close();
      this.link = "closed";
    });
  }

  #clear(): void {
    this.link = "open";
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
