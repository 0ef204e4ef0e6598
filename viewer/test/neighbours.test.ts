import { fireEvent, render, screen } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { ViewState } from "../src/lib/state.svelte";
import type { NeuronsResult, SimilarResult } from "../src/schema";
import Neurons from "../src/views/Neurons.svelte";
import Similar from "../src/views/Similar.svelte";
import { fixture, holes, outline } from "./outline";

const similar = fixture<SimilarResult>("similar");
const neurons = fixture<NeuronsResult>("neurons");

test("neighbours as a list and as points, the nearest other one put in", () => {
  const { container } = render(Similar, { result: similar, state: new ViewState() });
  expect(outline(container)).toMatchSnapshot();
  expect(holes(container)).toEqual([]);
  // The word itself is the line across.
  expect(container.querySelectorAll("svg path")).toHaveLength(similar.tokens.length - 1);
});

test("a neighbour chosen in the list is ringed among the points and swapped in the text", async () => {
  const state = new ViewState();
  const { container } = render(Similar, { result: similar, state });
  await fireEvent.keyDown(screen.getByRole("listbox"), { key: "End" });
  const { token } = similar.tokens.at(-1)!;
  expect(state.values["rank"]).toBe(String(similar.tokens.length - 1));
  expect(container.querySelector("svg text.chosen")?.textContent).toBe(token);
  expect(container.querySelectorAll("circle.ring")).toHaveLength(1);
});

test.each([
  [0.8, "the further a neighbour, the less it acts like the word"],
  [0.5, "nearer neighbours tend to act more like the word"],
  [0.3, "distance says a little"],
  [0, "distance says next to nothing"],
  [-0.4, "nearer neighbours tend to act less like the word"],
])("a rank correlation of %d in words", (correlation, words) => {
  render(Similar, { result: { ...similar, rank_correlation: correlation }, state: new ViewState() });
  expect(screen.getByText(new RegExp(words))).toBeTruthy();
});

test("imported neighbours have no correlation and no start value", () => {
  const bare = { ...similar, rank_correlation: null, start: { ...similar.start, activation: null } };
  const { container } = render(Similar, { result: bare as unknown as SimilarResult, state: new ViewState() });
  expect(holes(container)).toEqual([]);
  expect(screen.queryByText(/Rank correlation/)).toBeNull();
});

test("units by layer, and as a list", async () => {
  const state = new ViewState();
  const { container } = render(Neurons, { result: neurons, state });
  expect(outline(container)).toMatchSnapshot();
  expect(holes(container)).toEqual([]);
  await fireEvent.keyDown(screen.getByRole("listbox"), { key: "ArrowDown" });
  expect(String(state)).toBe("rank=1");
  expect(container.querySelector("svg text.chosen")?.textContent).toBe(`unit ${neurons.neurons[1]!.neuron}`);
});

test("units of two sites have two shapes, named below", () => {
  const mixed = neurons.neurons.map((one, index) => ({ ...one, site: index % 2 ? "mlp_post" : "resid_post" }));
  const { container } = render(Neurons, { result: { ...neurons, neurons: mixed }, state: new ViewState() });
  expect([...container.querySelectorAll(".mark li")].map((one) => one.textContent?.trim())).toEqual(["mlp_post", "resid_post"]);
  expect(new Set([...container.querySelectorAll("g path")].map((one) => one.getAttribute("d"))).size).toBe(2);
});
