import { fireEvent, render, screen, within } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { ViewState } from "../src/lib/state.svelte";
import type { ClassifyResult, ConceptResult } from "../src/schema";
import Classify from "../src/views/Classify.svelte";
import Concept from "../src/views/Concept.svelte";
import { fixture, holes, outline } from "./outline";

const concept = fixture<ConceptResult>("concept");
const classify = fixture<ClassifyResult>("classify");

test("accuracy by layer beside its controls, and the verdict", () => {
  const { container } = render(Concept, { result: concept, state: new ViewState() });
  expect(outline(container)).toMatchSnapshot();
  expect(holes(container)).toEqual([]);
});

test("the sentences of either word", async () => {
  const state = new ViewState("sentence=3");
  render(Concept, { result: concept, state });
  await fireEvent.click(screen.getByRole("button", { name: "she" }));
  expect(String(state)).toBe("sentence=0&side=negative");
  const rows = within(screen.getByRole("listbox", { name: "Sentences" })).getAllByRole("option");
  expect(rows).toHaveLength(concept.sentences.filter((one) => !one.positive).length);
  expect(rows.every((row) => row.textContent!.includes("[she]"))).toBe(true);
});

test("a word that stands far behind is brought into sight", () => {
  const words = Array.from({ length: 30 }, (_, i) => `word${i}`);
  const sentences = [{ ...concept.sentences[0]!, tokens: words, ids: words.map((_, i) => i), position: 20 }];
  render(Concept, { result: { ...concept, sentences }, state: new ViewState() });
  const row = screen.getByRole("option").textContent!;
  expect(row).toContain("[word20]");
  expect(row).not.toContain("word13");
  expect(row).toContain("… ");
});

test("a word in its sentence, layer by layer; layers that are no better than their controls say so", () => {
  const { container } = render(Classify, { result: classify, state: new ViewState() });
  expect(outline(container)).toMatchSnapshot();
  expect(holes(container)).toEqual([]);
  expect(screen.getAllByText(/^\W*no better than its controls/)).toHaveLength(classify.layers.filter((one) => !one.better).length);
});
