/** One view for each kind of result. */
import type { Component } from "svelte";
import type { ViewState } from "../lib/state.svelte";
import type { AnyResult } from "../schema";
import Dream from "./Dream.svelte";

export interface ViewProps<Kind extends AnyResult = AnyResult> {
  result: Kind;
  state: ViewState;
  /** Still growing, as in the studio: what a result says of itself at its end is left out. */
  live?: boolean;
}

export const VIEWS: Partial<Record<AnyResult["type"], Component<any>>> = {
  dream: Dream,
};
