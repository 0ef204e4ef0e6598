/**
 * PAIR's text-dream files of 2019 as results: six kinds of run, alone or in wrappers. The same as `textdream import pair`
 * makes of them (textdream/records/pair), but for the token ids, for which a vocabulary would be needed.
 */
import type { AnyResult } from "../schema";
import * as convert from "./pair-convert";
import { isObject, type Json, type Run } from "./pair-read";

const WRAPPERS = ["layers", "magnitudes", "magnitues"] as const;
const KINDS: Record<string, Kind> = {
  dream: "dream",
  token_search: "token_search",
  similar_embeddings: "similar_embeddings",
  reconstruct: "reconstruct",
  resemble: "reconstruct",
  reconstruct_shifted: "reconstruct_shifted",
  resemble_shifted: "reconstruct_shifted",
  top_words: "top_words",
};
type Kind = "dream" | "token_search" | "similar_embeddings" | "reconstruct" | "reconstruct_shifted" | "top_words";

const ALONE = {
  dream: convert.dream,
  token_search: convert.tokenSearch,
  similar_embeddings: convert.similar,
  top_words: convert.topWords,
};
const TOGETHER = { reconstruct: convert.reconstruct, reconstruct_shifted: convert.shift };

/** Whether it looks like one of PAIR's: it has no schema, and one of the keys that their runs and wrappers have. */
export const isPair = (data: unknown): boolean =>
  isObject(data) && !("schema" in data) && [...WRAPPERS, "params", "tops"].some((key) => key in data);

/**
 * @throws Error with a sentence for people
 */
export function fromPair(data: unknown, name: string): AnyResult {
  try {
    const runs = unwrapped(data);
    const kinds = [...new Set(runs.map(kindOf))].sort();
    const kind = kinds[0]!;
    if (kinds.length > 1) throw new Error(`runs of several kinds (${kinds.join(", ")})`);
    if (kind in ALONE && runs.length > 1) throw new Error(`${runs.length} runs of the kind ${kind}, of which a result has one`);
    const body = kind in ALONE ? ALONE[kind as keyof typeof ALONE](runs[0]!) : TOGETHER[kind as keyof typeof TOGETHER](runs);
    return { ...header(name, kind, runs), ...body } as AnyResult;
  } catch (error) {
    throw new Error(`${name} holds ${(error as Error).message}; one of PAIR's six kinds of result file was expected.`);
  }
}

/** The runs of a file, out of `layers`, of `magnitudes`, or of both. */
function unwrapped(data: unknown, depth = 0): Run[] {
  const name = isObject(data) ? WRAPPERS.find((key) => key in data) : undefined;
  if (name === undefined) {
    if (!isObject(data)) throw new Error("something else than an object where a run belongs");
    return [data];
  }
  const runs = (data as Run)[name];
  if (!Array.isArray(runs) || runs.length === 0 || depth === 2) throw new Error(`${name} that are no list of runs`);
  return runs.flatMap((run) => unwrapped(run, depth + 1));
}

/** By its type, or by its keys where it has none. */
function kindOf(run: Run): Kind {
  const said = run.type;
  if (said !== undefined && said !== null) {
    const kind = Object.hasOwn(KINDS, String(said)) ? KINDS[String(said)] : undefined;
    if (!kind) throw new Error(`the type ${JSON.stringify(said).slice(0, 60)}`);
    return kind;
  }
  if ("tops" in run) return "furthest" in run ? "similar_embeddings" : "token_search";
  const params = isObject(run.params) ? run.params : {};
  const iterations = (isObject(run.results) ? run.results.iterations : undefined) ?? run.iterations;
  const first: unknown = Array.isArray(iterations) ? iterations[0] : undefined;
  const has = (...keys: string[]): boolean => isObject(first) && keys.some((key) => key in first);
  if (has("scores")) return "top_words";
  if ("shift_magnitude" in params || "shift_vector" in params) return "reconstruct_shifted";
  if (has("loss", "ids_loss")) return "reconstruct";
  if (has("activation", "ids_activation")) return "dream";
  throw new Error("no type, and none of the keys of a run");
}

/** What every result has. The weights of the model are unknown, and with them all but its name. */
function header(file: string, kind: Kind, runs: readonly Run[]) {
  const params = runs.map((run) => (isObject(run.params) ? run.params : run));
  const plain = (value: Json): boolean => !isObject(value) && !(Array.isArray(value) && value.some((each) => typeof each === "object"));
  const same = (a: Json, b: Json | undefined): boolean => JSON.stringify(a) === JSON.stringify(b);
  const common = Object.fromEntries(
    Object.entries(params[0]!).filter(([key, value]) => key !== "type" && plain(value) && params.every((each) => same(value, each[key]))),
  );
  return {
    schema: "textdream.result/1",
    textdream: "",
    created: new Date().toISOString(),
    model: {
      name: typeof common.model_config === "string" && common.model_config ? common.model_config : "unknown",
      source: "an imported file",
      sha256: null, architecture: null, layers: null, width: null, vocabulary_size: null,
    },
    seed: null,
    settings: {},
    seconds: null,
    imported: { format: "pair", file, kind, params: common },
  }; // prettier-ignore
}
