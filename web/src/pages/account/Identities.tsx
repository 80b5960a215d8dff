// The identities at the OpenID provider that sign the account in: linking and unlinking them.
import { useState, type SubmitEvent } from "react";
import { listIdentities, providerName, setOut, unlinkIdentity, type Identity } from "../../api/provider";
import { ConfirmDialog } from "../../shell/ConfirmDialog";
import { Dialog } from "../../shell/Dialog";
import { Field } from "../../shell/Field";
import { outcomeOf } from "../../shell/provider";
import { Section } from "../../shell/Section";
import { Shown } from "../../shell/Shown";
import { timeAgo } from "../../shell/time";
import { problemWith, problemWithAll, useAction } from "../../shell/useAction";
import { useLoaded } from "../../shell/useLoaded";
import { useNow } from "../../shell/useNow";

type Open = { kind: "link" } | { kind: "unlink"; identity: Identity } | null;

export function Identities({ hasPassword }: { hasPassword: boolean }) {
  const provider = useLoaded(providerName).state;
  const loading = useLoaded(listIdentities);
  const [open, setOpen] = useState<Open>(null);
  const [isLinked] = useState(() => outcomeOf(location.hash) === "linked");
  const close = (): void => { setOpen(null); };
  const name = provider.kind === "loaded" ? provider.value : null;
  if (name === null) return null;
  return (
    <Section
      title={`Signing in with ${name}`}
      about="An identity that is linked signs you in without a password."
      actions={<button type="button" className="button" onClick={() => { setOpen({ kind: "link" }); }}>Link an identity</button>}
    >
      <p className="answer" role="status">{isLinked ? "Linked." : ""}</p>
      <Shown loading={loading}>
        {(identities) =>
          identities.length === 0 ? (
            <p className="quiet">None is linked.</p>
          ) : (
            <ul className="rows">
              {identities.map((identity) => (
                <Row key={identity.identity_id} identity={identity} onUnlink={() => { setOpen({ kind: "unlink", identity }); }} />
              ))}
            </ul>
          )
        }
      </Shown>
      {open?.kind === "link" && <LinkDialog name={name} hasPassword={hasPassword} onClose={close} />}
      {open?.kind === "unlink" && (
        <ConfirmDialog
          title={`Unlink ${titleOf(open.identity)}?`}
          action="Unlink"
          onConfirm={() => unlinkIdentity(open.identity.identity_id)}
          onDone={() => {
            close();
            loading.reload();
          }}
          onClose={close}
        >
          It does not sign you in any more. Where you are signed in, you stay so.
        </ConfirmDialog>
      )}
    </Section>
  );
}

function Row({ identity, onUnlink }: { identity: Identity; onUnlink: () => void }) {
  const nowMs = useNow();
  const used = identity.last_used_at === null ? "not used yet" : `used ${timeAgo(identity.last_used_at, nowMs)}`;
  return (
    <li className="row">
      <div className="row-words">
        <strong>{titleOf(identity)}</strong>
        <small>{identity.issuer} · {used}</small>
      </div>
      <button type="button" className="button ghost" aria-label={`Unlink ${titleOf(identity)}`} onClick={onUnlink}>
        Unlink
      </button>
    </li>
  );
}

function LinkDialog({ name, hasPassword, onClose }: { name: string; hasPassword: boolean; onClose: () => void }) {
  const [password, setPassword] = useState("");
  const going = useAction();
  const problem = problemWithAll(going, ["current_password"]);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const wish = { link: true, ...(hasPassword ? { current_password: password } : {}) } as const;
    going.run(setOut(wish), (url) => { location.assign(url); });
  };
  return (
    <Dialog title="Link an identity" onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <p>You sign in at {name} and come back here.</p>
        {hasPassword && (
          <Field
            label="Your password"
            type="password"
            name="current-password"
            autoComplete="current-password"
            required
            autoFocus
            value={password}
            onValue={setPassword}
            hint="So that nobody else links theirs to your account."
            problem={problemWith(going, "current_password")}
          />
        )}
        {problem !== null && <p className="problem" role="alert">{problem}</p>}
        <div className="actions end">
          <button type="button" className="button" onClick={onClose}>Cancel</button>
          <button type="submit" className="button primary" disabled={going.isBusy}>
            {going.isBusy ? "One moment…" : `Go to ${name}`}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function titleOf(identity: Identity): string {
  return identity.email ?? (identity.name === "" ? "an identity" : identity.name);
}
