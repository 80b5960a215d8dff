// A share link was opened. The token stands in the address's fragment, which browsers send to nobody.
import { useCallback, useEffect, useState, type SubmitEvent } from "react";
import { isGone } from "../api/request";
import { lookAtShare, openShare, type Opened, type SharePreview } from "../api/sharing";
import { Field } from "../shell/Field";
import { NAME_LENGTH } from "../shell/limits";
import { Link } from "../shell/Link";
import { Loading, Message } from "../shell/Message";
import { currentPath, documentPath, folderPath, listPath, navigate, signInPath } from "../shell/route";
import { problemWith, problemWithAll, useAction } from "../shell/useAction";
import { useLoaded } from "../shell/useLoaded";
import { rememberAccount } from "../sync/account";

/** `opened`: nothing had to be asked. */
type Look = { kind: "gone" } | { kind: "opened"; opened: Opened } | { kind: "ask"; preview: SharePreview };

export function SharePage({ token }: { token: string }) {
  const look = useCallback(() => lookAndEnter(token), [token]);
  const { state, reload, show } = useLoaded(look);
  const opened = state.kind === "loaded" && state.value.kind === "opened" ? state.value.opened : null;
  useEffect(() => {
    if (opened !== null) enter(opened);
  }, [opened]);
  if (state.kind === "loading" || opened !== null) return <Loading what="Opening what is shared…" />;
  if (state.kind === "failed") {
    return (
      <Message
        title="The link could not be checked"
        actions={<button type="button" className="button primary" onClick={reload}>Try again</button>}
      >
        <p>{state.problem}</p>
      </Message>
    );
  }
  if (state.value.kind !== "ask") {
    return (
      <Message
        title="This link does not work any more"
        actions={
          <>
            <Link to={listPath} className="button primary">Go to your documents</Link>
            <Link to={signInPath(listPath)} className="button">Sign in</Link>
          </>
        }
      >
        <p>It was revoked, or its time is over. Ask whoever sent it to you for a new one.</p>
      </Message>
    );
  }
  return <ShareForm token={token} preview={state.value.preview} onGone={() => { show({ kind: "gone" }); }} />;
}

async function lookAndEnter(token: string): Promise<Look> {
  try {
    const preview = await lookAtShare(token);
    if (!preview.is_signed_in || preview.needs_password) return { kind: "ask", preview };
    return { kind: "opened", opened: await openShare(token, {}) };
  } catch (error) {
    if (isGone(error)) return { kind: "gone" };
    throw error;
  }
}

function enter({ account, org_id, document_id, folder_id }: Opened): void {
  rememberAccount(account);
  navigate(pathOf(org_id, document_id, folder_id), "replace");
}

function pathOf(orgId: string, documentId: string | null, folderId: string | null): string {
  if (documentId !== null) return documentPath(orgId, documentId);
  return folderId === null ? listPath : folderPath(orgId, folderId);
}

interface ShareFormProps {
  token: string;
  preview: SharePreview;
  onGone: () => void;
}

function ShareForm({ token, preview, onGone }: ShareFormProps) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const opening = useAction();
  const { needs_password: needsPassword, is_signed_in: isSignedIn } = preview;
  const what = preview.is_folder ? "folder" : "document";
  const problem = problemWithAll(opening, ["name", "password"]);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const wanted = name.trim();
    const answer = {
      ...(needsPassword ? { password } : {}),
      ...(isSignedIn || wanted === "" ? {} : { name: wanted }),
    };
    const opened = openShare(token, answer).catch((error: unknown) => {
      if (!isGone(error)) throw error;
      return null;
    });
    opening.run(opened, (found) => {
      if (found === null) onGone();
      else enter(found);
    });
  };
  return (
    <Message title={preview.title ?? `${preview.organisation_name} shares a ${what} with you`}>
      <p>
        {preview.title !== null && `${preview.organisation_name} shares this ${what} with you. `}
        {preview.is_folder ? mayWithin[preview.role] : may[preview.role]}
      </p>
      <form className="stack" onSubmit={submit}>
        {!isSignedIn && (
          <Field
            label="Your name"
            name="name"
            autoComplete="name"
            maxLength={NAME_LENGTH}
            placeholder="Guest"
            autoFocus
            value={name}
            onValue={setName}
            hint="Others see it while you are here."
            problem={problemWith(opening, "name")}
          />
        )}
        {needsPassword && (
          <Field
            label="Password of the link"
            type="password"
            autoComplete="off"
            required
            autoFocus={isSignedIn}
            value={password}
            onValue={setPassword}
            problem={problem ?? problemWith(opening, "password")}
          />
        )}
        {problem !== null && !needsPassword && <p className="problem" role="alert">{problem}</p>}
        <button type="submit" className="button primary wide" disabled={opening.isBusy}>
          {opening.isBusy ? "One moment…" : `Open the ${what}`}
        </button>
      </form>
      {!isSignedIn && (
        <p className="fine">
          Do you have an account? <Link to={signInPath(currentPath())}>Sign in</Link> first.
        </p>
      )}
    </Message>
  );
}

const may = {
  view: "You can read it.",
  comment: "You can read it and comment on it.",
  edit: "You can read and edit it.",
} as const;

const mayWithin = {
  view: "You can read what lies in it.",
  comment: "You can read what lies in it and comment on it.",
  edit: "You can read and edit what lies in it.",
} as const;
