import type { Limits } from "../src/studio/types";

/** Some of the default model's limits. */
export const MINILM: Limits = {
  layers: 6, heads: 12, sites: ["embed", "resid_post", "mlp_post", "head"],
  widths: { embed: 384, resid_post: 384, mlp_post: 1536, head: 32 }, masked_head: false, next_token_head: false, causal: false,
}; // prettier-ignore
