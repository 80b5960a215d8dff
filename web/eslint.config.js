import js from "@eslint/js";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist", "node_modules"] },
  js.configs.recommended,
  {
    files: ["**/*.{ts,tsx}"],
    extends: [tseslint.configs.strictTypeChecked],
    plugins: { "react-hooks": reactHooks },
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      ...reactHooks.configs.recommended.rules,
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
    },
  },
  {
    // The browser tests run in Node, and parts of them in the page.
    files: ["e2e/*.mjs"],
    languageOptions: {
      globals: {
        process: "readonly", URL: "readonly", setTimeout: "readonly", fetch: "readonly", globalThis: "readonly",
        TextEncoder: "readonly", navigator: "readonly", window: "readonly", document: "readonly",
        getSelection: "readonly", console: "readonly", DataTransfer: "readonly", ClipboardEvent: "readonly",
      },
    },
  },
  {
    // The service worker is served as it stands, so it is plain script.
    files: ["public/sw.js"],
    languageOptions: {
      globals: {
        self: "readonly", caches: "readonly", fetch: "readonly",
        URL: "readonly", Response: "readonly", Request: "readonly",
      },
    },
  },
);
