/** A dream while it grows: the result that the views draw, made anew from its steps so far. */
import type { DreamResult, Sample, Step } from "../schema";
import { sentence } from "../lib/tokens";
import type { Run } from "./types";

const sample = (step: Step): Sample => ({
  ids: [], tokens: step.tokens, text: sentence(step.tokens), round_trip: true, activation: step.hard,
}); // prettier-ignore

/** What is known before the server says more: the settings. */
function headOf(run: Run, first: Step): DreamResult {
  const { target = {}, search = {} } = (run.settings ?? {}) as Record<string, Record<string, never>>;
  const start = sample(first);
  return {
    schema: "textdream.result/1",
    type: "dream",
    textdream: "",
    created: run.created,
    model: { name: run.model, source: "", sha256: "", architecture: "", layers: 0, width: 0, vocabulary_size: 0 },
    seed: search.seed ?? 0,
    settings: search,
    seconds: run.seconds,
    target: { kind: "neuron", position: null, normalised: false, weight: 1, description: "", ...target },
    start,
    final: start,
    best: start,
    free: [],
    method: search.method ?? first.phase,
    minimise: search.minimise ?? false,
    evaluations: 0,
    interrupted: false,
    steps: [],
  };
}

export class Growth {
  #steps: Step[] = [];
  #best: Step | null = null;

  constructor(
    private readonly run: Run,
    private head: DreamResult | null = null,
  ) {}

  /** With more steps. The list is a new one each time: that is how the views see that it changed. */
  add(steps: readonly Step[]): DreamResult | null {
    this.#steps = this.#steps.concat(steps);
    const [first, final] = [this.#steps[0], this.#steps.at(-1)];
    if (!first || !final) return this.head;
    this.head ??= headOf(this.run, first);
    const sign = this.head.minimise ? -1 : 1;
    for (const step of steps) if (!this.#best || sign * step.hard > sign * this.#best.hard) this.#best = step;
    return { ...this.head, final: sample(final), best: sample(this.#best!), steps: this.#steps };
  }
}
