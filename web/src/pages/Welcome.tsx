// A one-time link was opened. The token stands in the address's fragment, which browsers send to nobody.
import { useCallback, type ReactNode } from "react";
import { WelcomeForm } from "./WelcomeForm";
import { lookAtLink, type LinkOffer, type Welcome as Entered } from "../api/people";
import { isGone } from "../api/request";
import { Link } from "../shell/Link";
import { Loading, Message } from "../shell/Message";
import { documentPath, listPath, navigate } from "../shell/route";
import { useLoaded } from "../shell/useLoaded";
import { rememberAccount } from "../sync/account";

export function Welcome({ token }: { token: string }) {
  const look = useCallback((): Promise<LinkOffer | "gone"> => lookAtLink(token).catch(goneOr), [token]);
  const { state, reload, show } = useLoaded(look);

  switch (state.kind) {
    case "loading":
      return <Loading what="Looking at your link…" />;
    case "failed":
      return (
        <Message
          title="The link could not be checked"
          actions={<button type="button" className="button primary" onClick={reload}>Try again</button>}
        >
          <p>{state.problem}</p>
        </Message>
      );
    case "loaded": {
      const offer = state.value;
      if (offer === "gone") return <LinkIsGone />;
      return <WelcomeForm token={token} offer={offer} onEntered={enter} onGone={() => { show("gone"); }} />;
    }
  }
}

function LinkIsGone(): ReactNode {
  return (
    <Message
      title="This link has been used"
      actions={
        <Link to={listPath} className="button">
          Go to your documents
        </Link>
      }
    >
      <p>Each link works once and for a limited time. Ask for a new one, or go on if you are already signed in.</p>
    </Message>
  );
}

function enter({ account, organisation, document_id }: Entered): void {
  rememberAccount(account);
  navigate(document_id === null ? listPath : documentPath(organisation.org_id, document_id), "replace");
}

function goneOr(error: unknown): "gone" {
  if (isGone(error)) return "gone";
  throw error;
}
