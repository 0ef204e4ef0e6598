/** What a result says of itself, each with a sign and a sentence. */
import type { Certificate } from "../schema";
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
