// One document in a list.
import type { DocumentEntry } from "../api/documents";
import { BinIcon, DocumentIcon, FolderIcon, MoreIcon, PencilIcon, RestoreIcon } from "../shell/icons";
import { Link } from "../shell/Link";
import { Menu, type MenuAction } from "../shell/Menu";
import { documentPath } from "../shell/route";
import { timeAgo, timeInFull } from "../shell/time";

export interface DocumentRowProps {
  entry: DocumentEntry;
  isBin: boolean;
  /** The time against which ages are shown. */
  nowMs: number;
  onRename: (entry: DocumentEntry) => void;
  onMove: (entry: DocumentEntry) => void;
  onBin: (entry: DocumentEntry) => void;
  onRestore: (entry: DocumentEntry) => void;
}

export function DocumentRow({ entry, isBin, nowMs, onRename, onMove, onBin, onRestore }: DocumentRowProps) {
  const title = entry.title === "" ? "Untitled document" : entry.title;
  const time = isBin && entry.deleted_at !== null ? entry.deleted_at : entry.edited_at;
  const summary = (
    <>
      <DocumentIcon />
      <span className="document-title">
        {title}
        {entry.access_requests > 0 && <span className="badge asks">{asks(entry.access_requests)}</span>}
      </span>
      <span className="document-meta">{entry.created_by}</span>
      <time className="document-meta" dateTime={time} title={timeInFull(time)}>
        {isBin ? "deleted " : "edited "}
        {timeAgo(time, nowMs)}
      </time>
    </>
  );
  if (isBin) {
    return (
      <li className="document-row">
        <div className="document-link">{summary}</div>
        {entry.may_manage && (
          <button type="button" className="button ghost" onClick={() => { onRestore(entry); }}>
            <RestoreIcon />
            Restore
          </button>
        )}
      </li>
    );
  }
  const actions: MenuAction[] = [];
  if (entry.role === "edit") actions.push({ label: "Rename", icon: <PencilIcon />, run: () => { onRename(entry); } });
  if (entry.may_manage) {
    actions.push({ label: "Move to a folder…", icon: <FolderIcon />, run: () => { onMove(entry); } });
    actions.push({ label: "Move to bin", icon: <BinIcon />, isDanger: true, run: () => { onBin(entry); } });
  }
  return (
    <li className="document-row">
      <Link to={documentPath(entry.org_id, entry.document_id)} className="document-link">
        {summary}
      </Link>
      {actions.length > 0 && <Menu label={`More for ${title}`} button={<MoreIcon />} actions={actions} />}
    </li>
  );
}

function asks(count: number): string {
  return count === 1 ? "1 asks for access" : `${count} ask for access`;
}
