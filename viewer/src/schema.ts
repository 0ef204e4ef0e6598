/* Generated from schema/result.schema.json by `npm run types`. Do not edit. */

export type AnyResult =
  | DreamResult
  | TokenSearchResult
  | SimilarResult
  | DiagnoseResult
  | CorpusTopResult
  | NeuronsResult
  | FillMaskResult
  | ConceptResult
  | ClassifyResult
  | ReconstructResult
  | ShiftResult
  | ShiftAuditResult;

/**
 * The search for the text that raises a target.
 */
export interface DreamResult {
  schema: "textdream.result/1";
  textdream: string;
  created: string;
  model: ModelInfo;
  seed: number | null;
  settings: {
    [k: string]: unknown;
  };
  seconds: number | null;
  imported?: Imported | null;
  type: "dream";
  target: Target;
  start: Sample;
  final: Sample;
  best: Sample;
  free: number[];
  method: string;
  minimise: boolean;
  evaluations: number | null;
  certificate?: Certificate | null;
  baseline?: Baseline | null;
  interrupted: boolean;
  steps: Step[];
}
/**
 * The model that a result belongs to. Imported files name it and no more: there is no hash to check against.
 */
export interface ModelInfo {
  name: string;
  source: string;
  sha256: string | null;
  architecture: string | null;
  layers: number | null;
  width: number | null;
  vocabulary_size: number | null;
}
/**
 * Where an imported result comes from.
 */
export interface Imported {
  format: "pair";
  file: string | null;
  kind: string;
  params: {
    [k: string]: unknown;
  };
}
/**
 * What was to be raised. A sum of several has `terms`; then site, layer and the others are null.
 */
export interface Target {
  kind:
    "neuron" | "channel" | "layer" | "direction" | "logit" | "logit_difference" | "log_probability" | "sum" | "mean";
  site?: string | null;
  layer?: number | null;
  neuron?: number | null;
  position?: number | null;
  head?: number | null;
  token?: number | null;
  minus_token?: number | null;
  vector?: number[] | null;
  normalised: boolean;
  weight: number;
  terms?: Target[] | null;
  description: string;
}
/**
 * A text of real tokens and what the target does on it.
 */
export interface Sample {
  ids: number[];
  tokens: string[];
  text: string;
  round_trip: boolean | null;
  activation: number | null;
}
/**
 * Whether any single replacement of a free token raises the target further (1-opt).
 */
export interface Certificate {
  opt: 1;
  checked: number;
  holds: boolean;
  screened: "float32" | "bfloat16";
  decided: number;
  screen_error: number;
  margin: number;
  round_trip: boolean;
  better?: Counterexample | null;
}
/**
 * A single replacement that is better than the text which was to be certified.
 */
export interface Counterexample {
  position: number;
  id: number;
  token: string;
  activation: number;
}
/**
 * The best sentence of a corpus for the dream's target: what a dream has to beat.
 */
export interface Baseline {
  sentence: number;
  text: string;
  ids: number[];
  tokens: string[];
  position: number;
  activation: number;
  corpus: CorpusInfo;
  bound: number;
  beats: boolean;
  ratio: number | null;
  passed_over: number;
  sentences: CorpusStart[];
}
/**
 * The sentences that were scanned.
 */
export interface CorpusInfo {
  files: CorpusFile[];
  sha256: string;
  sentences: number;
  duplicates: number;
  skipped: Skipped;
  tokens: number;
}
/**
 * One input of a corpus.
 */
export interface CorpusFile {
  name: string;
  sha256?: string | null;
  bytes?: number | null;
}
/**
 * Sentences that were left out, counted before duplicates are.
 */
export interface Skipped {
  long: number;
  unknown: number;
  empty: number;
}
/**
 * A sentence that the dream started from, and the best text that the dream of it reached.
 */
export interface CorpusStart {
  sentence: number;
  text: string;
  ids: number[];
  tokens: string[];
  position: number;
  activation: number;
  reached: Sample;
}
/**
 * One step of a dream: real tokens, their value, and the soft mixture's where there is one.
 */
