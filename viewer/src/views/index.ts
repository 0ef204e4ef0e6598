/** One view for each kind of result. */
import type { Component } from "svelte";
import type { ViewState } from "../lib/state.svelte";
import type { AnyResult } from "../schema";
import Dream from "./Dream.svelte";

export interface ViewProps<Kind extends AnyResult = AnyResult> {
  result: Kind;
  state: ViewState;
}

export const VIEWS: Partial<Record<AnyResult["type"], Component<any>>> = {
  dream: Dream,
};
