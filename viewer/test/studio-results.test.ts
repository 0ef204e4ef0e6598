import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { tick } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import Gallery from "../src/studio/Gallery.svelte";
import Menu from "../src/studio/Menu.svelte";
import RunPage from "../src/studio/RunPage.svelte";
import { stateText } from "../src/studio/states";
import { StudioStore } from "../src/studio/studio.svelte";
import type { Run } from "../src/studio/types";
import { Answered, RUN, serve } from "./fake-server";

const RUNS: Run[] = Array.from({ length: 120 }, (_, index) => ({
  ...RUN, id: `20261126-125230-${String(index).padStart(6, "0")}`, text: index % 2 ? `wheeler ${index}` : `hands ${index}`, state: "done",
  has_result: true, headline: `found ${index}`, actions: ["delete"],
})); // prettier-ignore

/** The list as the server keeps it: searched, cut into pages. */
function list(all: () => Run[]) {
  return (_: unknown, url: string) => {
    const asked = new URL(url, "http://x").searchParams;
    if (asked.get("state") === "queued") return { runs: [], total: 0, offset: 0 };
    const found = all().filter((run) => run.text.includes(asked.get("search") ?? ""));
    const offset = Number(asked.get("offset"));
    return { runs: found.slice(offset, offset + Number(asked.get("limit"))), total: found.length, offset };
  };
}

let runs: Run[];
const ANSWERS = {
  "GET /api/about": { version: "0.1.0", default_model: "minilm", limits: { text: 20000 } },
  "GET /api/experiments": { experiments: [] },
  "GET /api/models": { models: [] },
  "GET /api/concepts": { concepts: [] },
  "GET /api/indexes": { indexes: [] },
  "GET /api/runs": list(() => runs),
};
const names = (): string[] => screen.queryAllByRole("listitem").map((item) => item.querySelector("a")!.textContent!);

beforeEach(() => {
  runs = RUNS;
  vi.stubGlobal("IntersectionObserver", class { observe() {} disconnect() {} }); // prettier-ignore
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  location.hash = "";
});

async function gallery(given = "") {
  const server = serve(ANSWERS);
  location.hash = "#results";
  const store = new StudioStore();
  render(Gallery, { store, given });
  await waitFor(() => expect(names().length).toBeGreaterThan(0));
  return { ...server, store };
}

test("a page of results, and more when they are asked for", async () => {
  await gallery();
  expect(names()).toHaveLength(50);
  await fireEvent.click(screen.getByRole("button", { name: "show more" }));
  await waitFor(() => expect(names()).toHaveLength(100));
  await fireEvent.click(screen.getByRole("button", { name: "show more" }));
  await waitFor(() => expect(names()).toHaveLength(120));
  expect(screen.queryByRole("button", { name: "show more" })).toBeNull();
  expect(new Set(names()).size).toBe(120);
});

test("what is searched stands in the address, and a link with it searches again", async () => {
  const { store } = await gallery();
  await fireEvent.input(screen.getByRole("searchbox"), { target: { value: "wheeler" } });
  await waitFor(() => expect(screen.getByText("60 results")).toBeTruthy());
  expect(names().every((name) => name.includes("wheeler"))).toBe(true);
  await waitFor(() => expect(location.hash).toBe("#results:search=wheeler"));
  expect(store.said).toBe("60 results found");
  cleanup();
  await gallery("search=hands");
  expect(names().every((name) => name.includes("hands"))).toBe(true);
});

test("two that are chosen are compared", async () => {
  await gallery();
  const boxes = screen.getAllByRole("checkbox");
  await fireEvent.click(boxes[0]!);
  expect(screen.queryByRole("link", { name: "compare side by side" })).toBeNull();
  await fireEvent.click(boxes[2]!);
  const link = screen.getByRole("link", { name: "compare side by side" });
  expect(link.getAttribute("href")).toBe(`#compare=${RUNS[0]!.id},${RUNS[2]!.id}`);
});

