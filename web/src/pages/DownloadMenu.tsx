// The document as a file: as the server has it, and without a server the text of this tab.
import { filePath, type FileFormat } from "../api/documents";
import { saveAsFile } from "../shell/copy";
import { DownloadIcon } from "../shell/icons";
import { Menu, type MenuAction } from "../shell/Menu";
import type { LiveDocument } from "../sync/document";
import { unsavedCount, type Status } from "../sync/status";

const FORMATS: readonly { format: FileFormat; label: string }[] = [
  { format: "markdown", label: "Markdown" },
  { format: "html", label: "HTML" },
  { format: "text", label: "Plain text" },
  { format: "json", label: "JSON" },
];

export interface DownloadMenuProps {
  orgId: string;
  documentId: string;
  title: string;
  live: LiveDocument;
  status: Status;
}

export function DownloadMenu({ orgId, documentId, title, live, status }: DownloadMenuProps) {
  const unsaved = unsavedCount(status);
  const isReachable = status.kind === "saved" || status.kind === "saving";
  const actions: MenuAction[] = [];
  if (isReachable) {
    actions.push(...FORMATS.map(({ format, label }) => ({ label, file: filePath(orgId, documentId, format) })));
  }
  if (!isReachable || unsaved > 0) {
    actions.push({ label: "Text in this tab", run: () => { saveAsFile(title, live.text()); } });
  }
  return (
    <Menu
      label="Download"
      button={<DownloadIcon />}
      actions={actions}
      header={
        <div className="menu-header">
          <strong>Download</strong>
          {!isReachable && <p className="note">No server can be asked now: only the text in this tab.</p>}
          {isReachable && unsaved > 0 && <p className="note">{warning(unsaved)}</p>}
        </div>
      }
    />
  );
}

function warning(unsaved: number): string {
  return unsaved === 1
    ? "1 change is not saved yet and not in the file."
    : `${unsaved} changes are not saved yet and not in the file.`;
}