export interface Step {
  step: number;
  tokens: string[];
  hard: number | null;
  phase: string;
  soft?: number | null;
  temperature?: number | null;
  hard_normalised?: number | null;
  soft_normalised?: number | null;
  top_tokens?: TopToken[][] | null;
  note?: string | null;
}
/**
 * A token's weight in the soft mixture.
 */
export interface TopToken {
  id: number | null;
  token: string;
  weight: number;
}
/**
 * Every token of the vocabulary at one position, at several one after the other, or two positions together.
 */
export interface TokenSearchResult {
  schema: "textdream.result/1";
  textdream: string;
  created: string;
  model: ModelInfo;
  seed: number | null;
  settings: {
    [k: string]: unknown;
  };
  seconds: number | null;
  imported?: Imported | null;
  type: "token_search";
  target: Target;
  start: Sample;
  position: number;
  searched: number | null;
  tokens: TokenValue[];
  worst: TokenValue[];
  best?: Sample | null;
  positions?: number[] | null;
  map?: PositionTokens[] | null;
  pairs?: PairValue[] | null;
  pairs_searched?: number | null;
  certificate?: Certificate | null;
  evaluations?: number | null;
  interrupted: boolean;
}
/**
 * A token at the searched position, and the target's value with it there.
 */
export interface TokenValue {
  id: number | null;
  token: string;
  activation: number;
}
/**
 * The best and the worst tokens at one position of a map, each with the rest of the start text around it.
 */
export interface PositionTokens {
  position: number;
  token: string;
  tokens: TokenValue[];
  worst: TokenValue[];
}
/**
 * Two tokens put in together, and the target's value with both.
 */
export interface PairValue {
  ids: number[];
  tokens: string[];
  activation: number;
}
/**
 * The nearest tokens in embedding space, and the target's value with each.
 */
export interface SimilarResult {
  schema: "textdream.result/1";
  textdream: string;
  created: string;
  model: ModelInfo;
  seed: number | null;
  settings: {
    [k: string]: unknown;
  };
  seconds: number | null;
  imported?: Imported | null;
  type: "similar";
  target: Target;
  start: Sample;
  position: number;
  metric: "euclidean" | "cosine";
  furthest: number;
  rank_correlation?: number | null;
  tokens: NeighbourValue[];
}
/**
 * A token near the one at the position, in embedding space.
 */
export interface NeighbourValue {
  id: number | null;
  token: string;
  activation: number;
  distance: number;
}
/**
 * What became of the best tokens while a dream was searched, and which of PAIR's suspicions explains a failure.
 */
export interface DiagnoseResult {
  schema: "textdream.result/1";
  textdream: string;
  created: string;
  model: ModelInfo;
  seed: number | null;
  settings: {
    [k: string]: unknown;
  };
  seconds: number | null;
  imported?: Imported | null;
  type: "diagnose";
  target: Target;
  findings: Finding[];
  succeeded: boolean;
  explained_by: ("ruled_out" | "rough_neighbourhoods" | "gap")[];
  explanation: string;
  method: string;
  free: number[];
  minimise: boolean;
  start: Sample;
  end: Sample;
  best: Sample;
  context: Sample;
  positions: PositionDiagnosis[];
  control_tokens: string[];
  steps: Step[];
  reproduced?: boolean | null;
  interrupted: boolean;
}
/**
 * One measurement, the same measurement on a control, and both in a sentence.
 */
export interface Finding {
  name: string;
  value: number | null;
  control: number | null;
  text: string;
}
/**
 * One free position: which token would have been best there, what became of it, and what lies around it.
 */
export interface PositionDiagnosis {
  position: number;
  token: TokenValue;
  better: number;
  tokens: TokenValue[];
  neighbours: NeighbourValue[];
  shared: number;
  smoothness: number | null;
  control_shared: number[];
  control_smoothness: number[];
  best_path?: TokenPath | null;
  winner_path?: TokenPath | null;
  control_paths?: ControlPaths | null;
}
/**
 * A token's way through an annealing. The lists go along with the result's `steps`.
 */
