import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { afterEach, expect, test, vi } from "vitest";
import Form from "../src/studio/Form.svelte";
import { StudioStore } from "../src/studio/studio.svelte";
import type { Experiment } from "../src/studio/types";
import { Answered, RUN, serve } from "./fake-server";
import data from "./fixtures/experiments.json";
import { MINILM } from "./minilm";

/** As WordPiece would, near enough: words and signs, with [CLS] and [SEP] around. */
function tokens({ text }: { text: string }): unknown {
  const words = text.match(/\w+|[^\w\s]/g) ?? [];
  const all = ["[CLS]", ...words, "[SEP]"];
  const positions = all.map((token, position) => {
    const special = position === 0 || position === all.length - 1;
    return { position, token, special, word: !special && words.filter((word) => word === token).length === 1 ? token : null };
  });
  return { tokens: all, positions, longest: 512 };
}

const ANSWERS = {
  "GET /api/about": { version: "0.1.0", default_model: "minilm", limits: { text: 20000 } },
  "GET /api/experiments": data,
  "GET /api/models": { models: [{ name: "minilm", summary: "BERT, 6 layers x 384", limits: MINILM }] },
  "GET /api/concepts": { concepts: [] },
  "GET /api/indexes": { indexes: [] },
  "GET /api/runs": { runs: [], total: 0, offset: 0 },
  "POST /api/tokens": tokens,
  "POST /api/runs": new Answered(201, RUN),
};

async function show(name: string, from: string | null = null, answers: Record<string, unknown> = {}) {
  const server = serve({ ...ANSWERS, ...answers });
  const store = new StudioStore();
  await store.look();
  const experiment = (data.experiments as unknown as Experiment[]).find((one) => one.name === name)!;
  render(Form, { store, experiment, from });
  await waitFor(() => expect(server.asked.some((one) => one.key === "POST /api/tokens") || name === "concept-fit").toBe(true));
  await new Promise((done) => setTimeout(done, 5));
  const sent = async (): Promise<unknown> => {
    await fireEvent.submit(document.querySelector("form")!);
    await waitFor(() => expect(server.asked.at(-1)!.key).toBe("GET /api/runs"));
    return (server.asked.findLast((one) => one.key === "POST /api/runs")!.body as { settings: unknown }).settings;
  };
  return { ...server, sent };
}

const click = (name: string | RegExp): Promise<boolean> => fireEvent.click(screen.getByRole("button", { name }));

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  location.hash = "";
});

/** What somebody meets in the form, control by control. */
function outline(): string {
  const controls = document.querySelectorAll<HTMLInputElement>("form :is(input, select, textarea, button, summary)");
  return [...controls]
    .map((one) => {
      const name = one.getAttribute("aria-label") ?? one.labels?.[0]?.textContent ?? one.textContent ?? "";
      const limits = ["min", "max", "step"].flatMap((key) => (one.hasAttribute(key) ? [`${key}=${one.getAttribute(key)}`] : []));
      const value = one.tagName === "BUTTON" || one.tagName === "SUMMARY" ? "" : one.type === "checkbox" ? String(one.checked) : JSON.stringify(one.value);
      const pressed = one.getAttribute("aria-pressed") === "true" ? "pressed" : "";
      return [one.tagName.toLowerCase(), one.disabled ? "disabled" : "", name.replaceAll(/\s+/g, " ").trim(), value, ...limits, pressed].filter(Boolean).join(" ");
    })
    .join("\n");
}

test("the form of a dream", async () => {
  await show("dream");
  expect(outline()).toMatchSnapshot();
});

test("a first dream needs no more than a click: everything is filled in", async () => {
  const { sent } = await show("dream");
  expect(await sent()).toEqual({ text: "no wheeler for me .", target: { layer: 4, neuron: 138, word: "wheeler" }, search: { steps: 20 } });
  expect(location.hash).toBe(`#run=${RUN.id}`);
});

test("a click on a word reads there; on a token that is no single word, at its position", async () => {
  const { sent } = await show("dream");
  await click("me, position 4: read here");
  expect(screen.getByRole("button", { name: "me, position 4: read here" }).getAttribute("aria-pressed")).toBe("true");
  expect(await sent()).toMatchObject({ target: { word: "me" } });
  await click("[CLS], position 0: read here");
  const settings = (await sent()) as { target: Record<string, unknown> };
  expect(settings.target).toEqual({ layer: 4, neuron: 138, position: "0" });
});

