import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { DreamResult, Step } from "../src/schema";
import { LiveRun } from "../src/studio/live.svelte";
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

  test("a tab that nobody looks at holds no connection, and takes the run up again", async () => {
    let hidden = false;
    vi.spyOn(document, "hidden", "get").mockImplementation(() => hidden);
    const look = (away: boolean): void => {
      hidden = away;
      document.dispatchEvent(new Event("visibilitychange"));
    };
    await open();
    source().send("steps", [step(0, 1)]);
    draw();
    look(true);
    expect(FakeSource.all.map((one) => one.readyState)).toEqual([2]);
    look(false);
    await vi.advanceTimersByTimeAsync(0);
    expect(FakeSource.all.map((one) => one.readyState)).toEqual([2, 1]);
    source().send("begin");
    source().send("steps", [step(0, 1), step(1, 2)]);
    draw();
    expect(dream().steps.map((one) => one.step)).toEqual([0, 1]);
    live.close();
    look(true);
    look(false);
    await vi.advanceTimersByTimeAsync(0);
    expect(FakeSource.all).toHaveLength(2);
  });

  test("whether a text survives the round trip is not said before the server says it", async () => {
    await open();
    source().send("steps", [step(0, 1)]);
    draw();
    expect(dream().best.round_trip).toBeNull();
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
