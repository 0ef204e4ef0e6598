import { fireEvent, render, screen } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { ViewState } from "../src/lib/state.svelte";
import type { CorpusTopResult } from "../src/schema";
import CorpusTop from "../src/views/CorpusTop.svelte";
import { fixture, holes, outline } from "./outline";

const corpus = fixture<CorpusTopResult>("corpus");

test("a corpus card with a second corpus beside it", () => {
  const { container } = render(CorpusTop, { result: corpus, state: new ViewState() });
  expect(outline(container)).toMatchSnapshot();
  expect(holes(container)).toEqual([]);
});

test("the tenths, highest first, and the least activating", async () => {
  const state = new ViewState();
  render(CorpusTop, { result: corpus, state });
  await fireEvent.click(screen.getByRole("button", { name: "from every tenth" }));
  expect(String(state)).toBe("sentences=tenths");
  const heads = screen.getAllByRole("heading", { level: 4 }).map((one) => one.textContent);
  expect(heads.filter((text) => text?.includes(" %"))).toHaveLength(10);
  expect(heads.findIndex((text) => text?.startsWith("90 to 100 %"))).toBeLessThan(heads.findIndex((text) => text?.startsWith("0 to 10 %")));
  await fireEvent.click(screen.getByRole("button", { name: "least activating" }));
  expect(screen.getAllByRole("listitem")).toHaveLength(corpus.least.length);
});

test("tokens below zero are told apart by a line, not by colour alone", () => {
  const { container } = render(CorpusTop, { result: corpus, state: new ViewState() });
  const [first] = corpus.sentences;
  const below = first!.activations.filter((value, position) => value < 0 && !/^\[/.test(first!.tokens[position]!)).length;
  expect(below).toBeGreaterThan(0);
  expect(container.querySelector("ol li")!.querySelectorAll(".below")).toHaveLength(below);
});

test("a direction of one's own without bands, share or second corpus", () => {
  const bare: CorpusTopResult = { ...corpus, against: null, quantiles: [], least: [], standing: { ...corpus.standing, top_share: null } };
  const { container } = render(CorpusTop, { result: bare, state: new ViewState("sentences=tenths") });
  expect(holes(container)).toEqual([]);
  expect(screen.queryByRole("button", { name: "from every tenth" })).toBeNull();
  expect(screen.getAllByRole("listitem")).toHaveLength(corpus.sentences.length);
});

test("text of a corpus never becomes markup", () => {
  const [first] = corpus.sentences;
  const evil = { ...first!, tokens: first!.tokens.map(() => "<img src=x onerror=alert(1)>"), text: "</script><b>" };
  const { container } = render(CorpusTop, { result: { ...corpus, sentences: [evil] }, state: new ViewState() });
  expect(container.querySelector("img")).toBeNull();
});

test("the table has the activation of every token: not all can point at one", async () => {
  render(CorpusTop, { result: corpus, state: new ViewState() });
  await fireEvent.click(screen.getByRole("button", { name: "Sentences: show the data as a table" }));
  const [first] = corpus.sentences;
  const cell = screen.getByRole("region", { name: "Sentences: data" }).querySelector("tbody tr td:last-child")!.textContent!;
  expect(cell.split(", ")).toHaveLength(first!.tokens.length + first!.tokens.filter((token) => token === ",").length);
  expect(cell).toContain("##ing 2.02");
});
