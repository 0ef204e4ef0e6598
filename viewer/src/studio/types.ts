/** What the server sends and takes. The full description is its /openapi.json. */
/** A part of JSON Schema: as much as the settings use. */
export interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  type?: string;
  properties?: Record<string, Schema>;
  anyOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  description?: string;
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
  maxLength?: number;
}

export interface Experiment {
  name: string;
  title: string;
  group: string;
  question: string;
  /** What streams while it runs. */
  live: "steps" | "progress";
  /** Dotted paths of the settings that are shown first. */
  common: string[];
  /** What a setting means, by its dotted path, such as layer or word. */
  roles: Record<string, string>;
  /** What has to be at hand. */
  needs: ("concept" | "index")[];
  example: Record<string, unknown>;
  schema: Schema;
}

export interface Limits {
  layers: number;
  heads: number;
  sites: string[];
  /** Neurons of each site. */
  widths: Record<string, number>;
  masked_head: boolean;
  next_token_head: boolean;
  causal: boolean;
}

export interface ModelChoice {
  name: string;
  summary: string;
  /** null until the model was loaded once. */
  limits: Limits | null;
}

export interface TokenPlace {
  position: number;
  token: string;
  special: boolean;
  /** The word of the text that the token is part of, where that word stands in it once. */
  word: string | null;
}

export interface Tokenised {
  tokens: string[];
  positions: TokenPlace[];
  longest: number;
}

export interface About {
  version: string;
  default_model: string;
  limits: { text: number };
}

export interface ConceptChoice {
  id: string;
  model: string;
  positive: string;
  negative: string;
}

export interface IndexChoice {
  name: string;
  model: string;
  sites: string[];
  layers: number[];
  sentences: number;
}

export type RunState = "queued" | "running" | "paused" | "done" | "stopped" | "interrupted" | "failed" | "broken";
export type Action = "pause" | "resume" | "stop" | "continue" | "delete";

export interface Progress {
  phase: string;
  done: number;
  /** 0 where the end is not known. */
  total: number;
  headline?: string | null;
}

export interface Run {
  id: string;
  experiment: string;
  model: string;
  /** The start of the text it is about. */
  text: string;
  state: RunState;
  created: string;
  seconds: number;
  /** In the queue; 1 is next. */
  place: number | null;
  progress: Progress | null;
  headline: string | null;
  error: string | null;
  note: string | null;
  continues: string | null;
  continued_by: string | null;
  has_result: boolean;
  has_concept: boolean;
  pausing: boolean;
  stopping: boolean;
  actions: Action[];
  /** Only where one run was asked for. */
  settings?: Record<string, unknown>;
  command?: string | null;
}

export interface RunPage {
  runs: Run[];
  total: number;
  offset: number;
}
