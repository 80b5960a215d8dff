// What stands around the editor: title, whether all is saved, who is here, sharing, and what has ended.
import { useCallback, useMemo, useState } from "react";
import { AskForAccess } from "./AskForAccess";
import { DownloadMenu } from "./DownloadMenu";
import { Ended } from "./Ended";
import { InBin } from "./DocumentPage";
import { KeptTexts } from "./KeptTexts";
import { useIsDeleted, useOthers, usePermission, useStatus } from "./useDocument";
import { useEntry } from "./useEntry";
import { CommentsButton } from "./comments/CommentsButton";
import { CommentsPanel } from "./comments/CommentsPanel";
import { useCommenting } from "./comments/useCommenting";
import { HistoryButton } from "./history/HistoryButton";
import { HistoryPanel } from "./history/HistoryPanel";
import { PastView } from "./history/PastView";
import { momentOf, useHistory } from "./history/useHistory";
import { ShareDialog } from "./share/ShareDialog";
import { binDocument } from "../api/documents";
import type { Organisation } from "../api/people";
import type { Place } from "../api/sharing";
import { Editor } from "../editor/Editor";
import { Faces } from "../shell/Faces";
import { BinIcon, DocumentIcon, InviteIcon, LogoIcon, MoreIcon } from "../shell/icons";
import { InviteDialog } from "../shell/InviteDialog";
import { Link } from "../shell/Link";
import { Menu, type MenuAction } from "../shell/Menu";
import { NameDialog } from "../shell/NameDialog";
import { listPath, navigate } from "../shell/route";
import { SaveStatus } from "../shell/SaveStatus";
import { isMemberOf, type SignIn } from "../shell/session";
import { TitleField } from "../shell/TitleField";
import { useLoaded } from "../shell/useLoaded";
import type { LiveDocument } from "../sync/document";
import { keptTexts } from "../sync/leftovers";

export interface DocumentFrameProps {
  orgId: string;
  documentId: string;
  signIn: SignIn;
  live: LiveDocument;
  onReopen: () => void;
}

