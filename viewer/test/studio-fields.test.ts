import { describe, expect, test } from "vitest";
import { bounds, flat, initial, plain, sections, settingsOf, type Field } from "../src/studio/fields";
import { offersOf } from "../src/studio/offers";
import type { Experiment, Run, Schema } from "../src/studio/types";
import data from "./fixtures/experiments.json";
import { MINILM } from "./minilm";

const experiments = data.experiments as unknown as Experiment[];
const named = (name: string): Experiment => experiments.find((one) => one.name === name)!;
const fieldsOf = (name: string): Field[] => sections(named(name)).flatMap((section) => section.fields);
const field = (name: string, path: string): Field => fieldsOf(name).find((one) => one.path === path)!;

/** Every leaf of a schema, found in another way than the forms do: by its default settings. */
function leaves(schema: Schema, root: Schema, path = ""): string[] {
  const name = schema.$ref?.split("/").at(-1);
  const properties = (name ? root.$defs![name] : schema)!.properties;
  return properties ? Object.entries(properties).flatMap(([key, one]) => leaves(one, root, path ? `${path}.${key}` : key)) : [path];
}

describe("fields", () => {
  test.each(experiments.map((one) => one.name))("%s: every setting has one field, in the schema's order", (name) => {
    const { schema } = named(name);
    expect(fieldsOf(name).map((one) => one.path).toSorted()).toEqual(leaves(schema, schema).toSorted());
  });

  test.each(experiments.map((one) => one.name))("%s: what is common and what has a role is a setting", (name) => {
    const paths = new Set(fieldsOf(name).map((one) => one.path));
    for (const path of [...named(name).common, ...Object.keys(named(name).roles), ...Object.keys(flat(named(name).example))])
      expect(paths).toContain(path);
  });

  test("kinds, limits and choices", () => {
    const short = (one: Field): string => {
      const range = one.low === null && one.high === null ? "" : ` ${one.low ?? ""}…${one.high ?? ""}`;
      return `${one.path}: ${one.kind}${one.nullable ? "?" : ""}${range}${one.choices.length ? ` ${one.choices.join("|")}` : ""}${one.role ? ` (${one.role})` : ""}`;
    };
    expect(Object.fromEntries(experiments.map((one) => [one.name, fieldsOf(one.name).map(short)]))).toMatchSnapshot();
  });

  test("an open lower limit of whole numbers is the next number", () => {
    const schema: Schema = { properties: { a: { type: "integer", exclusiveMinimum: 0 }, b: { type: "number", exclusiveMinimum: 0 } } };
    expect(sections({ schema, roles: {} })[0]!.fields.map((one) => one.low)).toEqual([1, 0]);
  });

  test("flags of the command line are named as the fields are", () => {
    expect(plain("give --start-weight, or --layer 3")).toBe("give “start weight”, or “layer” 3");
  });
});

describe("settings", () => {
  test("defaults are left out, examples come back as they were", () => {
    for (const { name, example } of experiments) {
      const fields = fieldsOf(name);
      expect(settingsOf(fields, initial(fields, {}))).toEqual({});
      const sent = flat(settingsOf(fields, initial(fields, example)));
      for (const [path, value] of Object.entries(flat(example)))
        if (value !== fields.find((one) => one.path === path)!.fallback) expect(sent[path]).toBe(value);
    }
  });

  test("what was given as not set stays so, where the default is something", () => {
    const number = { anyOf: [{ type: "integer" }, { type: "null" }], default: 64, description: "" };
    const schema: Schema = { properties: { most: number, search: { properties: { patience: { ...number, default: 5 } } } } };
    const fields = sections({ schema, roles: {} }).flatMap((section) => section.fields);
    const given = { most: null, search: { patience: null } };
    expect(initial(fields, given)).toEqual({ most: null, "search.patience": null });
    expect(settingsOf(fields, initial(fields, given))).toEqual(given);
    expect(initial(fields, {})).toEqual({ most: 64, "search.patience": 5 });
  });

  test("a deep setting is sent where it belongs", () => {
    const fields = fieldsOf("dream");
    expect(settingsOf(fields, { ...initial(fields, {}), text: "a", "search.gcg.steps": 3 })).toEqual({ text: "a", search: { gcg: { steps: 3 } } });
  });
});

describe("a model's limits", () => {
  const within = (path: string, values = {}, tokens = 7): unknown => {
    const { low, high } = bounds(field("dream", path), values, "target.site", MINILM, tokens);
    return [low, high];
  };
  test("layers, neurons of the chosen site, heads", () => {
    expect(within("target.layer")).toEqual([0, 5]);
    expect(within("target.neuron")).toEqual([0, 383]);
    expect(within("target.neuron", { "target.site": "mlp_post" })).toEqual([0, 1535]);
    expect(within("target.head")).toEqual([0, 11]);
  });

  test("positions end with the text", () => {
    const { high } = bounds(field("reconstruct", "search.position"), {}, null, MINILM, 7);
    expect(high).toBe(6);
  });

  test("before the model is known, the schema's own hold", () => {
    expect(bounds(field("dream", "target.layer"), {}, null, null, 0)).toEqual({ low: null, high: null, useless: null });
  });

  test("tokens can only be raised where a head predicts them", () => {
    expect(bounds(field("dream", "target.token"), {}, null, MINILM, 7).useless).toMatch(/no head/);
    expect(bounds(field("dream", "target.token"), {}, null, { ...MINILM, masked_head: true }, 7).useless).toBeNull();
  });
});

test("what is at hand is offered for its model alone", () => {
  const hand = {
    model: "minilm", limits: MINILM, indexes: [],
    concepts: ["minilm", "other"].map((model) => ({ id: `of-${model}`, model, positive: "he", negative: "she" })),
    dreams: [{ id: "1", model: "minilm", text: "no", headline: null }] as Run[],
  }; // prettier-ignore
  const values = (name: string, path: string): string[] | undefined => offersOf(field(name, path), hand)?.map((one) => one.value);
  expect(values("dream", "target.site")).toEqual(MINILM.sites);
  expect(values("concept-classify", "concept")).toEqual(["of-minilm"]);
  expect(values("dream", "target.direction")).toEqual(["of-minilm", "of-minilm:logistic"]);
  expect(values("diagnose", "dream")).toEqual(["1"]);
  expect(values("dream", "target.layer")).toBeUndefined();
});
