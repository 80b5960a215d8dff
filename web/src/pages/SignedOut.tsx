// Nobody is signed in. Nothing can be typed in here: one comes in through a link.
import { useEffect, useState } from "react";
import { Message } from "../shell/Message";
import { unsavedHere } from "../sync/leftovers";

export function SignedOut() {
  const unsaved = useUnsaved();
  return (
    <Message title="You are not signed in here">
      <p>
        Quire lets people in by link. Ask somebody of your organisation for a new one; if you run this server, its
        start prints a link for you.
      </p>
      {unsaved > 0 && (
        <p className="note">
          {unsaved === 1 ? "1 change is" : `${unsaved} changes are`} kept on this device. They are sent when you are
          signed in again.
        </p>
      )}
    </Message>
  );
}

function useUnsaved(): number {
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
  return unsaved;
}
