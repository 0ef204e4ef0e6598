/** A form's fields, made from the JSON Schema of an experiment's settings, and the settings made from what was filled in. */
import type { Experiment, Limits, Schema } from "./types";

export type Value = string | number | boolean | null;
export type Values = Record<string, Value>;

export interface Field {
  /** Dotted, as in `search.gcg.steps`. */
  path: string;
  label: string;
  help: string;
  role: string | null;
  kind: "boolean" | "integer" | "number" | "choice" | "text";
  nullable: boolean;
  fallback: Value;
  choices: string[];
  low: number | null;
  high: number | null;
  longest: number | null;
}

/** Fields that stand under one heading: the settings themselves, or those of one method. */
export interface Section {
  path: string;
  help: string;
  fields: Field[];
}

/** The command line's words in the page's: `--start-weight` is the field “start weight”. */
export const plain = (text: string): string =>
  text.replaceAll(/--([a-z][a-z-]*)/g, (_, name: string) => `“${name.replaceAll("-", " ")}”`);

const last = (path: string): string => path.slice(path.lastIndexOf(".") + 1);
export const parent = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf(".")));

function resolved(schema: Schema, root: Schema): Schema {
  if (!schema.$ref) return schema;
  const { $ref, ...own } = schema;
  return { ...root.$defs?.[last($ref.replaceAll("/", "."))], ...own };
}

function fieldOf(path: string, schema: Schema, role: string | null): Field {
  const kinds = schema.anyOf ?? [schema];
  const real = kinds.filter((kind) => kind.type !== "null");
  // A setting that takes numbers and words alike is written as words.
  const one: Schema = real.length === 1 ? real[0]! : (real.find((kind) => kind.type === "string") ?? {});
  const choices = one.const !== undefined ? [one.const] : (one.enum ?? []);
  const whole = one.type === "integer";
  const above = one.exclusiveMinimum === undefined ? null : whole ? one.exclusiveMinimum + 1 : one.exclusiveMinimum;
  return {
    path,
    label: last(path).replaceAll("_", " "),
    help: plain(schema.description ?? ""),
    role,
    kind: choices.length > 0 ? "choice" : one.type === "boolean" || one.type === "integer" || one.type === "number" ? one.type : "text",
    nullable: real.length < kinds.length,
    fallback: (schema.default ?? null) as Value,
    choices: choices.map(String),
    low: one.minimum ?? above,
    // Numbers of JSON beyond this are not those that were typed.
    high: one.maximum === undefined ? null : Math.min(one.maximum, Number.MAX_SAFE_INTEGER),
    longest: one.maxLength ?? null,
  };
}

/** All fields of an experiment, in the schema's order. */
export function sections({ schema, roles }: Pick<Experiment, "schema" | "roles">): Section[] {
  const found: Section[] = [];
  const walk = (object: Schema, path: string): void => {
    const section: Section = { path, help: plain(object.description ?? ""), fields: [] };
    found.push(section);
    for (const [name, property] of Object.entries(object.properties ?? {})) {
      const full = path ? `${path}.${name}` : name;
      const one = resolved(property, schema);
      if (one.properties) walk(one, full);
      else section.fields.push(fieldOf(full, one, roles[full] ?? null));
    }
  };
  walk(schema, "");
  return found.filter((section) => section.fields.length > 0);
}

/** Nested settings as dotted paths. */
export function flat(settings: Record<string, unknown>, path = ""): Values {
  const found: Values = {};
  for (const [name, value] of Object.entries(settings)) {
    const full = path ? `${path}.${name}` : name;
    if (value !== null && typeof value === "object" && !Array.isArray(value))
      Object.assign(found, flat(value as Record<string, unknown>, full));
    else found[full] = value as Value;
  }
  return found;
}

/** What the form begins with: every default, and the given settings over them. A null that was given is a setting like others. */
export function initial(fields: readonly Field[], settings: Record<string, unknown>): Values {
  const given = flat(settings);
  return Object.fromEntries(fields.map(({ path, fallback }) => [path, Object.hasOwn(given, path) ? given[path]! : fallback]));
}

/** The settings to send: only what differs from the defaults. */
export function settingsOf(fields: readonly Field[], values: Values): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  for (const { path, fallback } of fields) {
    const value = values[path];
    if (value === undefined || value === fallback || (value === "" && fallback === null)) continue;
    const names = path.split(".");
    let object = settings;
    for (const name of names.slice(0, -1)) object = (object[name] ??= {}) as Record<string, unknown>;
    object[names.at(-1)!] = value;
  }
  return settings;
}

export interface Bounds {
  low: number | null;
  high: number | null;
  /** Why the field is of no use with this model. */
  useless: string | null;
}

/** A field's limits in a model: layers, neurons of the chosen site, positions of the text. */
export function bounds(field: Field, values: Values, sites: string | null, limits: Limits | null, tokens: number): Bounds {
  const { low, high } = field;
  if (!limits) return { low, high, useless: null };
  const site = String((sites && values[sites]) || "resid_post");
  const highest: Record<string, number | undefined> = {
    layer: limits.layers - 1,
    neuron: (limits.widths[site] ?? NaN) - 1,
    head: limits.heads - 1,
    position: tokens > 0 ? tokens - 1 : undefined,
  };
  const most = field.role ? highest[field.role] : undefined;
  const useless = field.role === "token" && !limits.masked_head && !limits.next_token_head ? "This model has no head that predicts tokens." : null;
  if (most === undefined || !Number.isFinite(most)) return { low, high, useless };
  return { low: Math.max(0, low ?? 0), high: Math.min(most, high ?? most), useless };
}
