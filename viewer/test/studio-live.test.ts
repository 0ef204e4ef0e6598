import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { DreamResult, Step } from "../src/schema";
import { LiveRun } from "../src/studio/live.svelte";
import { slot, type Release } from "../src/studio/slots";
import { Answered, FakeSource, RUN, serve } from "./fake-server";

const step = (index: number, hard: number): Step => ({ step: index, tokens: ["[CLS]", "no", `w${index}`, "[SEP]"], hard, phase: "gcg" }) as Step;
const RESULT = { type: "dream", schema: "textdream.result/1", steps: [step(0, 1)], interrupted: false };
const path = `GET /api/runs/${RUN.id}`;
let frames: (() => void)[] = [];
let live: LiveRun;
/** What waits is drawn, and the pause after it is over. */
const draw = (): void => {
  frames.splice(0).forEach((frame) => frame());
  vi.advanceTimersByTime(1);
};
const source = (): FakeSource => FakeSource.all.at(-1)!;
const dream = (): DreamResult => live.result as DreamResult;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("requestAnimationFrame", (frame: () => void) => frames.push(frame));
  vi.stubGlobal("cancelAnimationFrame", () => {});
  frames = [];
  FakeSource.all = [];
  live = new LiveRun(RUN.id, (url) => new FakeSource(url));
});
afterEach(() => {
  live.close();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

async function open(answers: Record<string, unknown> = {}): Promise<ReturnType<typeof serve>> {
  const server = serve({ [path]: { ...RUN, settings: { text: RUN.text } }, [`${path}/result`]: RESULT, ...answers });
  await live.open();
  if (FakeSource.all.length) {
    source().send("open");
    source().send("begin");
    source().send("state", RUN);
  }
  return server;
}

describe("a run that is watched", () => {
  test("steps of many events are drawn once a frame, and none is lost", async () => {
    await open();
    for (let i = 0; i < 300; i++) source().send("steps", [step(i, i % 7)]);
    expect(live.result).toBeNull();
    expect(frames).toHaveLength(1);
    draw();
    expect(dream().steps.map((one) => one.step)).toEqual([...Array(300).keys()]);
    expect(live.growing).toBe(true);
  });

  test("start, last and best are those of the steps", async () => {
    await open();
    source().send("steps", [step(0, 1), step(1, 4)]);
    draw();
    const before = dream().steps;
    source().send("steps", [step(2, 3)]);
    draw();
    expect([dream().start.activation, dream().final.activation, dream().best.activation]).toEqual([1, 3, 4]);
    expect(dream().steps).not.toBe(before);
  });

  test("a lowest activation is the best where that is looked for", async () => {
    await open({ [path]: { ...RUN, settings: { search: { minimise: true } } } });
    source().send("steps", [step(0, 1), step(1, -4), step(2, 3)]);
    draw();
    expect(dream().best.activation).toBe(-4);
  });

  test("what the server wrote of the dream stands in its picture, with all steps", async () => {
    const { asked } = await open({ [`${path}/result`]: { ...RESULT, target: { kind: "neuron", position: 2 } } });
    for (let i = 0; i < 4; i++) {
      if (i === 1) source().send("state", { ...RUN, has_result: true });
      source().send("steps", [step(i, i)]);
      draw();
      await vi.advanceTimersByTimeAsync(0);
    }
    expect([dream().target.position, dream().steps.length, dream().best.activation]).toEqual([2, 4, 3]);
    expect(asked.filter((one) => one.key.endsWith("/result"))).toHaveLength(1);
  });

  test("the end brings the whole result and closes the stream", async () => {
    await open();
    source().send("steps", [step(0, 1)]);
    source().send("result", { ...RUN, state: "done", has_result: true });
    source().send("end");
    await vi.runAllTimersAsync();
    expect([live.run?.state, live.growing, live.link, source().readyState]).toEqual(["done", false, "closed", 2]);
    expect(live.result).toEqual(RESULT);
    draw();
    expect(live.result).toEqual(RESULT);
  });

  test("the newest progress counts, and says how long it takes", async () => {
    await open();
    source().send("progress", { phase: "gcg", done: 10, total: 100 });
    draw();
    expect(live.left).toBeNull();
    vi.advanceTimersByTime(5000);
    source().send("progress", { phase: "gcg", done: 15, total: 100 });
    source().send("progress", { phase: "gcg", done: 20, total: 100 });
    draw();
    expect(live.progress?.done).toBe(20);
    expect(live.left).toBeCloseTo(40, 1);
    source().send("state", { ...RUN, state: "paused" });
    expect(live.left).toBeNull();
  });

  test("news bring what there is of a result, not more often than every two seconds", async () => {
    const { asked } = await open({ [path]: { ...RUN, experiment: "reconstruct" } });
    source().send("state", { ...RUN, has_result: true });
    vi.advanceTimersByTime(5000);
    for (let i = 0; i < 3; i++) {
      source().send("news", [`layer ${i}: exact`]);
      draw();
    }
    await vi.runAllTimersAsync();
    expect(live.news).toEqual(["layer 0: exact", "layer 1: exact", "layer 2: exact"]);
    expect(asked.filter((one) => one.key.endsWith("/result"))).toHaveLength(1);
    expect(live.growing).toBe(true);
  });
});

describe("a connection that breaks", () => {
  test("is said, and the browser's own return begins anew without steps twice", async () => {
    await open();
    source().send("steps", [step(0, 1), step(1, 2)]);
    draw();
    source().readyState = 0;
    source().send("error");
    expect(live.link).toBe("lost");
    expect(dream().steps).toHaveLength(2);
    source().send("open");
    source().send("begin");
    source().send("steps", [step(0, 1), step(1, 2), step(2, 3)]);
    draw();
    expect(live.link).toBe("open");
    expect(dream().steps).toHaveLength(3);
    expect(FakeSource.all).toHaveLength(1);
  });

  test("goes on where it was when the server can", async () => {
    await open();
    source().send("steps", [step(0, 1)]);
    source().send("error");
    source().send("open");
    source().send("steps", [step(1, 2)]);
    draw();
    expect(dream().steps).toHaveLength(2);
  });

  test("is taken up again where the browser gave up, and an interrupted run is shown as that", async () => {
    const { answers } = await open();
    source().readyState = 2;
    source().send("error");
    answers["gone"] = true;
    await vi.advanceTimersByTimeAsync(2000);
    expect(live.link).toBe("lost");
    delete answers["gone"];
    answers[path] = { ...RUN, state: "interrupted", has_result: true, actions: ["continue", "delete"] };
    await vi.advanceTimersByTimeAsync(2000);
    expect([live.link, live.run?.state]).toEqual(["closed", "interrupted"]);
    expect(live.result).toEqual(RESULT);
  });

  test("to a run that is no more ends with the server's sentence", async () => {
    await open({ [path]: new Answered(404, { error: "there is no such run" }) });
    expect(live.trouble).toBe("there is no such run");
    expect(FakeSource.all).toHaveLength(0);
  });
});

test("a run that has ended is not listened to", async () => {
  await open({ [path]: { ...RUN, state: "done", has_result: true } });
  expect(FakeSource.all).toHaveLength(0);
  expect(live.result).toEqual(RESULT);
});

/** The page is hidden, or seen again. */
async function hide(hidden: boolean): Promise<void> {
  vi.spyOn(document, "hidden", "get").mockReturnValue(hidden);
  document.dispatchEvent(new Event("visibilitychange"));
  await vi.advanceTimersByTimeAsync(0);
}
/** Streams that are open. */
const streams = (): FakeSource[] => FakeSource.all.filter((one) => one.readyState !== 2);

describe("connections are few, so", () => {
  afterEach(() => vi.restoreAllMocks());

  test("a hidden page has none, and catches up when it is seen, without a step lost or twice", async () => {
    const { asked } = await open();
    source().send("steps", [step(0, 1), step(1, 2)], "e-1");
    source().send("progress", { phase: "gcg", done: 1, total: 9 });
    draw();
    await hide(true);
    expect(streams()).toEqual([]);
    const before = asked.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect([asked.length, FakeSource.all.length, live.link]).toEqual([before, 1, "open"]);
    await hide(false);
    expect(streams().map((one) => one.url)).toEqual([`/api/runs/${RUN.id}/events?after=e-1`]);
    source().send("open");
    source().send("steps", [step(2, 3)], "e-2");
    draw();
    expect(dream().steps.map((one) => one.step)).toEqual([0, 1, 2]);
  });

  test("a run that ended while the page was hidden is shown with its whole result", async () => {
    const { answers } = await open();
    await hide(true);
    answers[path] = { ...RUN, state: "done", has_result: true };
    await hide(false);
    expect([live.run?.state, live.link, streams().length]).toEqual(["done", "closed", 0]);
    expect(live.result).toEqual(RESULT);
    await hide(true);
    await hide(false);
    expect(streams()).toEqual([]);
  });

  test("a page that is opened in the background says what it is, and listens when it is seen", async () => {
    vi.spyOn(document, "hidden", "get").mockReturnValue(true);
    await open();
    expect([live.run?.text, FakeSource.all.length]).toEqual([RUN.text, 0]);
    await hide(false);
    expect(streams()).toHaveLength(1);
  });

  test("a run that has not begun is asked for, until it begins", async () => {
    const { answers, asked } = await open({ [path]: { ...RUN, state: "queued", place: 2 } });
    await vi.advanceTimersByTimeAsync(3000);
    expect([FakeSource.all.length, asked.length, live.run?.place]).toEqual([0, 4, 2]);
    answers[path] = { ...RUN, state: "running" };
    await vi.advanceTimersByTimeAsync(1000);
    expect(streams()).toHaveLength(1);
  });

  test("a paused run is listened to until all was heard, and again when it goes on", async () => {
    const { answers } = await open();
    const paused = { ...RUN, state: "paused", has_result: true };
    answers[path] = paused;
    source().send("state", paused);
    await vi.advanceTimersByTimeAsync(400);
    source().send("steps", [step(0, 1)], "e-1");
    await vi.advanceTimersByTimeAsync(400);
    source().send("steps", [step(1, 2)], "e-2");
    expect(streams()).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(5000);
    draw();
    expect([streams().length, FakeSource.all.length, dream().steps.length]).toEqual([0, 1, 2]);
    answers[path] = { ...RUN, state: "running", has_result: true };
    await vi.advanceTimersByTimeAsync(1000);
    expect(streams().map((one) => one.url)).toEqual([`/api/runs/${RUN.id}/events?after=e-2`]);
    expect(live.link).toBe("open");
  });

  test("a page that gets no place looks in now and then, and stays when one is free", async () => {
    let [place, back]: [Release | null, number] = [null, 0];
    live.close();
    live = new LiveRun(RUN.id, (url) => new FakeSource(url), () => Promise.resolve(place)); // prettier-ignore
    await open();
    source().send("steps", [step(0, 1)], "e-1");
    await vi.advanceTimersByTimeAsync(300);
    source().send("steps", [step(1, 2)], "e-2");
    await vi.advanceTimersByTimeAsync(300);
    expect([streams().length, live.link]).toEqual([0, "open"]);
    place = () => back++;
    await vi.advanceTimersByTimeAsync(2000);
    source().send("open");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(streams().map((one) => one.url)).toEqual([`/api/runs/${RUN.id}/events?after=e-2`]);
    live.close();
    expect(back).toBe(1);
  });

  test("a stream that does not open is left, and nobody is alarmed", async () => {
    serve({ [path]: RUN });
    await live.open();
    await vi.advanceTimersByTimeAsync(5000);
    expect([streams().length, live.link]).toEqual([0, "opening"]);
    await vi.advanceTimersByTimeAsync(2000);
    expect(streams()).toHaveLength(1);
  });

  test("four pages of a browser stream at most", async () => {
    const held = new Set<string>();
    const request = async (name: string, _: LockOptions, hold: (lock: unknown) => Promise<void> | null): Promise<void> => {
      if (held.has(name)) return void hold(null);
      held.add(name);
      await hold({ name });
      held.delete(name);
    };
    vi.stubGlobal("navigator", { locks: { request } });
    const places = [await slot(), await slot(), await slot(), await slot(), await slot()];
    expect(places.map((one) => one !== null)).toEqual([true, true, true, true, false]);
    places[1]!();
    await vi.advanceTimersByTimeAsync(0);
    expect(await slot()).not.toBeNull();
    expect(await slot()).toBeNull();
  });
});
