// Writes src/schema.ts: the types of result files, from the JSON Schema that the Python records generate.
// `npm run types -- --check` fails where the file differs from that.
import { readFileSync, writeFileSync } from "node:fs";
import { compile } from "json-schema-to-typescript";

const SCHEMA = new URL("../../schema/result.schema.json", import.meta.url);
const TYPES = new URL("../src/schema.ts", import.meta.url);

/** Later versions may add keys to a file; what is drawn here is what the schema names, so unknown keys have no type. */
function closed(node) {
  if (Array.isArray(node)) return node.map(closed);
  if (node === null || typeof node !== "object") return node;
  const out = {};
  for (const [key, value] of Object.entries(node)) {
    if (key === "additionalProperties" && value === true && node.properties) out[key] = false;
    // A title on a property would make a type of its own for every field.
    else if (key === "title" && node.properties === undefined) continue;
    // Lengths would become unions of tuples.
    else if ((key === "minItems" || key === "maxItems") && node.type === "array") continue;
    else out[key] = closed(value);
  }
  return out;
}

const schema = closed(JSON.parse(readFileSync(SCHEMA, "utf8")));
schema.title = "AnyResult";
// A field with a default is always written by textdream.
for (const kind of Object.values(schema.$defs)) {
  const always = Object.entries(kind.properties ?? {}).filter(([, value]) => "default" in value && value.default !== null);
  kind.required = [...new Set([...(kind.required ?? []), ...always.map(([key]) => key)])];
}
const source = await compile(schema, "AnyResult", {
  bannerComment: "/* Generated from schema/result.schema.json by `npm run types`. Do not edit. */",
  additionalProperties: false,
  style: { printWidth: 120 },
});
if (process.argv.includes("--check")) {
  if (readFileSync(TYPES, "utf8") !== source) {
    console.error("src/schema.ts is not what the schema gives; run: npm run types");
    process.exit(1);
  }
} else writeFileSync(TYPES, source);
