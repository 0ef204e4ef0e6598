/** The data of a picture: what its CSV holds, and what is read out in its place. */

export type Cell = string | number | boolean | null | undefined;

export interface Table {
  columns: string[];
  rows: Cell[][];
}

/**
 * RFC 4180, UTF-8. A text cell that a spreadsheet would run as a formula begins with an apostrophe; numbers never do.
 */
export function csv(table: Table): string {
  const cell = (value: Cell): string => {
    if (value === null || value === undefined) return "";
    let text = String(value);
    if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [table.columns, ...table.rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}
