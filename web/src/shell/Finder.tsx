// A field that finds one of a list by typing: arrows move, Enter takes, Escape closes.
import { useId, useState, type KeyboardEvent, type ReactNode } from "react";
import { found, type Item } from "./find";

export interface FinderItem extends Item {
  picture: ReactNode;
}

export interface FinderProps {
  label: string;
  placeholder: string;
  items: readonly FinderItem[];
  /** What is said when nothing fits. */
  nothing?: string;
  autoFocus?: boolean;
  onChoose: (key: string) => void;
}

export function Finder({ label, placeholder, items, nothing, autoFocus = false, onChoose }: FinderProps) {
  const id = useId();
  const [text, setText] = useState("");
  const [isOpen, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const shown = isOpen ? found(items, text) : [];
  const active = Math.min(at, shown.length - 1);
  const isListed = shown.length > 0;
  const choose = (item: FinderItem): void => {
    setText("");
    setOpen(false);
    onChoose(item.key);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const item = shown[active];
    if (event.key === "ArrowDown" && !isOpen) setOpen(true);
    else if (event.key === "ArrowDown" && isListed) setAt((active + 1) % shown.length);
    else if (event.key === "ArrowUp" && isListed) setAt((active - 1 + shown.length) % shown.length);
    else if (event.key === "Enter" && item !== undefined) choose(item);
    else if (event.key === "Escape" && isOpen) setOpen(false);
    else return;
    // Within a dialog, Escape must close the list only.
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div className="finder">
      <input
        role="combobox"
        aria-label={label}
        aria-autocomplete="list"
        aria-expanded={isListed}
        aria-controls={`${id}-list`}
        aria-activedescendant={isListed ? `${id}-${active}` : undefined}
        autoComplete="off"
        autoFocus={autoFocus}
        placeholder={placeholder}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
          setOpen(true);
        }}
        onClick={() => { setOpen(true); }}
        onBlur={() => { setOpen(false); }}
        onKeyDown={onKeyDown}
      />
      {isListed && (
        <ul className="finder-list" role="listbox" id={`${id}-list`} aria-label={label}>
          {shown.map((item, index) => (
            <li
              key={item.key}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === active}
              className="finder-item"
              // The field keeps the focus, so that the list is still there when the button is let go.
              onPointerDown={(event) => { event.preventDefault(); }}
              onPointerMove={() => { setAt(index); }}
              onClick={() => { choose(item); }}
            >
              {item.picture}
              <span className="finder-name">{item.name}</span>
              {item.more !== null && <small>{item.more}</small>}
            </li>
          ))}
        </ul>
      )}
      {isOpen && !isListed && text.trim() !== "" && (
        <p className="finder-list finder-nothing" role="status">{nothing ?? `Nobody is called “${text.trim()}”.`}</p>
      )}
    </div>
  );
}
