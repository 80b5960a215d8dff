// No server answers: the documents that this browser keeps can still be opened.
import { useEffect, useState } from "react";
import { CloudOffIcon, DocumentIcon } from "../shell/icons";
import { Link } from "../shell/Link";
import { documentPath } from "../shell/route";
import { unsavedHere, type KeptRoom } from "../sync/leftovers";

export function KeptList() {
  const [rooms, setRooms] = useState<KeptRoom[] | null>(null);
  useEffect(() => {
    let isCurrent = true;
    void unsavedHere().then((found) => {
      if (isCurrent) setRooms(found);
    });
    return () => {
      isCurrent = false;
    };
  }, []);
  return (
    <main className="page">
      <div className="page-head">
        <h1>Documents on this device</h1>
        <button
          type="button"
          className="button"
          onClick={() => {
            location.reload();
          }}
        >
          Try again
        </button>
      </div>
      <p className="banner" role="status">
        <CloudOffIcon />
        Quire cannot be reached. What you write in these documents is kept here and sent later.
      </p>
      {rooms?.length === 0 && <p className="empty">No document is kept on this device yet.</p>}
      <ul className="documents">
        {rooms?.map((room) => (
          <li key={room.documentId} className="document-row">
            <Link to={documentPath(room.orgId, room.documentId)} className="document-link">
              <DocumentIcon />
              <span className="document-title">{room.title === "" ? "Untitled document" : room.title}</span>
              <span className="document-meta">
                {room.unsaved > 0 && `${room.unsaved} ${room.unsaved === 1 ? "change" : "changes"} to send`}
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </main>
  );
}
