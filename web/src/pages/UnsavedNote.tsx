// Says to somebody who is signed out that nothing which was written here is lost.
import { useEffect, useState } from "react";
import { unsavedHere } from "../sync/leftovers";

export function UnsavedNote() {
  const [unsaved, setUnsaved] = useState(0);
  useEffect(() => {
    let isCurrent = true;
    void unsavedHere().then((rooms) => {
      if (isCurrent) setUnsaved(rooms.reduce((sum, room) => sum + room.unsaved, 0));
    });
    return () => {
      isCurrent = false;
    };
  }, []);
  if (unsaved === 0) return null;
  return (
    <p className="note">
      {unsaved === 1 ? "1 change is" : `${unsaved} changes are`} kept on this device. They are sent when you are signed
      in again.
    </p>
  );
}
