import { scaleLog } from "d3-scale";

/**
 * A logarithmic scale from 1, 2 or 5 times a power of ten to another. Zero and less, which have no logarithm, stand at its
 * lower end.
 *
 * @param values of which the ends are taken; those that are missing, zero or less are passed over
 */
export function logScale(values: Iterable<number | null | undefined>, range: readonly [number, number]) {
  let [low, high] = [Infinity, 0];
  for (const value of values) if (value && value > 0) [low, high] = [Math.min(low, value), Math.max(high, value)];
  if (low > high) [low, high] = [0.1, 1];
  const powers = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const exponents = powers(Math.floor(Math.log10(low)), Math.ceil(Math.log10(high)));
  const round = exponents.flatMap((exponent) => [1, 2, 5].map((digit) => Number(`${digit}e${exponent}`)));
  const from = round.findLast((value) => value <= low) ?? round[0]!;
  const to = round.find((value) => value >= high && value > from) ?? 2 * from;
  const scale = scaleLog([from, to], range).clamp(true);
  const inside = round.filter((value) => value >= from && value <= to);
  const decades = inside.filter((value) => Number.isInteger(Math.round(1e9 * Math.log10(value)) / 1e9));
  return Object.assign((value: number): number => scale(Math.max(value, from)), {
    ticks: (count: number): number[] => {
      if (inside.length <= count + 1) return inside;
      const every = Math.ceil(decades.length / Math.max(2, count));
      return decades.filter((_, i) => i % every === 0);
    },
    invert: scale.invert,
  });
}
