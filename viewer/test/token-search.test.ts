import { fireEvent, render, screen } from "@testing-library/svelte";
import { tick } from "svelte";
import { expect, test } from "vitest";
import { ViewState } from "../src/lib/state.svelte";
import type { TokenSearchResult } from "../src/schema";
import TokenSearch from "../src/views/TokenSearch.svelte";
import { fixture, holes, outline } from "./outline";

const map = fixture<TokenSearchResult>("token-map");
const pairs = fixture<TokenSearchResult>("token-pairs");

function show(result: TokenSearchResult, address = "") {
  const state = new ViewState(address);
  return { ...render(TokenSearch, { result, state }), state };
}
const swapped = (): string => screen.getByRole("figure", { name: "The word swapped" }).querySelectorAll("tr")[1]!.textContent!.replaceAll(/\s+/g, " ");

test("a map: every position with its best tokens, and the sentence with the best of all", () => {
  const { container } = show(map);
  expect(outline(container)).toMatchSnapshot();
  expect(holes(container)).toEqual([]);
});

test("a cell of the map swaps its word, and the arrow keys go on from it", async () => {
  const { state } = show(map);
  const grid = screen.getByRole("grid");
  const cell = [...grid.querySelectorAll("td")].find((one) => one.textContent!.includes("trois"))!;
  await fireEvent.click(cell);
  expect(String(state)).toBe("end=best&position=1&rank=2");
  expect(swapped()).toContain("trois");
  await fireEvent.keyDown(cell, { key: "ArrowDown" });
  expect(String(state)).toBe("end=best&position=2&rank=2");
  expect(swapped()).toContain(map.map![1]!.tokens[2]!.token);
  await tick();
  expect(document.activeElement?.getAttribute("aria-selected")).toBe("true");
  await fireEvent.keyDown(document.activeElement!, { key: "End" });
  expect(state.values["rank"]).toBe("3");
});

test("the worst tokens, from an address", () => {
  show(map, "position=1&end=worst&rank=0");
  const { token } = map.map![0]!.worst[0]!;
  expect(swapped()).toContain(token);
  expect(screen.getByText(/^Down by 0.588/)).toBeTruthy();
  expect(screen.getByRole("option", { selected: true }).textContent).toContain(token);
});

test("pairs: both words are swapped, with the proof that no single one is better", async () => {
  const { container, state } = show(pairs);
  expect(outline(container)).toMatchSnapshot();
  expect(holes(container)).toEqual([]);
  await fireEvent.keyDown(screen.getByRole("listbox", { name: "Best pairs" }), { key: "ArrowDown" });
  expect(String(state)).toBe("pair=1");
  for (const token of pairs.pairs![1]!.tokens) expect(swapped()).toContain(token.replace("##", ""));
});

test("one token takes the pair's place, and where no cell is chosen the keyboard still finds the grid", async () => {
  const { state } = show(pairs);
  const cells = [...screen.getByRole("grid").querySelectorAll("td")];
  expect(cells.map((cell) => cell.tabIndex).filter((index) => index === 0)).toHaveLength(1);
  await fireEvent.click(cells[1]!);
  expect(state.values["pair"]).toBeUndefined();
  expect(cells[1]!.getAttribute("aria-selected")).toBe("true");
});

test("an imported file has one position, no worst tokens and no start value", () => {
  const bare = { ...map, map: null, positions: null, worst: [], searched: null, evaluations: null, start: { ...map.start, activation: null } };
  const { container } = show(bare as unknown as TokenSearchResult);
  expect(screen.queryByRole("grid")).toBeNull();
  expect(screen.getAllByRole("listbox")).toHaveLength(1);
  expect(holes(container)).toEqual([]);
});
