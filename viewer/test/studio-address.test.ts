import { describe, expect, test, vi } from "vitest";
import { chosen, toggled } from "../src/studio/positions";
import { link, parse, write } from "../src/studio/route";
import { StudioStore } from "../src/studio/studio.svelte";

describe("the address", () => {
  test.each(["#new=dream", "#run=20261126-125230-k3f9ab:step=3", "#compare=a,b:step=1:step=2", "#results:search=a%3Ab", "#results"])(
    "%s is read and written alike",
    (hash) => expect(write(parse(hash))).toBe(hash),
  );

  test("anything else begins with a dream", () => {
    for (const hash of ["", "#", "#what", "#0:step=3"]) expect(parse(hash)).toEqual({ page: "new", value: "dream", states: [] });
  });

  test("states keep their columns", () => {
    expect(link("compare", "a,b", "", "step=2")).toBe("#compare=a,b::step=2");
    expect(parse("#compare=a,b::step=2").states).toEqual(["", "step=2"]);
    expect(link("run", "a", "")).toBe("#run=a");
  });

  test("a view's state is noted, but never over a link that was clicked meanwhile", () => {
    vi.useFakeTimers();
    history.replaceState(null, "", "#run=a");
    const store = new StudioStore();
    store.note(["step=1"]);
    vi.runAllTimers();
    expect(location.hash).toBe("#run=a:step=1");
    store.note(["step=2"]);
    history.replaceState(null, "", "#new=dream:from=a");
    vi.runAllTimers();
    expect(location.hash).toBe("#new=dream:from=a");
    vi.useRealTimers();
  });
});

describe("positions", () => {
  test("lists and ranges, as in Python", () => {
    expect(chosen("2,5, 7", 9)).toEqual([2, 5, 7]);
    expect(chosen("3:6", 9)).toEqual([3, 4, 5]);
    expect(chosen("7:", 9)).toEqual([7, 8]);
    expect(chosen("3:99", 5)).toEqual([3, 4]);
    expect(chosen("2,99", 5)).toEqual([2]);
    for (const words of ["all", "word", "", "2;3"]) expect(chosen(words, 9)).toBeNull();
  });

  test("a click adds in order, another takes away", () => {
    expect(toggled([2, 7], 5)).toBe("2,5,7");
    expect(toggled([2, 5, 7], 5)).toBe("2,7");
    expect(toggled([2], 2)).toBe("");
  });
});
