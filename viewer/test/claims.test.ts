import { describe, expect, test } from "vitest";
import { beats } from "../src/lib/claims";
import type { Baseline } from "../src/schema";

const bar = (activation: number, bound: number, wins: boolean, ratio: number | null): Baseline =>
  ({ activation, bound, beats: wins, ratio, corpus: { sentences: 1234 } }) as Baseline;

describe("a dream against the best sentence of a corpus", () => {
  test("by how many times", () => {
    const claim = beats(bar(2, 2.1, true, 1.5), 3, false);
    expect(claim).toEqual({ holds: true, text: "The best of 1,234 sentences of a corpus gives 2; the dream beats it: 1.50 times that." });
  });
  test("by how much, where there is no ratio", () => {
    expect(beats(bar(-2.299, -2.299, true, null), -0.155, false).text).toContain("beats it: by 2.14");
    expect(beats(bar(2.299, 2.299, true, null), 0.155, true).text).toContain("The lowest of 1,234");
  });
  test("better than the sentence, and not than what the index left out may reach", () => {
    const claim = beats(bar(2, 2.1, false, 1.025), 2.05, false);
    expect(claim.holds).toBeNull();
    expect(claim.text).toContain("may reach 2.10");
  });
  test("no better", () => {
    expect(beats(bar(2, 2.1, false, 0.9), 1.8, false)).toEqual({ holds: false, text: "The best of 1,234 sentences of a corpus gives 2; the dream does not beat it." });
    expect(beats(bar(2, 2, false, 1), 2.000001, false).holds).toBe(false);
  });
});
