// The document's title, editable in place: Enter or leaving saves, Escape takes it back.
import { useRef, useState } from "react";
import { TITLE_LENGTH } from "./limits";

export interface TitleFieldProps {
  title: string;
  isReadOnly: boolean;
  onRename: (title: string) => void;
}

export function TitleField({ title, isReadOnly, onRename }: TitleFieldProps) {
  /** What the person is typing; null while they are not. Others' renames do not disturb it. */
  const [draft, setDraft] = useState<string | null>(null);
  const isTakenBack = useRef(false);
  const shown = draft ?? title;
  const finish = (): void => {
    const wanted = draft?.trim() ?? "";
    if (!isTakenBack.current && wanted !== "" && wanted !== title) onRename(wanted);
    isTakenBack.current = false;
    setDraft(null);
  };
  return (
    <div className="title-field" data-shown={shown === "" ? "Untitled document" : shown}>
      <input
        aria-label="Title"
        size={1}
        value={shown}
        placeholder="Untitled document"
        maxLength={TITLE_LENGTH}
        readOnly={isReadOnly}
        spellCheck={false}
        onFocus={(event) => {
          if (isReadOnly) return;
          setDraft(title);
          event.target.select();
        }}
        onChange={(event) => { setDraft(event.target.value); }}
        onBlur={finish}
        onKeyDown={(event) => {
          if (event.key === "Escape") isTakenBack.current = true;
          if (event.key === "Escape" || event.key === "Enter") event.currentTarget.blur();
        }}
      />
    </div>
  );
}