test("what may change: the word, all, or those that are clicked", async () => {
  const { sent } = await show("dream");
  await click("all words");
  expect(await sent()).toMatchObject({ search: { free: "all" } });
  await click("chosen ones");
  await click("me, position 4: may change");
  await click("no, position 1: may change");
  expect(await sent()).toMatchObject({ search: { free: "1,2,4" } });
  await click("me, position 4: may change");
  expect(await sent()).toMatchObject({ search: { free: "1,2" } });
});

test("where nothing may change, nothing is run", async () => {
  const { asked } = await show("token-search");
  await click("chosen ones");
  await click("wheeler, position 2: may change");
  await fireEvent.submit(document.querySelector("form")!);
  expect((await screen.findByRole("alert")).textContent).toContain("nothing may change");
  expect(asked.some((one) => one.key === "POST /api/runs")).toBe(false);
});

test("a word that is typed over is asked for again", async () => {
  await show("dream");
  await fireEvent.input(screen.getByLabelText("text"), { target: { value: "a doctor came" } });
  await waitFor(() => expect(screen.getByText("Click the word whose activation is read.")).toBeTruthy());
  expect(screen.getByRole("button", { name: "doctor, position 2: read here" })).toBeTruthy();
});

test("the server's refusal stands at the form, in the page's words, and at the setting", async () => {
  const refused = new Answered(422, { error: "--layer 9 was given; 0 to 5; give another layer", where: "settings.target.layer" });
  await show("dream", null, { "POST /api/runs": refused });
  await fireEvent.submit(document.querySelector("form")!);
  const alert = await screen.findByRole("alert");
  expect(alert.textContent).toContain("“layer” 9 was given; 0 to 5; give another layer");
  const layer = screen.getByLabelText(/^layer/);
  expect(layer.getAttribute("aria-invalid")).toBe("true");
  await waitFor(() => expect(document.activeElement).toBe(layer));
});

test("a text that the model cannot read is refused under it", async () => {
  await show("dream", null, { "POST /api/tokens": new Answered(422, { error: "the text is too long; 512 tokens; shorten it" }) });
  expect((await screen.findByRole("alert")).textContent).toBe("the text is too long; 512 tokens; shorten it");
});

test("a run's settings come back into the form", async () => {
  const settings = { text: "a doctor came", target: { layer: 2, neuron: 7, word: "doctor" }, search: { certify: false } };
  const { sent } = await show("dream", RUN.id, { [`GET /api/runs/${RUN.id}`]: { ...RUN, settings } });
  await waitFor(() => expect(screen.getByLabelText<HTMLTextAreaElement>("text").value).toBe("a doctor came"));
  expect(await sent()).toEqual(settings);
});

test("of a dream that is diagnosed, text and target are not sent", async () => {
  const dreams = { runs: [{ ...RUN, state: "done" }], total: 1, offset: 0 };
  const { sent } = await show("diagnose", null, { "GET /api/runs": dreams });
  await screen.findByRole("option", { name: /no wheeler for me/ });
  await fireEvent.change(screen.getByLabelText("dream"), { target: { value: RUN.id } });
  expect(await sent()).toEqual({ dream: RUN.id, search: { steps: 600 } });
  expect(screen.queryByLabelText("text")).toBeNull();
});

test("a concept that is needed is filled in where there is one", async () => {
  const concepts = [{ id: "newest", model: "minilm", positive: "he", negative: "she" }, { id: "older", model: "minilm", positive: "a", negative: "b" }];
  const { sent } = await show("concept-classify", null, { "GET /api/concepts": { concepts } });
  expect(screen.getByLabelText<HTMLSelectElement>("concept").value).toBe("newest");
  expect(await sent()).toMatchObject({ concept: "newest", word: "doctor" });
});

test("what is missing is said before anything is tried", async () => {
  await show("concept-classify");
  expect(screen.getByRole("link", { name: "Fit a concept" }).getAttribute("href")).toBe("#new=concept-fit");
  cleanup();
  await show("fill-mask");
  expect(screen.getByText(/has no head that predicts tokens: choose another/)).toBeTruthy();
});
