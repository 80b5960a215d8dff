// The list itself: find, create, open, rename, to the bin and back.
import { useState } from "react";
import { DocumentRow } from "./DocumentRow";
import { ImportButton } from "./ImportButton";
import { RenameDialog } from "./RenameDialog";
import { useImport } from "./useImport";
import { useListing, type Listing } from "./useListing";
import { binDocument, createDocument, renameDocument, restoreDocument, type DocumentEntry } from "../api/documents";
import type { Organisation } from "../api/people";
import { wordsOf } from "../api/request";
import { InviteDialog } from "../shell/InviteDialog";
import { BinIcon, InviteIcon, PlusIcon, SearchIcon } from "../shell/icons";
import { Link } from "../shell/Link";
import { binPath, documentPath, listPath, navigate } from "../shell/route";

type Open = { kind: "rename"; entry: DocumentEntry } | { kind: "invite" } | null;

export function DocumentList({ organisation, isBin }: { organisation: Organisation; isBin: boolean }) {
  const orgId = organisation.org_id;
  const isGuest = organisation.role === "guest";
  const { listing, reload } = useListing(orgId, isBin);
  const [problem, setProblem] = useState<string | null>(null);
  const [search, setSearch] = useState("");
  const [open, setOpen] = useState<Open>(null);
  const [isCreating, setCreating] = useState(false);
  const [said, setSaid] = useState("");
  const importing = useImport(isGuest || isBin ? null : orgId, (made, isAll) => {
    const [only] = made;
    if (only !== undefined && made.length === 1 && isAll) navigate(documentPath(only.org_id, only.document_id));
    else reload();
    setSaid(made.length === 0 ? "" : made.length === 1 ? "1 document was imported." : `${made.length} documents were imported.`);
  });

  /** Does something, shows why it failed, and lists anew either way. */
  const act = (work: Promise<unknown>): void => {
    setProblem(null);
    work.catch((error: unknown) => { setProblem(wordsOf(error)); }).finally(reload);
  };
  const create = (): void => {
    setCreating(true);
    createDocument(orgId).then(
      (entry) => { navigate(documentPath(entry.org_id, entry.document_id)); },
      (error: unknown) => {
        setCreating(false);
        setProblem(wordsOf(error));
      },
    );
  };

  return (
    <main className="page">
      <div className="page-head">
        <h1>{isBin ? "Bin" : "Documents"}</h1>
        {!isBin && !isGuest && (
          <div className="actions">
            <button type="button" className="button" onClick={() => { setOpen({ kind: "invite" }); }}>
              <InviteIcon />
              Invite
            </button>
            <ImportButton isBusy={importing.isBusy} onFiles={importing.start} />
            <button type="button" className="button primary" disabled={isCreating} onClick={create}>
              <PlusIcon />
              New document
            </button>
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
      {problem !== null && <p className="banner problem" role="alert">{problem}</p>}
      {importing.problems.length > 0 && (
        <ul className="banner problem lines" role="alert">
          {importing.problems.map((words) => <li key={words}>{words}</li>)}
        </ul>
      )}
      <p className="answer" role="status">{said}</p>
      {importing.isOver && <p className="drop" aria-hidden="true">Drop Markdown or text files to make documents of them.</p>}
      <Rows
        listing={listing}
        mayCreate={!isGuest}
        search={search}
        isBin={isBin}
        onRetry={reload}
        onCreate={create}
        onRename={(entry) => { setOpen({ kind: "rename", entry }); }}
        onBin={(entry) => { act(binDocument(orgId, entry.document_id)); }}
        onRestore={(entry) => { act(restoreDocument(orgId, entry.document_id)); }}
      />
      {open?.kind === "rename" && (
        <RenameDialog
          title={open.entry.title}
          onClose={() => { setOpen(null); }}
          onRename={(title) => {
            act(renameDocument(orgId, open.entry.document_id, title));
            setOpen(null);
          }}
        />
      )}
      {open?.kind === "invite" && (
        <InviteDialog
          orgId={orgId}
          documentId={null}
          place={organisation.name}
          role={organisation.role}
          onClose={() => { setOpen(null); }}
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
  onRetry: () => void;
  onCreate: () => void;
  onRename: (entry: DocumentEntry) => void;
  onBin: (entry: DocumentEntry) => void;
  onRestore: (entry: DocumentEntry) => void;
}

function Rows({ listing, search, mayCreate, isBin, onRetry, onCreate, ...actions }: RowsProps) {
  if (listing.kind === "loading") return <p className="empty" role="status">Loading…</p>;
  if (listing.kind === "failed") {
    return (
      <div className="empty" role="alert">
        <p>{listing.problem}</p>
        <button type="button" className="button" onClick={onRetry}>Try again</button>
      </div>
    );
  }
  const needle = search.trim().toLocaleLowerCase();
  const shown = listing.documents.filter((entry) => entry.title.toLocaleLowerCase().includes(needle));
  if (shown.length === 0) {
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
  return (
    <ul className="documents">
      {shown.map((entry) => (
        <DocumentRow key={entry.document_id} entry={entry} isBin={isBin} nowMs={listing.atMs} {...actions} />
      ))}
    </ul>
  );
}
