/** The marks of a reconstruction and of a shift, as signs and words. */
import type { LayerReconstruction, ShiftRun } from "../schema";
import { alone, type Mark } from "./tokens";

const shown = (token: string | undefined): string => (token === undefined ? "another token" : `“${alone(token)}”`);

/** Near or wrong against the text given; what is right bears no mark. */
export const againstText = (marks: LayerReconstruction["marks"], given: readonly string[]): (Mark | null)[] =>
  marks.map((mark, at) => {
    if (mark === "special" || mark === "right") return null;
    const there = `the text given has ${shown(given[at])}`;
    if (mark === "near") return { name: "near", sign: "~", says: `near: ${there}` };
    return { name: "bad", sign: "✗", says: `wrong: ${there}` };
  });

/** Changed as the shift asked for, or otherwise. */
export const againstStart = (marks: ShiftRun["marks"], start: readonly string[]): (Mark | null)[] =>
  marks.map((mark, at) => {
    const was = `was ${shown(start[at])}`;
    if (mark === "intended") return { name: "good", sign: "✓", says: `changed as the shift asked: ${was}` };
    if (mark === "otherwise") return { name: "bad", sign: "✗", says: `changed otherwise: ${was}` };
    return null;
  });
