// Starts the page: Loro's WebAssembly first, then React.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { loadLoro } from "./loro";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");

await loadLoro();
createRoot(root).render(<StrictMode>Quire</StrictMode>);
