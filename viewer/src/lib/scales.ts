/** Scales that d3 has not, or not with ticks fit to be read. */
import { extent } from "d3-array";
import { scaleLog, scaleSymlog } from "d3-scale";

export interface Scale {
  (value: number): number;
  ticks(count: number): number[];
}

/** The ends of all values that there are, never of no width. */
export function span(values: Iterable<number | null | undefined>): [number, number] {
  const [low = 0, high = 1] = extent(values, (value) => value ?? undefined);
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

/** Powers of ten between two numbers, as many as there is room for. */
function powers(low: number, high: number, count: number): number[] {
  const [from, to] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  const every = Math.max(1, Math.ceil((to - from + 1) / Math.max(1, count)));
  const found: number[] = [];
  for (let power = from; power <= to; power += every) found.push(Number(`1e${power}`));
  return found;
}

/**
 * A logarithmic scale from 1, 2 or 5 times a power of ten to another. Zero and less, which have no logarithm, stand at its
 * lower end.
 *
 * @param values of which the ends are taken; those that are missing, zero or less are passed over
 */
export function logarithmic(values: Iterable<number | null | undefined>, range: readonly [number, number]): Scale {
  let [low, high] = [Infinity, 0];
  for (const value of values) if (value && value > 0) [low, high] = [Math.min(low, value), Math.max(high, value)];
  if (low > high) [low, high] = [0.1, 1];
  const round: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    for (const digit of [1, 2, 5]) round.push(Number(`${digit}e${power}`));
  const from = round.findLast((value) => value <= low) ?? round[0]!;
  const to = round.find((value) => value >= high && value > from) ?? 2 * from;
  const scale = scaleLog([from, to], range).clamp(true);
  const inside = round.filter((value) => value >= from && value <= to);
  return Object.assign((value: number): number => scale(Math.max(value, from)), {
    ticks: (count: number): number[] => (inside.length <= count + 1 ? inside : powers(from, to, count)),
  });
}

/** For counts: logarithmic but for a 0 at its foot. */
export function counting(high: number, range: [number, number]): Scale {
  const scale = scaleSymlog([0, Math.max(1, high)], range);
  return Object.assign((value: number) => scale(value), { ticks: (count: number) => [0, ...powers(1, Math.max(1, high), count)] });
}
