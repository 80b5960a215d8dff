// Runs the measurements of this folder; they are no tests and judge nothing.
import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["bench/*.ts"], exclude: ["bench/vitest.config.ts"], environment: "node", disableConsoleIntercept: true } });
