/** Numbers as people read them. */

/** Whole, and short enough to be written so. */
const whole = (value: number): boolean => Number.isInteger(value) && Math.abs(value) < 1e12;

/** Three significant digits, up to seven before the point kept whole, whole numbers below 1e12 as they are, a true minus sign. */
export function number(value: number | null | undefined, digits = 3): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  let text: string;
  if (whole(size)) text = size.toLocaleString("en-US");
  else if (size >= 1e7) text = size.toExponential(1).replace("+", "");
  else if (size >= 1000) text = Math.round(size).toLocaleString("en-US");
  else if (size < 0.001) text = size.toExponential(1);
  else text = size.toPrecision(size >= 100 ? digits + 1 : digits);
  return (value < 0 ? "−" : "") + text;
}

/** The same without zeros that say nothing: for ticks. */
export const tick = (value: number, digits = 3): string =>
  whole(value) ? value.toLocaleString("en-US").replace("-", "−") : number(value, digits).replace(/(\.\d*?)0+($|e)/, "$1$2").replace(/\.($|e)/, "$1");

/** Ticks with as many digits as tell them apart. */
export function ticks(values: readonly number[]): string[] {
  let texts: string[] = [];
  for (let digits = 3; digits < 9; digits++) {
    texts = values.map((value) => tick(value, digits));
    if (new Set(texts).size === values.length) break;
  }
  return texts;
}

export const count = (value: number): string => value.toLocaleString("en-US");

/** A share that is not 0 is never written as 0. */
export function percent(share: number, digits = 0): string {
  const least = 10 ** -digits;
  return share > 0 && 100 * share < least / 2 ? `< ${least.toFixed(digits)} %` : `${(100 * share).toFixed(digits)} %`;
}

export function seconds(value: number): string {
  if (value < 120) return `${number(value)} s`;
  return value < 7200 ? `${Math.round(value / 60)} min` : `${(value / 3600).toFixed(1)} h`;
}

/** One word for one, another for the rest. */
export const plural = (value: number, one: string, many = `${one}s`): string => `${count(value)} ${value === 1 ? one : many}`;
