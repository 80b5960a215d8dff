// Nobody is signed in: the way to sign in, back to this page afterwards.
import { Link } from "../shell/Link";
import { Message } from "../shell/Message";
import { currentPath, signInPath } from "../shell/route";
import { UnsavedNote } from "./UnsavedNote";

export function SignedOut() {
  return (
    <Message
      title="You are not signed in here"
      actions={
        <Link to={signInPath(currentPath())} className="button primary">
          Sign in
        </Link>
      }
    >
      <p>
        Sign in with your mail address and password. Without a password you come in by link: ask somebody of your
        organisation for one; if you run this server, its start prints a link for you.
      </p>
      <UnsavedNote />
    </Message>
  );
}