export interface TokenPath {
  id: number;
  token: string;
  weights: number[];
  ranks: number[];
  highest_rank: number;
  highest_step: number;
  fell_behind: number | null;
}
/**
 * The same of tokens drawn at random, one number for each.
 */
export interface ControlPaths {
  highest_ranks: number[];
  fell_behind: (number | null)[];
  median_weights: number[];
  median_ranks: number[];
}
/**
 * The sentences of a corpus that excite a unit most and least.
 */
export interface CorpusTopResult {
  schema: "textdream.result/1";
  textdream: string;
  created: string;
  model: ModelInfo;
  seed: number | null;
  settings: {
    [k: string]: unknown;
  };
  seconds: number | null;
  imported?: Imported | null;
  type: "corpus_top";
  target: Target;
  corpus: CorpusInfo;
  standing: Standing;
  sentences: ShadedSentence[];
  least: ShadedSentence[];
  quantiles: Band[];
  histogram: Histogram;
  against?: Agreement | null;
}
/**
 * A unit's activations over all tokens of a corpus, in the precision that the index was made in.
 */
export interface Standing {
  count: number;
  mean: number;
  sd: number;
  minimum: number;
  maximum: number;
  top_share: number | null;
  units: number;
}
/**
 * A sentence with the target's value at each of its tokens.
 */
export interface ShadedSentence {
  sentence: number;
  text: string;
  ids: number[];
  tokens: string[];
  position: number;
  activation: number;
  activations: number[];
}
/**
 * A tenth of a unit's tokens, by activation, and a few of them drawn at random.
 */
export interface Band {
  low: number;
  high: number;
  sentences: ShadedSentence[];
}
/**
 * How many tokens of a sample of the corpus have which activation: bins of equal width.
 */
export interface Histogram {
  low: number;
  high: number;
  counts: number[];
}
/**
 * The same unit in a second corpus, and how much the two agree.
 */
export interface Agreement {
  corpus: CorpusInfo;
  standing: Standing;
  sentences: ShadedSentence[];
  tokens: Measure;
  embeddings: Measure;
  others: number;
  text: string;
}
/**
 * How alike the top tokens are in two corpora, between what one corpus says twice and what chance says.
 */
export interface Measure {
  value: number;
  within: number;
  chance: number;
  percentile: number;
}
/**
 * The units that a word, in its text, excites most for what they do elsewhere.
 */
export interface NeuronsResult {
  schema: "textdream.result/1";
  textdream: string;
  created: string;
  model: ModelInfo;
  seed: number | null;
  settings: {
    [k: string]: unknown;
  };
  seconds: number | null;
  imported?: Imported | null;
  type: "neurons";
  corpus: CorpusInfo;
  start: BareSample;
  position: number;
  measured: number;
  neurons: NeuronValue[];
}
/**
 * A text of real tokens.
 */
export interface BareSample {
  ids: number[];
  tokens: string[];
  text: string;
  round_trip: boolean | null;
}
/**
 * A unit's activation at the word, and where that stands among its activations over the corpus.
 */
export interface NeuronValue {
  site: string;
  layer: number;
  neuron: number;
  activation: number;
  z: number;
  percentile: number;
}
/**
 * The probabilities over the vocabulary at one position of a text.
 */
export interface FillMaskResult {
  schema: "textdream.result/1";
  textdream: string;
  created: string;
  model: ModelInfo;
  seed: number | null;
  settings: {
    [k: string]: unknown;
  };
  seconds: number | null;
  imported?: Imported | null;
  type: "fill_mask";
  start: BareSample;
  position: number;
  predicts: "masked" | "next";
  tokens: TokenProbability[];
  given?: RankedProbability | null;
  asked: RankedProbability[];
}
/**
 * A token and the probability that the model gives it.
 */
export interface TokenProbability {
  id: number;
  token: string;
  probability: number;
}
/**
 * A token that was asked for, wherever it stands.
 */
export interface RankedProbability {
  id: number;
  token: string;
  probability: number;
  rank: number;
}
/**
 * Vectors between two words, layer by layer, with what they are held against.
 */
