/** What became of a shifted word. */
import type { ShiftResult, ShiftRun } from "../schema";
import { number, percent, plural } from "./format";
import { sentence } from "./tokens";

/**
 * The share of the shift that no text found takes up; 0 where the shift is no more than rounding. Null where the distances
 * are not known.
 */
export function left(run: ShiftRun): number | null {
  if (run.distance === null || run.shifted === null) return null;
  return run.shifted > (run.floor ?? 0) ? run.distance / run.shifted : 0;
}

export interface Fate {
  /** What stands where the word was. */
  word: string;
  kind: "same" | "intended" | "otherwise";
  /** How many other tokens changed. */
  others: number;
}

export function fate(result: ShiftResult, run: ShiftRun): Fate {
  const at = result.positions.filter((position) => run.changed.includes(position));
  const word = sentence(result.positions.map((position) => run.best.tokens[position] ?? ""));
  const intended = at.some((position) => run.marks[position] === "intended");
  const kind = at.length === 0 ? "same" : intended ? "intended" : "otherwise";
  return { word, kind, others: run.changed.length - at.length };
}

export const SIGNS: Record<Fate["kind"], string> = { same: "", intended: "✓", otherwise: "✗" };

export const magnitude = (run: ShiftRun): string =>
  run.magnitude === null ? "replaced" : (run.magnitude > 0 ? "+" : run.magnitude < 0 ? "−" : "") + String(Math.abs(run.magnitude));

/** Which run it is. */
export const runName = (run: ShiftRun): string => `layer ${run.layer}, ${run.magnitude === null ? "replaced" : `magnitude ${magnitude(run)}`}`;

/** A run in a sentence. */
export function says(result: ShiftResult, run: ShiftRun): string {
  const { word, kind, others } = fate(result, run);
  const became = {
    same: "the word stayed", intended: `the word became “${word}” as the shift asked`, otherwise: `the word became “${word}”`,
  }[kind]; // prettier-ignore
  const share = left(run);
  const rest = share === null ? (run.loss ? `loss ${number(run.loss)}` : "") : `${percent(share)} of the shift left`;
  const changed = others === 0 ? "no other token changed" : `${plural(others, "other token")} changed`;
  return [runName(run), became, changed, rest].filter(Boolean).join(", ");
}

/** What was done to the word. */
export function shiftText(result: ShiftResult): string {
  const word = `“${result.word ?? sentence(result.positions.map((at) => result.start.tokens[at] ?? ""))}”`;
  if (!result.concept) return `The activation of ${word} was replaced by that from “${result.replacement?.text ?? "another text"}”.`;
  const { negative, positive, file } = result.concept;
  const way = negative && positive ? `along “${negative}” → “${positive}”, and with a minus back` : positive ? `towards “${positive}”` : `along ${file}`;
  const unit = result.unit === "largest" ? "the vector divided by its largest entry" : "the distance between the two words' means";
  return `The activation of ${word} was moved ${way}; magnitude 1 is ${unit}.`;
}
