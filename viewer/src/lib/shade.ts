/** Colours of values: orange above zero, blue below, so light that ink stays readable on them. */
export function shade(value: number, largest: number): string {
  if (!largest || !value) return "transparent";
  const strength = Math.min(1, Math.abs(value) / largest);
  return `rgb(var(--${value > 0 ? "high" : "low"}) / ${(0.06 + 0.44 * strength).toFixed(3)})`;
}

/** The largest absolute value, for a scale that several rows share. */
export const largest = (values: Iterable<number>): number => {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
};
