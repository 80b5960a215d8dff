// The list itself: find, create, import, open; the folders that lie in none.
import { useCallback, useState } from "react";
import { DocumentRows } from "./DocumentRows";
import { FolderList } from "./FolderList";
import { NewDocumentAnswers, NewDocumentButtons, useNewDocuments } from "./NewDocuments";
import { NewFolderButton } from "./NewFolderButton";
import { useListing, type Listing } from "./useListing";
import { listFolders } from "../api/folders";
import type { Organisation } from "../api/people";
import { InviteDialog } from "../shell/InviteDialog";
import { BinIcon, InviteIcon, PlusIcon, SearchIcon } from "../shell/icons";
import { Link } from "../shell/Link";
import { binPath, listPath } from "../shell/route";
import { useLoaded } from "../shell/useLoaded";

export function DocumentList({ organisation, isBin }: { organisation: Organisation; isBin: boolean }) {
  const orgId = organisation.org_id;
  const isGuest = organisation.role === "guest";
  const { listing, reload } = useListing(orgId, isBin);
  const folders = useLoaded(useCallback(() => listFolders(orgId), [orgId])).state;
  const making = useNewDocuments(isGuest || isBin ? null : { orgId, folderId: null }, reload);
  const [search, setSearch] = useState("");
  const [isInviting, setInviting] = useState(false);
  const known = folders.kind === "loaded" ? folders.value : [];
  // The outermost that one may know of.
  const outermost = known.filter(({ parent_id }) => !known.some(({ folder_id }) => folder_id === parent_id));

  return (
    <main className="page">
      <div className="page-head">
        <h1>{isBin ? "Bin" : "Documents"}</h1>
        {!isBin && !isGuest && (
          <div className="actions">
            <button type="button" className="button" onClick={() => { setInviting(true); }}>
              <InviteIcon />
              Invite
            </button>
            <NewFolderButton orgId={orgId} parentId={null} />
            <NewDocumentButtons making={making} />
          </div>
        )}
      </div>
      <div className="page-tools">
        <nav className="tabs" aria-label="Lists">
          <Link to={listPath} className="tab" aria-current={isBin ? undefined : "page"}>
            Documents
          </Link>
          <Link to={binPath} className="tab" aria-current={isBin ? "page" : undefined}>
            <BinIcon />
            Bin
          </Link>
        </nav>
        <label className="search">
          <SearchIcon />
          <span className="sr-only">Find by title</span>
          <input
            type="search"
            placeholder="Find by title"
            value={search}
            onChange={(event) => { setSearch(event.target.value); }}
          />
        </label>
      </div>
      <NewDocumentAnswers making={making} />
      {!isBin && search.trim() === "" && <FolderList orgId={orgId} folders={outermost} />}
      <Rows listing={listing} mayCreate={!isGuest} search={search} isBin={isBin} onReload={reload} onCreate={making.create} />
      {isInviting && (
        <InviteDialog
          orgId={orgId}
          documentId={null}
          place={organisation.name}
          role={organisation.role}
          onClose={() => { setInviting(false); }}
        />
      )}
    </main>
  );
}

interface RowsProps {
  listing: Listing;
  search: string;
  mayCreate: boolean;
  isBin: boolean;
  onReload: () => void;
  onCreate: () => void;
}

function Rows({ listing, search, mayCreate, isBin, onReload, onCreate }: RowsProps) {
  if (listing.kind === "loading") return <p className="empty" role="status">Loading…</p>;
  if (listing.kind === "failed") {
    return (
      <div className="empty" role="alert">
        <p>{listing.problem}</p>
        <button type="button" className="button" onClick={onReload}>Try again</button>
      </div>
    );
  }
  const needle = search.trim().toLocaleLowerCase();
  const shown = listing.documents.filter((entry) => entry.title.toLocaleLowerCase().includes(needle));
  if (shown.length > 0) return <DocumentRows documents={shown} isBin={isBin} nowMs={listing.atMs} onChanged={onReload} />;
  return (
    <div className="empty">
      {needle !== "" ? (
        <p>Nothing has “{search.trim()}” in its title.</p>
      ) : isBin ? (
        <p>The bin is empty.</p>
      ) : (
        <>
          <p>{mayCreate ? "No documents yet." : "Nothing is shared with you yet."}</p>
          {mayCreate && (
            <button type="button" className="button primary" onClick={onCreate}>
              <PlusIcon />
              Write the first one
            </button>
          )}
        </>
      )}
    </div>
  );
}