test("deleting asks once", async () => {
  const { asked, answers } = await gallery();
  answers[`DELETE /api/runs/${RUNS[1]!.id}`] = new Answered(204, null);
  const deleted = (): number => asked.filter((one) => one.key.startsWith("DELETE")).length;
  await fireEvent.click(screen.getByRole("button", { name: "delete wheeler 1" }));
  await waitFor(() => expect(document.activeElement?.textContent).toBe("delete"));
  await fireEvent.click(screen.getByRole("button", { name: "keep" }));
  expect(deleted()).toBe(0);
  await fireEvent.click(screen.getByRole("button", { name: "delete wheeler 1" }));
  await fireEvent.click(screen.getByRole("button", { name: "delete" }));
  await waitFor(() => expect(names()[1]).toContain("hands 2"));
  expect(deleted()).toBe(1);
  expect(screen.getByText("119 results")).toBeTruthy();
});

test("a run that ends is shown as ended", async () => {
  runs = [{ ...RUN, state: "running" }, ...RUNS];
  const { store } = await gallery();
  store.queue = [runs[0]!];
  await tick();
  runs = [{ ...RUN, state: "done", headline: "no realising for me" }, ...RUNS];
  store.queue = [];
  await waitFor(() => expect(screen.getByText("no realising for me")).toBeTruthy());
});

test("the queue stands in the menu with one's place in it", async () => {
  serve({ ...ANSWERS, "GET /api/runs": { runs: [{ ...RUN, id: "b", text: "second", state: "queued", place: 1 }, RUN], total: 2, offset: 0 } });
  const store = new StudioStore();
  render(Menu, { store });
  await store.look();
  await waitFor(() => expect(screen.getAllByRole("listitem").map((item) => item.textContent!.replaceAll(/\s+/g, " ").trim())).toEqual([
    "▶ no wheeler for me . running", "… second next in the queue",
  ])); // prettier-ignore
  expect(stateText({ ...RUN, state: "queued", place: 3 })).toBe("number 3 in the queue");
});

test("a run that is being stopped says so in every state, and one without a result keeps no best", () => {
  const said = (more: Partial<Run>): string => stateText({ ...RUN, ...more });
  expect(said({ state: "running", stopping: true })).toBe("stopping when the step under way is done");
  expect(said({ state: "paused", stopping: true })).toBe("stopping when the engine is free");
  expect(said({ state: "queued", place: 2, stopping: true })).toBe("stopping when the engine is free");
  expect(said({ state: "stopped", stopping: true, has_result: true })).toBe("stopped, the best is kept");
  expect(said({ state: "stopped", has_result: false })).toBe("stopped before there was a result");
});

test("when a run was made is told by the reader's clock", async () => {
  vi.stubEnv("TZ", "Asia/Tokyo");
  runs = [{ ...RUNS[0]!, created: "2026-11-26T20:52:30+00:00" }];
  await gallery();
  const time = screen.getByText("2026-11-27 05:52");
  expect([time.tagName, time.title]).toEqual(["TIME", "2026-11-26 20:52 UTC"]);
  vi.unstubAllEnvs();
});

test("a server that is gone is said, and found again", async () => {
  const { answers, store } = await gallery();
  await store.look();
  expect(store.gone).toBe(false);
  answers["gone"] = true;
  await store.look();
  expect(store.gone).toBe(true);
  delete answers["gone"];
  await store.look();
  expect(store.gone).toBe(false);
});

test("an interrupted run offers to go on, as a new one", async () => {
  const old: Run = { ...RUN, state: "interrupted", actions: ["continue", "delete"] };
  const { asked } = serve({ ...ANSWERS, [`GET /api/runs/${RUN.id}`]: old, [`POST /api/runs/${RUN.id}/continue`]: new Answered(201, { ...RUN, id: "new" }) });
  render(RunPage, { store: new StudioStore(), id: RUN.id, given: "" });
  await fireEvent.click(await screen.findByRole("button", { name: "continue" }));
  await waitFor(() => expect(location.hash).toBe("#run=new"));
  expect(asked.some((one) => one.key === `POST /api/runs/${RUN.id}/continue`)).toBe(true);
});

test("what is not possible now is said in the server's words", async () => {
  serve({ ...ANSWERS, [`GET /api/runs/${RUN.id}`]: { ...RUN, state: "interrupted", actions: ["continue"] },
    [`POST /api/runs/${RUN.id}/continue`]: new Answered(429, { error: "the queue is full; 100 runs; wait" }) }); // prettier-ignore
  render(RunPage, { store: new StudioStore(), id: RUN.id, given: "" });
  await fireEvent.click(await screen.findByRole("button", { name: "continue" }));
  expect((await screen.findByRole("alert")).textContent).toBe("the queue is full; 100 runs; wait");
});
