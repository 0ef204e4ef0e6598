/**
 * What a view shows beyond its result: the step, the position, the layer that was chosen. It stands in the address after
 * the #, so that a link reopens the view as it was.
 */
export class ViewState {
  values: Record<string, string> = $state({});

  constructor(text = "") {
    for (const [key, value] of new URLSearchParams(text)) this.values[key] = value;
  }

  /** A number within limits; `fallback` where none was chosen. */
  number(key: string, fallback: number, low = -Infinity, high = Infinity): number {
    const given = this.values[key];
    const value = given === undefined || given.trim() === "" ? NaN : Number(given);
    return Math.max(low, Math.min(high, Number.isFinite(value) ? value : fallback));
  }

  /** One of some choices, the first where none was made. */
  choice<T extends string>(key: string, choices: readonly T[]): T {
    const given = this.values[key] as T;
    return choices.includes(given) ? given : choices[0]!;
  }

  set(key: string, value: string | number | null): void {
    if (value === null) delete this.values[key];
    else this.values[key] = String(value);
  }

  toString(): string {
    return new URLSearchParams(Object.entries(this.values).sort()).toString();
  }
}
