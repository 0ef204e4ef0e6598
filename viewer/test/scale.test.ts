import { expect, test } from "vitest";
import { number } from "../src/lib/format";
import { logScale } from "../src/lib/scale";
import { across } from "../src/lib/strip";

test("a logarithmic scale ends at 1, 2 or 5 times a power of ten", () => {
  const scale = logScale([0.3, 4, null], [0, 1]);
  expect([scale(0.2), scale(5)]).toEqual([0, 1]);
  expect(scale.ticks(6)).toEqual([0.2, 0.5, 1, 2, 5]);
  expect(scale(1)).toBeCloseTo(0.5, 12);
});

test("over many powers of ten only these are ticks, as many as there is room for", () => {
  const ticks = logScale([2e-13, 0.02], [0, 1]).ticks(4);
  expect(ticks.length).toBeLessThanOrEqual(4);
  expect(ticks.every((tick) => Math.abs(Math.log10(tick) - Math.round(Math.log10(tick))) < 1e-9)).toBe(true);
});

test("what has no logarithm stands at the lower end", () => {
  const scale = logScale([0, 0.01, 0.1], [100, 0]);
  expect(scale(0)).toBe(100);
  expect(scale(-1)).toBe(100);
  expect(scale(0.1)).toBe(0);
});

test("a scale without any value, or with one, is still a scale", () => {
  for (const values of [[], [0], [0.5], [1], [undefined, null]]) {
    const scale = logScale(values, [0, 1]);
    const ticks = scale.ticks(3);
    expect(ticks.length).toBeGreaterThan(0);
    expect(ticks.map(scale).every((place) => place >= 0 && place <= 1)).toBe(true);
  }
});

test("a strip keeps its values inside", () => {
  expect([across(-1), across(0), across(1), across(2)]).toEqual(["3.00%", "3.00%", "97.00%", "97.00%"]);
});

test("numbers of ten million and more are written with a power", () => {
  expect([number(1234567), number(2.53e10), number(-1.2e8)]).toEqual(["1,234,567", "2.5e10", "−1.2e8"]);
});
