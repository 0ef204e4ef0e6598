import { fireEvent, render, screen } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { ViewState } from "../src/lib/state.svelte";
import type { DiagnoseResult } from "../src/schema";
import Diagnose from "../src/views/Diagnose.svelte";
import { fixture, holes, outline } from "./outline";

const diagnosis = fixture<DiagnoseResult>("diagnose");

test("verdict, findings, and what became of the token that was missed most", () => {
  const { container } = render(Diagnose, { result: diagnosis, state: new ViewState() });
  expect(outline(container)).toMatchSnapshot();
  expect(holes(container)).toEqual([]);
});

test("another position", async () => {
  const state = new ViewState();
  render(Diagnose, { result: diagnosis, state });
  const { position, tokens } = diagnosis.positions[0]!;
  await fireEvent.click(screen.getByRole("button", { name: new RegExp(`position ${position}\\b.*show what became`) }));
  expect(String(state)).toBe(`position=${position}`);
  expect(screen.getAllByText(new RegExp(`“${tokens[0]!.token}” came no higher than place`)).length).toBeGreaterThan(0);
});

test("a method without a softmax: neighbours and findings alone", () => {
  const positions = diagnosis.positions.map((one) => ({ ...one, best_path: null, winner_path: null, control_paths: null, smoothness: null, control_smoothness: [] }));
  const findings = diagnosis.findings.map((one) => ({ ...one, value: null, control: null }));
  const { container } = render(Diagnose, { result: { ...diagnosis, positions, findings, steps: [] }, state: new ViewState() });
  expect(screen.queryByRole("figure", { name: "What became of the best token" })).toBeNull();
  expect(screen.queryByRole("heading", { name: "Smoothness" })).toBeNull();
  expect(holes(container)).toEqual([]);
});

test("an interrupted diagnosis may have no position at all", () => {
  const { container } = render(Diagnose, { result: { ...diagnosis, positions: [], control_tokens: [], interrupted: true }, state: new ViewState() });
  expect(holes(container)).toEqual([]);
});
