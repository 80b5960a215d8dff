// How the page is built: hashed assets, no inline script (the server sends a strict
// content security policy), Loro as WebAssembly in a file of its own.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { precacheList } from "./plugins/precache-list.ts";

const isTest = process.env["VITEST"] !== undefined;

export default defineConfig({
  plugins: [react(), precacheList()],
  resolve: {
    // The page loads WebAssembly asynchronously (src/main.tsx awaits it); tests in Node use
    // the synchronous build. Source files import plain "loro-crdt" everywhere.
    alias: isTest ? [] : [{ find: /^loro-crdt$/, replacement: "loro-crdt/web" }],
  },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500,
    reportCompressedSize: false,
  },
  server: {
    proxy: {
      "/api": "http://127.0.0.1:4001",
      "/sync": { target: "ws://127.0.0.1:4001", ws: true },
    },
  },
  test: {
    include: ["src/**/*.test.ts", "src/**/*.test.tsx", "tests/**/*.test.ts"],
    environment: "node",
  },
});
