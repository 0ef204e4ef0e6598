import { render, screen } from "@testing-library/svelte";
import { expect, test, vi } from "vitest";
import { everHeaviest, heaviest, path, softSteps } from "../src/lib/annealing";
import { ViewState } from "../src/lib/state.svelte";
import type { DreamResult, Step } from "../src/schema";
import Annealing from "../src/views/Annealing.svelte";
import { fixture, holes, outline } from "./outline";

const dream = fixture<DreamResult>("annealing");

const step = (number: number, weights: Record<string, number> | null): Step => ({
  step: number, tokens: ["a"], hard: 0, phase: "anneal",
  top_tokens: weights && [Object.entries(weights).map(([token, weight], id) => ({ id, token, weight }))],
}); // prettier-ignore

test("of the tokens that ever were heaviest those with most weight come first, behind the ones asked for", () => {
  const steps = [step(0, { a: 0.4, b: 0.3 }), step(1, { b: 0.5, c: 0.2 }), step(2, { b: 0.9, d: 0.05 }), step(3, null)];
  expect(everHeaviest(steps, 0, [], 5)).toEqual(["b", "a"]);
  expect(everHeaviest(steps, 0, ["d", "nowhere", "d"], 5)).toEqual(["d", "b", "a"]);
  expect(everHeaviest(steps, 0, ["d"], 2)).toEqual(["d", "b"]);
  expect(path(steps, 0, "a")).toEqual([0.4, null, null, null]);
  expect(softSteps(steps)).toEqual([0, 1, 2]);
  expect(heaviest(step(0, { a: 0.1, b: 0.7 }), 0).map((one) => one.token)).toEqual(["b", "a"]);
  expect(heaviest(undefined, 0)).toEqual([]);
});

const show = (result: DreamResult, at: number, state = new ViewState()) => {
  const onstep = vi.fn();
  return { ...render(Annealing, { result, step: at, onstep, state }), onstep, state };
};

test("the softmax at the position that is read, at the step of the dream", () => {
  const { container } = show(dream, 3);
  expect(outline(container)).toMatchSnapshot();
  expect(holes(container)).toEqual([]);
});

test("a step without a softmax shows the one before it", () => {
  show(dream, 4);
  const number = dream.steps[3]!.step;
  expect(screen.getByRole("heading", { name: `The heaviest at step ${number}` })).toBeTruthy();
});

test("a token chip chooses the position; the address has it", async () => {
  const { state } = show(dream, 3);
  screen.getByRole<HTMLButtonElement>("button", { name: /^then, position 1/ }).click();
  expect(String(state)).toBe("position=1");
  expect(await screen.findByRole("figure", { name: "The softmax at position 1" })).toBeTruthy();
  expect(screen.queryByRole("button", { name: /^he, position 2/ })).toBeNull();
});

test("the slider moves the dream's own step, past those without a softmax", () => {
  const { onstep } = show(dream, 0);
  const slider = screen.getByRole<HTMLInputElement>("slider", { name: "the steps of the annealing" });
  slider.value = "1";
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  expect(onstep).toHaveBeenCalledWith(2);
});

test("a file that has the softmax of one position and no values opens at it", () => {
  const bare = dream.steps.map((one) => ({ ...one, hard: null, top_tokens: one.top_tokens && [[], one.top_tokens[1]!.map((token) => ({ ...token, id: null }))] }));
  const target = { ...dream.target, position: null };
  const { container } = show({ ...dream, target, steps: bare } as unknown as DreamResult, 5);
  expect(screen.getByRole("figure", { name: "The softmax at position 8" })).toBeTruthy();
  expect(screen.queryByText("Position:")).toBeNull();
  expect(holes(container)).toEqual([]);
});

test("ten thousand steps are drawn with few points", () => {
  const steps = Array.from({ length: 10_000 }, (_, i) => step(i, { a: (i % 97) / 97, b: 0.01 }));
  const { container } = show({ ...dream, free: [0], steps }, 0);
  const length = [...container.querySelectorAll("path")].reduce((sum, one) => sum + (one.getAttribute("d")?.length ?? 0), 0);
  expect(container.querySelectorAll("path.area")).toHaveLength(3);
  expect(length).toBeLessThan(200_000);
});
