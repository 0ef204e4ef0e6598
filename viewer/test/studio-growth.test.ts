import { fireEvent, render, screen } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { csv } from "../src/lib/table";
import { ViewState } from "../src/lib/state.svelte";
import type { Step } from "../src/schema";
import { Growth } from "../src/studio/growth";
import Dream from "../src/views/Dream.svelte";
import { RUN } from "./fake-server";
import { holes } from "./outline";

const step = (index: number, hard: number): Step => ({ step: index, tokens: ["[CLS]", "no", `w${index}`, "[SEP]"], hard, phase: "gcg" }) as Step;

test("a dream that grows claims no round trip, which nobody checked", async () => {
  const result = new Growth(RUN).add([step(0, 1), step(1, 4)]);
  expect([result.start, result.final, result.best].map((sample) => sample.round_trip)).toEqual([null, null, null]);
  const { container } = render(Dream, { result, state: new ViewState(), live: true });
  await fireEvent.click(screen.getByRole("button", { name: "Start and best: show the data as a table" }));
  expect(holes(container)).toEqual([]);
  expect([...container.querySelectorAll("tbody tr:last-child td")].map((cell) => cell.textContent)).toEqual(["best", "no w1", "4", ""]);
  expect(csv({ columns: ["round trip"], rows: [[result.best.round_trip]] })).toBe("round trip\r\n\r\n");
});
