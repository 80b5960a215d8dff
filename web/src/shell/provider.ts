// The way to the OpenID provider and back: where one wanted to go, and how it went.
import { listPath, pageWithin } from "./route";

/** Kept for this tab only; the provider and the servers never hear of it. */
const NEXT = "quire.next";

export function rememberNext(next: string): void {
  sessionStorage.setItem(NEXT, next);
}

export function rememberedNext(): string {
  return pageWithin(sessionStorage.getItem(NEXT) ?? listPath);
}

/** How it went, as the server says in the fragment; null: one does not come from the provider. */
export function outcomeOf(hash: string): string | null {
  return /^#oidc=([a-z]+)$/.exec(hash)?.[1] ?? null;
}

/** What the person reads about a sign-in that came to nothing. */
export function wordsFor(outcome: string): string | null {
  switch (outcome) {
    case "done":
    case "linked":
      return null;
    case "cancelled":
      return "You did not go through with it. You can try again.";
    case "late":
      return "That took too long, or it was begun in another window. Please try again.";
    case "away":
      return "The sign-in service cannot be reached just now. Please try again in a moment.";
    case "unknown":
      return "Nobody here has this identity yet. Come in the way you did before and link it on your account page, or use your invitation.";
    case "used":
      return "Your invitation has been used or has expired. Ask for a new one.";
    case "taken":
      return "This identity already signs in another account.";
    default:
      return "The sign-in was refused. Please try again; if it happens again, tell whoever runs this server.";
  }
}