export function DocumentFrame({ orgId, documentId, signIn, live, onReopen }: DocumentFrameProps) {
  const status = useStatus(live);
  const permission = usePermission(live);
  const others = useOthers(live);
  const isDeleted = useIsDeleted(live);
  const { title, entry, rename, problem } = useEntry(orgId, documentId, live);
  const [open, setOpen] = useState<"share" | "invite" | "texts" | "version" | null>(null);
  const kept = useLoaded(useCallback(() => keptTexts(orgId, documentId), [orgId, documentId]));
  const texts = kept.state.kind === "loaded" ? kept.state.value : [];
  const organisation = organisationOf(signIn, orgId);
  const accountId = signIn.kind === "signed-in" ? signIn.account.account_id : "";
  const place = useMemo((): Place => ({ kind: "document", orgId, documentId }), [orgId, documentId]);

  // Viewers do not see them.
  const commenting = useCommenting(orgId, documentId, live, entry !== null && entry.role !== "view");
  const history = useHistory(orgId, documentId);
  const asking = entry?.access_requests ?? 0;

  const isInBin = isDeleted || (status.kind === "ended" && status.reason === "deleted");
  if (isInBin && (status.kind !== "ended" || status.unsaved === 0)) {
    return <InBin orgId={orgId} documentId={documentId} onRestored={onReopen} />;
  }
  const moveToBin = (): void => {
    void binDocument(orgId, documentId).then(() => { navigate(listPath); }, () => { onReopen(); });
  };
  const shownTitle = title === "" ? "Untitled document" : title;
  // There is room for one of them beside the text.
  const toggleHistory = (): void => {
    if (!history.isOpen && commenting.panel.isOpen) commenting.toggle();
    history.toggle();
  };
  const toggleComments = (): void => {
    if (history.isOpen) history.close();
    commenting.toggle();
  };
  const mayRestore = permission === "write" && status.kind !== "ended";
  const nameVersion = (): void => { setOpen("version"); };
  const actions: MenuAction[] = [];
  if (texts.length > 0) {
    actions.push({ label: "Unsaved text on this device", icon: <DocumentIcon />, run: () => { setOpen("texts"); } });
  }
  if (entry?.may_manage === true) {
    actions.push({ label: "Move to bin", icon: <BinIcon />, isDanger: true, run: moveToBin });
  }
  return (
    <div className="document">
      <header className="document-bar">
        <Link to={listPath} className="home" aria-label="All documents">
          <LogoIcon />
        </Link>
        <div className="document-name">
          <TitleField title={title} isReadOnly={permission === "read"} onRename={rename} />
          <SaveStatus status={status} />
          {permission === "read" && status.kind === "saved" && <span className="badge">View only</span>}
        </div>
        <span className="spring" />
        <Faces others={others} />
        {commenting.isHere && <CommentsButton open={commenting.open} isShown={commenting.panel.isOpen} onToggle={toggleComments} />}
        <HistoryButton isShown={history.isOpen} onToggle={toggleHistory} />
        {organisation !== undefined && (
          <button type="button" className="button primary" onClick={() => { setOpen("share"); }}>
            <InviteIcon />
            <span className="wide-only">Share</span>
            {asking > 0 && <AskingCount count={asking} />}
          </button>
        )}
        <DownloadMenu orgId={orgId} documentId={documentId} title={shownTitle} live={live} status={status} />
        {actions.length > 0 && <Menu label="More" button={<MoreIcon />} actions={actions} />}
      </header>
      {problem !== null && <p className="banner problem" role="alert">{problem}</p>}
      {status.kind !== "ended" && <Downgraded permission={permission} />}
      <div className={history.isLookingBack ? "document-body is-looking-back" : "document-body"}>
        <Editor document={live} commenting={commenting.isHere ? commenting.editor : null} />
        {commenting.isHere && commenting.session !== null && <CommentsPanel {...commenting.panel} session={commenting.session} />}
        {history.isLookingBack && <PastView history={history} mayEdit={mayRestore} onNameVersion={nameVersion} />}
        {history.isOpen && <HistoryPanel history={history} mayEdit={mayRestore} onNameVersion={nameVersion} />}
      </div>
      {status.kind === "ended" && (
        <Ended
          orgId={orgId}
          documentId={documentId}
          reason={status.reason}
          unsaved={status.unsaved}
          live={live}
          title={shownTitle}
          ask={isMemberOf(signIn, orgId) && <AskForAccess orgId={orgId} documentId={documentId} />}
          onReopen={onReopen}
        />
      )}
      {open === "texts" && (
        <KeptTexts texts={texts} title={shownTitle} onChanged={kept.reload} onClose={() => { setOpen(null); }} />
      )}
      {open === "version" && (
        <NameDialog
          title="Name this version"
          name=""
          action="Save"
          onName={(name) => history.act.name(name, momentOf(history.looking))}
          onDone={() => {
            setOpen(null);
            history.versions.reload();
          }}
          onClose={() => { setOpen(null); }}
        />
      )}
      {open === "share" && organisation !== undefined && (
        <ShareDialog
          organisation={organisation}
          accountId={accountId}
          place={place}
          title={shownTitle}
          onInvite={() => { setOpen("invite"); }}
          onClose={() => { setOpen(null); }}
        />
      )}
      {open === "invite" && organisation !== undefined && (
        <InviteDialog
          orgId={orgId}
          documentId={documentId}
          place={`“${shownTitle}”`}
          role={organisation.role}
          onClose={() => { setOpen(null); }}
        />
      )}
    </div>
  );
}

function AskingCount({ count }: { count: number }) {
  return (
    <span className="count">
      {count}
      <span className="sr-only"> {count === 1 ? "asks" : "ask"} for access</span>
    </span>
  );
}

/** Undefined also while it is not known, and for those who came by a share link. */
function organisationOf(signIn: SignIn, orgId: string): Organisation | undefined {
  if (signIn.kind !== "signed-in") return undefined;
  return signIn.organisations.find((organisation) => organisation.org_id === orgId);
}

/** Somebody who could write a moment ago is told why the keys do nothing. */
function Downgraded({ permission }: { permission: "read" | "write" }) {
  const [hasWritten, setHasWritten] = useState(permission === "write");
  if (permission === "write" && !hasWritten) setHasWritten(true);
  if (permission === "write" || !hasWritten) return null;
  return <p className="banner" role="alert">You may only read this document now.</p>;
}
