/** What a setting that names something at hand may be: sites of the model, concepts, indexes, dreams. */
import type { Field } from "./fields";
import type { ConceptChoice, IndexChoice, Limits, Run } from "./types";

export interface Offer {
  value: string;
  says: string;
}

interface Hand {
  model: string;
  limits: Limits | null;
  concepts: readonly ConceptChoice[];
  indexes: readonly IndexChoice[];
  dreams: readonly Run[];
}

/** null where the setting is free text or a number. */
export function offersOf(field: Field, { model, limits, concepts, indexes, dreams }: Hand): Offer[] | null {
  switch (field.role) {
    case "site":
      return limits ? limits.sites.map((site) => ({ value: site, says: site })) : null;
    case "concept": {
      const vectors = field.path.endsWith("direction") ? ["", ":logistic"] : [""];
      return concepts
        .filter((concept) => concept.model === model)
        .flatMap(({ id, negative, positive }) =>
          vectors.map((vector) => ({ value: id + vector, says: `${negative} → ${positive}${vector.replace(":", ", ")} (${id})` })),
        );
    }
    case "index":
      return indexes.filter((index) => index.model === model).map(({ name }) => ({ value: name, says: name }));
    case "dream":
      return dreams.filter((run) => run.model === model).map(({ id, text, headline }) => ({ value: id, says: `${text} → ${headline ?? id}` }));
    case "corpus":
      return ["sotu", "random"].map((name) => ({ value: name, says: name }));
    default:
      return null;
  }
}
