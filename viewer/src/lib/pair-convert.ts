/**
 * What becomes of PAIR's runs; mirrors textdream/records/pair/convert.py. Activations stay in PAIR's unit. What PAIR reported
 * was the last step; the best is the best that the file has.
 */
import type {
  BareSample, DreamResult, LayerReconstruction, LossStep, ReconstructResult, Sample, ShiftResult, ShiftRun, SimilarResult, Step, Target,
  TokenSearchResult,
} from "../schema"; // prettier-ignore
import {
  freePositions, index, isObject, iterations, list, num, numbers, object, optional, shiftedPositions, strings, text, where, type Run,
} from "./pair-read"; // prettier-ignore

/** What a result holds beside its header. */
type Body<R> = Omit<R, "schema" | "textdream" | "created" | "model" | "seed" | "settings" | "seconds" | "imported">;

/** Stands for a token that the file does not have: a `top_words` file has one position of a text. */
const UNKNOWN = "[?]";
const SPECIAL = new Set(["[CLS]", "[SEP]", "[PAD]", "[MASK]", "[UNK]", UNKNOWN]);

/** It starts at its first step: PAIR's one-hot start is the sentence given, whose value the file has there. */
export function dream(run: Run): Body<DreamResult> {
  const params = object(run, "params");
  const free = freePositions(params);
  const steps = iterations(run).map((one): Step => {
    const tokens = strings(one, "tokens");
    const weights = numbers(one, "max_values", tokens.length);
    return {
      step: index(one, "number"),
      tokens,
      hard: num(one, "ids_activation"),
      soft: optional(one, "activation"),
      temperature: optional(one, "temperature"),
      phase: "anneal",
      top_tokens: weights && free.map((at) => [{ id: null, token: tokens[at]!, weight: weights[at]! }]),
      hard_normalised: null, soft_normalised: null, note: null,
    }; // prettier-ignore
  });
  const of = (step: Step): Sample => sample(step.tokens, step.hard);
  const best = steps.reduce((found, step) => (step.hard! > found.hard! ? step : found));
  return { ...aDream(params, free), start: of(steps[0]!), final: of(steps.at(-1)!), best: of(best), steps };
}

/** A dream of whose texts one position is known, and no text's value. PAIR's script writes `iterations` beside `params`. */
export function topWords(run: Run): Body<DreamResult> {
  const params = object(run, "params");
  const given = strings(params, "tokens");
  const free = freePositions(params);
  const own = where(run, "word_id");
  const position = own === null && free.length === 1 ? free[0]! : (own ?? where(params, "word_id"));
  if (position === null || !free.includes(position))
    throw new Error(
      `top words ${position === null ? "of no position (word_id null or -1)" : `at position ${position}`}, ` +
        `which have to be of one of the free positions ${free[0]} to ${free.at(-1)}`,
    );
  const steps = list(isObject(run.results) ? run.results : run, "iterations").map((one): Step => {
    const tokens = strings(one, "tokens");
    const scores = numbers(one, "scores", tokens.length);
    if (!scores) throw new Error("no scores");
    const ids = numbers(one, "indices", tokens.length);
    const heaviest = tokens[scores.indexOf(Math.max(...scores))]!;
    return {
      step: index(one, "number"),
      tokens: given.map((token, at) => (at === position ? heaviest : free.includes(at) ? UNKNOWN : token)),
      hard: null,
      soft: optional(one, "activation"),
      temperature: optional(one, "temperature"),
      phase: "anneal",
      top_tokens: free.map((at) =>
        at === position ? tokens.map((token, i) => ({ id: ids?.[i] ?? null, token, weight: scores[i]! })) : [],
      ),
      hard_normalised: null, soft_normalised: null, note: null,
    }; // prettier-ignore
  });
  const last = sample(steps.at(-1)!.tokens, null);
  return { ...aDream(params, free), start: sample(given, null), final: last, best: last, steps };
}

/** How many tokens were searched the file does not say. */
export function tokenSearch(run: Run): Body<TokenSearchResult> {
  const tokens = list(run, "tops")
    .map((top) => ({ id: null, token: text(top, "token"), activation: num(top, "activation") }))
    .sort((a, b) => b.activation - a.activation);
  const changed = changedWord(run);
  const best = changed.start.tokens.with(changed.position, tokens[0]!.token);
  return {
    type: "token_search", ...changed, searched: null, tokens, worst: [], best: sample(best, tokens[0]!.activation),
    positions: null, map: null, pairs: null, pairs_searched: null, certificate: null, evaluations: null, interrupted: false,
  }; // prettier-ignore
}

