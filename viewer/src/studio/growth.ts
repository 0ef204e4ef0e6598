/** A dream while it grows: the result that the views draw, made anew from its steps so far. */
import type { DreamResult, Sample, Step } from "../schema";
import { sentence } from "../lib/tokens";
import type { Run } from "./types";

/** A step's text. Whether it survives the round trip nobody has checked yet. */
const sample = (step: Step): Sample => ({
  ids: [], tokens: step.tokens, text: sentence(step.tokens), round_trip: null, activation: step.hard,
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

  #head: DreamResult | null = null;

  constructor(private readonly run: Run) {}

  /** What the server wrote down of this dream: start, target and its position, but fewer steps. */
  know(head: DreamResult): void {
    this.#head = head;
  }

  /** With more steps, one at least so far. The list is a new one each time: that is how the views see that it changed. */
  add(steps: readonly Step[]): DreamResult {
    this.#steps = this.#steps.concat(steps);
    const head = (this.#head ??= headOf(this.run, this.#steps[0]!));
    const sign = head.minimise ? -1 : 1;
    for (const step of steps) if (!this.#best || sign * (step.hard ?? NaN) > sign * (this.#best.hard ?? NaN)) this.#best = step;
    return { ...head, final: sample(this.#steps.at(-1)!), best: sample(this.#best!), steps: this.#steps };
  }
}
