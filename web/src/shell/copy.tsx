// Giving text to the person: to the clipboard, or as a file.
import { useState } from "react";

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [answer, setAnswer] = useState<"copied" | "failed" | null>(null);
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => {
        setAnswer("copied");
      },
      () => {
        setAnswer("failed");
      },
    );
  };
  return (
    <button type="button" className="button primary" onClick={copy} aria-live="polite">
      {answer === "copied" ? "Copied" : answer === "failed" ? "Select and copy by hand" : label}
    </button>
  );
}

export function saveAsFile(name: string, text: string, ending = "txt"): void {
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = `${name.replace(/[\\/:*?"<>|]+/g, " ").trim() || "document"}.${ending}`;
  link.click();
  URL.revokeObjectURL(address);
}