export interface ConceptResult {
  schema: "textdream.result/1";
  textdream: string;
  created: string;
  model: ModelInfo;
  seed: number | null;
  settings: {
    [k: string]: unknown;
  };
  seconds: number | null;
  imported?: Imported | null;
  type: "concept";
  words: ConceptWords;
  site: "resid_post";
  groups: number;
  folds: number;
  repeats: number;
  controls: number;
  layers: ConceptLayer[];
  set_aside: SetAside[];
  sentences: ConceptSentence[];
  interrupted: boolean;
}
/**
 * The word that is read in either set.
 */
export interface ConceptWords {
  positive: string;
  negative: string;
}
/**
 * One layer: the difference of means, logistic regression beside it, and the controls.
 */
export interface ConceptLayer {
  accuracy: number;
  interval: number[];
  shuffled: number;
  shuffled_limit: number;
  agreement: number;
  shuffled_agreement: number;
  better: boolean;
  layer: number;
  random: number;
  random_limit: number;
  random_agreement: number;
  distance: number;
  logistic: VectorScore;
  verdict: string;
}
/**
 * How well one way of making a vector tells held-out sentences apart.
 */
export interface VectorScore {
  accuracy: number;
  interval: number[];
  shuffled: number;
  shuffled_limit: number;
  agreement: number;
  shuffled_agreement: number;
  better: boolean;
}
/**
 * Sentences that were not used, for one reason.
 */
export interface SetAside {
  reason: string;
  count: number;
  examples: string[];
}
/**
 * A sentence of one of the sets.
 */
export interface ConceptSentence {
  text: string;
  ids: number[];
  tokens: string[];
  position: number;
  positive: boolean;
  group: number;
}
/**
 * To which side of a concept a word in its sentence belongs, at every layer.
 */
export interface ClassifyResult {
  schema: "textdream.result/1";
  textdream: string;
  created: string;
  model: ModelInfo;
  seed: number | null;
  settings: {
    [k: string]: unknown;
  };
  seconds: number | null;
  imported?: Imported | null;
  type: "classify";
  words: ConceptWords;
  site: "resid_post";
  kind: "mean_difference" | "logistic";
  start: BareSample;
  position: number;
  layers: ClassifiedLayer[];
}
/**
 * What one layer makes of a word.
 */
export interface ClassifiedLayer {
  layer: number;
  activation: number;
  score: number;
  probability: number;
  threshold: number;
  scale: number;
  slope: number;
  intercept: number;
  better: boolean;
  vector: number[];
}
/**
 * The text back from each layer's activation of it; the search saw the activation, not the text.
 */
export interface ReconstructResult {
  schema: "textdream.result/1";
  textdream: string;
  created: string;
  model: ModelInfo;
  seed: number | null;
  settings: {
    [k: string]: unknown;
  };
  seconds: number | null;
  imported?: Imported | null;
  type: "reconstruct";
  start: BareSample;
  target: Target;
  layers: LayerReconstruction[];
  lens?: LensInfo | null;
  interrupted: boolean;
}
/**
 * The text that gives the activation of one layer.
 */
export interface LayerReconstruction {
  layer: number;
  best: BareSample;
  exact: boolean;
  accuracy: number;
  loss: number;
  seconds: number | null;
  evaluations: number | null;
  gradients: number | null;
  floor: number | null;
  rival?: Rival | null;
  marks: ("right" | "near" | "wrong" | "special")[];
  method: "hybrid" | "sipit" | "anneal";
  restarts: number;
  tried?: number[] | null;
  last?: BareSample | null;
  last_loss?: number | null;
  finished: boolean;
  synonyms?: Synonyms[] | null;
  steps?: LossStep[] | null;
}
/**
 * The text nearest to the target, of those that differ from the best in one token and were tried.
 */
export interface Rival {
  position: number;
  id: number;
  token: string;
  loss: number;
}
/**
 * What a layer treats alike at one position: the tokens whose substitution changes its activation least.
 */
export interface Synonyms {
  position: number;
  token: string;
  tokens: Substitute[];
}
/**
 * A token put in at one position, and how far that moves the layer's activation.
 */
export interface Substitute {
  id: number;
  token: string;
  change: number;
}
/**
 * One step on the way to an activation, as PAIR's files have them.
 */