/** With `cosine`, PAIR wrote similarities, and those of the least similar tokens. */
export function similar(run: Run): Body<SimilarResult> {
  const cosine = run.cosine === true;
  const tokens = list(run, "tops")
    .map((top) => ({
      id: null,
      token: text(top, "token"),
      activation: num(top, "activation"),
      distance: cosine ? 1 - num(top, "distance") : num(top, "distance"),
    }))
    .sort((a, b) => a.distance - b.distance);
  return {
    type: "similar", ...changedWord(run), metric: cosine ? "cosine" : "euclidean",
    furthest: cosine ? tokens.at(-1)!.distance : num(run, "furthest"), rank_correlation: null, tokens,
  }; // prettier-ignore
}

/** Of one layer or of several. */
export function reconstruct(runs: readonly Run[]): Body<ReconstructResult> {
  const params = oneText(runs);
  const [position, neuron] = [where(params, "word_id"), where(params, "neuron_id")];
  const places = position === null ? "all positions" : `position ${position}`;
  return {
    type: "reconstruct",
    start: bare(strings(params, "tokens")),
    target: {
      ...TARGET, kind: neuron === null ? "layer" : "neuron", position, neuron,
      description: `resid_post ${places}` + (neuron === null ? "" : ` neuron ${neuron}`),
    },
    layers: runs.map(layer).sort((a, b) => a.layer - b.layer),
    lens: null,
    interrupted: false,
  }; // prettier-ignore
}

function layer(run: Run): LayerReconstruction {
  const given = strings(object(run, "params"), "tokens");
  const { steps, best } = lossSteps(run);
  const ordinary = [...given.keys()].filter((at) => !SPECIAL.has(given[at]!));
  const right = ordinary.filter((at) => given[at] === best.tokens[at]);
  const last = steps.at(-1)!;
  return {
    layer: oneLayer(object(run, "params"), "a reconstruction"),
    best: bare(best.tokens),
    exact: given.every((token, at) => best.tokens[at] === token),
    accuracy: ordinary.length ? right.length / ordinary.length : 1,
    loss: best.loss,
    seconds: null, evaluations: null, gradients: null, floor: null,
    rival: null,
    marks: given.map((token, at) => (SPECIAL.has(token) ? "special" : best.tokens[at] === token ? "right" : "wrong")),
    method: "anneal",
    restarts: 0,
    tried: null,
    last: bare(last.tokens),
    last_loss: last.loss,
    finished: true,
    synonyms: null,
    steps,
  }; // prettier-ignore
}

/** Of layers and magnitudes. PAIR divided the vector by its largest entry. */
export function shift(runs: readonly Run[]): Body<ShiftResult> {
  const params = oneText(runs);
  const tokens = strings(params, "tokens");
  const positions = shiftedPositions(params);
  if (runs.some((run) => String(shiftedPositions(object(run, "params"))) !== String(positions)))
    throw new Error("runs that shift different words");
  const vector = params.shift_vector ? text(params, "shift_vector") : "";
  return {
    type: "shift",
    start: bare(tokens),
    word: joined(positions.map((at) => tokens[at]!)),
    positions,
    concept: {
      file: vector.split("/").findLast((part) => part && part !== ".") ?? "unknown",
      sha256: null, kind: null, positive: params.target ? text(params, "target") : null, negative: null,
    },
    replacement: null,
    replacement_positions: null,
    unit: "largest",
    directions: [],
    runs: runs.map(shiftRun).sort((a, b) => a.layer - b.layer || a.magnitude! - b.magnitude!),
    interrupted: false,
  }; // prettier-ignore
}

