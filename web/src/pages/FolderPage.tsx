// A folder: what lies in it of what one may see. Also for those who came by a share link.
import { useCallback, useEffect, useMemo, useState } from "react";
import { DocumentRows } from "./DocumentRows";
import { FolderList } from "./FolderList";
import { NewDocumentAnswers, NewDocumentButtons, useNewDocuments } from "./NewDocuments";
import { ShareDialog } from "./share/ShareDialog";
import { NewFolderButton } from "./NewFolderButton";
import { deleteFolder, openFolder, renameFolder, type OpenFolder } from "../api/folders";
import type { Me, Organisation } from "../api/people";
import { isMissing } from "../api/request";
import type { Place } from "../api/sharing";
import { ConfirmDialog } from "../shell/ConfirmDialog";
import { Menu } from "../shell/Menu";
import { NameDialog } from "../shell/NameDialog";
import { InviteDialog } from "../shell/InviteDialog";
import { BinIcon, FolderIcon, InviteIcon, MoreIcon, PencilIcon } from "../shell/icons";
import { Link } from "../shell/Link";
import { Loading, Message } from "../shell/Message";
import { currentPath, folderPath, listPath, navigate, signInPath } from "../shell/route";
import { TopBar } from "../shell/TopBar";
import { useLoaded } from "../shell/useLoaded";
import { useNow } from "../shell/useNow";

export interface FolderPageProps {
  orgId: string;
  folderId: string;
  me: Me;
}

export function FolderPage({ orgId, folderId, me }: FolderPageProps) {
  const load = useCallback(
    (): Promise<OpenFolder | "missing"> =>
      openFolder(orgId, folderId).catch((error: unknown) => {
        if (isMissing(error)) return "missing";
        throw error;
      }),
    [orgId, folderId],
  );
  const { state, reload } = useLoaded(load);
  const name = state.kind === "loaded" && state.value !== "missing" ? state.value.name : "Folder";
  useEffect(() => {
    document.title = `${name} · Quire`;
  }, [name]);
  const organisation = me.organisations.find((each) => each.org_id === orgId);
  if (state.kind === "loading") return <Loading what="Opening the folder…" />;
  if (state.kind === "failed") {
    return (
      <Message
        title="The folder could not be opened"
        actions={<button type="button" className="button primary" onClick={reload}>Try again</button>}
      >
        <p>{state.problem}</p>
      </Message>
    );
  }
  if (state.value === "missing") {
    return (
      <Message
        title="You cannot open this folder"
        actions={
          <>
            <Link to={listPath} className="button primary">Go to your documents</Link>
            <Link to={signInPath(currentPath())} className="button">Sign in with another account</Link>
          </>
        }
      >
        <p>It does not exist, or it is not shared with you. Ask whoever sent you the address to share it.</p>
        <p>You are signed in as <strong>{me.account.name}</strong>.</p>
      </Message>
    );
  }
  return (
    <>
      <TopBar account={me.account}>
        <span className="organisation">{state.value.organisation_name}</span>
      </TopBar>
      <Shown folder={state.value} orgId={orgId} me={me} organisation={organisation} onChanged={reload} />
    </>
  );
}

interface ShownProps {
  folder: OpenFolder;
  orgId: string;
  me: Me;
  /** Undefined for visitors. */
  organisation: Organisation | undefined;
  onChanged: () => void;
}

function Shown({ folder, orgId, me, organisation, onChanged }: ShownProps) {
  const { folder_id, name, may_manage, documents, folders } = folder;
  const place = useMemo((): Place => ({ kind: "folder", orgId, folderId: folder_id }), [orgId, folder_id]);
  const making = useNewDocuments(may_manage ? { orgId, folderId: folder_id } : null, onChanged);
  const [open, setOpen] = useState<"share" | "invite" | "rename" | "delete" | null>(null);
  const above = folder.path.at(-1);
  const close = (): void => { setOpen(null); };
  const nowMs = useNow();
  return (
    <main className="page">
      <nav aria-label="Folders above">
        <ol className="path">
          {organisation !== undefined && <li><Link to={listPath}>Documents</Link></li>}
          {folder.path.map((outer) => (
            <li key={outer.folder_id}><Link to={folderPath(orgId, outer.folder_id)}>{outer.name}</Link></li>
          ))}
        </ol>
      </nav>
      <div className="page-head">
        <h1 className="folder-name">
          <FolderIcon />
          <span>{name}</span>
        </h1>
        <div className="actions">
          {organisation !== undefined && (
            <button type="button" className="button" onClick={() => { setOpen("share"); }}>
              <InviteIcon />
              Share
            </button>
          )}
          {may_manage && <NewFolderButton orgId={orgId} parentId={folder_id} />}
          {may_manage && <NewDocumentButtons making={making} />}
          {may_manage && (
            <Menu
              label="More"
              button={<MoreIcon />}
              actions={[
                { label: "Rename", icon: <PencilIcon />, run: () => { setOpen("rename"); } },
                { label: "Delete the folder", icon: <BinIcon />, isDanger: true, run: () => { setOpen("delete"); } },
              ]}
            />
          )}
        </div>
      </div>
      <NewDocumentAnswers making={making} />
      <FolderList orgId={orgId} folders={folders} />
      {documents.length === 0 ? (
        <div className="empty"><p>No documents lie in this folder.</p></div>
      ) : (
        <DocumentRows documents={documents} isBin={false} nowMs={nowMs} onChanged={onChanged} />
      )}
      {open === "rename" && (
        <NameDialog
          title="Rename the folder"
          name={name}
          action="Rename"
          onName={(wanted) => renameFolder(orgId, folder_id, wanted)}
          onDone={() => {
            close();
            onChanged();
          }}
          onClose={close}
        />
      )}
      {open === "delete" && (
        <ConfirmDialog
          title={`Delete the folder “${name}”?`}
          action="Delete"
          onConfirm={() => deleteFolder(orgId, folder_id)}
          onDone={() => { navigate(above === undefined ? listPath : folderPath(orgId, above.folder_id), "replace"); }}
          onClose={close}
        >
          Only an empty folder goes: move what lies in it elsewhere first, what is in the bin, too.
        </ConfirmDialog>
      )}
      {open === "share" && organisation !== undefined && (
        <ShareDialog
          organisation={organisation}
          accountId={me.account.account_id}
          place={place}
          title={name}
          onInvite={() => { setOpen("invite"); }}
          onClose={close}
        />
      )}
      {open === "invite" && organisation !== undefined && (
        <InviteDialog orgId={orgId} documentId={null} place={organisation.name} role={organisation.role} onClose={close} />
      )}
    </main>
  );
}
