// Where one is signed in, and signing out there.
import { useState } from "react";
import { endSession, listSessions, signOutEverywhere, type BrowserSession } from "../../api/people";
import { ConfirmDialog } from "../../shell/ConfirmDialog";
import { deviceName } from "../../shell/devices";
import { Section } from "../../shell/Section";
import { Shown } from "../../shell/Shown";
import { timeAgo, timeInFull } from "../../shell/time";
import { forgetAccount } from "../../shell/TopBar";
import { problemWithAll, useAction } from "../../shell/useAction";
import { useLoaded } from "../../shell/useLoaded";
import { useNow } from "../../shell/useNow";

export function Devices() {
  const loading = useLoaded(listSessions);
  const ending = useAction();
  const [isLeaving, setLeaving] = useState(false);
  const problem = problemWithAll(ending);
  return (
    <Section
      title="Devices"
      about="The browsers in which you are signed in."
      actions={
        <button type="button" className="button" onClick={() => { setLeaving(true); }}>
          Sign out everywhere
        </button>
      }
    >
      {problem !== null && <p className="problem" role="alert">{problem}</p>}
      <Shown loading={loading}>
        {(sessions) => (
          <ul className="rows">
            {sessions.map((session) => (
              <Device
                key={session.session_id}
                session={session}
                isBusy={ending.isBusy}
                onEnd={() => {
                  if (session.is_current) ending.run(endSession(session.session_id), forgetAccount);
                  else ending.run(endSession(session.session_id), loading.reload);
                }}
              />
            ))}
          </ul>
        )}
      </Shown>
      {isLeaving && (
        <ConfirmDialog
          title="Sign out everywhere?"
          action="Sign out everywhere"
          onConfirm={signOutEverywhere}
          onDone={forgetAccount}
          onClose={() => { setLeaving(false); }}
        >
          Every browser is signed out, this one as well. API tokens go on working.
        </ConfirmDialog>
      )}
    </Section>
  );
}

function Device({ session, isBusy, onEnd }: { session: BrowserSession; isBusy: boolean; onEnd: () => void }) {
  const nowMs = useNow();
  const name = deviceName(session.user_agent);
  return (
    <li className="row">
      <div className="row-words">
        <strong>{name}</strong>
        <small>
          {session.address !== null && `${session.address} · `}
          <time dateTime={session.last_seen_at} title={timeInFull(session.last_seen_at)}>
            used {timeAgo(session.last_seen_at, nowMs)}
          </time>
        </small>
      </div>
      {session.is_current && <span className="badge">This device</span>}
      <button type="button" className="button ghost" disabled={isBusy} aria-label={`Sign out ${name}`} onClick={onEnd}>
        Sign out
      </button>
    </li>
  );
}
