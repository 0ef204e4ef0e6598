import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fromPair, isPair } from "../src/lib/pair";
import { parse } from "../src/lib/results";

/** PAIR's files, and what the Python importer makes of them: both readers must agree. */
const FOLDER = "../tests/data/pair";
const read = (name: string): unknown => JSON.parse(readFileSync(`${FOLDER}/${name}`, "utf8"));
const files = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));

test("all of PAIR's kinds are among the files", () => {
  const kinds = files.map((name) => fromPair(read(name), name).type);
  expect(new Set(kinds)).toEqual(new Set(["dream", "token_search", "similar", "reconstruct", "shift"]));
  expect(files.filter((name) => name.startsWith("top_words")).length).toBeGreaterThan(0);
  expect(existsSync(`${FOLDER}/imported`)).toBe(true);
});

/** The ids of tokens need a vocabulary, which the page does not have. */
const withoutIds = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (key, inner: unknown) => (key === "ids" || key === "id" ? undefined : inner)));

test.each(files)("%s becomes what the Python importer makes of it", (name) => {
  expect(isPair(read(name))).toBe(true);
  const { textdream, created, ...rest } = fromPair(read(name), name);
  expect(typeof textdream + typeof created).toBe("stringstring");
  expect(withoutIds(rest)).toEqual(withoutIds(read(`imported/${name}`)));
});

const faults: [string, unknown, string][] = [
  ["an empty wrapper", { layers: [] }, "layers that are no list of runs"],
  ["a type nobody wrote", { type: "nightmare", params: {} }, 'the type "nightmare"'],
  ["a type that objects have anyway", { type: "constructor", params: {} }, 'the type "constructor"'],
  ["a word beyond the text", { tokens: ["a"], change_word: 3, tops: [{ token: "b", activation: 1 }] }, "change_word 3, but 1 tokens"],
  ["a number that is a text", { tokens: ["a"], change_word: 0, tops: [{ token: "b", activation: "1" }] }, "activation that is no number"],
  ["no run", { params: {} }, "no type, and none of the keys of a run"],
  ["runs of two kinds", { layers: [{ tops: [] }, { tops: [], furthest: 1 }] }, "runs of several kinds (similar_embeddings, token_search)"],
  ["two dreams", { layers: [{ type: "dream" }, { type: "dream" }] }, "2 runs of the kind dream, of which a result has one"],
];

/** One of PAIR's files with other settings. */
const changed = (name: string, params: object): unknown => {
  const { word_id, ...data } = read(name) as { word_id?: unknown; params: object };
  return { ...data, params: { ...data.params, ...params } };
};
for (const all of [null, -1]) {
  faults.push(
    [`a reconstruction of layer ${all}`, changed("reconstruct.json", { layer_id: all }),
      "a reconstruction of all layers at once (layer_id null or -1), where a result has one for each layer"],
    [`a shift of layer ${all}`, changed("shift.json", { layer_id: all }),
      "a shift of all layers at once (layer_id null or -1), where a result has one for each layer"],
    [`top words of word ${all}`, changed("top_words_script.json", { word_id: all }),
      "top words of no position (word_id null or -1), which have to be of one of the free positions 1 to 5"],
  ); // prettier-ignore
}

test.each(faults)("%s is refused in a sentence", (_, data, message) => {
  expect(() => parse("x.json", JSON.stringify(data))).toThrow(`x.json holds ${message}; one of PAIR's six kinds of result file was expected.`);
});
