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

/** Logarithmic, with ticks at powers of ten alone. Both ends of the domain are above 0. */
export function logarithmic([low, high]: readonly [number, number], range: [number, number]): Scale {
  const scale = scaleLog([low, high], range);
  return Object.assign((value: number) => scale(value), { ticks: (count: number) => powers(low, high, count) });
}

/** For counts: logarithmic but for a 0 at its foot. */
export function counting(high: number, range: [number, number]): Scale {
  const scale = scaleSymlog([0, Math.max(1, high)], range);
  return Object.assign((value: number) => scale(value), { ticks: (count: number) => [0, ...powers(1, Math.max(1, high), count)] });
}
