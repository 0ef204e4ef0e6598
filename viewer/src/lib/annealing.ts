/** What an annealing's steps say of the softmax at one free position. They hold only its heaviest tokens. */
import type { Step, TopToken } from "../schema";

/** The heaviest tokens at a step, heaviest first; none where the step has no softmax. */
export const heaviest = (step: Step | undefined, place: number): TopToken[] =>
  [...(step?.top_tokens?.[place] ?? [])].sort((a, b) => b.weight - a.weight);

/** Steps that have a softmax, as places in the list. */
export const softSteps = (steps: readonly Step[]): number[] => [...steps.keys()].filter((index) => steps[index]!.top_tokens?.length);

/** A token's weight at each step; null where it was not among the heaviest. */
export const path = (steps: readonly Step[], place: number, token: string): (number | null)[] =>
  steps.map((step) => step.top_tokens?.[place]?.find((one) => one.token === token)?.weight ?? null);

/**
 * Tokens that ever were the heaviest, those with the most weight over all steps first.
 *
 * @param first tokens that are named in any case, ahead of the others
 */
export function everHeaviest(steps: readonly Step[], place: number, first: readonly string[], most: number): string[] {
  const total = new Map<string, number>();
  const leaders = new Set<string>();
  for (const step of steps) {
    const tokens = heaviest(step, place);
    if (tokens[0]) leaders.add(tokens[0].token);
    for (const { token, weight } of tokens) total.set(token, (total.get(token) ?? 0) + weight);
  }
  const named = [...new Set(first)].filter((token) => total.has(token));
  const rest = [...leaders].filter((token) => !named.includes(token)).sort((a, b) => total.get(b)! - total.get(a)!);
  return [...named, ...rest].slice(0, most);
}
