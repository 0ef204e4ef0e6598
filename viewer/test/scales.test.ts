import { expect, test } from "vitest";
import { number, ticks } from "../src/lib/format";
import { counting, logarithmic, span } from "../src/lib/scales";
import { across } from "../src/lib/strip";
import { thinned, unbroken } from "../src/lib/thin";

test("ticks of a logarithmic axis are powers of ten, no more than there is room for", () => {
  const scale = logarithmic([1e-8, 1], [100, 0]);
  expect(scale.ticks(20)).toEqual([1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1]);
  expect(scale.ticks(3)).toEqual([1e-8, 1e-5, 1e-2]);
  expect([scale(1), scale(1e-4), scale(1e-8)].map(Math.round)).toEqual([0, 50, 100]);
});

test("an axis of counts begins at 0", () => {
  const scale = counting(1500, [0, 100]);
  expect(scale.ticks(9)).toEqual([0, 1, 10, 100, 1000]);
  expect(scale(0)).toBe(0);
  expect(scale(1500)).toBe(100);
});

test("a span has a width, and passes over what is missing", () => {
  expect(span([3, null, 1, undefined])).toEqual([1, 3]);
  expect(span([2])).toEqual([1.5, 2.5]);
  expect(span([])).toEqual([0, 1]);
});

test("ticks have the digits that tell them apart", () => {
  expect(ticks([1.2, 1.205, 1.21])).toEqual(["1.2", "1.205", "1.21"]);
  expect(ticks([0, 0.5, 1])).toEqual(["0", "0.5", "1"]);
  expect(number(124)).toBe("124");
});

test("a line stops where values are missing", () => {
  const values = [1, 2, null, 3, undefined, 4, 5];
  expect(unbroken(values, [0, 1, 3, 5, 6])).toEqual([[0, 1], [3, 3], [5, 6]]); // prettier-ignore
  const many = Array.from({ length: 5000 }, (_, i) => (i === 2500 ? null : Math.sin(i)));
  const pieces = unbroken(many, thinned(many, 100));
  expect(pieces).toHaveLength(2);
  expect(Math.max(...pieces[0]!)).toBeLessThan(2500);
  expect(Math.min(...pieces[1]!)).toBeGreaterThan(2500);
});

test("a logarithmic scale ends at 1, 2 or 5 times a power of ten", () => {
  const scale = logarithmic([0.3, 4, null], [0, 1]);
  expect([scale(0.2), scale(5)]).toEqual([0, 1]);
  expect(scale.ticks(6)).toEqual([0.2, 0.5, 1, 2, 5]);
  expect(scale(1)).toBeCloseTo(0.5, 12);
});

test("over many powers of ten only these are ticks, as many as there is room for", () => {
  const ticks = logarithmic([2e-13, 0.02], [0, 1]).ticks(4);
  expect(ticks.length).toBeLessThanOrEqual(4);
  expect(ticks.every((tick) => Math.abs(Math.log10(tick) - Math.round(Math.log10(tick))) < 1e-9)).toBe(true);
});

test("what has no logarithm stands at the lower end", () => {
  const scale = logarithmic([0, 0.01, 0.1], [100, 0]);
  expect(scale(0)).toBe(100);
  expect(scale(-1)).toBe(100);
  expect(scale(0.1)).toBe(0);
});

test("a scale without any value, or with one, is still a scale", () => {
  for (const values of [[], [0], [0.5], [1], [undefined, null]]) {
    const scale = logarithmic(values, [0, 1]);
    const ticks = scale.ticks(3);
    expect(ticks.length).toBeGreaterThan(0);
    expect(ticks.map(scale).every((place) => place >= 0 && place <= 1)).toBe(true);
  }
});

test("a strip keeps its values inside", () => {
  expect([across(-1), across(0), across(1), across(2)]).toEqual(["3.00%", "3.00%", "97.00%", "97.00%"]);
});

test("broken numbers of ten million and more are written with a power", () => {
  expect([number(1234567.8), number(25_300_000_000.5), number(-1.2e8 - 0.5)]).toEqual(["1,234,568", "2.5e10", "−1.2e8"]);
});
