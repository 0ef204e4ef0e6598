/** What the whole page knows: the server's offers, the runs under way, whether the server answers, where the page is. */
import { call, Gone, sentenceOf } from "./api";
import type { Values } from "./fields";
import { parse, write, type Route } from "./route";
import type { About, ConceptChoice, Experiment, IndexChoice, ModelChoice, Run, RunPage } from "./types";

/** Milliseconds between two looks at the queue. */
const LOOK = 2000;

export class StudioStore {
  about: About | null = $state.raw(null);
  experiments: readonly Experiment[] = $state.raw([]);
  models: readonly ModelChoice[] = $state.raw([]);
  concepts: readonly ConceptChoice[] = $state.raw([]);
  indexes: readonly IndexChoice[] = $state.raw([]);
  /** Queued, running and paused runs: the one under way first. */
  queue: readonly Run[] = $state.raw([]);
  /** The server does not answer. */
  gone = $state(false);
  trouble: string | null = $state(null);
  /** Read out by screen readers. */
  said = $state("");
  route: Route = $state.raw(parse(location.hash));
  /** What was filled in, by experiment, until the page is left. */
  readonly drafts = new Map<string, { model: string; values: Values }>();

  #watching = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #noted: ReturnType<typeof setTimeout> | undefined;

  start(): () => void {
    const moved = (): void => {
      clearTimeout(this.#noted);
      this.route = parse(location.hash);
    };
    const seen = (): void => void (document.hidden || this.look());
    addEventListener("hashchange", moved);
    document.addEventListener("visibilitychange", seen);
    this.#watching = true;
    void this.look();
    return () => {
      this.#watching = false;
      removeEventListener("hashchange", moved);
      document.removeEventListener("visibilitychange", seen);
      clearTimeout(this.#timer);
      clearTimeout(this.#noted);
    };
  }

  say(text: string): void {
    this.said = text;
  }

  /** Writes a view's state into the address, without a new entry in the history. */
  note(states: string[]): void {
    clearTimeout(this.#noted);
    const { page, value } = this.route;
    const from = location.hash;
    // Browsers forbid hundreds of such changes in a row, as when a dream is played.
    this.#noted = setTimeout(() => {
      // Who has just clicked a link is on the way, though its hashchange has not come yet.
      if (location.hash === from) history.replaceState(null, "", write({ page, value, states }));
    }, 250);
  }

  /** Looks at the queue now, and while the page is watched again and again. */
  async look(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      if (!this.about) await this.#load();
      const found = await call<RunPage>("/api/runs?state=queued&state=running&state=paused&limit=200");
      const order = { running: 0, paused: 1 } as Record<string, number>;
      this.queue = found.runs.toSorted((a, b) => (order[a.state] ?? 2) - (order[b.state] ?? 2) || (a.place ?? 0) - (b.place ?? 0));
      this.gone = false;
      this.trouble = null;
    } catch (error) {
      this.gone = error instanceof Gone;
      this.trouble = this.gone ? null : sentenceOf(error);
    }
    if (this.#watching && !document.hidden) this.#timer = setTimeout(() => void this.look(), LOOK);
  }

  async #load(): Promise<void> {
    const [about, { experiments }, { models }] = await Promise.all([
      call<About>("/api/about"),
      call<{ experiments: Experiment[] }>("/api/experiments"),
      call<{ models: ModelChoice[] }>("/api/models"),
      this.offers(),
    ]);
    this.experiments = experiments;
    this.models = models;
    this.about = about;
  }

  /** Concepts and indexes: there are more when a concept was fitted. */
  async offers(): Promise<void> {
    const [{ concepts }, { indexes }] = await Promise.all([
      call<{ concepts: ConceptChoice[] }>("/api/concepts"),
      call<{ indexes: IndexChoice[] }>("/api/indexes"),
    ]);
    this.concepts = concepts;
    this.indexes = indexes;
  }

  /** A model with its limits; loading it takes seconds, once. */
  async model(name: string): Promise<ModelChoice> {
    const known = this.models.find((one) => one.name === name);
    if (known?.limits) return known;
    const model = await call<ModelChoice>(`/api/model?name=${encodeURIComponent(name)}`);
    this.models = this.models.map((one) => (one.name === name ? model : one));
    return model;
  }
}
