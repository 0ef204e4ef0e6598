/** One view for each kind of result. */
import type { Component } from "svelte";
import type { ViewState } from "../lib/state.svelte";
import type { AnyResult } from "../schema";
import Classify from "./Classify.svelte";
import Concept from "./Concept.svelte";
import CorpusTop from "./CorpusTop.svelte";
import Diagnose from "./Diagnose.svelte";
import Dream from "./Dream.svelte";
import FillMask from "./FillMask.svelte";
import Neurons from "./Neurons.svelte";
import Reconstruct from "./Reconstruct.svelte";
import Shift from "./Shift.svelte";
import ShiftAudit from "./ShiftAudit.svelte";
import Similar from "./Similar.svelte";
import TokenSearch from "./TokenSearch.svelte";

export interface ViewProps<Kind extends AnyResult = AnyResult> {
  result: Kind;
  state: ViewState;
  /** Still growing, as in the studio: what a result says of itself at its end is left out. */
  live?: boolean;
}

export const VIEWS: Record<AnyResult["type"], Component<any>> = {
  dream: Dream,
  fill_mask: FillMask,
  concept: Concept,
  classify: Classify,
  reconstruct: Reconstruct,
  shift: Shift,
  shift_audit: ShiftAudit,
  token_search: TokenSearch,
  similar: Similar,
  diagnose: Diagnose,
  corpus_top: CorpusTop,
  neurons: Neurons,
};
