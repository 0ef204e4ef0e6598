/** Result files as they come in: embedded in the page, dropped, or opened. */
import { fromPair, isPair } from "./pair";
import type { AnyResult } from "../schema";

/** A result and the name of its file. */
export interface Opened {
  name: string;
  result: AnyResult;
}

export const KINDS = [
  "dream", "token_search", "similar", "diagnose", "corpus_top", "neurons", "fill_mask", "concept", "classify", "reconstruct",
  "shift", "shift_audit",
] as const satisfies readonly AnyResult["type"][]; // prettier-ignore

/** What was put into the page by `textdream show --html`. */
export function embedded(): Opened[] {
  return JSON.parse(document.getElementById("textdream-results")?.textContent || "[]") as Opened[];
}

/**
 * A file's text as a result: textdream's own, or one of PAIR's.
 *
 * @throws Error with a sentence for people
 */
export function parse(name: string, text: string): Opened {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw new Error(`${name} is no JSON, or was cut short; a result file of textdream or of PAIR was expected.`);
  }
  if (isPair(data)) return { name, result: fromPair(data, name) };
  const { schema, type } = (data ?? {}) as { schema?: unknown; type?: unknown };
  if (schema !== "textdream.result/1")
    throw new Error(`${name} has ${schema ? `the schema ${String(schema)}` : "no schema key"}; textdream.result/1 was expected.`);
  if (!KINDS.includes(type as never)) throw new Error(`${name} is of the kind ${String(type)}, which this viewer does not know.`);
  return { name, result: data as AnyResult };
}
