// A one-time link was opened. The token stands in the address's fragment, which browsers send to nobody.
import { useEffect, useState, type SubmitEvent } from "react";
import { acceptLink, ApiError, lookAtLink, type LinkOffer } from "../api";
import { Link } from "../shell/Link";
import { Loading, Message } from "../shell/Message";
import { documentPath, listPath, navigate } from "../shell/route";
import { rememberAccount } from "../sync/account";

type State =
  | { kind: "looking" }
  | { kind: "offered"; offer: LinkOffer; isSending: boolean; problem: string | null }
  | { kind: "gone" }
  | { kind: "failed"; problem: string };

/** Longest name, in characters. */
const NAME_LENGTH = 80;

export function Welcome({ token }: { token: string }) {
  const [state, setState] = useState<State>({ kind: "looking" });
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    let isCurrent = true;
    const show = (next: State): void => {
      if (isCurrent) setState(next);
    };
    lookAtLink(token).then(
      (offer) => {
        show({ kind: "offered", offer, isSending: false, problem: null });
      },
      (error: unknown) => {
        show(isGone(error) ? { kind: "gone" } : { kind: "failed", problem: wordsOf(error) });
      },
    );
    return () => {
      isCurrent = false;
    };
  }, [token, attempt]);

  switch (state.kind) {
    case "looking":
      return <Loading what="Looking at your link…" />;
    case "gone":
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
    case "failed":
      return (
        <Message
          title="The link could not be checked"
          actions={
            <button
              type="button"
              className="button primary"
              onClick={() => {
                setState({ kind: "looking" });
                setAttempt(attempt + 1);
              }}
            >
              Try again
            </button>
          }
        >
          <p>{state.problem}</p>
        </Message>
      );
    case "offered": {
      const { offer } = state;
      const accept = (name: string): void => {
        setState({ ...state, isSending: true, problem: null });
        acceptLink(token, name).then(enter, (error: unknown) => {
          setState(isGone(error) ? { kind: "gone" } : { ...state, isSending: false, problem: wordsOf(error) });
        });
      };
      return <Offer offer={offer} isSending={state.isSending} problem={state.problem} onAccept={accept} />;
    }
  }
}

function enter(welcome: Awaited<ReturnType<typeof acceptLink>>): void {
  rememberAccount(welcome.account);
  const { organisation, document_id } = welcome;
  navigate(document_id === null ? listPath : documentPath(organisation.org_id, document_id), "replace");
}

interface OfferProps {
  offer: LinkOffer;
  isSending: boolean;
  problem: string | null;
  onAccept: (name: string) => void;
}

function Offer({ offer, isSending, problem, onAccept }: OfferProps) {
  const [name, setName] = useState("");
  const isKnown = offer.kind === "return";
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (isKnown || name.trim() !== "") onAccept(isKnown ? "" : name.trim());
  };
  return (
    <Message title={titleOf(offer)}>
      <p>{wordsFor(offer)}</p>
      <form className="stack" onSubmit={submit}>
        {!isKnown && (
          <label className="field">
            <span>Your name</span>
            <input
              name="name"
              autoComplete="name"
              maxLength={NAME_LENGTH}
              value={name}
              required
              autoFocus
              onChange={(event) => {
                setName(event.target.value);
              }}
            />
            <small>Others see it beside what you write.</small>
          </label>
        )}
        {problem !== null && (
          <p className="problem" role="alert">
            {problem}
          </p>
        )}
        <button type="submit" className="button primary wide" disabled={isSending || (!isKnown && name.trim() === "")}>
          {isSending ? "One moment…" : isKnown ? "Continue" : offer.kind === "first" ? "Start writing" : "Join"}
        </button>
      </form>
    </Message>
  );
}

function titleOf(offer: LinkOffer): string {
  switch (offer.kind) {
    case "first":
      return "Welcome to Quire";
    case "return":
      return `Welcome back${offer.account_name === null ? "" : `, ${offer.account_name}`}`;
    case "invitation":
      return `Join ${offer.organisation_name}`;
  }
}

function wordsFor(offer: LinkOffer): string {
  switch (offer.kind) {
    case "first":
      return "You are the first one here. Tell the others who you are, and your first document opens.";
    case "return":
      return `This link signs you in to ${offer.organisation_name} in this browser.`;
    case "invitation":
      return `You are invited to write together in ${offer.organisation_name}.`;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 410 || error.status === 404);
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : "Something went wrong.";
}
