/**
 * At most four points a column of the picture: first, lowest, highest and last of each (M4, Jugel et al. 2014). A line drawn
 * through them covers the same pixels as the line through all points.
 *
 * @param values one a step; null where there is none
 * @returns indices, ascending
 */
export function thinned(values: readonly (number | null | undefined)[], columns: number): number[] {
  const known = [...values.keys()].filter((index) => values[index] !== null && values[index] !== undefined);
  if (known.length <= 4 * columns) return known;
  const kept = new Set<number>();
  for (let column = 0; column < columns; column++) {
    const from = Math.floor((column * known.length) / columns);
    const to = Math.floor(((column + 1) * known.length) / columns);
    let [low, high] = [known[from]!, known[from]!];
    for (let i = from; i < to; i++) {
      if (values[known[i]!]! < values[low]!) low = known[i]!;
      if (values[known[i]!]! > values[high]!) high = known[i]!;
    }
    for (const index of [known[from]!, low, high, known[to - 1]!]) kept.add(index);
  }
  return [...kept].sort((a, b) => a - b);
}

/** Indices in runs that no missing value interrupts, so that no line is drawn over a gap. A lone one stands twice: a dot. */
export function unbroken(values: readonly (number | null | undefined)[], indices: readonly number[]): number[][] {
  const runs: number[][] = [];
  let gap = true;
  let next = 0;
  for (const [i, value] of values.entries()) {
    if (value === null || value === undefined) gap = true;
    else if (i === indices[next]) {
      if (gap) runs.push([]);
      runs.at(-1)!.push(i);
      gap = false;
      next++;
    }
  }
  return runs.map((run) => (run.length === 1 ? [run[0]!, run[0]!] : run));
}
