import { fireEvent, render, screen, within } from "@testing-library/svelte";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fromPair } from "../src/lib/pair";
import { ViewState } from "../src/lib/state.svelte";
import type { ReconstructResult } from "../src/schema";
import Reconstruct from "../src/views/Reconstruct.svelte";
import { fixture, holes, outline } from "./outline";

const real = fixture<ReconstructResult>("reconstruct");
const pair = fromPair(JSON.parse(readFileSync("../tests/data/pair/reconstruct_layers.json", "utf8")), "x.json") as ReconstructResult;

function show(result: ReconstructResult, address = "") {
  const state = new ViewState(address);
  return { ...render(Reconstruct, { result, state }), state };
}

test("layers as rows: proof, loss, floor, the nearest other text", () => {
  const { container } = show(real);
  expect(outline(container)).toMatchSnapshot();
  expect(holes(container)).toEqual([]);
});

test("a token shows what its layer takes for the same, beside all layers", async () => {
  const { state } = show(real);
  await fireEvent.click(screen.getAllByRole("button", { name: /^baseball, position 3/ })[1]!);
  expect(String(state)).toBe("layer=2&position=3");
  const figure = screen.getByRole("figure", { name: "What the layers take for “baseball”" });
  const bars = within(figure).getByRole("list", { name: "Substitutes at layer 2" });
  expect(within(bars).getAllByRole("listitem")).toHaveLength(3);
  expect(bars.textContent).toContain(real.layers[1]!.synonyms!.find((one) => one.position === 3)!.tokens[0]!.token);
  expect(within(figure).getAllByRole("row")).toHaveLength(1 + real.layers.length);
  await fireEvent.click(within(figure).getByRole("button", { name: "layer 5" }));
  expect(within(figure).getByRole("list", { name: "Substitutes at layer 5" })).toBeTruthy();
});

test("exact is said of what the activation tells apart, and no more", () => {
  const result = structuredClone(real);
  Object.assign(result.layers[0]!, { rival: { position: 1, id: 0, token: "##he", loss: 0 } });
  const { container } = show(result);
  expect(container.textContent).toContain(`exact up to “${result.layers[0]!.best.tokens[1]}” ↔ “##he”`);
  expect(container.textContent).toContain("proven exact");
  const { container: part } = show({ ...real, target: { ...real.target, position: 2 } });
  expect(part.textContent).toContain("activation exact");
  expect(part.textContent).not.toContain("proven exact");
});

test("a token that is near has another sign than one that is wrong", () => {
  const result = structuredClone(real);
  const layer = result.layers[0]!;
  Object.assign(layer, { exact: false, accuracy: 4 / 6, loss: 0.01, rival: null });
  layer.best.tokens = layer.best.tokens.with(1, "her").with(3, "tuesday");
  layer.marks = layer.marks.with(1, "near").with(3, "wrong");
  const { container } = show(result);
  const row = container.querySelector("li")!;
  expect(row.textContent).toContain("67 % right");
  expect(within(row as HTMLElement).getByTitle(/near: the text given has “she”/).textContent).toBe("her~");
  expect(within(row as HTMLElement).getByTitle(/wrong: the text given has “baseball”/).textContent).toBe("tuesday✗");
});

test("PAIR's reconstruction: what its files lack is left out, and each layer has its steps", async () => {
  const { container, state } = show(pair, "layer=11");
  expect(holes(container)).toEqual([]);
  expect(container.textContent).not.toContain("proven");
  expect(container.textContent).not.toContain("floor");
  expect(container.textContent).toContain("42 % right");
  // By label, not by role: the page is large, and roles are slow to find.
  const find = (label: string): Element => container.querySelector(`[aria-label^="${label}"]`)!;
  expect(find("Steps, layer 11").querySelectorAll("[role=option]")).toHaveLength(pair.layers[11]!.steps!.length);
  await fireEvent.keyDown(find("Steps, layer 11"), { key: "Home" });
  expect(state.values["step"]).toBe("0");
  expect(find("Loss over the steps, layer 11: 11 steps")).toBeTruthy();
  expect(find("Temperature over the steps")).toBeTruthy();
  await fireEvent.click(find("layer 4: show it below"));
  expect(find("Steps, layer 4")).toBeTruthy();
});
