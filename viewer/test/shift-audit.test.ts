import { fireEvent, render, screen, within } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { ViewState } from "../src/lib/state.svelte";
import type { AuditToken, ShiftAuditResult } from "../src/schema";
import ShiftAudit from "../src/views/ShiftAudit.svelte";
import { fixture, holes, outline } from "./outline";

const real = fixture<ShiftAuditResult>("shift-audit");

/** As an audit of more sentences has them: one told from chance, one not, one too rare. */
const token = (name: string, change: Partial<AuditToken>): AuditToken => ({
  token: name, sentences: 40, concept: 0.8, concept_interval: [0.65, 0.9], random: 0.05, random_interval: [0.01, 0.17],
  p: 0.00001, tested: true, adjusted: 0.00002, more: true, became: [{ token: "his", runs: 30 }], ...change,
}); // prettier-ignore
const told: ShiftAuditResult = {
  ...real,
  tokens: [token("baker", {}), token("##ing", { concept: 0.2, adjusted: 0.31, more: false }), token("rare", { tested: false, adjusted: 1, more: false })],
  runs: real.runs.map((run, index) => (index === 0 ? { ...run, changed: [1, 5], became: ["he", "nurse"] } : run)),
};

function show(result: ShiftAuditResult, address = "") {
  const state = new ViewState(address);
  return { ...render(ShiftAudit, { result, state }), state };
}

test("an audit that found nothing says so", () => {
  const { container } = show(real);
  expect(outline(container)).toMatchSnapshot();
  expect(holes(container)).toEqual([]);
  expect(container.textContent).toContain(real.text);
});

test("tokens in order of how sure they are, those told from chance with a sign", async () => {
  const { container } = show(told);
  expect(holes(container)).toEqual([]);
  const rows = [...screen.getByRole("figure", { name: "Tokens that change" }).querySelectorAll("li")].map((row) => row.textContent!.replaceAll(/\s+/g, " "));
  expect(rows).toHaveLength(2);
  expect(rows[0]).toContain("✓ baker, changes more often along the concept");
  expect(rows[0]).toContain("80 % (65–90)");
  expect(rows[1]).toContain("· ##ing, not told from chance");
  expect(rows[1]).toContain("0.310");
  await fireEvent.click(screen.getByRole("button", { name: "and 1 token that changed too rarely to be tested" }));
  expect(screen.getByText("not tested")).toBeTruthy();
});

test("a token shows the runs in which it changed, and what it became", async () => {
  const { state } = show(told);
  expect(screen.getAllByRole("option")).toHaveLength(told.runs.length);
  await fireEvent.click(screen.getByRole("button", { name: /^baker/ }));
  expect(String(state)).toBe("token=baker");
  const runs = within(screen.getByRole("figure", { name: "Runs in which “baker” changed" }));
  expect(runs.getByRole("option").textContent).toContain("nurse");
  await fireEvent.click(runs.getByRole("button", { name: /show all/ }));
  expect(screen.getAllByRole("option")).toHaveLength(told.runs.length);
});

test("a minus turns the concept's way around", () => {
  show({ ...told, magnitude: -told.magnitude });
  expect(screen.getByText(/● along he → she/)).toBeTruthy();
});