function shiftRun(run: Run): ShiftRun {
  const params = object(run, "params");
  const given = strings(params, "tokens");
  const shifted = shiftedPositions(params);
  const magnitude = num(params, "shift_magnitude");
  const { steps, best } = lossSteps(run);
  const mark = (token: string, at: number): ShiftRun["marks"][number] => {
    if (SPECIAL.has(token)) return "special";
    if (best.tokens[at] === token) return "unchanged";
    return magnitude > 0 && shifted.includes(at) && best.tokens[at] === params.target ? "intended" : "otherwise";
  };
  return {
    layer: oneLayer(params, "a shift"),
    magnitude,
    best: bare(best.tokens),
    changed: [...given.keys()].filter((at) => best.tokens[at] !== given[at]),
    marks: given.map(mark),
    distance: null, shifted: null, floor: null, evaluations: null, seconds: null,
    loss: best.loss,
    steps,
  }; // prettier-ignore
}

/** One text for all layers together has no place in a result, which has a text for each. */
function oneLayer(params: Run, what: string): number {
  const found = where(params, "layer_id");
  if (found === null) throw new Error(`${what} of all layers at once (layer_id null or -1), where a result has one for each layer`);
  return found;
}

const TARGET: Target = {
  kind: "neuron", site: "resid_post", layer: null, neuron: null, position: null, head: null, token: null, minus_token: null,
  vector: null, normalised: false, weight: 1, terms: null, description: "",
}; // prettier-ignore

/** What was read. Where PAIR took all neurons, it took their mean. */
function target(read: Run, normalised: boolean): Target {
  const [at, neuron, position] = [where(read, "layer_id"), where(read, "neuron_id"), where(read, "word_id")];
  const unit = neuron === null ? "mean of all neurons" : `neuron ${neuron}`;
  const place = position === null ? "averaged over positions" : `at position ${position}`;
  return {
    ...TARGET, kind: neuron === null ? "mean" : position === null ? "channel" : "neuron", layer: at, neuron, position, normalised,
    description: `resid_post ${at ?? "all layers"} ${unit} ${place}` + (normalised ? ", normalised" : ""),
  }; // prettier-ignore
}

/** What the two kinds of dream share. */
const aDream = (params: Run, free: number[]) => ({
  type: "dream" as const, target: target(params, params.normalize === true), free, method: "anneal", minimise: false,
  evaluations: null, certificate: null, baseline: null, interrupted: false,
}); // prettier-ignore

/** What the two searches share. The start's value is there if its own token is. */
function changedWord(run: Run) {
  const tokens = strings(run, "tokens");
  const position = index(run, "change_word");
  if (position >= tokens.length) throw new Error(`change_word ${position}, but ${tokens.length} tokens`);
  const own = list(run, "tops").find((top) => top.token === tokens[position]);
  return { target: target(run, true), start: sample(tokens, own ? num(own, "activation") : null), position };
}

/** The steps of a loss, and the one of the least loss. */
function lossSteps(run: Run): { steps: LossStep[]; best: LossStep } {
  const steps = iterations(run).map((one): LossStep => {
    const tokens = strings(one, "tokens");
    return {
      step: index(one, "number"), tokens, loss: num(one, "ids_loss"), soft_loss: optional(one, "loss"),
      temperature: optional(one, "temperature"), weights: numbers(one, "max_values", tokens.length),
    }; // prettier-ignore
  });
  return { steps, best: steps.reduce((found, step) => (step.loss < found.loss ? step : found)) };
}

/** The parameters of the first of several runs, which must be of one text, word and neuron. */
function oneText(runs: readonly Run[]): Run {
  const params = runs.map((run) => object(run, "params"));
  const first = params[0]!;
  const tokens = JSON.stringify(strings(first, "tokens"));
  if (params.some((each) => JSON.stringify(each.tokens) !== tokens)) throw new Error("runs of different texts");
  for (const key of ["word_id", "neuron_id"])
    if (params.some((each) => where(each, key) !== where(first, key))) throw new Error("runs of different words or neurons");
  return first;
}

const bare = (tokens: readonly string[]): BareSample => ({ ids: [], tokens: [...tokens], text: joined(tokens), round_trip: null });

const sample = (tokens: readonly string[], activation: number | null): Sample => ({ ...bare(tokens), activation });

/** Words joined by spaces, pieces (##) by nothing, without special tokens. */
function joined(tokens: readonly string[]): string {
  const words: string[] = [];
  for (const token of tokens)
    if (token.startsWith("##") && words.length) words[words.length - 1] += token.slice(2);
    else if (!SPECIAL.has(token)) words.push(token);
  return words.join(" ");
}
