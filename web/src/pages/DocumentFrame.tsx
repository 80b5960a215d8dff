// What stands around the editor: title, whether all is saved, who is here, inviting, and what has ended.
import { useEffect, useState } from "react";
import { Ended } from "./Ended";
import { InBin } from "./DocumentPage";
import { useIsDeleted, useOthers, usePermission, useStatus, useToldTitle } from "./useDocument";
import { binDocument, renameDocument, showDocument } from "../api";
import { Editor } from "../editor/Editor";
import { saveAsFile } from "../shell/copy";
import { Faces } from "../shell/Faces";
import { BinIcon, DownloadIcon, InviteIcon, LogoIcon, MoreIcon } from "../shell/icons";
import { InviteDialog } from "../shell/InviteDialog";
import { Link } from "../shell/Link";
import { Menu } from "../shell/Menu";
import { listPath, navigate } from "../shell/route";
import { SaveStatus } from "../shell/SaveStatus";
import { TitleField } from "../shell/TitleField";
import type { LiveDocument } from "../sync/document";

export interface DocumentFrameProps {
  orgId: string;
  documentId: string;
  live: LiveDocument;
  onReopen: () => void;
}

export function DocumentFrame({ orgId, documentId, live, onReopen }: DocumentFrameProps) {
  const status = useStatus(live);
  const permission = usePermission(live);
  const others = useOthers(live);
  const isDeleted = useIsDeleted(live);
  const { title, rename, problem } = useTitle(orgId, documentId, live);
  const [isInviting, setInviting] = useState(false);

  const isInBin = isDeleted || (status.kind === "ended" && status.reason === "deleted");
  if (isInBin && (status.kind !== "ended" || status.unsaved === 0)) {
    return <InBin orgId={orgId} documentId={documentId} onRestored={onReopen} />;
  }
  const moveToBin = (): void => {
    void binDocument(orgId, documentId).then(() => { navigate(listPath); }, () => { onReopen(); });
  };
  const shownTitle = title === "" ? "Untitled document" : title;
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
        <button type="button" className="button primary" onClick={() => { setInviting(true); }}>
          <InviteIcon />
          <span className="wide-only">Invite</span>
        </button>
        <Menu
          label="More"
          button={<MoreIcon />}
          actions={[
            { label: "Save as text", icon: <DownloadIcon />, run: () => { saveAsFile(shownTitle, live.text()); } },
            { label: "Move to bin", icon: <BinIcon />, isDanger: true, run: moveToBin },
          ]}
        />
      </header>
      {problem !== null && <p className="banner problem" role="alert">{problem}</p>}
      <Editor document={live} />
      {status.kind === "ended" && (
        <Ended reason={status.reason} unsaved={status.unsaved} live={live} title={shownTitle} onReopen={onReopen} />
      )}
      {isInviting && (
        <InviteDialog orgId={orgId} documentId={documentId} place={`“${shownTitle}”`} onClose={() => { setInviting(false); }} />
      )}
    </div>
  );
}

interface Title {
  title: string;
  rename: (title: string) => void;
  problem: string | null;
}

/** What the connection tells goes before what the API answered when the page was opened. */
function useTitle(orgId: string, documentId: string, live: LiveDocument): Title {
  const told = useToldTitle(live);
  const [asked, setAsked] = useState("");
  const [wanted, setWanted] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    let isCurrent = true;
    showDocument(orgId, documentId).then(
      (entry) => {
        if (isCurrent) setAsked(entry.title);
      },
      () => {
        // Without a server the title of the local copy stands.
        if (isCurrent) setAsked((before) => (before === "" ? live.title() : before));
      },
    );
    return () => {
      isCurrent = false;
    };
  }, [orgId, documentId, live]);
  const title = wanted ?? told ?? asked;
  useEffect(() => {
    document.title = `${title === "" ? "Untitled document" : title} · Quire`;
  }, [title]);
  const rename = (next: string): void => {
    setWanted(next);
    setProblem(null);
    renameDocument(orgId, documentId, next)
      .then(
        (entry) => { setAsked(entry.title); },
        (error: unknown) => {
          setProblem(`Not renamed: ${error instanceof Error ? error.message : "something went wrong."}`);
        },
      )
      .finally(() => { setWanted(null); });
  };
  return { title, rename, problem };
}
