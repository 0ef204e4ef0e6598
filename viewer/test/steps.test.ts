import { fireEvent, render, screen, within } from "@testing-library/svelte";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fromPair } from "../src/lib/pair";
import { ViewState } from "../src/lib/state.svelte";
import type { DreamResult } from "../src/schema";
import Dream from "../src/views/Dream.svelte";
import Steps from "../src/views/Steps.svelte";
import { fixture, holes, outline } from "./outline";

const pair = (name: string): DreamResult => fromPair(JSON.parse(readFileSync(`../tests/data/pair/${name}.json`, "utf8")), name) as DreamResult;
const step = (number: number, tokens: string[], value: number | null, more = {}) => ({ step: number, tokens, value, ...more });

test("steps as a chart and as rows, in which what changed is marked", async () => {
  const state = new ViewState();
  const steps = [step(0, ["a", "b"], 1.5, { soft: 2, temperature: 3 }), step(10, ["a", "c"], 0.01, { soft: 1, temperature: 1, note: "moved on" })];
  const { container } = render(Steps, { steps, start: ["a", "b"], value: "loss", of: " of a test", state });
  expect(outline(container)).toMatchSnapshot();
  const rows = within(screen.getByRole("listbox", { name: "Steps of a test" })).getAllByRole("option");
  expect(rows.map((row) => [...row.querySelectorAll(".changed")].map((token) => token.textContent))).toEqual([[], ["c"]]);
  expect(rows[1]!.getAttribute("aria-selected")).toBe("true");
  expect(container.textContent).toContain("moved on");
  await fireEvent.click(rows[0]!);
  expect(state.values["step"]).toBe("0");
  expect(container.textContent).toContain("hard (real tokens): 1.50");
});

test("the chosen step stands in full above the list, whatever there is room for in its row", async () => {
  const steps = [step(0, ["a", "b"], 1.5), step(10, ["a", "c"], -2, { soft: 1, temperature: 3, note: "moved on" })];
  const { container } = render(Steps, { steps, start: ["a", "b"], value: "activation", state: new ViewState() });
  const whole = (): string[] => [...screen.getByRole("figure", { name: "Step by step" }).querySelectorAll(":scope > div p")].map((one) => one.textContent!.trim());
  expect(whole()).toEqual(["Step 10, activation −2, soft activation 1, temperature 3: moved on", "a c (changed)"]);
  await fireEvent.click(screen.getAllByRole("option")[0]!);
  expect(whole()).toEqual(["Step 0, activation 1.50", "a b"]);
  expect(container.textContent).toContain("Bars: filled, the activation of the real tokens; hollow, of the mixture; thin, the temperature.");
});

test("a step's bars are of one scale, and each kind has its shape", () => {
  const steps = [step(0, ["a"], -1, { soft: 3, temperature: 2 }), step(1, ["a"], 1, { soft: -1, temperature: 1 }), step(2, ["a"], 0.5)];
  render(Steps, { steps, start: ["a"], value: "activation", state: new ViewState() });
  const bars = screen.getAllByRole("option").map((row) =>
    [...row.querySelectorAll<HTMLElement>(".bars i")].map((bar) => [bar.className.split(" ")[0], parseFloat(bar.style.left || "0"), parseFloat(bar.style.width)]),
  );
  expect(bars).toEqual([
    [["hard", 0, 25], ["mixed", 25, 75], ["heat", 0, 100]],
    [["hard", 25, 25], ["mixed", 0, 25], ["heat", 0, 50]],
    [["hard", 25, 12.5]],
  ]); // prettier-ignore
});

test("start and best of a dream are pinned above its steps, and cannot be chosen", () => {
  const result = fixture<DreamResult>("dream-word");
  render(Dream, { result, state: new ViewState() });
  const pinned = within(screen.getByRole("list", { name: "start and best" })).getAllByRole("listitem");
  expect(pinned.map((row) => row.querySelector(".number")!.textContent)).toEqual(["start", "best"]);
  expect(pinned[1]!.textContent).toContain("realising] (read here, changed)");
  expect(screen.getAllByRole("option")).toHaveLength(result.steps.length);
});

test("steps without any value have no chart", () => {
  render(Steps, { steps: [step(0, ["a"], null), step(1, ["b"], null)], start: ["a"], value: "activation", state: new ViewState() });
  expect(screen.queryByRole("figure", { name: /over the steps/ })).toBe(null);
  expect(screen.getAllByRole("option")).toHaveLength(2);
});

test("a dream of textdream's own", () => {
  const { container } = render(Dream, { result: fixture<DreamResult>("dream-word"), state: new ViewState() });
  expect(holes(container)).toEqual([]);
  expect(screen.getByRole("figure", { name: "Start and best" })).toBeTruthy();
  expect(container.textContent).toContain("1-opt certificate");
});

test("what a method came to is not called the last step where a sweep went on from there", () => {
  const result = fixture<DreamResult>("dream-word");
  const names = (phase: string) => {
    const steps = result.steps.map((one, at) => (at === result.steps.length - 1 ? { ...one, phase } : one));
    const { container, unmount } = render(Dream, { result: { ...result, method: "gcg", steps }, state: new ViewState() });
    const found = [...container.querySelector("figure")!.querySelectorAll("th")].map((cell) => cell.textContent);
    unmount();
    return found;
  };
  expect(names("sweep")).toEqual(["start", "end of gcg", "best"]);
  expect(names("gcg")).toEqual(["start", "last step", "best"]);
});

test("a dream of PAIR's: what the file does not say is not claimed", () => {
  const { container } = render(Dream, { result: pair("dream"), state: new ViewState() });
  expect(holes(container)).toEqual([]);
  expect(container.textContent).toContain("the file does not say");
  expect(container.textContent).not.toContain("does not survive");
  expect(container.textContent).not.toContain("texts were evaluated");
});

test.each(["top_words", "top_words_script"])("PAIR's %s know no text's value, and so none is the best", (name) => {
  const { container } = render(Dream, { result: pair(name), state: new ViewState() });
  expect(holes(container)).toEqual([]);
  const figure = screen.getByRole("figure", { name: "Start and end" });
  expect([...figure.querySelectorAll("th")].map((cell) => cell.textContent)).toEqual(["start", "last step"]);
});
