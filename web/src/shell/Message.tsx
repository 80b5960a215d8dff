// A page that says one thing: what is wrong, and what to do about it.
import type { ReactNode } from "react";
import { LogoIcon } from "./icons";

export interface MessageProps {
  title: string;
  children?: ReactNode;
  actions?: ReactNode;
}

export function Message({ title, children, actions }: MessageProps) {
  return (
    <main className="message">
      <div className="message-card">
        <LogoIcon />
        <h1>{title}</h1>
        {children}
        {actions !== undefined && <div className="actions">{actions}</div>}
      </div>
    </main>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <main className="message" aria-busy="true">
      <div className="loading" role="status">
        <span className="spinner" aria-hidden="true" />
        {what}
      </div>
    </main>
  );
}

/** A page that needs a server, without one. */
export function Unreachable() {
  return (
    <Message
      title="Quire cannot be reached"
      actions={
        <button type="button" className="button primary" onClick={() => { location.reload(); }}>
          Try again
        </button>
      }
    >
      <p>No server answers. What you wrote is kept on this device.</p>
    </Message>
  );
}
