/**
 * The streams of one browser. It allows six connections to a server, over all its pages: were each a stream, no page could ask
 * anything any more. So a few may be streams, and whoever gets none looks in now and then.
 */
const SLOTS = 4;

/** Gives it back. */
export type Release = () => void;

/** A place for a stream, if one is free; the browser frees it too when the page is left. */
export async function slot(): Promise<Release | null> {
  // Browsers have locks where the page comes from this machine or over HTTPS; elsewhere it is not known who else streams.
  if (!navigator.locks) return () => {};
  for (let number = 0; number < SLOTS; number++) {
    const release = await taken(`textdream-stream-${number}`);
    if (release) return release;
  }
  return null;
}

const taken = (name: string): Promise<Release | null> =>
  new Promise((resolve) => {
    const hold = (lock: Lock | null): Promise<void> | null => {
      if (lock) return new Promise((release) => resolve(release));
      resolve(null);
      return null;
    };
    navigator.locks.request(name, { ifAvailable: true }, hold).catch(() => resolve(null));
  });
