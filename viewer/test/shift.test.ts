import { fireEvent, render, screen, within } from "@testing-library/svelte";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fromPair } from "../src/lib/pair";
import { fate, left } from "../src/lib/shifts";
import { ViewState } from "../src/lib/state.svelte";
import type { ShiftResult } from "../src/schema";
import Shift from "../src/views/Shift.svelte";
import { fixture, holes, outline } from "./outline";

const real = fixture<ShiftResult>("shift");
const pair = fromPair(JSON.parse(readFileSync("../tests/data/pair/shift_layers_magnitudes.json", "utf8")), "x.json") as ShiftResult;

function show(result: ShiftResult, address = "") {
  const state = new ViewState(address);
  return { ...render(Shift, { result, state }), state };
}

test("layers × magnitudes, one run in full, all texts", () => {
  const { container } = show(real);
  expect(outline(container)).toMatchSnapshot();
  expect(holes(container)).toEqual([]);
});

test("the first run that did what was asked is shown; a click and the arrow keys choose others", async () => {
  const { state } = show(real);
  const first = real.runs.findIndex((run) => fate(real, run).kind === "intended");
  const grid = screen.getByRole("grid");
  const cells = within(grid).getAllByRole("gridcell");
  expect(cells).toHaveLength(real.runs.length);
  expect(cells[first]!.getAttribute("aria-selected")).toBe("true");
  await fireEvent.click(cells[0]!);
  expect(state.values["run"]).toBe("0");
  await fireEvent.keyDown(cells[0]!, { key: "ArrowDown" });
  const { layer, magnitude } = real.runs[Number(state.values["run"])]!;
  expect([layer, magnitude]).toEqual([2, -10]);
  expect(document.activeElement).toBe(cells[Number(state.values["run"])]);
  await fireEvent.keyDown(cells[0]!, { key: "End" });
  expect(real.runs[Number(state.values["run"])]!.magnitude).toBe(10);
  expect(screen.getByRole("figure", { name: "Layer 2, magnitude +10" })).toBeTruthy();
});

test("what is left of a shift: nothing where it is no more than rounding, unknown without distances", () => {
  const run = real.runs[0]!;
  expect(left({ ...run, distance: 3, shifted: 4, floor: 0.1 })).toBe(0.75);
  expect(left({ ...run, distance: 1e-6, shifted: 1e-6, floor: 1e-5 })).toBe(0);
  expect(left({ ...run, distance: null, shifted: null, floor: null })).toBe(null);
});

test("a change is told as the shift asked for it or otherwise, and others are counted", () => {
  const run = structuredClone(real.runs[0]!);
  run.best.tokens = run.best.tokens.with(1, "he").with(5, "his");
  Object.assign(run, { changed: [1, 5], marks: run.marks.with(1, "intended").with(5, "otherwise") });
  expect(fate(real, run)).toEqual({ word: "he", kind: "intended", others: 1 });
  show({ ...real, runs: [run] });
  expect(screen.getByRole("gridcell").textContent).toMatch(/the word became “he” as the shift asked, 1 other token changed/);
  expect(screen.getAllByTitle(/changed as the shift asked: was “she”/)[0]!.textContent).toBe("he✓");
  expect(screen.getAllByTitle(/changed otherwise: was “her”/)[0]!.textContent).toBe("his✗");
});

test("an activation replaced by another word's has no magnitude", () => {
  const runs = real.runs.filter((run) => run.magnitude === 10).map((run) => ({ ...run, magnitude: null }));
  const { container } = show({ ...real, runs, concept: null, replacement: { ...real.start, text: "he sleeps" }, replacement_positions: [1] });
  expect(screen.getByRole("columnheader", { name: "replaced" })).toBeTruthy();
  expect(container.textContent).toContain("was replaced by that from “he sleeps”");
  expect(holes(container)).toEqual([]);
});

test("an interrupted sweep has empty cells, which cannot be chosen", async () => {
  const { state } = show({ ...real, runs: real.runs.slice(0, 7), interrupted: true }, "run=2");
  expect(document.querySelectorAll("td.none")).toHaveLength(3);
  await fireEvent.keyDown(screen.getAllByRole("gridcell")[2]!, { key: "ArrowDown" });
  expect(state.values["run"]).toBe("2");
});

test("PAIR's shift: the loss stands in for the distance, and each run has its steps", () => {
  const { container } = show(pair, "run=0");
  expect(holes(container)).toEqual([]);
  expect(container.textContent).toContain("was moved towards “she”");
  expect(container.textContent).toContain("files of PAIR have no distances");
  const rows = container.querySelectorAll('[aria-label^="Steps: layer"] [role=option]');
  expect(rows).toHaveLength(pair.runs[0]!.steps!.length);
});

test("as many cells as there are layers and magnitudes, and only the rows in sight", () => {
  const runs = Array.from({ length: 12 * 31 }, (_, i) => ({ ...real.runs[0]!, layer: Math.floor(i / 31), magnitude: (i % 31) - 15 }));
  const { container } = show({ ...real, runs });
  expect(container.querySelectorAll("[role=gridcell]")).toHaveLength(372);
  expect(container.querySelectorAll("[role=option]").length).toBeLessThan(40);
});
