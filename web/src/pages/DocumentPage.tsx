// A document's page: opening it, and what is shown when it cannot be.
import { useCallback, useEffect, useState } from "react";
import { DocumentFrame } from "./DocumentFrame";
import { MovedTo } from "./MovedTo";
import { NoAccess } from "./NoAccess";
import { SignedOut } from "./SignedOut";
import { useDocument } from "./useDocument";
import { restoreDocument, showDocument } from "../api/documents";
import { ApiError, wordsOf } from "../api/request";
import { Link } from "../shell/Link";
import { Loading, Message } from "../shell/Message";
import { listPath } from "../shell/route";
import type { SignIn } from "../shell/session";
import type { OpenFailure } from "../sync/document";

export interface DocumentPageProps {
  orgId: string;
  documentId: string;
  signIn: SignIn;
}

export function DocumentPage(props: DocumentPageProps) {
  const [attempt, setAttempt] = useState(0);
  const reopen = useCallback((): void => {
    setAttempt((before) => before + 1);
  }, []);
  return <OneOpening key={attempt} {...props} onReopen={reopen} />;
}

function OneOpening(props: DocumentPageProps & { onReopen: () => void }) {
  const opening = useDocument(props.orgId, props.documentId);
  switch (opening.kind) {
    case "opening":
      return <Loading what="Opening the document…" />;
    case "open":
      return <DocumentFrame {...props} live={opening.document} />;
    case "failed":
      return <NotOpened {...props} failure={opening.failure} />;
  }
}

interface NotOpenedProps extends DocumentPageProps {
  failure: OpenFailure;
  onReopen: () => void;
}

/** The connection knows only "no"; the API says why. */
function NotOpened({ orgId, documentId, signIn, failure, onReopen }: NotOpenedProps) {
  const [reason, setReason] = useState<OpenFailure>(failure);
  useEffect(() => {
    if (failure !== "no-access" && failure !== "unreachable") return;
    showDocument(orgId, documentId).then(
      (entry) => {
        if (entry.deleted_at !== null) setReason("deleted");
      },
      (error: unknown) => {
        if (!(error instanceof ApiError)) return;
        if (error.status === 401) setReason("signed-out");
        else if (error.status === 404) setReason("not-found");
      },
    );
  }, [orgId, documentId, failure]);

  const again = (
    <button type="button" className="button primary" onClick={onReopen}>
      Try again
    </button>
  );
  const home = (
    <Link to={listPath} className="button">
      Go to your documents
    </Link>
  );
  switch (reason) {
    case "signed-out":
      return <SignedOut />;
    case "deleted":
      return <InBin orgId={orgId} documentId={documentId} onRestored={onReopen} />;
    case "not-found":
    case "no-access":
    case "read-only":
    case "refused":
    case "diverged":
      return <NoAccess orgId={orgId} documentId={documentId} signIn={signIn} onReopen={onReopen} />;
    case "moved":
      return (
        <Message title="This document has moved" actions={<>{again}{home}</>}>
          <p>Your organisation is served at another address from now on. Sign in there to go on.</p>
          <MovedTo orgId={orgId} documentId={documentId} />
        </Message>
      );
    case "not-available-offline":
      return (
        <Message title="Not available offline" actions={<>{again}{home}</>}>
          <p>This device keeps no copy of the document. Open it once with a connection, and it will be here next time.</p>
        </Message>
      );
    case "unreachable":
      return (
        <Message title="Quire cannot be reached" actions={<>{again}{home}</>}>
          <p>No server answers, and this device keeps no copy of the document.</p>
        </Message>
      );
    case "outdated":
      return (
        <Message
          title="This page is out of date"
          actions={
            <button type="button" className="button primary" onClick={() => { location.reload(); }}>
              Load it anew
            </button>
          }
        >
          <p>The document was written with a newer version of Quire.</p>
        </Message>
      );
  }
}

export interface InBinProps {
  orgId: string;
  documentId: string;
  onRestored: () => void;
}

export function InBin({ orgId, documentId, onRestored }: InBinProps) {
  const [problem, setProblem] = useState<string | null>(null);
  const restore = (): void => {
    restoreDocument(orgId, documentId).then(onRestored, (error: unknown) => {
      setProblem(wordsOf(error));
    });
  };
  return (
    <Message
      title="This document is in the bin"
      actions={
        <>
          <button type="button" className="button primary" onClick={restore}>
            Restore it
          </button>
          <Link to={listPath} className="button">
            Go to your documents
          </Link>
        </>
      }
    >
      <p>Nobody can edit it there. Restored, it is as it was.</p>
      {problem !== null && <p className="problem" role="alert">{problem}</p>}
    </Message>
  );
}
