// A document that does not exist, or that one may not open: which of both is not told.
import { AskForAccess } from "./AskForAccess";
import { Link } from "../shell/Link";
import { Message } from "../shell/Message";
import { currentPath, listPath, signInPath } from "../shell/route";
import { isMemberOf, type SignIn } from "../shell/session";

export interface NoAccessProps {
  orgId: string;
  documentId: string;
  signIn: SignIn;
  onReopen: () => void;
}

export function NoAccess({ orgId, documentId, signIn, onReopen }: NoAccessProps) {
  const isMember = isMemberOf(signIn, orgId);
  return (
    <Message
      title="You cannot open this document"
      actions={
        <>
          <Link to={listPath} className={isMember ? "button" : "button primary"}>Go to your documents</Link>
          <Link to={signInPath(currentPath())} className="button">Sign in with another account</Link>
          <button type="button" className="button ghost" onClick={onReopen}>Try again</button>
        </>
      }
    >
      <p>
        It does not exist, or it is not shared with you.
        {!isMember && " Ask whoever sent you the address to share it."}
      </p>
      {signIn.kind === "signed-in" && <p>You are signed in as <strong>{signIn.account.name}</strong>.</p>}
      {isMember && <AskForAccess orgId={orgId} documentId={documentId} />}
    </Message>
  );
}
