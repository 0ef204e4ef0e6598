/**
 * What the address says: `#new=dream`, `#run=ID:step=3`, `#compare=ID,ID:step=1:step=2`, `#results:search=hands`.
 * What stands behind each colon is the state of a view.
 */

export interface Route {
  page: "new" | "run" | "compare" | "results";
  /** Experiment, run, or runs with commas. */
  value: string;
  states: string[];
}

export function parse(hash: string): Route {
  const found = /^#(new|run|compare|results)(?:=([^:]*))?(?::(.*))?$/s.exec(hash);
  if (!found) return { page: "new", value: "dream", states: [] };
  const [, page, value = "", rest] = found;
  return { page: page as Route["page"], value, states: rest === undefined ? [] : rest.split(":") };
}

export function write({ page, value, states }: Route): string {
  const last = states.findLastIndex((state) => state !== "");
  const kept = states.slice(0, last + 1);
  return [`#${page}${value && `=${value}`}`, ...kept].join(":");
}

export const link = (page: Route["page"], value = "", ...states: string[]): string => write({ page, value, states });
