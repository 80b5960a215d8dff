// Links by which anybody can open a document: list, make, revoke.
import { useState } from "react";
import { NewLinkForm } from "./NewLinkForm";
import { LinkPicture } from "./pictures";
import { revokeLink, type Place, type Sharing, type ShareLink } from "../../api/sharing";
import { CopyButton } from "../../shell/copy";
import { Field } from "../../shell/Field";
import { documentRoleName } from "../../shell/roles";
import { timeInFull } from "../../shell/time";
import { problemWithAll, useAction } from "../../shell/useAction";

export interface LinksProps {
  place: Place;
  sharing: Sharing;
  onChanged: () => void;
}

type View = { kind: "list" } | { kind: "making" } | { kind: "made"; linkId: string; url: string };

export function Links({ place, sharing, onChanged }: LinksProps) {
  const [view, setView] = useState<View>({ kind: "list" });
  const revoking = useAction();
  const { links, may_manage } = sharing;
  const problem = problemWithAll(revoking);
  if (!may_manage && links.length === 0) return null;
  return (
    <div className="part">
      <div className="part-head">
        <h3>Links</h3>
        {may_manage && view.kind !== "making" && (
          <button type="button" className="button" onClick={() => { setView({ kind: "making" }); }}>Make a link</button>
        )}
      </div>
      {links.length === 0 && view.kind === "list" && (
        <p className="quiet">With a link, people who are not in the organisation can open {place.kind === "document" ? "the document" : "the folder and all that lies in it"}.</p>
      )}
      {view.kind === "making" && (
        <NewLinkForm
          place={place}
          onMade={({ link_id, url }) => {
            setView({ kind: "made", linkId: link_id, url });
            onChanged();
          }}
          onClose={() => { setView({ kind: "list" }); }}
        />
      )}
      {view.kind === "made" && <NewLink url={view.url} />}
      {problem !== null && <p className="problem" role="alert">{problem}</p>}
      {links.length > 0 && (
        <ul className="rows flat">
          {links.map((link) => (
            <LinkRow
              key={link.link_id}
              link={link}
              mayRevoke={may_manage && link.inherited_from === null}
              isBusy={revoking.isBusy}
              onRevoke={() => {
                if (view.kind === "made" && view.linkId === link.link_id) setView({ kind: "list" });
                revoking.run(revokeLink(place, link.link_id), onChanged);
              }}
            />
          ))}
        </ul>
      )}
    </div>
  );
}

function NewLink({ url }: { url: string }) {
  return (
    <div className="new-link">
      <Field
        label="Your new link"
        readOnly
        autoFocus
        value={url}
        onValue={() => undefined}
        onFocus={(event) => { event.target.select(); }}
        hint="Copy it now: it is not shown again."
      />
      <CopyButton key={url} text={url} label="Copy link" />
    </div>
  );
}

interface LinkRowProps {
  link: ShareLink;
  mayRevoke: boolean;
  isBusy: boolean;
  onRevoke: () => void;
}

function LinkRow({ link, mayRevoke, isBusy, onRevoke }: LinkRowProps) {
  const words = `Anybody with the link ${documentRoleName(link.role).toLocaleLowerCase()}`;
  const more = [
    link.inherited_from === null ? null : "from the folder that it lies in",
    link.has_password ? "with a password" : null,
    link.expires_at === null ? "until it is revoked" : `until ${timeInFull(link.expires_at)}`,
    `made by ${link.created_by.name}`,
  ].filter((part) => part !== null);
  return (
    <li className="row">
      <LinkPicture />
      <span className="row-words">
        {words}
        <small>{more.join(" · ")}</small>
      </span>
      {mayRevoke && (
        <button
          type="button"
          className="button ghost"
          disabled={isBusy}
          aria-label={`Revoke: ${words}, ${more.join(", ")}`}
          onClick={onRevoke}
        >
          Revoke
        </button>
      )}
    </li>
  );
}
