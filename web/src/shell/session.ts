// Who is signed in, as the page knows it. Without a server the remembered account stands.
import { useEffect, useState } from "react";
import { me, type Me } from "../api/people";
import { ApiError } from "../api/request";
import { rememberAccount, rememberedAccount, type Account } from "../sync/account";

export type SignIn =
  | { kind: "looking" }
  | ({ kind: "signed-in" } & Me)
  /** No server answers; what this browser keeps is still there. */
  | { kind: "unreachable"; account: Account | null }
  | { kind: "signed-out" };

/** `key` is anything whose change means: look again; null: nothing depends on it, do not look. */
export function useSignIn(key: string | null): { signIn: SignIn; learn: (me: Me) => void } {
  const [found, setFound] = useState<{ key: string | null; signIn: SignIn }>({ key: null, signIn: { kind: "looking" } });
  useEffect(() => {
    if (key === null) return;
    let isCurrent = true;
    void lookUp().then((signIn) => {
      if (isCurrent) setFound({ key, signIn });
    });
    return () => {
      isCurrent = false;
    };
  }, [key]);
  const learn = (known: Me): void => {
    setFound({ key, signIn: signedIn(known) });
  };
  // Who was signed out on the page before may have signed in there.
  const isStale = found.signIn.kind === "signed-out" && found.key !== key;
  return { signIn: isStale ? { kind: "looking" } : found.signIn, learn };
}

async function lookUp(): Promise<SignIn> {
  try {
    return signedIn(await me());
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return { kind: "signed-out" };
    return { kind: "unreachable", account: rememberedAccount() };
  }
}

function signedIn({ account, organisations }: Me): SignIn {
  rememberAccount(account);
  return { kind: "signed-in", account, organisations };
}

/** Not for those who came by a share link only. */
export function isMemberOf(signIn: SignIn, orgId: string): boolean {
  return signIn.kind === "signed-in" && signIn.organisations.some((organisation) => organisation.org_id === orgId);
}