export interface LossStep {
  step: number;
  tokens: string[];
  loss: number;
  soft_loss?: number | null;
  temperature?: number | null;
  weights?: number[] | null;
}
/**
 * What the linear lens was fitted on.
 */
export interface LensInfo {
  corpus: CorpusFile;
  sha256: string;
  texts: number;
  tokens: number;
}
/**
 * One word's activation moved, layer by layer and step by step, and the texts rebuilt from that.
 */
export interface ShiftResult {
  schema: "textdream.result/1";
  textdream: string;
  created: string;
  model: ModelInfo;
  seed: number | null;
  settings: {
    [k: string]: unknown;
  };
  seconds: number | null;
  imported?: Imported | null;
  type: "shift";
  start: BareSample;
  word: string | null;
  positions: number[];
  concept: ShiftSource | null;
  replacement?: BareSample | null;
  replacement_positions?: number[] | null;
  unit: "largest" | "distance";
  directions: ShiftDirection[];
  runs: ShiftRun[];
  interrupted: boolean;
}
/**
 * The concept that an activation was moved along.
 */
export interface ShiftSource {
  file: string;
  sha256: string | null;
  kind: string | null;
  positive: string | null;
  negative: string | null;
}
/**
 * What was added to the word's activation at magnitude 1.
 */
export interface ShiftDirection {
  layer: number;
  vector: number[];
}
/**
 * One shift at one layer, and the text that comes nearest to the shifted activation.
 */
export interface ShiftRun {
  layer: number;
  magnitude: number | null;
  best: BareSample;
  changed: number[];
  marks: ("unchanged" | "intended" | "otherwise" | "special")[];
  distance: number | null;
  shifted: number | null;
  floor: number | null;
  evaluations: number | null;
  seconds: number | null;
  loss?: number | null;
  steps?: LossStep[] | null;
}
/**
 * One word's activation moved along a concept in many sentences, against random directions of the same length.
 *
 * A random direction has independent normal entries, Python's `random.Random(f"{seed} {text}").gauss(0, 1)` one after the other,
 * and the concept's length.
 */
export interface ShiftAuditResult {
  schema: "textdream.result/1";
  textdream: string;
  created: string;
  model: ModelInfo;
  seed: number | null;
  settings: {
    [k: string]: unknown;
  };
  seconds: number | null;
  imported?: Imported | null;
  type: "shift_audit";
  word: string;
  concept: ShiftSource;
  layer: number;
  magnitude: number;
  unit: "largest" | "distance";
  direction: ShiftDirection;
  length: number;
  directions: number;
  source: string;
  planned: number;
  sentences: AuditSentence[];
  set_aside: SetAside[];
  runs: AuditRun[];
  counts: AuditCount[];
  level: number;
  tokens: AuditToken[];
  text: string;
  interrupted: boolean;
}
/**
 * A sentence in which the word's activation was shifted.
 */
export interface AuditSentence {
  text: string;
  ids: number[];
  tokens: string[];
  positions: number[];
  others: number[];
  frame?: string | null;
  topic?: string | null;
}
/**
 * One shift in one sentence, and the text that comes nearest to the shifted activation.
 */
export interface AuditRun {
  sentence: number;
  kind: "concept" | "random";
  direction: number;
  ids: number[];
  changed: number[];
  became: string[];
  distance: number;
  floor: number;
  evaluations: number;
  seconds: number;
}
/**
 * What the runs of one kind did as a whole.
 */
export interface AuditCount {
  kind: "concept" | "random";
  runs: number;
  word_changed: number;
  word_became: Replacement[];
  others_changed: number;
  left: number;
}
/**
 * What a token became, and in how many runs.
 */
export interface Replacement {
  token: string;
  runs: number;
}
/**
 * How often a token changes, along the concept and along random directions.
 */
export interface AuditToken {
  token: string;
  sentences: number;
  concept: number;
  concept_interval: number[];
  random: number;
  random_interval: number[];
  p: number;
  tested: boolean;
  adjusted: number;
  more: boolean;
  became: Replacement[];
}
