import { fireEvent, render, screen } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { ViewState } from "../src/lib/state.svelte";
import type { FillMaskResult } from "../src/schema";
import FillMask from "../src/views/FillMask.svelte";
import { fixture, holes, outline } from "./outline";

const result = fixture<FillMaskResult>("fill-mask");
/** As it is seen. */
function text(): string {
  const copy = document.querySelector(".text")!.cloneNode(true) as Element;
  for (const heard of copy.querySelectorAll(".unseen")) heard.remove();
  return copy.textContent!.replaceAll(/\s+/g, " ").trim();
}

test("tokens by probability", () => {
  const { container } = render(FillMask, { result, state: new ViewState() });
  expect(outline(container)).toMatchSnapshot();
  expect(holes(container)).toEqual([]);
});

test("a chosen token stands in the text", async () => {
  const state = new ViewState();
  render(FillMask, { result, state });
  expect(text()).toBe(`she played ${result.tokens[0]!.token} with her friends`);
  await fireEvent.click(screen.getByRole("button", { name: new RegExp(result.tokens[2]!.token) }));
  expect(String(state)).toBe("token=2");
  expect(text()).toBe(`she played ${result.tokens[2]!.token} with her friends`);
});

test("a token that was asked for can be put in, and the one that stood there is marked", async () => {
  const asked = [{ id: 9, token: "chess", probability: 0.0001, rank: 812 }];
  const given = { ...result.tokens[1]!, rank: 2 };
  render(FillMask, { result: { ...result, asked, given }, state: new ViewState() });
  await fireEvent.click(screen.getByRole("button", { name: /chess/ }));
  expect(text()).toBe("she played chess with her friends");
  expect(screen.getByRole("button", { name: /it stands in the text/ }).textContent).toContain(result.tokens[1]!.token);
  expect(screen.getByText(/stands there: rank 2/)).toBeTruthy();
});

test("a causal model's token comes behind what it has seen", () => {
  render(FillMask, { result: { ...result, predicts: "next" }, state: new ViewState() });
  expect(text()).toBe(`she played ${result.tokens[0]!.token} (not seen by the model: [MASK] with her friends)`);
});
