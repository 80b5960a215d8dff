// A document as a page on the web, for anybody to read: a switch, the page's address, and whether search engines list it.
import { useCallback } from "react";
import { publish, showPublication, withdraw, type Publication } from "../../api/publication";
import { CopyButton } from "../../shell/copy";
import { Field } from "../../shell/Field";
import { timeInFull } from "../../shell/time";
import { problemWithAll, useAction } from "../../shell/useAction";
import { useLoaded } from "../../shell/useLoaded";

export interface PublishProps {
  orgId: string;
  documentId: string;
  mayManage: boolean;
}

export function Publish({ orgId, documentId, mayManage }: PublishProps) {
  const loading = useLoaded(useCallback(() => showPublication(orgId, documentId), [orgId, documentId]));
  const changing = useAction();
  const problem = problemWithAll(changing);
  if (loading.state.kind !== "loaded") return null;
  const publication = loading.state.value;
  if (publication === null && !mayManage) return null;
  const change = (work: Promise<unknown>): void => { changing.run(work, loading.reload); };
  return (
    <div className="part">
      <div className="part-head">
        <h3>On the web</h3>
      </div>
      <label className="check">
        <input
          type="checkbox"
          checked={publication !== null}
          disabled={!mayManage || changing.isBusy}
          onChange={(event) => {
            change(event.target.checked ? publish(orgId, documentId, false) : withdraw(orgId, documentId));
          }}
        />
        Anybody can read it as a page, without signing in
      </label>
      {problem !== null && <p className="problem" role="alert">{problem}</p>}
      {publication !== null && (
        <Published
          publication={publication}
          isFixed={!mayManage || changing.isBusy}
          onIndexed={(isIndexed) => { change(publish(orgId, documentId, isIndexed)); }}
        />
      )}
    </div>
  );
}

interface PublishedProps {
  publication: Publication;
  isFixed: boolean;
  onIndexed: (isIndexed: boolean) => void;
}

function Published({ publication, isFixed, onIndexed }: PublishedProps) {
  const address = `${window.location.origin}${publication.path}`;
  return (
    <>
      <label className="check">
        <input
          type="checkbox"
          checked={publication.is_indexed}
          disabled={isFixed}
          onChange={(event) => { onIndexed(event.target.checked); }}
        />
        Search engines may list it
      </label>
      <div className="new-link">
        <Field
          label="Address of the page"
          readOnly
          value={address}
          onValue={() => undefined}
          onFocus={(event) => { event.target.select(); }}
          hint={`Published by ${publication.published_by.name}, ${timeInFull(publication.published_at)}. What is written shows there within seconds.`}
        />
        <CopyButton key={address} text={address} label="Copy address" />
      </div>
    </>
  );
}
