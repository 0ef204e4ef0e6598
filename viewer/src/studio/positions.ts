/** Positions as the settings write them: all, word, 3:9 (3 to 8), or 2,5,7. */

/** The positions of a list or range; null for `all`, `word` and what cannot be read. */
export function chosen(text: string, count: number): number[] | null {
  const range = /^(\d*):(\d*)$/.exec(text.trim());
  if (range) {
    const [from, to] = [Number(range[1] || 0), Math.min(count, Number(range[2] || count))];
    return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
  }
  if (!/^\d+(\s*,\s*\d+)*$/.test(text.trim())) return null;
  return text.split(",").map(Number).filter((position) => position < count);
}

/** With a position added, or taken away. */
export function toggled(positions: readonly number[], position: number): string {
  const others = positions.filter((one) => one !== position);
  return (others.length < positions.length ? others : [...others, position]).sort((a, b) => a - b).join(",");
}
