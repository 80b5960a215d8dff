// API tokens: with one a program does what its owner may.
import { useState } from "react";
import { NewTokenDialog } from "./NewTokenDialog";
import { listTokens, revokeToken, type ApiToken } from "../../api/people";
import { ConfirmDialog } from "../../shell/ConfirmDialog";
import { Section } from "../../shell/Section";
import { Shown } from "../../shell/Shown";
import { timeAgo, timeInFull } from "../../shell/time";
import { useLoaded } from "../../shell/useLoaded";
import { useNow } from "../../shell/useNow";

type Open = { kind: "new" } | { kind: "revoke"; token: ApiToken } | null;

export function Tokens() {
  const loading = useLoaded(listTokens);
  const [open, setOpen] = useState<Open>(null);
  const close = (): void => { setOpen(null); };
  return (
    <Section
      title="API tokens"
      about="With a token a program reads and writes in your name."
      actions={<button type="button" className="button" onClick={() => { setOpen({ kind: "new" }); }}>New token</button>}
    >
      <Shown loading={loading}>
        {(tokens) =>
          tokens.length === 0 ? (
            <p className="quiet">No tokens yet.</p>
          ) : (
            <ul className="rows">
              {tokens.map((token) => (
                <Token key={token.session_id} token={token} onRevoke={() => { setOpen({ kind: "revoke", token }); }} />
              ))}
            </ul>
          )
        }
      </Shown>
      {open?.kind === "new" && <NewTokenDialog onMade={loading.reload} onClose={close} />}
      {open?.kind === "revoke" && (
        <ConfirmDialog
          title={`Revoke “${open.token.name}”?`}
          action="Revoke"
          onConfirm={() => revokeToken(open.token.session_id)}
          onDone={() => {
            close();
            loading.reload();
          }}
          onClose={close}
        >
          Programs that use it are refused from now on.
        </ConfirmDialog>
      )}
    </Section>
  );
}

function Token({ token, onRevoke }: { token: ApiToken; onRevoke: () => void }) {
  const nowMs = useNow();
  return (
    <li className="row">
      <div className="row-words">
        <strong>{token.name}</strong>
        <small>
          {token.scopes.join(", ")} · used {timeAgo(token.last_seen_at, nowMs)} ·{" "}
          <time dateTime={token.expires_at}>until {timeInFull(token.expires_at)}</time>
        </small>
      </div>
      <button type="button" className="button ghost" aria-label={`Revoke ${token.name}`} onClick={onRevoke}>
        Revoke
      </button>
    </li>
  );
}
