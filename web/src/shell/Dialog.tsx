// A modal dialog on the browser's own <dialog>: focus is kept inside and given back, Escape closes.
import { useId, useLayoutEffect, useRef, type ReactNode } from "react";

export interface DialogProps {
  title: string;
  size?: "usual" | "wide";
  /** What it holds is still to come: until then the focus is on the dialog, and on nothing that a key would press. */
  isEmptyAtFirst?: boolean;
  onClose: () => void;
  children: ReactNode;
}

export function Dialog({ title, size = "usual", isEmptyAtFirst = false, onClose, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  // Before the page is painted, and at the end while it still stands in the page: only then is the focus given back.
  useLayoutEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    if (isEmptyAtFirst) dialog?.focus();
    return () => {
      dialog?.close();
    };
  }, [isEmptyAtFirst]);
  return (
    <dialog
      ref={ref}
      tabIndex={-1}
      className={`dialog ${size}`}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === ref.current) onClose();
      }}
    >
      <div className="dialog-body">
        <h2 id={titleId}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}
