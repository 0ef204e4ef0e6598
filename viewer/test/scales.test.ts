import { expect, test } from "vitest";
import { number, ticks } from "../src/lib/format";
import { counting, logarithmic, span } from "../src/lib/scales";
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
