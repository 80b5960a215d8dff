// Writes dist/precache.json: the hashed assets that the service worker keeps, so that a
// page can be reloaded without a network. Its hash in sw.js's name of the cache makes each build its own.
import type { Plugin } from "vite";

export function precacheList(): Plugin {
  return {
    name: "quire-precache-list",
    apply: "build",
    generateBundle(_options, bundle) {
      const assets = Object.keys(bundle)
        .filter((name) => name.startsWith("assets/") && !name.endsWith(".map"))
        .map((name) => `/${name}`)
        .sort();
      this.emitFile({
        type: "asset",
        fileName: "precache.json",
        source: `${JSON.stringify({ assets }, null, 2)}\n`,
      });
    },
  };
}
