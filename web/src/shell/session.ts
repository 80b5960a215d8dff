// Who is signed in, as the page knows it. Without a server the remembered account stands.
import { useEffect, useState } from "react";
import { ApiError, me, type Organisation } from "../api";
import { rememberAccount, rememberedAccount, type Account } from "../sync/account";

export type SignIn =
  | { kind: "looking" }
  | { kind: "signed-in"; account: Account; organisations: Organisation[] }
  /** No server answers; what this browser keeps is still there. */
  | { kind: "unreachable"; account: Account | null }
  | { kind: "signed-out" };

/** `key` is anything whose change means: look again; null: nothing depends on it, do not look. */
export function useSignIn(key: string | null): SignIn {
  const [signIn, setSignIn] = useState<SignIn>({ kind: "looking" });
  useEffect(() => {
    if (key === null) return;
    let isCurrent = true;
    void lookUp().then((found) => {
      if (isCurrent) setSignIn(found);
    });
    return () => {
      isCurrent = false;
    };
  }, [key]);
  return signIn;
}

async function lookUp(): Promise<SignIn> {
  try {
    const { account, organisations } = await me();
    rememberAccount(account);
    return { kind: "signed-in", account, organisations };
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return { kind: "signed-out" };
    return { kind: "unreachable", account: rememberedAccount() };
  }
}
