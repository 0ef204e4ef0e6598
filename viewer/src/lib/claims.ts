/** What a result says of itself, each with a sign and a sentence. */
import type { Baseline, Certificate } from "../schema";
import { count, number } from "./format";
import { alone } from "./tokens";

export interface Claim {
  /** Null: nobody knows. */
  holds: boolean | null;
  text: string;
}

/** Whether a single replacement would be better. */
export function certified(proof: Certificate | null | undefined, minimise: boolean): Claim {
  const word = minimise ? "lower" : "higher";
  if (!proof) return { holds: null, text: "No certificate: nobody proved that no single replacement is better." };
  if (proof.holds) {
    const text = `1-opt certificate: none of ${count(proof.checked)} single replacements is ${word}`;
    if (proof.screened === "float32") return { holds: true, text: `${text}.` };
    const near = `within ${number(proof.margin)} of its value, where float32 decides`;
    return { holds: true, text: `${text}. All were screened in ${proof.screened}; ${proof.decided === 0 ? "none" : count(proof.decided)} came ${near}.` };
  }
  if (!proof.better) return { holds: false, text: "The certificate does not hold." };
  const { position, token, activation } = proof.better;
  return { holds: false, text: `The certificate does not hold: “${alone(token)}” at position ${position} gives ${number(activation)}.` }; // prettier-ignore
}

/** Whether and by how much a dream beats the best sentence of a corpus; what the index left out may be better than that sentence. */
export function beats({ activation, beats, bound, corpus, ratio }: Baseline, best: number | null, minimise: boolean): Claim {
  const corpusBest = `The ${minimise ? "lowest" : "best"} of ${count(corpus.sentences)} sentences of a corpus gives ${number(activation)}`;
  if (best === null || activation === null) return { holds: beats, text: `${corpusBest}; the dream ${beats ? "beats" : "does not beat"} it.` };
  const above = minimise ? activation - best : best - activation;
  const by = ratio === null ? `by ${number(Math.abs(above))}` : `${number(ratio, 3)} times that`;
  if (beats) return { holds: true, text: `${corpusBest}; the dream beats it: ${by}.` };
  // More than float32 can tell from none.
  if (above > 1e-5 * Math.max(1, Math.abs(activation)))
    return { holds: null, text: `${corpusBest}, and the dream is better (${by}); but a sentence that the index left out may reach ${number(bound)}.` };
  return { holds: false, text: `${corpusBest}; the dream does not beat it.` };
}
