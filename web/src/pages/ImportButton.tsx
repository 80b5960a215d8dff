// Chooses files to make documents of.
import { useRef } from "react";
import { UploadIcon } from "../shell/icons";

export function ImportButton({ isBusy, onFiles }: { isBusy: boolean; onFiles: (files: readonly File[]) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" className="button" disabled={isBusy} onClick={() => { input.current?.click(); }}>
        <UploadIcon />
        {isBusy ? "Importing…" : "Import Markdown…"}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        multiple
        accept=".md,.markdown,.txt,text/markdown,text/plain"
        aria-label="Files to import"
        onChange={(event) => {
          onFiles([...(event.target.files ?? [])]);
          // So that the same file can be chosen again.
          event.target.value = "";
        }}
      />
    </>
  );
}
