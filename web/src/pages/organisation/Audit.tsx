// The audit log: who changed what in the organisation, newest first.
import { useCallback, useState } from "react";
import { sentenceOf, type Names } from "./audit-words";
import { listDocuments } from "../../api/documents";
import { exportAudit, listAudit, listGroups, type AuditEntry, type AuditPage } from "../../api/organisations";
import { saveAsFile } from "../../shell/copy";
import { DownloadIcon } from "../../shell/icons";
import { Section } from "../../shell/Section";
import { Shown } from "../../shell/Shown";
import { timeAgo, timeInFull } from "../../shell/time";
import { problemWithAll, useAction } from "../../shell/useAction";
import { useLoaded } from "../../shell/useLoaded";
import { useNow } from "../../shell/useNow";

interface Loaded {
  page: AuditPage;
  names: Names;
}

export function Audit({ orgId, organisationName }: { orgId: string; organisationName: string }) {
  const load = useCallback(async (): Promise<Loaded> => {
    const [page, names] = await Promise.all([listAudit(orgId, null), namesOf(orgId)]);
    return { page, names };
  }, [orgId]);
  const loading = useLoaded(load);
  const exporting = useAction();
  const problem = problemWithAll(exporting);
  const save = (): void => {
    exporting.run(exportAudit(orgId), (lines) => { saveAsFile(`${organisationName} audit log`, lines, "jsonl"); });
  };
  return (
    <Section
      title="Audit log"
      about="Who changed members, rights and links, and when."
      actions={
        <button type="button" className="button" disabled={exporting.isBusy} onClick={save}>
          <DownloadIcon />
          Export
        </button>
      }
    >
      {problem !== null && <p className="problem" role="alert">{problem}</p>}
      <Shown loading={loading}>{({ page, names }) => <Entries orgId={orgId} first={page} names={names} />}</Shown>
    </Section>
  );
}

function Entries({ orgId, first, names }: { orgId: string; first: AuditPage; names: Names }) {
  const [{ entries, more }, setPage] = useState(first);
  const nowMs = useNow();
  const asking = useAction();
  const problem = problemWithAll(asking);
  const showMore = (): void => {
    asking.run(listAudit(orgId, entries.at(-1) ?? null), (next) => {
      setPage({ entries: [...entries, ...next.entries], more: next.more });
    });
  };
  if (entries.length === 0) return <p className="quiet">Nothing has been recorded yet.</p>;
  return (
    <>
      <ol className="rows">
        {entries.map((entry) => <Entry key={entry.audit_id} entry={entry} names={names} nowMs={nowMs} />)}
      </ol>
      {problem !== null && <p className="problem" role="alert">{problem}</p>}
      {more && (
        <button type="button" className="button" disabled={asking.isBusy} onClick={showMore}>
          {asking.isBusy ? "One moment…" : "Show more"}
        </button>
      )}
    </>
  );
}

function Entry({ entry, names, nowMs }: { entry: AuditEntry; names: Names; nowMs: number }) {
  return (
    <li className="row">
      <div className="row-words">
        <span>{sentenceOf(entry, names)}</span>
        {entry.address !== null && <small>from {entry.address}</small>}
      </div>
      <time className="quiet" dateTime={entry.created_at} title={timeInFull(entry.created_at)}>
        {timeAgo(entry.created_at, nowMs)}
      </time>
    </li>
  );
}

/** What is not named here (in nobody's list any more) is spoken of in general. */
async function namesOf(orgId: string): Promise<Names> {
  const [groups, documents, binned] = await Promise.all([
    listGroups(orgId),
    listDocuments(orgId, false),
    listDocuments(orgId, true),
  ]);
  return {
    groups: new Map(groups.map((group) => [group.group_id, group.name])),
    documents: new Map([...documents, ...binned].map((entry) => [entry.document_id, entry.title])),
  };
}
