// Loads Loro's WebAssembly once. Everything else imports plain "loro-crdt" and may use it after this.
import * as loroWeb from "loro-crdt/web";

// The published types leave out the default export of the asynchronous entry.
const entry = loroWeb as unknown as { default: () => Promise<unknown> };
let loading: Promise<unknown> | undefined;

export async function loadLoro(): Promise<void> {
  loading ??= entry.default();
  await loading;
}
