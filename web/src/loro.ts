// Loads Loro's WebAssembly. Everything else imports plain "loro-crdt" and may use it once this is done.
import * as loroWeb from "loro-crdt/web";

// The published types leave out the default export of the asynchronous entry.
const entry = loroWeb as unknown as { default: () => Promise<unknown> };

export async function loadLoro(): Promise<void> {
  await entry.default();
}
