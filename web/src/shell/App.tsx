// Which page is shown: the address, and who is signed in.
import { DocumentPage } from "../pages/DocumentPage";
import { ListPage } from "../pages/ListPage";
import { SignedOut } from "../pages/SignedOut";
import { Welcome } from "../pages/Welcome";
import { rememberedAccount } from "../sync/account";
import { Link } from "./Link";
import { Loading, Message } from "./Message";
import { listPath, useRoute } from "./route";
import { useSignIn } from "./session";

export function App() {
  const route = useRoute();
  const key = route.page === "document" ? `${route.orgId}/${route.documentId}` : route.page;
  const signIn = useSignIn(route.page === "welcome" ? null : key);

  switch (route.page) {
    case "welcome":
      return <Welcome token={route.token} />;
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
    case "document":
      // A remembered account opens at once; the connection finds out whether the session still holds.
      if (signIn.kind === "looking" && rememberedAccount() === null) return <Loading what="Opening…" />;
      if (signIn.kind === "signed-out" && rememberedAccount() === null) return <SignedOut />;
      return <DocumentPage key={key} orgId={route.orgId} documentId={route.documentId} />;
    case "list":
    case "bin":
      if (signIn.kind === "looking") return <Loading what="Loading your documents…" />;
      if (signIn.kind === "signed-out") return <SignedOut />;
      return <ListPage key={route.page} signIn={signIn} isBin={route.page === "bin"} />;
  }
}
