/** A page as those hear it who do not see it: names, roles, states and text, one line each. Snapshots of it can be read. */
import { readFileSync } from "node:fs";
import { cleanup } from "@testing-library/svelte";
import { afterEach } from "vitest";

afterEach(cleanup);

const LINES = "figure,h2,h3,h4,p,li,tr,dt,dd,button,input,svg,[role=option],[role=listbox],[role=grid],ul,ol,table,text";

export function outline(root: Element): string {
  const lines: string[] = [];
  const walk = (node: Node, depth: number): void => {
    if (node instanceof Text) {
      const text = node.data.replaceAll(/\s+/g, " ");
      const last = lines.length - 1;
      if (last >= 0) lines[last] += text;
      return;
    }
    if (!(node instanceof Element) || node.getAttribute("aria-hidden") === "true") return;
    // The same four buttons on every picture.
    if (node.matches(".tools")) return;
    const own = node.matches(LINES);
    if (own) {
      const states = ["pressed", "selected"].filter((state) => node.getAttribute(`aria-${state}`) === "true");
      const name = node.getAttribute("aria-label");
      const what = node.getAttribute("role") ?? node.tagName.toLowerCase();
      lines.push(`${"  ".repeat(depth)}${what}${states.map((state) => ` (${state})`).join("")}${name ? ` “${name}”` : ""}: `);
      // What a name already says is not said twice.
      if (node.matches("button, [role=option]") && name) return;
    }
    for (const child of node.childNodes) walk(child, own ? depth + 1 : depth);
    if (node.matches("td, th, title, .number, .soft")) lines[lines.length - 1] += " ";
  };
  lines.push("");
  walk(root, 0);
  return lines.map((line) => line.replaceAll(/(?<=\S) +/g, " ").replace(/[: ]+$/, "")).filter((line) => line.trim()).join("\n"); // prettier-ignore
}

/** A small real result of test/fixtures. */
export const fixture = <T>(name: string): T => JSON.parse(readFileSync(`test/fixtures/${name}.json`, "utf8")) as T;

/** No number that is none, and nothing that is missing, stands on the page. */
export const holes = (root: Element): string[] => root.innerHTML.match(/NaN|undefined|Infinity|\bnull\b/g) ?? [];
