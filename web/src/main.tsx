// Starts the page.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./shell/App";
import { reportFailure } from "./shell/report";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/forms.css";
import "./styles/list.css";
import "./styles/people.css";
import "./styles/document.css";
import "./styles/comments.css";
import "./styles/history.css";
import "./styles/admin.css";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);

if (import.meta.env.PROD && "serviceWorker" in navigator) {
  navigator.serviceWorker.register("/sw.js").catch(reportFailure);
}
