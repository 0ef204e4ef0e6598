/** What each kind of result is called, in a word and in a sentence of its own. */
import type { AnyResult, Target } from "../schema";
import { sentence } from "./tokens";

export const NAMES: Record<AnyResult["type"], string> = {
  dream: "Dream",
  token_search: "Token search",
  similar: "Similar tokens",
  diagnose: "Diagnosis of a dream",
  corpus_top: "Corpus",
  neurons: "Neurons of a word",
  fill_mask: "Masked word",
  concept: "Concept",
  classify: "Concept of a word",
  reconstruct: "Reconstruction",
  shift: "Shift",
  shift_audit: "Audit of a shift",
};

/** The target in a few words. */
export const targetText = (target: Target): string => target.description || target.kind;

/** What a result is about: its text, or its words. */
export function subject(result: AnyResult): string {
  if (result.type === "concept") return `${result.words.positive} – ${result.words.negative}`;
  if (result.type === "shift_audit") return `${result.word} in ${result.sentences.length} sentences`;
  if (result.type === "corpus_top") return targetText(result.target);
  return sentence(result.start.tokens);
}
