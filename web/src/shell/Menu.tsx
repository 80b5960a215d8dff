// A button that opens a short list of actions; arrow keys move, Escape closes and gives the focus back.
import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from "react";

interface Item {
  label: string;
  icon?: ReactNode;
}

export type MenuAction =
  | (Item & { isDanger?: boolean; run: () => void })
  /** A file of this server, saved under the name that the server gives it. */
  | (Item & { file: string });

export interface MenuProps {
  label: string;
  button: ReactNode;
  actions: MenuAction[];
  className?: string;
  header?: ReactNode;
}

export function Menu({ label, button, actions, className = "button ghost square", header }: MenuProps) {
  const [isOpen, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const menuId = useId();

  useEffect(() => {
    if (!isOpen) return;
    root.current?.querySelector<HTMLElement>("[role=menuitem]")?.focus();
    const closeOutside = (event: PointerEvent): void => {
      if (event.target instanceof Node && root.current?.contains(event.target) !== true) setOpen(false);
    };
    document.addEventListener("pointerdown", closeOutside);
    return () => {
      document.removeEventListener("pointerdown", closeOutside);
    };
  }, [isOpen]);

  const close = (): void => {
    setOpen(false);
    opener.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const items = [...(root.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
    const at = items.findIndex((item) => item === document.activeElement);
    if (event.key === "Escape") close();
    else if (event.key === "ArrowDown") items[(at + 1) % items.length]?.focus();
    else if (event.key === "ArrowUp") items[(at - 1 + items.length) % items.length]?.focus();
    else if (event.key === "Home") items[0]?.focus();
    else if (event.key === "End") items.at(-1)?.focus();
    else if (event.key === "Tab") {
      setOpen(false);
      return;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div className="menu-root" ref={root}>
      <button
        type="button"
        ref={opener}
        className={className}
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-controls={menuId}
        onClick={() => {
          setOpen(!isOpen);
        }}
      >
        {button}
      </button>
      {isOpen && (
        <div className="menu" role="menu" id={menuId} aria-label={label} onKeyDown={onKeyDown}>
          {header}
          {actions.map((action) => <Entry key={action.label} action={action} onChosen={close} />)}
        </div>
      )}
    </div>
  );
}

function Entry({ action, onChosen }: { action: MenuAction; onChosen: () => void }) {
  const shown = (
    <>
      {action.icon}
      {action.label}
    </>
  );
  if ("file" in action) {
    return (
      <a role="menuitem" tabIndex={-1} className="menu-item" href={action.file} download onClick={onChosen}>
        {shown}
      </a>
    );
  }
  return (
    <button
      type="button"
      role="menuitem"
      tabIndex={-1}
      className={action.isDanger === true ? "menu-item danger" : "menu-item"}
      onClick={() => {
        onChosen();
        action.run();
      }}
    >
      {shown}
    </button>
  );
}
