/** Ends of a strip's line, so that half a dot has room: percent of its width. */
const PAD = 3;

/** Where a share of the scale from 0 to 1 stands, as an SVG length. What lies beyond the scale stands at its end. */
export const across = (share: number): string => `${(PAD + (100 - 2 * PAD) * Math.max(0, Math.min(1, share))).toFixed(2)}%`;
