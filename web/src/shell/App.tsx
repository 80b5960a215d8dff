// Which page is shown: the address, and who is signed in.
import { AccountPage } from "../pages/account/AccountPage";
import { AdminPage } from "../pages/admin/AdminPage";
import { DocumentPage } from "../pages/DocumentPage";
import { FolderPage } from "../pages/FolderPage";
import { ListPage } from "../pages/ListPage";
import { OrganisationPage } from "../pages/organisation/OrganisationPage";
import { ResetPage } from "../pages/ResetPage";
import { SharePage } from "../pages/SharePage";
import { SignedOut } from "../pages/SignedOut";
import { SignInPage } from "../pages/SignInPage";
import { SignUpPage } from "../pages/SignUpPage";
import { Welcome } from "../pages/Welcome";
import { rememberedAccount } from "../sync/account";
import { Link } from "./Link";
import { Loading, Message, Unreachable } from "./Message";
import { listPath, useRoute, type Route } from "./route";
import { useSignIn } from "./session";

export function App() {
  const route = useRoute();
  const { signIn, learn } = useSignIn(keyOf(route));

  switch (route.page) {
    case "welcome":
      return <Welcome token={route.token} />;
    case "share":
      return <SharePage key={route.token} token={route.token} />;
    case "reset":
      return <ResetPage token={route.token} />;
    case "sign-in":
      return <SignInPage next={route.next} signIn={signIn} />;
    case "sign-up":
      return <SignUpPage />;
    case "unknown":
      return (
        <Message
          title="There is no page at this address"
          actions={
            <Link to={listPath} className="button primary">
              Go to your documents
            </Link>
          }
        />
      );
    case "document": {
      // A remembered account opens at once; the connection finds out whether the session still holds.
      if (signIn.kind === "looking" && rememberedAccount() === null) return <Loading what="Opening…" />;
      if (signIn.kind === "signed-out" && rememberedAccount() === null) return <SignedOut />;
      return <DocumentPage key={keyOf(route)} orgId={route.orgId} documentId={route.documentId} signIn={signIn} />;
    }
    case "folder":
      if (signIn.kind === "looking") return <Loading what="Opening the folder…" />;
      if (signIn.kind === "signed-out") return <SignedOut />;
      if (signIn.kind === "unreachable") return <Unreachable />;
      return <FolderPage key={route.folderId} orgId={route.orgId} folderId={route.folderId} me={signIn} />;
    case "list":
    case "bin":
      if (signIn.kind === "looking") return <Loading what="Loading your documents…" />;
      if (signIn.kind === "signed-out") return <SignedOut />;
      return <ListPage key={route.page} signIn={signIn} isBin={route.page === "bin"} />;
    case "account":
      if (signIn.kind === "looking") return <Loading what="Loading your account…" />;
      if (signIn.kind === "signed-out") return <SignedOut />;
      if (signIn.kind === "unreachable") return <Unreachable />;
      return <AccountPage account={signIn.account} onChanged={learn} />;
    case "admin":
      if (signIn.kind === "looking") return <Loading what="Looking at the servers…" />;
      if (signIn.kind === "signed-out") return <SignedOut />;
      if (signIn.kind === "unreachable") return <Unreachable />;
      return <AdminPage account={signIn.account} />;
    case "organisation": {
      if (signIn.kind === "looking") return <Loading what="Loading the organisation…" />;
      if (signIn.kind === "signed-out") return <SignedOut />;
      if (signIn.kind === "unreachable") return <Unreachable />;
      return <OrganisationPage key={route.orgId} orgId={route.orgId} tab={route.tab} me={signIn} onChanged={learn} />;
    }
  }
}

/** Null: the page does not depend on who is signed in. */
function keyOf(route: Route): string | null {
  switch (route.page) {
    case "welcome":
    case "share":
    case "reset":
    case "sign-up":
      return null;
    case "document":
      return `${route.orgId}/${route.documentId}`;
    case "organisation":
      return route.orgId;
    case "folder":
      return `${route.orgId}/folder/${route.folderId}`;
    case "sign-in":
    case "list":
    case "bin":
    case "account":
    case "admin":
    case "unknown":
      return route.page;
  }
}
